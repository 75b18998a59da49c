package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/render"
)

// rows are the figures in the columns of `report --format csv`.
func (t *trail) rows() (render.Table, error) {
	var all render.Table
	mark := ""
	if t.file.Demo {
		mark = demoMark
	}
	for _, r := range append([]privacy.Report{{}}, t.reports...) { // the empty one gives the columns
		var b bytes.Buffer
		if err := render.Report(&b, r, render.Text{Mark: mark}, render.Options{Format: render.FormatCSV}); err != nil {
			return all, err
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			return all, err
		}
		all.Columns = render.Cols(rows[0]...)
		all.Rows = append(all.Rows, rows[1:]...)
	}
	return all, nil
}

type trailJSON struct {
	Schema  int              `json:"schema"`
	OK      bool             `json:"ok"`
	Release *releaseJSON     `json:"release"`
	Key     string           `json:"key"` // fingerprint
	Ledger  *ledgerJSON      `json:"ledger"`
	Reports []privacy.Report `json:"reports"`
	Site    bool             `json:"site_compared"`
	Not     []string         `json:"not_checked"`
	Wrong   []wrongJSON      `json:"problems"`
}

type releaseJSON struct {
	Entry       int                          `json:"entry"`
	Period      models.Period                `json:"period"`
	Due         models.Date                  `json:"due"`
	Plan        string                       `json:"plan"`
	Made        *privacy.Made                `json:"made,omitempty"`
	Items       []privacy.ManifestItem       `json:"items,omitempty"`
	Populations []privacy.ManifestPopulation `json:"populations,omitempty"`
}

type ledgerJSON struct {
	Home    string `json:"home"`
	Entry   int    `json:"entry"`
	Hash    string `json:"hash"`
	Prev    string `json:"prev"`
	Entries int    `json:"entries"`
	Head    string `json:"head"`
	Signed  int    `json:"head_entries"` // entries under the signed head
}

type wrongJSON struct {
	What    string `json:"what"`
	Where   string `json:"where"`
	Restore string `json:"restore"`
}

func (t *trail) entry() (ledger.Entry, bool) {
	if t.ledger == nil {
		return ledger.Entry{}, false
	}
	all := t.ledger.Entries()
	if t.file.Entry < 1 || t.file.Entry > len(all) {
		return ledger.Entry{}, false
	}
	return all[t.file.Entry-1], true
}

func (c *command) printTrail(t *trail) error {
	out := trailJSON{Schema: 1, OK: len(t.Problems) == 0, Reports: t.reports, Site: t.compare, Not: t.Unchecked, Wrong: []wrongJSON{}}
	if out.Reports == nil {
		out.Reports = []privacy.Report{}
	}
	if out.Not == nil {
		out.Not = []string{}
	}
	if t.key != "" {
		out.Key = ledger.Fingerprint(t.key)
	}
	if f := t.file; f.Schema == 1 {
		out.Release = &releaseJSON{Entry: f.Entry, Period: f.Period, Due: f.Due, Plan: f.Plan}
		if m := f.Manifest; m != nil {
			out.Release.Made, out.Release.Items, out.Release.Populations = &m.Made, m.Items, m.Populations
		}
	}
	if e, ok := t.entry(); ok {
		out.Ledger = &ledgerJSON{Home: t.head.Home, Entry: e.Number, Hash: e.Hash(), Prev: e.Prev, Entries: t.head.Entries, Head: t.head.Head, Signed: t.head.Entries - t.head.Lag}
	}
	for _, err := range t.Problems {
		var p *problem.Problem
		if !errors.As(err, &p) {
			p = problem.New(problem.Refused, "", err.Error(), "")
		}
		out.Wrong = append(out.Wrong, wrongJSON{p.What, p.Where, p.Do})
	}
	b, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.Out, string(b))
	return err
}

