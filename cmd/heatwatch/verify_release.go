package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"heatwatch/etl/link"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/schema"
	"heatwatch/reports/render"
	"heatwatch/reports/site"
)

// made names the program, for the manifests of its releases.
func made() privacy.Made {
	m := privacy.Made{Code: "unknown", Dictionary: models.Dictionary().Version, Linkage: link.Version}
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	changed := ""
	for _, s := range b.Settings {
		switch {
		case s.Key == "vcs.revision":
			m.Code = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changed"
		}
	}
	m.Code += changed
	return m
}

// trail is the way from figures back to the ledger's head, as far as it can be followed on this machine.
type trail struct {
	privacy.Findings
	file    privacy.ReleaseFile
	schema  privacy.Schema
	ledger  *ledger.Ledger // nil if there is none
	head    ledger.Report  // of that ledger
	base    string         // folder around the ledger: a site, or a home
	files   []privacy.ReleaseFile
	key     string // public key, "" if unknown
	plan    *privacy.Plan
	reports []privacy.Report // figures that rest on the file, by measure
	compare bool             // the site's files of figures were compared
}

// verifyRelease follows one release file back to its ledger entry. It needs no home and no data.
func (c *command) verifyRelease(path, ledgerDir, key string) error {
	t := &trail{schema: schema.Schema()}
	err := t.follow(path, ledgerDir, key)
	var p *problem.Problem
	if errors.As(err, &p) && p.Exit == problem.Refused { // a file that cannot be read further is a finding like others
		t.Problems, err = append(t.Problems, err), nil
	}
	if err != nil {
		return err
	}
	o, err := c.Options()
	if err != nil {
		return err
	}
	if o.Format == render.FormatJSON {
		if err := c.printTrail(t); err != nil {
			return err
		}
	}
	if len(t.Problems) > 0 {
		c.sayCode(t.file)
		return first(t.Problems)
	}
	if o.Format == render.FormatJSON {
		return nil
	}
	if o.Format == render.FormatCSV {
		table, err := t.rows()
		if err != nil {
			return err
		}
		for _, u := range t.Unchecked {
			c.Say("heatwatch: not checked: %s", u)
		}
		return render.Write(c.Out, table, o)
	}
	return t.account(c, o)
}

// sayCode says which program made a file, if it was another one: a difference may come from there.
func (c *command) sayCode(f privacy.ReleaseFile) {
	if here := made().Code; f.Manifest != nil && f.Manifest.Code != here {
		c.Say("heatwatch: entry %d was released with code %s, this is code %s", f.Entry, f.Manifest.Code, here)
	}
}

// first is the first problem, with the number of the others.
func first(problems []error) error {
	var p *problem.Problem
	if len(problems) == 1 || !errors.As(problems[0], &p) {
		return problems[0]
	}
	return problem.Wrap(p, p.Exit, p.Where, fmt.Sprintf("%s (and %d more: --format json lists them)", p.What, len(problems)-1), p.Do)
}

func (t *trail) follow(path, ledgerDir, key string) error {
	f, err := privacy.ReadRelease(path)
	if err != nil {
		return err
	}
	t.file = f
	if err := t.locate(path, ledgerDir); err != nil {
		return err
	}
	if err := t.signature(key); err != nil {
		return err
	}
	t.Add(t.file.Audit(t.schema))
	if t.ledger != nil {
		t.Add(t.file.AuditEntry(t.ledger, t.schema))
	}
	if len(t.Problems) > 0 {
		return nil
	}
	if err := t.neighbours(); err != nil {
		return err
	}
	if err := t.derive(); err != nil {
		return err
	}
	return t.site()
}

// locate finds the ledger: the one that was named, or the one beside the file's folder releases/.
func (t *trail) locate(path, named string) error {
	dir := named
	if dir == "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		dir = filepath.Join(filepath.Dir(abs), "..", "..", "ledger")
	} else if _, err := os.Stat(filepath.Join(dir, "ledger")); err == nil { // a site or a home was named
		dir = filepath.Join(dir, "ledger")
	}
	l, err := ledger.OpenPublic(dir)
	if named == "" && problem.ExitCode(err) == problem.Usage {
		t.skip("the ledger entry: there is no ledger beside the file; name the ledger folder of its site as --ledger DIR. Losses and caps are as the file itself states them")
		return nil
	}
	if problem.ExitCode(err) == problem.Usage {
		return problem.Wrap(err, problem.Usage, named, "there is no ledger in this folder", "name the folder ledger/ of the site, or the site")
	}
	if err != nil {
		return err
	}
	if t.head, err = ledger.Verify(dir, l.PublicKey()); err != nil {
		return err
	}
	t.ledger, t.base = l, filepath.Dir(filepath.Clean(dir))
	t.skip("that this ledger is the newest: compare its head with a copy that somebody else keeps")
	return nil
}

