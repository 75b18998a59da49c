package measures_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

// contested are the codes and numbers of a person that agencies may give differently, flags those that are disclosed.
var (
	contested = []string{"gender", "race_ethnicity", "home_area", "recruited_by", "recruited_at", "exploitation", "age_exploitation_began"}
	flags     = []string{"prior_abuse", "prior_domestic_violence", "runaway_history", "foster_history", "gang_involved", "methamphetamine",
		"violence_by_exploiter", "sees_self_as_victim"}
)

// TestAttributesFollowTheRule compares what SQL makes of disagreeing agencies with the rule carried out person by person:
// every attribute on its own, the year of birth (which settles the age) among them.
func TestAttributesFollowTheRule(t *testing.T) {
	d := measuretest.New(t)
	asof, _ := models.ParseDate("2025-12-31")
	period, _ := models.ParsePeriod("2025")
	const persons, agencies, late = 40, 4, 9000 // hours; the last is after the as-of
	d.Exec(t, fmt.Sprintf("INSERT INTO people BY NAME SELECT range + 1 AS person, 'minors' AS population, true AS measured FROM range(%d)", persons))
	rapid.Check(t, func(rt *rapid.T) {
		var want, people, visits []string
		for p := 1; p <= persons; p++ {
			first := map[int]int{} // agency: hour of its first engagement by the as-of
			engage := func(agency, hour int) {
				visits = append(visits, fmt.Sprintf("(%d, %d, 'e%d', TIMESTAMP '2025-01-10 18:00:00' + to_hours(%d), DATE '2025-01-10' + %d)", p, agency, hour, hour, (hour+10)/24))
				if h, ok := first[agency]; hour < late && (!ok || hour < h) {
					first[agency] = hour
				}
			}
			for a := 1; a <= agencies; a++ {
				for _, hour := range rapid.SampledFrom([][]int{nil, nil, {0}, {1}, {2, 1}, {2}, {late}, {2, late}}).Draw(rt, "hours") {
					engage(a, hour)
				}
			}
			if len(first) == 0 {
				engage(1, 5)
			}
			var rows []personRow
			for range rapid.IntRange(0, 6).Draw(rt, "rows") {
				r := personRow{agency: rapid.IntRange(1, agencies).Draw(rt, "agency")}
				for _, name := range contested {
					r.values = append(r.values, rapid.SampledFrom(answers(name)).Draw(rt, name))
				}
				r.values = append(r.values, rapid.SampledFrom([]string{"NULL", "2008", "2009"}).Draw(rt, "birth_year"))
				for _, name := range flags {
					r.values = append(r.values, rapid.SampledFrom([]string{"NULL", "0", "1", "2"}).Draw(rt, name))
				}
				rows = append(rows, r)
				people = append(people, fmt.Sprintf("(%d, %d, %s)", p, r.agency, strings.Join(r.values, ", ")))
			}
			line := []string{fmt.Sprint(p)}
			for i, name := range contested {
				line = append(line, nameOf(name, settle(rows, i, unknown(name), first, agencies)))
			}
			age := "NULL"
			if born := settle(rows, len(contested), "", first, agencies); born != "NULL" {
				age = map[string]string{"2008": "16", "2009": "15"}[born] // in January
			}
			line = append(line, age)
			for i := range flags {
				line = append(line, disclose(rows, len(contested)+1+i))
			}
			want = append(want, strings.Join(line, " "))
		}
		d.Exec(t, "DELETE FROM persons; DELETE FROM engagements; INSERT INTO engagements (person, agency, engagement_id, engaged_at, engaged_at_on) VALUES "+strings.Join(visits, ", "))
		if len(people) > 0 {
			d.Exec(t, "INSERT INTO persons (person, agency, "+strings.Join(contested, ", ")+", birth_year, "+strings.Join(flags, ", ")+") VALUES "+strings.Join(people, ", "))
		}
		d.Cohort(t, period, asof)
		d.Exec(t, measures.CommonFor(measures.Measure{Needs: []string{"attributes"}}))
		columns := "c.person"
		for _, name := range slices.Concat(contested, []string{"age"}, flags) {
			from := "a."
			if name == "age" {
				from = "c."
			}
			columns += ", coalesce(" + from + name + "::VARCHAR, 'NULL')"
		}
		got := lines(t, d, "SELECT concat_ws(' ', "+columns+") FROM cohort c JOIN attributes a ON a.person = c.person ORDER BY c.person")
		if len(got) != len(want) {
			rt.Fatalf("%d persons in SQL, %d by the rule", len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				rt.Errorf("SQL  %s\nrule %s\n%v", got[i], want[i], slices.DeleteFunc(people, func(r string) bool {
					return !strings.HasPrefix(r, "("+strings.Fields(want[i])[0]+",")
				}))
				break
			}
		}
	})
}

// personRow is what one agency says: a value per attribute as a literal.
type personRow struct {
	agency int
	values []string
}

// answers are two values of an attribute that can be told apart, unknown, and none.
func answers(name string) []string {
	if u := unknown(name); u != "" {
		return []string{"NULL", "0", "1", u}
	}
	return []string{"NULL", "11", "12"}
}

// unknown is the code of unknown; a number has none.
func unknown(name string) string {
	values := models.Dictionary().Values("persons." + name)
	if values == nil {
		return ""
	}
	return fmt.Sprint(slices.Index(values, "unknown"))
}

func nameOf(name, value string) string {
	values := models.Dictionary().Values("persons." + name)
	switch {
	case values == nil:
		return value
	case value == "NULL":
		return "unknown"
	}
	return values[value[0]-'0']
}

// settle is the rule for codes and numbers: most agencies, then the agency that engaged first, then its name.
func settle(rows []personRow, i int, unknown string, first map[int]int, agencies int) string {
	votes := map[string]map[int]bool{}
	for _, r := range rows {
		if v := r.values[i]; v == "NULL" || v == unknown {
			continue
		} else if votes[v] == nil {
			votes[v] = map[int]bool{r.agency: true}
		} else {
			votes[v][r.agency] = true
		}
	}
	best, won := []int(nil), "NULL"
	for v, by := range votes {
		key := []int{-len(by), 1 << 20, agencies + 1}
		for a := range by {
			turn := 1 << 19 // not engaged
			if h, ok := first[a]; ok {
				turn = h
			}
			if turn < key[1] || turn == key[1] && a < key[2] {
				key[1], key[2] = turn, a
			}
		}
		key = append(key, int(v[len(v)-1])) // one agency that says both: the lower one
		if best == nil || slices.Compare(key, best) < 0 {
			best, won = key, v
		}
	}
	return won
}

// disclose is the rule for flags.
func disclose(rows []personRow, i int) string {
	said := map[string]bool{}
	for _, r := range rows {
		said[r.values[i]] = true
	}
	switch {
	case said["0"]:
		return "yes"
	case said["1"]:
		return "no"
	}
	return "unknown"
}