// account tells a reader the way from the figures to the head.
func (t *trail) account(c *command, o render.Options) error {
	var failed error
	say := func(format string, args ...any) {
		_, err := fmt.Fprintf(c.Out, format+"\n", args...)
		failed = errors.Join(failed, err)
	}
	table := func(title string, table render.Table) {
		if len(table.Rows) > 0 {
			say("\n%s\n", title)
			failed = errors.Join(failed, render.Write(c.Out, table, o))
		}
	}
	f := t.file
	if f.Demo {
		say("DEMONSTRATION: these figures are about a synthetic county. No person in them exists.\n")
	}
	say("Release of %s, measured as of %s, booked as entry %d of the ledger.", f.Period, f.Due, f.Entry)
	if t.key != "" {
		say("Signed by the home with the fingerprint %s.", ledger.Fingerprint(t.key))
	}
	if m := f.Manifest; m != nil {
		say("Plan %s v%d (%s), code %s, data dictionary %d, linkage %s.", m.Plan.Name, m.Plan.Version, short(m.Plan.Hash), m.Code, m.Dictionary, m.Linkage)
	}
	figures := render.Table{Columns: render.Cols("period", "statistic", "by", "value with 95 % interval", "from items", "of entries")}
	for _, r := range t.reports {
		for _, g := range r.Figures {
			figures.Rows = append(figures.Rows, []string{g.Period().String(), g.Statistic(), g.ByText(), reading(g), strings.Join(g.Items(), " "), strings.Trim(fmt.Sprint(g.Entries()), "[]")})
		}
	}
	what := "1. Figures, computed again from the noisy cells"
	if t.compare {
		what += ", and the same in the site's files of figures"
	}
	table(what, figures)
	table("2. Items: one person changes at most l0 cells by at most linf each; mu2 = l0 linf² / sd²", t.items())
	table("3. What one person can lose: by this release, in a lifetime up to it, and at most", t.losses())
	if e, ok := t.entry(); ok {
		say("\n4. Ledger entry %d, %s: %s, bound to this file by items, noise, losses and the signature.", e.Number, e.Date, e.Hash())
		if after := t.head.Entries - e.Number; after > 0 {
			say("   Entry %d names that hash, and so on for %d more, up to entry %d.", e.Number+1, after-1, t.head.Entries)
		}
		say("\n5. Head of %d entries, signed by the home: %s.", t.head.Entries-t.head.Lag, t.headHash())
	}
	say("\nNot checked:")
	for _, u := range t.Unchecked {
		say("- %s", u)
	}
	return failed
}

// headHash is what the signed head vouches for; after a crash it may lag behind the entries.
func (t *trail) headHash() string {
	return t.ledger.Entries()[t.head.Entries-t.head.Lag-1].Hash()
}

func (t *trail) items() render.Table {
	table := render.Table{Columns: render.Cols("item", "measured", "encoding", "cells#", "l0#", "linf#", "sd#", "mu2#")}
	for i, m := range t.file.Measurements {
		measured := ""
		if t.file.Manifest != nil {
			it := t.file.Manifest.Items[i]
			measured = fmt.Sprintf("%s, definition %d", it.Vector, it.Definition)
		}
		table.Rows = append(table.Rows, []string{m.Item, measured, string(m.Encoding), fmt.Sprint(len(m.Cells)), fmt.Sprint(m.L0), fmt.Sprint(m.Linf), number(m.Sd, 5), number(m.Mu2, 6)})
	}
	return table
}

func (t *trail) losses() render.Table {
	table := render.Table{Columns: render.Cols("population", "unit", "mu2 release#", "epsilon release#", "mu2 lifetime#", "epsilon lifetime#", "mu2 cap#", "epsilon cap#", "delta#")}
	if t.file.Manifest == nil {
		return render.Table{}
	}
	for _, p := range t.file.Manifest.Populations {
		table.Rows = append(table.Rows, []string{p.Population, p.Unit, p.Mu2Release.String(), number(p.EpsilonRelease, 4), p.Mu2Lifetime.String(), number(p.EpsilonLifetime, 4),
			p.Mu2Cap.String(), number(p.EpsilonCap, 4), number(t.file.Manifest.Delta, 6)})
	}
	return table
}

// reading is a figure as people read it.
func reading(g privacy.Figure) string {
	v, ok := g.Value()
	if !ok {
		return "– (" + g.Note() + ")"
	}
	s := render.Number(g.Unit(), v)
	if render.Percent(g.Unit()) {
		s += " %"
	}
	return s + " (" + render.Number(g.Unit(), g.Low()) + " to " + render.Number(g.Unit(), g.High()) + ")"
}
