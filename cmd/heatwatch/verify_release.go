package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/schema"
	"heatwatch/reports/render"
)

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
	r := privacy.Report{Schema: 1, Measure: m.ID, Definition: m.Definition, Population: m.Population, Figures: figures}
	for _, population := range m.Populations() {
		r.Privacy = append(r.Privacy, t.file.Statements(population)...)
	}
	return r, err
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
	return p, ""
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
