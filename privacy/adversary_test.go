package privacy_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	rnd "math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy"
)

// warehouse collects rows of linked tables, person by person.
type warehouse struct {
	r         *rnd.Rand
	rows      map[string][]string
	person    uint32
	pseudonym string // hex
	serial    int
}

var warehouseColumns = map[string]string{
	"people": "person, population, pseudonym, engaged_seen, measured", "persons": "person, agency, person_key, birth_year, gender, race_ethnicity",
	"engagements": "person, agency, engagement_id, engaged_at, engaged_at_on, age, channel, setting",
	"services":    "person, agency, service_id, service_type, emergency, started_at, started_at_on, started_precision",
	"placements":  "person, agency, placement_id, placement_type, site_key, started_on, ended_on, exit_reason",
}

func pseudonymOf(p int) string {
	h := sha256.Sum256([]byte{byte(p), byte(p >> 8)})
	return hex.EncodeToString(h[:16])
}

func (w *warehouse) add(table, format string, args ...any) {
	w.rows[table] = append(w.rows[table], "("+fmt.Sprintf(format, args...)+")")
}

func (w *warehouse) code(n int, null float64) string {
	if w.r.Float64() < null {
		return "NULL"
	}
	return fmt.Sprint(w.r.IntN(n))
}

func (w *warehouse) id(prefix string) string {
	w.serial++
	return fmt.Sprintf("%s%d", prefix, w.serial)
}

// The rows of a person. Times are seconds, days are days since 1 January 2023; SQL text where a code may be NULL.
func (w *warehouse) known(population string, measured bool) {
	w.add("people", "%d, '%s', unhex('%s'), NULL, %t", w.person, population, w.pseudonym, measured)
}

func (w *warehouse) file(agency int, born, gender, race string) {
	w.add("persons", "%d, %d, 'k%d', %s, %s, %s", w.person, agency, w.person, born, gender, race)
}

func (w *warehouse) engage(agency int, id string, at int, age, channel, setting string) {
	w.add("engagements", "%d, %d, '%s', TIMESTAMP '2023-01-01' + to_seconds(%d), CAST(TIMESTAMP '2023-01-01' + to_seconds(%d) AS DATE), %s, %s, %s", w.person, agency, id, at, at-8*3600, age, channel, setting)
}

func (w *warehouse) serve(agency int, id, kind, emergency string, at int, precision string) {
	w.add("services", "%d, %d, '%s', %s, %s, TIMESTAMP '2023-01-01' + to_seconds(%d), CAST(TIMESTAMP '2023-01-01' + to_seconds(%d) AS DATE), %s", w.person, agency, id, kind, emergency, at, at-8*3600, precision)
}

func (w *warehouse) place(agency int, id, kind, site string, from int, to *int, reason string) {
	end := "NULL"
	if to != nil {
		end = fmt.Sprintf("DATE '2023-01-01' + %d", *to)
	}
	w.add("placements", "%d, %d, '%s', %s, %s, DATE '2023-01-01' + %d, %s, %s", w.person, agency, id, kind, site, from, end, reason)
}

// usual is a person with random rows, mostly around the turn of the year 2023 and in its second quarter.
func (w *warehouse) usual(agencies, many int) {
	r := w.r
	w.known("minors", r.IntN(12) > 0)
	home := r.IntN(20)
	for i := range agencies {
		agency := 1 + (home+i)%20
		w.file(agency, fmt.Sprint(1998+r.IntN(22)), w.code(6, .3), w.code(10, .3))
		for j := range r.IntN(many) {
			// Around the turn of the year, and some in the year itself at the same instant.
			at := []int{r.IntN(366 * 86400), 0, (89 + r.IntN(3)) * 86400, 365*86400 + r.IntN(86400)}[r.IntN(4)] - r.IntN(2)*86400*r.IntN(40)
			w.engage(agency, fmt.Sprintf("e%d", j), at, w.code(25, .2), w.code(15, .2), w.code(9, .2))
			for range r.IntN(many) {
				s := at + []int{0, 3600, -7200, 86400, 86401, r.IntN(40 * 86400), 720 * 3600}[r.IntN(7)]
				w.serve(agency, w.id("s"), w.code(20, .1), w.code(3, .1), s, w.code(2, .5))
			}
			for range r.IntN(many) {
				start := at/86400 + r.IntN(300) - 20
				var end *int
				if r.IntN(4) > 0 {
					e := start + r.IntN(60) - 1
					end = &e
				}
				site := "NULL"
				if r.IntN(2) > 0 {
					site = fmt.Sprintf("'site-%d'", r.IntN(3))
				}
				w.place(agency, w.id("p"), w.code(15, 0), site, start, end, w.code(9, .4))
			}
		}
	}
}

