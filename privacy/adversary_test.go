package privacy_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	rnd "math/rand/v2"
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
	leaving   []neighbour // what of it can be forgotten, beyond whole persons
}

// warehouseColumns are those that every row of a table gives; of the others all that the dictionary has.
var warehouseColumns = func() map[string]string {
	all := map[string]string{"people": "person, population, pseudonym, engaged_seen, measured",
		"engagements": "person, agency, engagement_id, engaged_at, engaged_at_on, age, channel, setting",
		"services":    "person, agency, service_id, service_type, emergency, started_at, started_at_on, started_precision, ended_at, ended_at_on, program",
		"placements":  "person, agency, placement_id, placement_type, site_key, started_on, ended_on, exit_reason"}
	for _, e := range models.Dictionary().Entities {
		if all[e.Name] != "" {
			continue
		}
		columns := []string{"agency"}
		if e.Index("person_key") >= 0 || e.Population == "profiles" {
			columns = []string{"person", "agency"}
		}
		for _, c := range e.Columns {
			columns = append(columns, c.Name)
			if c.Type == models.TypeDateTime {
				columns = append(columns, c.Name+"_on")
			}
		}
		all[e.Name] = strings.Join(columns, ", ")
	}
	return all
}()

// ofPopulation are the entities with a file of each person, beside that which says who the person is. Of an arrest the role says it.
var ofPopulation = map[string][]string{
	"minors":  {"case_contacts", "assessments", "referrals", "labor_intakes", "arrests"},
	"accused": {"arrests", "prosecutions", "purchaser_programs"},
}

// personTables are the tables that know a person, eventTables those whose rows stand for many units, of which each is one column.
var (
	personTables = []string{"people", "persons", "engagements", "services", "placements", "case_contacts", "assessments", "referrals", "labor_intakes", "arrests", "prosecutions", "purchaser_programs", "ad_snapshots"}
	eventTables  = []string{"trainings", "outreach_events", "pledges"}
)

// unit is what is protected: one person, one attendance. Its items are those of its population, and of one measure if it says so.
type unit struct{ name, population, measure string }

// units are all that a plan may be about. Nobody is linked across populations, and an attendance is at a training or at
// an outreach event.
var units = []unit{
	{"linked person", "minors", ""},
	{"linked accused person", "accused", ""},
	{"attendance at a training", "attendees", "training"},
	{"attendance at an event", "attendees", "outreach"},
	{"pledge", "pledgers", ""},
	{"profile", "profiles", ""},
}

func unitOf(population string) unit {
	return units[slices.IndexFunc(units, func(u unit) bool { return u.population == population })]
}

func (u unit) has(it privacy.Item) bool {
	return it.Population == u.population && (u.measure == "" || it.Measure == u.measure)
}

// items of a due date that are about the unit.
func (u unit) items(p *privacy.Plan, st step) []privacy.Item {
	return slices.DeleteFunc(slices.Clone(p.DueOn(st.period, st.due)), func(it privacy.Item) bool { return !u.has(it) })
}

// declared is mu^2 of those items.
func (u unit) declared(p *privacy.Plan, st step) (total float64) {
	for _, it := range u.items(p, st) {
		total += it.Mu2()
	}
	return total
}

// neighbour is one unit that leaves the warehouse.
type neighbour struct {
	unit unit
	name string
	sql  string
}

// person is all files of a linked person.
func (u unit) person(n uint32) neighbour {
	var b strings.Builder
	for _, table := range personTables {
		fmt.Fprintf(&b, "DELETE FROM %s WHERE person = %d;\n", table, n)
	}
	return neighbour{u, fmt.Sprintf("%s %d", u.name, n), b.String()}
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
	w.row("persons", agency, sayings{id: fmt.Sprint("k", w.person), number: w.code(20, .3), code: w.any,
		set: map[string]string{"birth_year": born, "gender": gender, "race_ethnicity": race, "release_until": "NULL"}})
}

