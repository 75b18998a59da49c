package deidentify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"heatwatch/models"
)

// Report says what leaves the agency and what does not. It holds counts and names of columns, no values.
type Report struct {
	Partner, Drop, Keymap string
	Made                  bool        // the drop is complete
	From, To              models.Date // covers
	Files                 []FileReport
	Ignored               []string // files of RAW that are no entity of the dictionary
	Warnings              []string
	Refused               []Finding // why nothing leaves; at most MaxFindings
	RefusedCount          int
	HMIS                  *HMISReport
	Totals                []Totals // of files about persons, where the agreement shares totals only
}

// FileReport is about one file of the drop.
type FileReport struct {
	Entity       string
	Rows         int            // written
	Columns      []string       // written
	Dropped      []string       // not of the dictionary, or identifying: stay at the agency
	NotAgreed    []string       // of the dictionary, but not of the agreement
	HeldBack     int            // rows of persons without consent in force
	Empty        map[string]int // required columns with empty cells: the warehouse will quarantine those rows
	Tokens       int            // rows with at least one token
	NoToken      map[string]int // why rows have none
	Overflow     int            // persons with more names than there are slots for
	Placeholders int            // persons whose birth date so many share that it is taken for a placeholder
	Twins        int            // persons with somebody else's last name and birth date
	BadBirthDays int            // birth dates that could not be used
	Ages         int            // ages computed
	Unsent       int            // rows of persons that this batch does not list
}

// Finding is a place where something would have passed that must not. Rule is a reason code of the dictionary, or one
// of clear_value, birth_date and not_a_pseudonym.
type Finding struct {
	File   string
	Line   int
	Column string
	Rule   string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: column %s: %s", f.File, f.Line, f.Column, f.Rule)
}

// MaxFindings is how many places a report lists; the count is exact.
const MaxFindings = 200

func (r *Report) refuse(f Finding) {
	r.RefusedCount++
	if len(r.Refused) < MaxFindings {
		r.Refused = append(r.Refused, f)
	}
}

// Text is the report in words.
func (r Report) Text() string {
	var b strings.Builder
	p := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	if r.RefusedCount > 0 {
		p("Nothing leaves: %s would pass that must not.", count(r.RefusedCount, "cell"))
		for _, f := range r.Refused {
			p("  %s", f)
		}
		return b.String()
	}
	if r.Made {
		p("Drop %s of %s, covering %s to %s", r.Drop, r.Partner, r.From, r.To)
	} else {
		p("No drop was made.")
	}
	for _, f := range r.leaving() {
		p("\n%s.csv: %s", f.Entity, count(f.Rows, "row"))
		p("  leaves: %s", strings.Join(f.Columns, ", "))
		list := func(title string, names []string) {
			if len(names) > 0 {
				p("  %s: %s", title, strings.Join(names, ", "))
			}
		}
		list("stays with you", f.Dropped)
		list("stays with you, because the agreement does not name it", f.NotAgreed)
		f.counts(p)
	}
	if len(r.Totals) > 0 {
		p("\nYour agreement shares totals only: no row about a person leaves. For your own use:")
		for _, t := range r.Totals {
			t.text(&b)
		}
	}
	for _, s := range r.Ignored {
		p("\n%s: not a file of the dictionary, nothing of it leaves", s)
	}
	if r.HMIS != nil {
		b.WriteString(r.HMIS.Text())
	}
	if len(r.Warnings) > 0 {
		p("\nPlease look at:")
		for _, w := range r.Warnings {
			p("  %s", w)
		}
	}
	if r.Keymap != "" {
		p("\nTo find your own rows again: %s. It stays with you.", r.Keymap)
	}
	return b.String()
}

// leaving is empty for a drop that was not made: nothing leaves.
func (r Report) leaving() []FileReport {
	if !r.Made {
		return nil
	}
	return r.Files
}

func (f FileReport) counts(p func(string, ...any)) {
	if f.Tokens > 0 || len(f.NoToken) > 0 {
		p("  persons that can be linked: %d", f.Tokens)
	}
	for _, why := range slices.Sorted(maps.Keys(f.NoToken)) {
		p("  persons that cannot: %d, %s", f.NoToken[why], why)
	}
	if f.Overflow > 0 {
		p("  more names than tokens have room for, the last ones left out: %s", count(f.Overflow, "person"))
	}
	if f.Placeholders > 0 {
		p("  birth dates that so many share that they are taken for placeholders: %d", f.Placeholders)
	}
	if f.Twins > 0 {
		p("  persons with the last name and birth date of another, as twins have: %d; a name with a typing error does not link them", f.Twins)
	}
	if f.BadBirthDays > 0 {
		p("  birth dates that could not be read or are placeholders: %d", f.BadBirthDays)
	}
	if f.Ages > 0 {
		p("  ages computed: %d", f.Ages)
	}
	if f.HeldBack > 0 {
		p("  held back, no consent in force: %s", count(f.HeldBack, "row"))
	}
	if f.Unsent > 0 {
		p("  of persons that persons.csv does not list: %s; the warehouse holds them until they are sent", count(f.Unsent, "row"))
	}
	for _, c := range slices.Sorted(maps.Keys(f.Empty)) {
		p("  %s is required and empty in %s: the warehouse will put them aside", c, count(f.Empty[c], "row"))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