const day = 86400

// within is an instant of the second quarter or of the year.
func (w *warehouse) within() int { return (90+w.r.IntN(91)*w.r.IntN(3)/2)*day + w.r.IntN(day) }

// adversaries are persons whose records were made to move as much as they can, or to break something.
var adversaries = []struct {
	name string
	make func(w *warehouse)
}{
	{"usual", func(w *warehouse) { w.usual(1+w.r.IntN(3), 4) }},
	{"thirty years of activity", func(w *warehouse) {
		w.known("minors", true)
		w.file(1, "2008", "1", "2")
		// The first month that counts is random, the rest goes on until 2038.
		for month := w.r.IntN(2)*3 - 180*w.r.IntN(2); month < 180; month += 1 + w.r.IntN(3) {
			at := month*30*day + w.r.IntN(day)
			w.engage(1+w.r.IntN(20), w.id("e"), at, w.code(25, .2), w.code(15, .2), w.code(9, .2))
			w.serve(1+w.r.IntN(20), w.id("s"), w.code(20, 0), "0", at+w.r.IntN(2*day), w.code(2, .5))
			end := month*30 + 30
			w.place(1+w.r.IntN(20), w.id("p"), w.code(15, 0), "NULL", month*30, &end, w.code(9, .4))
		}
	}},
	{"every agency at one instant, no two agree", func(w *warehouse) {
		w.known("minors", true)
		at := w.within()
		for a := 1; a <= 20; a++ {
			w.file(a, fmt.Sprint(2000+a), fmt.Sprint(a%6), fmt.Sprint(a%10))
			w.engage(a, "e1", at, fmt.Sprint(a), fmt.Sprint(a%15), fmt.Sprint(a%9))
			w.serve(a, "s1", fmt.Sprint(a%20), fmt.Sprint(a%3), at+3600*a*a, fmt.Sprint(a%2))
			end := at/day + a*3
			w.place(a, "p1", fmt.Sprint(a%15), fmt.Sprintf("'site-%d'", a%3), at/day+a, &end, fmt.Sprint(a%9))
		}
	}},
	{"every code and codes that nobody has", func(w *warehouse) {
		w.known("minors", true)
		at := w.within()
		w.engage(1, "e", at, "NULL", w.code(15, .2), w.code(9, .2)) // the entry has a code that is known
		for c := range 32 {
			n := fmt.Sprint(c * 255 / 31)
			if w.r.IntN(2) > 0 {
				n = fmt.Sprint(c)
			}
			w.file(1+c%20, "2009", fmt.Sprint(c%6), fmt.Sprint(c%10))
			w.engage(1+c%20, w.id("e"), at+c*60+1, n, fmt.Sprint(c%15), fmt.Sprint(c%9))
			w.serve(1+c%20, w.id("s"), n, fmt.Sprint(c%3), at+c*3600, fmt.Sprint(c%2))
			end := at/day + c + 9
			w.place(1+c%20, w.id("p"), n, "NULL", at/day+c, &end, n)
		}
		w.serve(250, w.id("s"), "255", "255", at, "255") // an agency that nobody knows
		w.file(65535, "2009", "0", "0")
	}},
	{"nothing but NULL", func(w *warehouse) {
		w.known("minors", true)
		at := w.within()
		for a := 1; a <= 3; a++ {
			w.file(a, "NULL", "NULL", "NULL")
			w.engage(a, "e", at, "NULL", "NULL", "NULL")
			w.serve(a, "s", "NULL", "NULL", at, "NULL")
			w.place(a, "p", "NULL", "NULL", at/day, nil, "NULL")
			w.add("services", "%d, %d, 's2', 1, 0, NULL, NULL, NULL", w.person, a)
			w.add("placements", "%d, %d, 'p2', 1, NULL, NULL, NULL, NULL", w.person, a)
		}
		w.add("engagements", "%d, 1, 'e2', NULL, NULL, NULL, NULL, NULL", w.person)
	}},
	{"the same rows fifty times", func(w *warehouse) {
		w.known("minors", true)
		at, end := w.within(), 0
		end = at/day + 40
		for i := range 50 {
			agency := 1 + i%2
			w.file(agency, "2010", "1", "3")
			w.engage(agency, "e1", at, "14", "2", "3")
			w.serve(agency, "s1", "1", "0", at+3600, "NULL")
			w.place(agency, "p1", fmt.Sprint(w.r.IntN(2)), "'site-1'", at/day, &end, "0")
		}
		if w.r.IntN(3) == 0 { // and once more as a person twice in the list of people
			w.known("minors", true)
		}
	}},
	{"far dates", func(w *warehouse) {
		w.known("minors", true)
		if w.r.IntN(2) == 0 {
			w.engage(2, "e0", w.within(), "15", "1", "1")
		}
		for _, at := range []string{"0001-01-01", "1582-10-15", "1899-12-31", "9999-12-31", "262142-12-31", "infinity", "-infinity", "290000-01-01 (BC)"} {
			w.add("engagements", "%d, 1, '%s', TRY_CAST('%s' AS TIMESTAMP), TRY_CAST('%s' AS DATE), 15, 1, 1", w.person, w.id("e"), at, at)
			if w.r.IntN(2) == 0 { // alone they make an entry far away; among others they are mostly ignored
				w.rows["engagements"] = w.rows["engagements"][:len(w.rows["engagements"])-1]
			}
			w.add("services", "%d, 1, '%s', 1, 0, TRY_CAST('%s' AS TIMESTAMP), TRY_CAST('%s' AS DATE), NULL", w.person, w.id("s"), at, at)
			w.add("placements", "%d, 1, '%s', 1, NULL, TRY_CAST('%s' AS DATE), NULL, NULL", w.person, w.id("p"), at)
			w.add("placements", "%d, 1, '%s', 1, NULL, DATE '2023-04-01', TRY_CAST('%s' AS DATE), 1", w.person, w.id("p"), at)
		}
	}},
	{"sixty stays over one another", func(w *warehouse) {
		w.known("minors", true)
		at := w.within()
		w.engage(3, "e", at, "16", "1", "1")
		for i := range 60 {
			end := at/day + i*2 + 3 + w.r.IntN(30)
			w.place(1+i%20, w.id("p"), fmt.Sprint(w.r.IntN(2)), "NULL", at/day+i*2-w.r.IntN(3), &end, w.code(9, .5))
		}
	}},
	{"a move every day", func(w *warehouse) {
		w.known("minors", true)
		at := w.within()
		w.engage(3, "e", at, w.code(25, 0), w.code(15, .1), w.code(9, .1))
		w.serve(3, "s", "1", "0", at+3600*w.r.IntN(30), "NULL")
		for i := range 400 {
			end := at/day + i + 1
			w.place(1+i%20, w.id("p"), "0", fmt.Sprintf("'site-%d'", i), at/day+i-1, &end, "0")
		}
	}},
	{"a year in one place", func(w *warehouse) {
		w.known("minors", true)
		at := w.within()
		w.file(3, "2010", w.code(6, 0), w.code(10, 0))
		w.engage(3, "e", at, w.code(25, 0), w.code(15, .1), w.code(9, .1))
		end := at/day + 500 - 492*w.r.IntN(2)
		w.place(3, "p", fmt.Sprint(w.r.IntN(3)), "NULL", at/day-1, &end, "0")
	}},
	{"absurd numbers", func(w *warehouse) {
		w.known("minors", true)
		at := w.within()
		for a, n := range []int64{math.MaxInt64, math.MinInt64 + 1, 1 << 62, -1, 0, 300, 1 << 52} {
			w.file(a+1, fmt.Sprint(n), "0", "0")
			w.engage(a+1, "e", at+a, fmt.Sprint(n), "1", "1")
		}
	}},
	{"not measured", func(w *warehouse) { w.usual(3, 4); w.repeople("minors", false) }},
	{"of another population", func(w *warehouse) { w.usual(3, 4); w.repeople("accused", true) }},
	{"rows of nobody", func(w *warehouse) {
		w.usual(3, 4)
		w.rows["people"] = w.rows["people"][:len(w.rows["people"])-1]
	}},
	{"services and stays without an entry", func(w *warehouse) {
		w.known("minors", true)
		at := w.within()
		end := at/day + 90
		w.serve(1, "s", "1", "0", at, "NULL")
		w.place(1, "p", "1", "NULL", at/day, &end, "0")
	}},
	{"on every edge", func(w *warehouse) {
		w.known("minors", true)
		// Midnight of the local day that begins or ends the quarter or the year, and a second beside it.
		at := []int{0, 90, 181, 365}[w.r.IntN(4)]*day + 8*3600 + w.r.IntN(3) - 1
		w.engage(1, "e", at, "NULL", "1", "1")
		w.file(1, "2009", "1", "1")
		for _, s := range []int{-7201, -7200, 0, 3600, 14400, 43200, 86400, 86401, 172800, 259200, 604800, 2592000, 2592001} {
			if w.r.IntN(3) == 0 {
				w.serve(1, w.id("s"), "1", "0", at+s, "NULL")
			}
		}
		for _, d := range []int{-1, 0, 7, 8, 364, 365, 366} {
			end := at/day + d + w.r.IntN(9)
			w.place(1, w.id("p"), "0", "NULL", at/day+d, &end, "0")
		}
	}},
}

