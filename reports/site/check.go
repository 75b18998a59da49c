package site

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

// CheckData compares the files of figures of a published site, data/, with figures that were derived again: every row
// of every report must be there with the same text, and no other row. Of s it reads Reports, Demo and NotPrivate. entry picks the rows that rest on one
// ledger entry; 0 takes all. have are the entries whose release files are at hand: a published row that rests on another one cannot be derived
// again, and is counted in missing.
//
// It returns what differs, each a refusal that names the figure. An error is a file that cannot be read.
func CheckData(site fs.FS, s Site, entry int, have []int) (wrong []error, missing int, err error) {
	for _, r := range s.Reports {
		c := checker{measure: r.Measure, entry: entry, have: have}
		for _, format := range []render.Format{render.FormatCSV, render.FormatJSON} {
			c.file = "data/" + r.Measure + "." + string(format)
			published, err := fs.ReadFile(site, c.file)
			if errors.Is(err, fs.ErrNotExist) {
				if entry == 0 || len(r.Figures) > 0 {
					c.bad(c.file, "the file of figures is missing")
				}
				continue
			} else if err != nil {
				return nil, 0, problem.Wrap(err, problem.Failed, c.file, "it cannot be read", "check the disk")
			}
			again, err := download(r, s, format)
			if err != nil {
				return nil, 0, err
			}
			if format == render.FormatCSV {
				c.compareCSV(published, again)
			} else {
				c.compareJSON(published, again)
			}
		}
		wrong, missing = append(wrong, c.wrong...), missing+c.missing
	}
	if entry == 0 {
		strangers, err := strange(site, s)
		return append(wrong, strangers...), missing, err
	}
	return wrong, missing, nil
}

// strange finds files of figures that belong to no report.
func strange(site fs.FS, s Site) (wrong []error, err error) {
	known := map[string]bool{}
	for _, r := range s.Reports {
		known[r.Measure+".csv"], known[r.Measure+".json"] = true, true
	}
	files, err := fs.ReadDir(site, "data")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, problem.Wrap(err, problem.Failed, "data", "it cannot be read", "check the disk")
	}
	c := checker{}
	for _, f := range files {
		if !known[f.Name()] {
			c.bad("data/"+f.Name(), "no measure of this program has such a file of figures")
		}
	}
	return c.wrong, nil
}

type checker struct {
	measure, file string
	entry         int
	have          []int
	wrong         []error
	missing       int
}

func (c *checker) bad(where, what string) {
	c.wrong = append(c.wrong, problem.New(problem.Refused, where, what, "do not rely on this copy: fetch it again from its publisher"))
}

// named is one published figure: what it is, where it comes from, and its whole text field by field.
type named struct {
	name    string
	entries []int
	fields  []string // "value=0.44", in a fixed order
}

// compare goes through both lists; a figure is found by its name.
func (c *checker) compare(published, again []named) {
	seen := map[string]bool{}
	for _, p := range published {
		if c.entry != 0 && !slices.Contains(p.entries, c.entry) {
			continue
		}
		where := c.file + ": " + p.name
		if seen[p.name] {
			c.bad(where, "the figure is there twice")
			continue
		}
		seen[p.name] = true
		i := slices.IndexFunc(again, func(a named) bool { return a.name == p.name })
		switch {
		case i >= 0 && slices.Equal(p.fields, again[i].fields):
		case i >= 0:
			c.bad(where, differs(p.fields, again[i].fields))
		case slices.ContainsFunc(p.entries, func(e int) bool { return !slices.Contains(c.have, e) }):
			c.missing++
		default:
			c.bad(where, "no release file gives this figure")
		}
	}
	for _, a := range again {
		if !seen[a.name] && (c.entry == 0 || slices.Contains(a.entries, c.entry)) {
			c.bad(c.file+": "+a.name, "the figure is not published, though the release files give it")
		}
	}
}

// differs says which field is another one. The texts are public on both sides.
func differs(published, again []string) string {
	for i, p := range published {
		if i >= len(again) || p != again[i] {
			rest := "nothing of that name"
			if i < len(again) {
				rest = again[i]
			}
			return fmt.Sprintf("the site says %s, the release files give %s", clip(p), clip(rest))
		}
	}
	return "the site leaves something out that the release files give"
}

