package render

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"heatwatch/privacy"
)

// Text is what a reader needs beside the figures of one measure. The commands fill it from the measure's declaration.
type Text struct {
	Title       string
	Says        string
	Denominator string          // who is in, who is left out
	Differences string          // from the standard whose name it bears
	Statistics  []StatisticText // what each statistic says: of whom it is a share
	Notices     []string        // put first, in so many words: demonstration, not private
	Mark        string          // put into the files too: as "notice" in JSON and in the note column of CSV
}

// StatisticText says what a statistic is.
type StatisticText struct{ Name, Says string }

// Report writes what is known of one measure. CSV and JSON have exactly the shape of the command contract; the table
// and Markdown add who is counted, what the figures cost in privacy, and the ledger entries they come from.
func Report(w io.Writer, r privacy.Report, t Text, o Options) error {
	rep, err := open(r)
	if err != nil {
		return err
	}
	return rep.write(w, t, o)
}

func (r report) write(w io.Writer, t Text, o Options) error {
	switch o.Format {
	case FormatCSV:
		return writeCSV(w, r.csv(t.Mark))
	case FormatJSON:
		return r.writeJSON(w, t.Mark)
	}
	return r.writeReading(w, t, o)
}

// csv is the table of the contract.
func (r report) csv(mark string) Table {
	t := Table{Columns: Cols("measure", "period", "statistic", "by", "value#", "low#", "high#", "confidence#", "unit", "items", "entries", "note")}
	for _, f := range r.rows {
		var value, low, high string
		if !f.null {
			value, low, high = full(f.value), full(f.low), full(f.high)
		}
		note := f.note
		if r.superseded(f) {
			note = strings.TrimPrefix(note+"; "+definitionOf(f), "; ")
		}
		if mark != "" {
			note = strings.TrimPrefix(note+"; "+mark, "; ")
		}
		t.Rows = append(t.Rows, []string{r.measure, f.period.String(), f.statistic, f.by, value, low, high,
			full(privacy.Confidence), f.unit, strings.Join(f.items, ";"), numbers(f.entries, ";"), note})
	}
	return t
}

func definitionOf(f row) string { return "definition " + strconv.Itoa(f.definition) }

// writeJSON writes the object of the contract, a figure a line.
func (r report) writeJSON(w io.Writer, mark string) error {
	var b bytes.Buffer
	b.WriteString(`{"schema":1`)
	if mark != "" {
		b.WriteString(`,"notice":`)
		b.Write(quoted(mark))
	}
	b.WriteString(`,"measure":`)
	b.Write(quoted(r.measure))
	b.WriteString(`,"definition":` + strconv.Itoa(r.definition) + `,"population":`)
	b.Write(quoted(r.population))
	b.WriteString(`,"figures":[`)
	for i, f := range r.rows {
		sep(&b, i)
		b.Write(f.json)
	}
	end(&b, len(r.rows))
	b.WriteString(`,"privacy":[`)
	for i, s := range r.privacy {
		sep(&b, i)
		line, err := json.Marshal(s)
		if err != nil {
			return err
		}
		b.Write(line)
	}
	end(&b, len(r.privacy))
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// writeReading writes the table for people, and under it what they must know to read it.
func (r report) writeReading(w io.Writer, t Text, o Options) error {
	md := o.Format == FormatMarkdown
	say := func(s string) error {
		if md {
			s = markup(s)
		} else {
			width := o.Width
			if width <= 0 || width > 100 {
				width = 100
			}
			s = strings.Join(wrap(clean(s), width), "\n")
		}
		_, err := io.WriteString(w, s+"\n\n")
		return err
	}
	for _, n := range t.Notices {
		if err := say(n); err != nil {
			return err
		}
	}
	title := t.Title
	if title == "" {
		title = r.measure
	}
	if md {
		title = "## " + title
	}
	if _, err := io.WriteString(w, clean(title)+"\n\n"); err != nil {
		return err
	}
	if len(r.rows) == 0 {
		return say("Nothing of this measure has been released yet.")
	}
	if err := Write(w, r.reading(md), o); err != nil {
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	for _, s := range r.below(t) {
		if err := say(s); err != nil {
			return err
		}
	}
	return nil
}

// reading is the table for people. A period is named once; Markdown, which may be sorted or cut, repeats it.
func (r report) reading(repeat bool) Table {
	t := Table{Columns: Cols("period", "statistic", "by", "value with 95 % interval", privacy.NoiseAndSampling)}
	notes := false
	for _, f := range r.rows {
		notes = notes || f.note != ""
	}
	if notes {
		t.Columns = append(t.Columns, Column{Name: "note"})
	}
	last := ""
	before := map[string]int{} // the newest definition so far of quarters, of years, of spans
	for _, f := range r.byPeriod() {
		p := f.period.String()
		if was := before[f.period.Level()]; was != 0 && was != f.definition {
			line := make([]string, len(t.Columns))
			line[0], line[1] = "-- "+changed, definitionOf(f)+" from here on, by "+f.period.Level()
			t.Rows = append(t.Rows, line)
			last = ""
		}
		before[f.period.Level()] = f.definition
		if p == last && !repeat {
			p = ""
		} else {
			last = p
		}
		cells := []string{p, f.statistic, f.by, reading(f), sampled(f)}
		if notes {
			cells = append(cells, f.note)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// A series breaks where the definition of its measure changed.
const (
	changed     = "definition changed"
	changedSays = "figures on the two sides of the line were measured differently. A difference between them may come from the new definition " +
		"alone, so they are neither compared nor added up. What is said below is the definition of today."
)

// unsampled says which statistics have no second interval, and why.
func (r report) unsampled() string {
	var out []string
	for _, f := range r.rows {
		if f.null || f.unsampled == "" {
			continue
		}
		if s := " " + f.statistic + " has none: " + f.unsampled + "."; !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, "")
}

// says tells of each statistic that is shown what it is.
func (r report) says(t Text) string {
	var all []string
	for _, s := range t.Statistics {
		if s.Says != "" && slices.ContainsFunc(r.rows, func(x row) bool { return x.statistic == s.Name }) {
			all = append(all, s.Name+" = "+s.Says)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, "; ") + "."
}

// below is what stands under the table.
func (r report) below(t Text) []string {
	var out []string
	add := func(label, s string) {
		if s != "" {
			out = append(out, label+s)
		}
	}
	if r.population == privacy.Nobody {
		add("", "These are public facts, about no person: they are exact, and nothing was added to them.")
	} else {
		add("The interval beside the value ("+privacy.NoiseOnly+"): ", privacy.NoiseOnlySays)
		add("The second interval ("+privacy.NoiseAndSampling+"): ", privacy.NoiseAndSamplingSays+r.unsampled())
	}
	if slices.ContainsFunc(r.rows, r.superseded) {
		add("Where the "+changed+": ", changedSays)
	}
	add("Who is counted: ", t.Denominator)
	add("What each figure says: ", r.says(t))
	add("How this differs from the standard: ", t.Differences)
	for i, s := range r.privacy { // the last one of each population
		if slices.ContainsFunc(r.privacy[i+1:], func(later privacy.Statement) bool { return later.Population == s.Population }) {
			continue
		}
		add("Privacy: ", PrivacyLine(s))
		add("In plain words: ", OddsLine(s))
	}
	add("Ledger entries: ", numbers(r.entries(), ", "))
	return out
}