// repeople replaces the last row of people.
func (w *warehouse) repeople(population string, measured bool) {
	w.rows["people"] = w.rows["people"][:len(w.rows["people"])-1]
	w.known(population, measured)
}

// adversarial makes n persons of random kinds and returns their numbers in the order of leaving. Numbers and pseudonyms are the least and the
// greatest that there are, and others; some persons have copies, the same rows under another number.
func (a *audit) adversarial(r *rnd.Rand, n int) (leaving []uint32) {
	w := &warehouse{r: r, rows: map[string][]string{}}
	numbers := map[uint32]bool{}
	for i := range n {
		w.person, w.pseudonym = uint32(r.IntN(1<<16))<<uint(r.IntN(16)), pseudonymOf(int(r.Uint32()>>8))
		switch {
		case i == 0:
			w.person, w.pseudonym = 0, strings.Repeat("00", 16)
		case i == 1:
			w.person, w.pseudonym = math.MaxUint32, strings.Repeat("ff", 16)
		case i == 2: // first by number, last by pseudonym
			w.person, w.pseudonym = 1, "fe"+strings.Repeat("ff", 15)
		}
		if numbers[w.person] {
			continue
		}
		numbers[w.person] = true
		leaving = append(leaving, w.person)
		k := max(0, r.IntN(len(adversaries)+4)-4)
		if k == 1 && n > 20 { // many rows
			k = 0
		}
		adversaries[k].make(w)
	}
	a.load(w)
	r.Shuffle(len(leaving), func(i, j int) { leaving[i], leaving[j] = leaving[j], leaving[i] })
	// Bridges: two persons get the rows of two others, with their record ids, agencies and instants.
	for range min(2, len(leaving)/3) {
		from, to := leaving[r.IntN(len(leaving))], leaving[r.IntN(len(leaving))]
		if from == to {
			continue
		}
		for _, table := range a.tables[1:] {
			a.db.Exec(a.t, fmt.Sprintf("INSERT INTO %s SELECT * REPLACE (%d AS person) FROM %s WHERE person = %d", table, to, table, from))
		}
	}
	return leaving
}