func (t *trail) skip(format string, args ...any) {
	t.Unchecked = append(t.Unchecked, fmt.Sprintf(format, args...))
}

func (t *trail) wrong(where, what, do string) {
	t.Problems = append(t.Problems, problem.New(problem.Refused, where, what, do))
}

// signature finds the key, in the ledger or else in the file itself, and checks it and the file.
func (t *trail) signature(key string) error {
	switch {
	case t.ledger != nil:
		t.key = t.ledger.PublicKey() // AuditEntry checks the signature
	case t.file.Manifest != nil:
		t.key = t.file.Manifest.Key
		if err := t.file.SignedBy(t.key); err != nil {
			return err
		}
	default:
		t.skip("the signature: neither the file nor a ledger says which key it is by")
	}
	switch {
	case key == "" && t.key != "":
		t.skip("whose key it is: ask the publisher for the fingerprint, by another way than the page, and give it as --key")
	case key != "" && t.key == "":
		t.wrong(t.file.Path(), "there is no key to compare with --key", "name the ledger folder of its site as --ledger DIR")
	case key != "" && !sameFingerprint(key, t.key):
		t.wrong(t.file.Path(), "it is signed by another key ("+ledger.Fingerprint(t.key)+")", "ask the publisher for the right fingerprint; if it is right, do not rely on this copy")
	}
	return nil
}

func sameFingerprint(said, key string) bool {
	return strings.EqualFold(strings.TrimSpace(said), ledger.Fingerprint(key))
}

// neighbours reads the other release files of the same ledger: sums over periods need them.
func (t *trail) neighbours() error {
	t.files = []privacy.ReleaseFile{t.file}
	if t.base == "" {
		return nil
	}
	around, err := privacy.ReadReleases(filepath.Join(t.base, "releases"))
	if err != nil {
		return err
	}
	for _, f := range around {
		if f.Entry != t.file.Entry {
			t.files = append(t.files, f)
		} else if !bytes.Equal(f.Bytes(), t.file.Bytes()) {
			t.wrong(f.Path(), "the release file of this entry is another one than "+t.file.Path(), "fetch both again from their publisher")
		}
	}
	slices.SortFunc(t.files, func(a, b privacy.ReleaseFile) int { return a.Entry - b.Entry })
	return privacy.Check(t.files, t.ledger)
}

// derive computes every figure that rests on the file, as report and publish do.
func (t *trail) derive() error {
	plan, why := t.findPlan()
	if plan == nil {
		t.skip("the figures: %s", why)
		return nil
	}
	t.plan = plan
	var mine []privacy.Figure
	for _, m := range measures.All() {
		r, err := t.report(m)
		if err != nil {
			return err
		}
		r.Figures = slices.DeleteFunc(r.Figures, func(f privacy.Figure) bool { return !slices.Contains(f.Entries(), t.file.Entry) })
		r.Privacy = slices.DeleteFunc(r.Privacy, func(p privacy.Statement) bool {
			return !slices.ContainsFunc(r.Figures, func(f privacy.Figure) bool { return slices.Contains(f.Entries(), p.Entry) })
		})
		if len(r.Figures) > 0 {
			t.reports = append(t.reports, r)
			mine = append(mine, r.Figures...)
		}
	}
	lacking, err := plan.Lacks(t.schema, t.file, mine)
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		t.skip("%d figures of %s that rest on other release files too: %s", len(lacking), t.file.Period, strings.Join(lacking, ", "))
	}
	if len(t.files) == 1 {
		t.skip("sums over longer periods: they need the other release files, which lie in the site beside its ledger")
	}
	return nil
}

func (t *trail) report(m measures.Measure) (privacy.Report, error) {
	if t.ledger != nil {
		return reportOf(t.plan, t.schema, t.ledger, t.files, m, nil)
	}
	figures, err := t.plan.Figures(t.schema, t.files, m.ID, nil)
	return privacy.Report{Schema: 1, Measure: m.ID, Definition: m.Definition, Population: m.Population, Figures: figures,
		Privacy: t.file.Statements(m.Population)}, err
}

