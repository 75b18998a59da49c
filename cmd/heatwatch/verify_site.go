package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"heatwatch/internal/problem"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/site"
)

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