// sayings is what a row says, by the type of a column.
type sayings struct {
	id     string
	at     int    // seconds since 1 January 2023
	end    *int   // day of an end; nil: none
	when   string // a literal date in place of both
	number string
	code   func(c models.Column) string
	set    map[string]string // of single columns, SQL
}

// any is a random code of a column, or none.
func (w *warehouse) any(c models.Column) string { return w.code(len(c.Values), .2) }

// code in SQL of a column's value.
func codeOf(entity, column, value string) string {
	e, ok := models.Dictionary().Entity(entity)
	c, has := e.Column(column)
	i := slices.Index(c.Values, value)
	if !ok || !has || i < 0 {
		panic(entity + "." + column + " " + value)
	}
	return fmt.Sprint(i)
}

// row adds one of any entity of the dictionary.
func (w *warehouse) row(entity string, agency int, x sayings) {
	e, ok := models.Dictionary().Entity(entity)
	if !ok {
		panic(entity)
	}
	cells := []string{fmt.Sprint(agency)}
	if e.Index("person_key") >= 0 || e.Population == "profiles" {
		cells = []string{fmt.Sprint(w.person), fmt.Sprint(agency)}
	}
	day0 := func(seconds string) string { return "TIMESTAMP '2023-01-01' + to_seconds(" + seconds + ")" }
	for _, c := range e.Columns {
		said, set := x.set[c.Name]
		late := strings.HasPrefix(c.Name, "ended") || strings.HasPrefix(c.Name, "disposed") || strings.HasPrefix(c.Name, "completed") || strings.HasPrefix(c.Name, "rearrested")
		switch {
		case set:
			cells = append(cells, said)
		case x.code == nil && (c.Type == models.TypeCode || c.Type == models.TypeFlag):
			cells = append(cells, "NULL")
		case c.Type == models.TypeCode || c.Type == models.TypeFlag:
			cells = append(cells, x.code(c))
		case c.Type == models.TypeInt:
			cells = append(cells, x.number)
		case x.when != "" && c.Type == models.TypeDate:
			cells = append(cells, "TRY_CAST('"+x.when+"' AS DATE)")
		case x.when != "" && c.Type == models.TypeDateTime:
			cells = append(cells, "TRY_CAST('"+x.when+"' AS TIMESTAMP)", "TRY_CAST('"+x.when+"' AS DATE)")
		case late && x.end == nil:
			cells = append(cells, "NULL")
		case late:
			cells = append(cells, fmt.Sprintf("DATE '2023-01-01' + %d", *x.end))
		case c.Type == models.TypeDate:
			cells = append(cells, fmt.Sprintf("DATE '2023-01-01' + %d", x.at/day))
		case c.Type == models.TypeDateTime:
			cells = append(cells, day0(fmt.Sprint(x.at)), "CAST("+day0(fmt.Sprint(x.at-8*3600))+" AS DATE)")
		default:
			cells = append(cells, "'"+x.id+"'")
		}
	}
	w.add(entity, "%s", strings.Join(cells, ", "))
}

// further adds a row of each entity that is about a population, all saying the same.
func (w *warehouse) further(population string, agency int, x sayings) {
	for _, entity := range ofPopulation[population] {
		w.row(entity, agency, x)
	}
}

// random are sayings around an instant.
func (w *warehouse) random(at int) sayings {
	x := sayings{id: w.id("r"), at: at + []int{0, 3600, -7200, 30 * day, w.r.IntN(400 * day)}[w.r.IntN(5)], number: w.code(24, .1), code: w.any, set: map[string]string{}}
	if w.r.IntN(4) > 0 {
		end := x.at/day + w.r.IntN(400) - 1
		x.end = &end
	}
	return x
}

// score says how somebody is, in one domain.
func (w *warehouse) score(agency, at int, domain string, score int) {
	tool := "outcome_scale"
	if domain == "screening" {
		tool = "cse_it"
	}
	w.row("assessments", agency, sayings{id: w.id("a"), at: at, number: fmt.Sprint(score), set: map[string]string{"tool": codeOf("assessments", "tool", tool), "domain": codeOf("assessments", "domain", domain)}, code: w.any})
}