// findPlan is the plan by which figures are derived: the ledger's newest, as the publisher does, or else the file's own.
func (t *trail) findPlan() (p *privacy.Plan, why string) {
	m := t.file.Manifest
	var err error
	switch {
	case t.ledger != nil:
		p, err = planOf(t.ledger, t.schema, t.files)
	case m != nil:
		p, err = m.Plan.Parse(t.schema, m.Delta)
	default:
		return nil, "the file does not hold its plan; name the ledger folder of its site as --ledger DIR"
	}
	if err != nil {
		return nil, "this program cannot read the plan: " + err.Error()
	}
	if m != nil {
		for _, it := range m.Items {
			if d := t.schema.Measures[it.Measure].Definition; d != it.Definition {
				return nil, fmt.Sprintf("they follow definition %d of %s, and this program has definition %d; use code %s", it.Definition, it.Measure, d, m.Code)
			}
		}
	}
	return p, ""
}

// planOf reads the plan that a ledger entered last: its text is in the entry, or in a release file's manifest, or it is
// an embedded one.
func planOf(l *ledger.Ledger, s privacy.Schema, files []privacy.ReleaseFile) (*privacy.Plan, error) {
	named := l.Plan()
	text := []byte(named.Text)
	for _, f := range files {
		if len(text) == 0 && f.Manifest != nil && f.Manifest.Plan.Hash == named.Hash {
			text = []byte(f.Manifest.Plan.Text)
		}
	}
	for _, name := range []string{"county", "full"} {
		if b, ok := privacy.EmbeddedPlan(name); ok && len(text) == 0 {
			text = b
		}
	}
	epsilon, err := lifetimeEpsilon(l)
	if err != nil {
		return nil, err
	}
	p, err := privacy.ParsePlan(text, "plan "+named.Name, s, epsilon, l.Terms().Delta)
	if err == nil && p.Hash != named.Hash {
		err = problem.New(problem.Failed, "plan "+named.Name, "its text is nowhere here", "name the ledger folder of the whole site")
	}
	return p, err
}

// lifetimeEpsilon is the cap that a ledger's plan is scaled to, amendments included.
func lifetimeEpsilon(l *ledger.Ledger) (float64, error) {
	rows, err := l.Budget()
	for _, s := range rows {
		if s.Population == scaledBy {
			return s.EpsilonCap, err
		}
	}
	return 0, err
}

// site compares with the published files of figures, if there are any around.
func (t *trail) site() error {
	if t.base == "" || t.plan == nil {
		return nil
	}
	if st, err := os.Stat(filepath.Join(t.base, "data")); err != nil || !st.IsDir() {
		t.skip("published figures: there is no folder data/ of a site beside the ledger")
		return nil
	}
	s, err := publishedBy(t.ledger)
	if err != nil {
		return err
	}
	s.Reports = t.reports
	found, err := checkData(t.base, s, t.file.Entry, t.files)
	t.Add(found)
	t.compare = err == nil
	return err
}

// publishedBy is what the files of figures of a ledger's site are marked with.
func publishedBy(l *ledger.Ledger) (site.Site, error) {
	epsilon, err := lifetimeEpsilon(l)
	return site.Site{Demo: l.Terms().Mode == ledger.Demo, NotPrivate: epsilon > notPrivate}, err
}

func checkData(dir string, s site.Site, entry int, files []privacy.ReleaseFile) (privacy.Findings, error) {
	var have []int
	for _, f := range files {
		have = append(have, f.Entry)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return privacy.Findings{}, problem.Wrap(err, problem.Usage, dir, "the folder cannot be opened", "name the folder of a published site")
	}
	defer root.Close()
	wrong, missing, err := site.CheckData(root.FS(), s, entry, have)
	found := privacy.Findings{Problems: wrong}
	for _, w := range wrong {
		var p *problem.Problem
		if errors.As(w, &p) {
			p.Where = filepath.Join(dir, p.Where)
		}
	}
	if missing > 0 {
		found.Unchecked = append(found.Unchecked, fmt.Sprintf("%d published figures that rest on release files which are not here", missing))
	}
	found.Unchecked = append(found.Unchecked, "the site's pages: only its files of figures (data/) were compared, digit by digit")
	return found, err
}

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