// load replaces the rows of the warehouse.
func (a *audit) load(w *warehouse) {
	a.t.Helper()
	for _, table := range a.tables {
		a.db.Exec(a.t, "DELETE FROM "+table)
		for chunk := range slices.Chunk(w.rows[table], 3000) {
			a.db.Exec(a.t, "INSERT INTO "+table+" ("+warehouseColumns[table]+") VALUES "+strings.Join(chunk, ", "))
		}
	}
}

var dictionaryUse = regexp.MustCompile(`\b(?:code|label)\('([a-z_.]+)'`)

// lean redefines the session's macros code and label for the columns that a schema's SQL names. DuckDB expands a macro
// at each use, and for all columns of the dictionary that takes more time than the statements on a few persons.
func (a *audit) lean(s privacy.Schema) {
	var all []string
	all = append(all, s.Entries...)
	for m := range s.Measures {
		all = append(all, s.Relations([]string{m})...)
		all = append(all, s.Build[m]...)
	}
	for _, v := range s.Vectors {
		all = append(all, v.SQL)
	}
	for _, d := range s.Dimensions {
		all = append(all, d.SQL)
	}
	used := map[string]bool{}
	for _, q := range all {
		for _, m := range dictionaryUse.FindAllStringSubmatch(q, -1) {
			used[m[1]] = true
		}
	}
	var codes, labels strings.Builder
	each := func(name string, values []string) {
		if !used[name] {
			return
		}
		for i, v := range values {
			fmt.Fprintf(&codes, "|%s=%s:%d", name, v, i)
		}
		fmt.Fprintf(&labels, "WHEN '%s' THEN ['%s'][n::INTEGER + 1]\n", name, strings.Join(values, "', '"))
	}
	for _, e := range models.Dictionary().Entities {
		for _, c := range e.Columns {
			each(e.Name+"."+c.Name, c.Values)
		}
	}
	each("agency_kind", models.Dictionary().List("agency_kind"))
	a.db.Exec(a.t, "CREATE OR REPLACE MACRO code(c, v) AS split_part(split_part('"+codes.String()+"|', '|' || c || '=' || v || ':', 2), '|', 1)::UTINYINT")
	a.db.Exec(a.t, "CREATE OR REPLACE MACRO label(c, n) AS CASE c "+labels.String()+"END")
}