var domains = []string{"safety", "self_sufficiency", "well_being", "independence"}

// manage is case management over some days.
func (w *warehouse) manage(agency, at, days int) {
	w.add("services", "%d, %d, '%s', %s, 0, TIMESTAMP '2023-01-01' + to_seconds(%d), DATE '2023-01-01' + %d, NULL, TIMESTAMP '2023-01-01' + to_seconds(%d), DATE '2023-01-01' + %d, 1",
		w.person, agency, w.id("s"), codeOf("services", "service_type", "case_management"), at, at/day, at+days*day, at/day+days)
}

func (w *warehouse) engage(agency int, id string, at int, age, channel, setting string) {
	w.add("engagements", "%d, %d, '%s', TIMESTAMP '2023-01-01' + to_seconds(%d), CAST(TIMESTAMP '2023-01-01' + to_seconds(%d) AS DATE), %s, %s, %s", w.person, agency, id, at, at-8*3600, age, channel, setting)
}

func (w *warehouse) serve(agency int, id, kind, emergency string, at int, precision string) {
	w.add("services", "%d, %d, '%s', %s, %s, TIMESTAMP '2023-01-01' + to_seconds(%d), CAST(TIMESTAMP '2023-01-01' + to_seconds(%d) AS DATE), %s, NULL, NULL, %s", w.person, agency, id, kind, emergency, at, at-8*3600, precision, w.code(4, .3))
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
			if r.IntN(3) == 0 {
				w.manage(agency, at+r.IntN(60*day), r.IntN(200))
			}
			w.about(agency, at, min(many, 3))
		}
	}
}

// about adds what else agencies say of a minor after an engagement: each entity now and then, most of it as a partner would.
func (w *warehouse) about(agency, at, many int) {
	r := w.r
	for _, entity := range ofPopulation["minors"] {
		for range r.IntN(many) {
			x := w.random(at)
			if entity == "arrests" && r.IntN(4) > 0 {
				x.set["party_role"] = codeOf("arrests", "party_role", "victim")
			}
			w.row(entity, agency, x)
		}
	}
	for _, domain := range domains {
		if r.IntN(3) > 0 {
			w.score(agency, at+r.IntN(50*day)-6*day, domain, 1+r.IntN(5))
			w.score(agency, at+(110+r.IntN(260))*day, domain, 1+r.IntN(5))
		}
	}
	if r.IntN(3) > 0 {
		w.score(agency, at+r.IntN(120*day)-31*day, "screening", r.IntN(24))
	}
}

// charged is a person with random rows of arrests, cases and programmes.
func (w *warehouse) charged(agencies, many int) {
	w.known("accused", w.r.IntN(12) > 0)
	for i := range agencies {
		for range 1 + w.r.IntN(many) {
			at := w.r.IntN(366*day) - w.r.IntN(2)*day*w.r.IntN(900)
			w.row(ofPopulation["accused"][w.r.IntN(3)], 1+i, w.random(at))
		}
	}
}

// complete is a minor who moves every item of a year, of its quarter and of its five years by all that it declares: in
// care for all of 365 days, with a stay that ends within them.
func (w *warehouse) complete() {
	w.known("minors", true)
	at := 120*day + 20*3600
	agency := 12                           // its coverage is the longest
	code := func(c models.Column) string { // what is known is never the last of a list, which is unknown
		return fmt.Sprint(min(1, len(c.Values)-2))
	}
	w.row("persons", agency, sayings{id: "k", number: "13", code: code, set: map[string]string{"birth_year": "2009", "release_until": "NULL"}})
	w.engage(agency, "e", at, "14", "2", "1")
	w.serve(agency, "s", codeOf("services", "service_type", "safety_planning"), "0", at+3600, "NULL")
	w.manage(agency, at+2*day, 120)
	whole, part := 120+500, 120+210
	w.place(agency, "p1", codeOf("placements", "placement_type", "group_home"), "'site-1'", 119, &whole, "NULL")
	w.place(agency, "p2", codeOf("placements", "placement_type", "group_home"), "'site-1'", 320, &part, "0")
	for _, domain := range domains {
		w.score(agency, at, domain, 1)
		w.score(agency, at+200*day, domain, 5)
	}
	w.score(agency, at, "screening", 5)
	w.row("referrals", agency, sayings{id: "r", at: at + day, code: func(c models.Column) string { return "0" }})
	w.row("labor_intakes", agency, sayings{id: "l", at: at + day, code: func(c models.Column) string { return "0" }})
	w.row("arrests", agency, sayings{id: "a", at: at + day, code: func(c models.Column) string { return "0" }})
}