// clip keeps a line short and on one line.
func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return s
}

func (c *checker) compareCSV(published, again []byte) {
	p, err := csvFigures(published)
	if err != nil {
		c.bad(c.file, "the file of figures cannot be read")
		return
	}
	a, err := csvFigures(again)
	if err != nil {
		c.bad(c.file, "the figures cannot be written again")
		return
	}
	c.compare(p, a)
}

var errShape = errors.New("not the columns of a report")

func csvFigures(b []byte) ([]named, error) {
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, errShape
	}
	head := rows[0]
	column := func(row []string, name string) string {
		if i := slices.Index(head, name); i >= 0 {
			return row[i]
		}
		return ""
	}
	for _, name := range []string{"measure", "period", "statistic", "by", "value", "low", "high", "entries"} {
		if i := slices.Index(head, name); i < 0 || slices.Contains(head[i+1:], name) {
			return nil, errShape
		}
	}
	var all []named
	for _, row := range rows[1:] {
		n := named{name: name(column(row, "period"), column(row, "statistic"), column(row, "by"))}
		for e := range strings.SplitSeq(column(row, "entries"), ";") {
			k, err := strconv.Atoi(e)
			if err != nil {
				return nil, errShape
			}
			n.entries = append(n.entries, k)
		}
		for i, v := range row {
			n.fields = append(n.fields, head[i]+" "+v)
		}
		all = append(all, n)
	}
	return all, nil
}

func name(period, statistic, by string) string {
	return strings.TrimSpace(period + " " + statistic + " " + by)
}

func (c *checker) compareJSON(published, again []byte) {
	p, pHead, err := jsonFigures(published)
	if err != nil {
		c.bad(c.file, "the file of figures cannot be read")
		return
	}
	a, aHead, err := jsonFigures(again)
	if err != nil {
		c.bad(c.file, "the figures cannot be written again")
		return
	}
	c.compare(p, a)
	if c.entry == 0 && !slices.Equal(pHead, aHead) {
		c.bad(c.file, differs(pHead, aHead))
	}
}

// jsonFigures reads the figures and, apart from them, everything else of the document.
func jsonFigures(b []byte) (all []named, head []string, err error) {
	fields, err := object(b)
	if err != nil {
		return nil, nil, err
	}
	var list []json.RawMessage
	for _, f := range fields {
		if f.name != "figures" {
			head = append(head, f.name+" "+f.text)
			continue
		}
		if err := json.Unmarshal([]byte(f.text), &list); err != nil {
			return nil, nil, err
		}
	}
	for _, raw := range list {
		var f struct {
			Period, Statistic string
			By                json.RawMessage
			Entries           []int
		}
		if err := json.Unmarshal(raw, &f); err != nil {
			return nil, nil, err
		}
		parts, err := object(raw)
		if err != nil {
			return nil, nil, err
		}
		by, err := object(f.By)
		if err != nil {
			return nil, nil, err
		}
		var places []string
		for _, d := range by {
			var v string
			if err := json.Unmarshal([]byte(d.text), &v); err != nil {
				return nil, nil, err
			}
			places = append(places, d.name+"="+v)
		}
		n := named{name: name(f.Period, f.Statistic, strings.Join(places, ";")), entries: f.Entries}
		for _, p := range parts {
			n.fields = append(n.fields, p.name+" "+p.text)
		}
		all = append(all, n)
	}
	return all, head, nil
}

type field struct{ name, text string }

// object is the fields of a JSON object in their order, values as compact text: so two keys of one name, or a number in
// another spelling, are seen.
func object(b []byte) ([]field, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errShape
	}
	var all []field
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := k.(string)
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil || !ok {
			return nil, errShape
		}
		var text bytes.Buffer
		if err := json.Compact(&text, v); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(f field) bool { return f.name == key }) {
			return nil, errShape
		}
		all = append(all, field{key, text.String()})
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errShape
	}
	return all, nil
}
