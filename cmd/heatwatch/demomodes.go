package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"heatwatch/etl/deidentify"
	"heatwatch/etl/partner"
	"heatwatch/fixtures"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/reports/render"
)

// demoSharer is the agency whose export shows what each way of sharing lets out: one that asks for consent.
const demoSharer = "advocacy-a"

// modes de-identifies one agency's export under each way of sharing: of a small county of its own, where every seventh person has not
// agreed. Nothing of it is sent.
func (s *story) modes(ctx context.Context) error {
	s.say("one agency's export under each way of sharing that an agreement knows")
	raw := s.path("modes", "raw")
	if err := os.MkdirAll(raw, 0o700); err != nil {
		return problem.Wrap(err, problem.Failed, raw, "the folder cannot be made", "check the permissions")
	}
	county := fixtures.Config{Seed: demoSeed + 1, Persons: 400, FirstQuarter: s.county.FirstQuarter, Quarters: 4, End: s.county.FirstQuarter.First().AddDays(400), Withheld: 140, NoFigures: true}
	if _, err := fixtures.Generate(county, fixtures.OSDir(raw)); err != nil {
		return err
	}
	k, err := partner.LoadKit(s.path("kits", demoSharer))
	if err != nil {
		return err
	}
	t := render.Table{Columns: render.Cols("sharing", "persons#", "rows_about_persons#", "held_back#", "other_rows#", "what")}
	for _, mode := range []struct{ sharing, what string }{
		{partner.SharingToken, "persons as tokens"},
		{partner.SharingConsented, "persons with a signed release in force, and the manifest attests it"},
		{partner.SharingAggregate, "no row about a person; counts for the agency's own use in modes/" + partner.SharingAggregate + ".txt"},
	} {
		k.Agreement.Sharing = mode.sharing
		r, err := deidentify.Run(ctx, deidentify.Config{FS: s.house.fs, Kit: k, Raw: filepath.Join(raw, demoSharer), Out: s.path("modes", mode.sharing), Now: s.house.now()})
		if err != nil {
			return err
		}
		persons, about, held, others := 0, 0, 0, 0
		for _, f := range r.Files {
			e, _ := models.Dictionary().Entity(f.Entity)
			held += f.HeldBack
			switch {
			case e.Tokens:
				persons += f.Rows
			case e.Index("person_key") >= 0:
				about += f.Rows
			default:
				others += f.Rows
			}
		}
		t.Rows = append(t.Rows, []string{mode.sharing, fmt.Sprint(persons), fmt.Sprint(about), fmt.Sprint(held), fmt.Sprint(others), mode.what})
		if len(r.Totals) > 0 {
			path := s.path("modes", mode.sharing+".txt")
			if err := os.WriteFile(path, []byte(r.Text()), 0o600); err != nil {
				return problem.Wrap(err, problem.Failed, path, "the file cannot be written", "check the permissions")
			}
		}
	}
	if !s.reports {
		return nil
	}
	o, err := s.options()
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Out)
	return render.Write(s.Out, t, o)
}