// convicted is an accused person who moves every item of a year by all that it declares.
func (w *warehouse) convicted() {
	w.known("accused", true)
	at, end := 120*day+20*3600, 150
	for i, role := range []string{"exploiter", "purchaser"} {
		x := sayings{id: w.id("a"), at: at + i*day, end: &end, code: func(models.Column) string { return "0" },
			set: map[string]string{"party_role": codeOf("arrests", "party_role", role), "offense": fmt.Sprint(i), "charge": fmt.Sprint(i), "sentence_months": "NULL"}}
		w.row("arrests", 2, x)
		x.set["party_role"] = codeOf("prosecutions", "party_role", role)
		w.row("prosecutions", 2, x)
	}
	w.row("purchaser_programs", 2, sayings{id: w.id("p"), at: at, end: &end})
}

// advertised is a profile that moves every item of a quarter's snapshots by all that it declares.
func (w *warehouse) advertised() {
	w.known("profiles", true)
	w.advertise(120*day+20*3600, "10", "0")
}

// advertise is a profile in one night's snapshot of an area.
func (w *warehouse) advertise(at int, ads, area string) {
	w.snapshot(sayings{id: w.id("n"), at: at, number: ads, code: func(models.Column) string { return area }})
}

// snapshot adds a row of a profile, and beside it one about nobody: where and when snapshots were taken is a public fact, which
// nobody's leaving changes.
func (w *warehouse) snapshot(x sayings) {
	w.row("ad_snapshots", 2, x)
	row := w.rows["ad_snapshots"]
	_, rest, _ := strings.Cut(row[len(row)-1], ",")
	w.rows["ad_snapshots"] = append(row, "(NULL,"+rest)
}

// gather adds events, and of some of their rows one attendance or pledge that is not there in the other table.
func (w *warehouse) gather() {
	r := w.r
	absurd := []string{"0", "1", "7", "40", "5000", "5001", "100001", "-3", "NULL", "9223372036854775807"}
	for i, entity := range eventTables {
		u := units[2+i]
		number := map[string]string{"trainings": "attendees", "outreach_events": "attendees", "pledges": "pledges"}[entity]
		for k := range 3 + r.IntN(4) {
			agency, at := 1+k, []int{0, 90, 120, 180, 181, 364}[r.IntN(6)]*day
			x := sayings{id: w.id("t"), at: at, number: absurd[r.IntN(len(absurd))], code: w.any, set: map[string]string{}}
			if k < 2 { // one that is as it should be, with somebody to leave
				x.at, x.number, x.code = 120*day, "40", func(models.Column) string { return "0" }
				x.set["minutes"] = []string{"1440", "4800"}[k]
				x.set["certified"] = "20"
			}
			w.row(entity, agency, x)
			if r.IntN(3) == 0 { // and once more, saying something else
				x.number, x.code = absurd[r.IntN(len(absurd))], w.any
				w.row(entity, agency, x)
			}
			if k > 2 {
				continue
			}
			e, _ := models.Dictionary().Entity(entity)
			key := e.Key[0] + " = '" + x.id + "'"
			if entity == "pledges" {
				key = fmt.Sprintf("pledged_on = DATE '2023-01-01' + %d", x.at/day)
			}
			change := number + " = " + number + " - 1"
			if entity == "trainings" && r.IntN(2) > 0 { // one of those who passed
				change += ", certified = CASE WHEN certified > 0 THEN certified - 1 ELSE certified END"
			}
			w.leaving = append(w.leaving, neighbour{u, u.name + " " + x.id, fmt.Sprintf(
				"UPDATE %[1]s SET %[2]s WHERE rowid = (SELECT min(rowid) FROM %[1]s WHERE agency = %[3]d AND %[4]s AND %[5]s > 0)", entity, change, agency, key, number)})
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
			w.manage(1+w.r.IntN(20), at, 31+w.r.IntN(60))
			w.further("minors", 1+w.r.IntN(20), sayings{id: w.id("f"), at: at, number: w.code(24, .2), code: w.any})
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
			w.further("minors", a, sayings{id: "f1", at: at, number: fmt.Sprint(a), code: func(c models.Column) string { return fmt.Sprint(a % len(c.Values)) }})
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
			w.further("minors", 1+c%20, sayings{id: w.id("f"), at: at, number: n, code: func(models.Column) string { return n }})
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
			w.add("services", "%d, %d, 's2', 1, 0, NULL, NULL, NULL, NULL, NULL, NULL", w.person, a)
			w.further("minors", a, sayings{id: "f", at: at, number: "NULL", code: func(models.Column) string { return "NULL" }})
			w.further("minors", a, sayings{id: "f2", when: "never", number: "NULL", code: func(models.Column) string { return "0" }})
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
			w.manage(agency, at, 40)
			w.further("minors", agency, sayings{id: "f1", at: at, number: fmt.Sprint(i % 5), code: func(c models.Column) string { return fmt.Sprint(i % 4 % len(c.Values)) }})
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
			w.add("services", "%d, 1, '%s', %d, 0, TRY_CAST('%s' AS TIMESTAMP), TRY_CAST('%s' AS DATE), NULL, TRY_CAST('%s' AS TIMESTAMP), TRY_CAST('%s' AS DATE), 0", w.person, w.id("s"), 1+8*w.r.IntN(2), at, at, at, at)
			w.further("minors", 1, sayings{id: w.id("f"), when: at, number: "1", code: w.any})
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
			w.further("minors", a+1, sayings{id: "f", at: at + a, number: fmt.Sprint(n), code: w.any})
		}
	}},
	{"not measured", func(w *warehouse) { w.usual(3, 4); w.repeople("minors", false) }},
	{"of another population", func(w *warehouse) { w.usual(3, 4); w.repeople("accused", true) }},
	{"rows of nobody", func(w *warehouse) {
		w.usual(3, 4)
		w.rows["people"] = w.rows["people"][:len(w.rows["people"])-1]
	}},
	{"everything, as much as it can", (*warehouse).complete},
	{"accused", func(w *warehouse) { w.charged(1+w.r.IntN(3), 6) }},
	{"accused of everything", (*warehouse).convicted},
	{"accused for thirty years", func(w *warehouse) {
		w.known("accused", true)
		for month := w.r.IntN(2)*3 - 180*w.r.IntN(2); month < 180; month += 1 + w.r.IntN(3) {
			x := w.random(month * 30 * day)
			w.further("accused", 1+w.r.IntN(20), x)
		}
	}},
	{"accused with every code, fifty rows at one instant", func(w *warehouse) {
		w.known("accused", true)
		at := w.within()
		for i := range 50 {
			w.further("accused", 1+i%20, sayings{id: w.id("x"), at: at, end: []*int{nil, &at}[i%2], number: fmt.Sprint(i * i), code: func(models.Column) string { return fmt.Sprint(i * 255 / 49 * (i % 2)) }})
			w.further("accused", 1+i%20, sayings{id: "same", at: at, number: "1", code: w.any})
		}
	}},
	{"accused on far dates and without any", func(w *warehouse) {
		w.known("accused", true)
		for _, at := range []string{"0001-01-01", "9999-12-31", "infinity", "-infinity", "290000-01-01 (BC)", "never"} {
			w.further("accused", 1, sayings{id: w.id("x"), when: at, number: "1", code: w.any})
		}
		w.further("accused", 1, sayings{id: w.id("x"), at: w.within(), number: "NULL", code: func(models.Column) string { return "NULL" }})
		w.further("accused", 1, w.random(w.within()))
	}},
	{"advertised now and then", func(w *warehouse) {
		w.known("profiles", w.r.IntN(12) > 0)
		for range 1 + w.r.IntN(8) {
			w.advertise(w.within(), fmt.Sprint(w.r.IntN(14)), w.code(6, .1))
		}
	}},
	{"advertised as much as can be", (*warehouse).advertised},
	{"advertised in every area of a night, fifty times", func(w *warehouse) {
		w.known("profiles", true)
		at := w.within()
		for i := range 50 {
			w.advertise(at, fmt.Sprint(i*i), fmt.Sprint(i%7))
		}
	}},
	{"advertised for thirty years", func(w *warehouse) {
		w.known("profiles", true)
		for quarter := -60; quarter < 60; quarter += 1 + w.r.IntN(2) {
			w.advertise((quarter*91+w.r.IntN(91))*day, "7", "1")
		}
	}},
	{"advertised on far dates, absurdly often", func(w *warehouse) {
		w.known("profiles", true)
		for _, at := range []string{"0001-01-01", "9999-12-31", "infinity", "-infinity", "290000-01-01 (BC)", "never"} {
			w.snapshot(sayings{id: w.id("x"), when: at, number: "9223372036854775807", code: w.any})
		}
		w.snapshot(sayings{id: w.id("x"), at: w.within(), number: "NULL", code: func(models.Column) string { return "NULL" }})
	}},
	{"a minor with the files of an accused person", func(w *warehouse) { w.usual(2, 4); w.further("accused", 1, w.random(w.within())) }},
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

// adversarial makes n persons of random kinds, and events, and returns who leaves, in order. Numbers and pseudonyms are the
// least and the greatest that there are, and others; some persons have copies, the same rows under another number. The first
// two are those that move all they can: without them no audit knows how far a release goes.
func (a *audit) adversarial(r *rnd.Rand, n int) (leaving []neighbour) {
	w := &warehouse{r: r, rows: map[string][]string{}}
	numbers := map[uint32]bool{}
	var all []uint32
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
		all = append(all, w.person)
		k := max(0, r.IntN(len(adversaries)+4)-4)
		if k == 1 && n > 20 { // many rows
			k = 0
		}
		switch i {
		case 3:
			w.complete()
		case 4:
			w.convicted()
		case 5:
			w.advertised()
		default:
			adversaries[k].make(w)
		}
	}
	w.gather()
	a.load(w)
	for _, person := range all {
		population := "minors" // who is in no list of people moves nothing, whoever it is
		for _, row := range w.rows["people"] {
			for _, other := range []string{"accused", "profiles"} {
				if strings.HasPrefix(row, fmt.Sprintf("(%d, '%s'", person, other)) {
					population = other
				}
			}
		}
		leaving = append(leaving, unitOf(population).person(person))
	}
	leaving = append(leaving, w.leaving...)
	r.Shuffle(len(leaving), func(i, j int) { leaving[i], leaving[j] = leaving[j], leaving[i] })
	// Bridges: two persons get the rows of two others, with their record ids, agencies and instants.
	for range min(2, len(all)/3) {
		from, to := all[r.IntN(len(all))], all[r.IntN(len(all))]
		if from == to {
			continue
		}
		for _, table := range personTables[1:] {
			a.db.Exec(a.t, fmt.Sprintf("INSERT INTO %s SELECT * REPLACE (%d AS person) FROM %s WHERE person = %d", table, to, table, from))
		}
	}
	return leaving
}

// load replaces the rows of the warehouse.
func (a *audit) load(w *warehouse) {
	a.t.Helper()
	for _, table := range slices.Concat(personTables, eventTables) {
		a.db.Exec(a.t, "DELETE FROM "+table)
		for chunk := range slices.Chunk(w.rows[table], 3000) {
			a.db.Exec(a.t, "INSERT INTO "+table+" ("+warehouseColumns[table]+") VALUES "+strings.Join(chunk, ", "))
		}
	}
}
