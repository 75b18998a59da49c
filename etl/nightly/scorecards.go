package nightly

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/etl/scorecard"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// scorecards renews the card of each partner that has an area and an agreement in force. A card that says the same is left
// alone.
func (r *run) scorecards(ctx context.Context) error {
	names, err := partner.List(r.Home.Partners())
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		a, err := partner.Load(r.Home.Partners(), name)
		if err != nil {
			r.fail(ctx, err)
			continue
		}
		if st, err := os.Lstat(filepath.Join(r.area(), name)); err != nil || !st.IsDir() || r.odd[name] {
			continue
		}
		if err := r.scorecard(ctx, name, a); err != nil {
			return err
		}
		if err := r.datesOnly(filepath.Join(r.area(), name, receiptsDir)); err != nil {
			return err
		}
	}
	return nil
}

// receiptsDir is the folder of the area in which we answer.
const receiptsDir = "receipts"

func (r *run) scorecard(ctx context.Context, name string, a partner.Agreement) error {
	if !a.InForce(r.today) || a.State == partner.StateDraft {
		return nil
	}
	drops, err := intake.Drops(r.Home.Landing(), name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(drops, func(d intake.Drop) bool { return d.Name == intake.ScorecardName }) {
		return nil // taken before that name was ours: a receipt is never rewritten
	}
	asJSON, asText, err := r.card(name, a, drops)
	var p *problem.Problem
	if errors.As(err, &p) { // damage in landing: the others get theirs all the same
		r.fail(ctx, err)
		return nil
	}
	if err != nil {
		return stopped(err, name, "the scorecard could not be made")
	}
	dir := filepath.Join(r.area(), name, receiptsDir)
	if st, err := os.Lstat(dir); err == nil && !st.IsDir() {
		return nil // receipts says so where it matters
	}
	if err := durable.MkdirAll(r.FS, dir, 0o755); err != nil {
		return stopped(err, "receipts", "a scorecard could not be written")
	}
	for _, w := range []struct {
		name string
		data []byte
	}{{scorecard.JSONName, asJSON}, {scorecard.TextName, asText}} {
		path := filepath.Join(dir, w.name)
		if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, w.data) {
			continue
		}
		if err := durable.Replace(r.FS, path, w.data, 0o444); err != nil {
			return stopped(err, "receipts", "a scorecard could not be written")
		}
		r.sum.Scorecards++
		if err := date(path, r.midnight()); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) card(name string, a partner.Agreement, drops []intake.Drop) (asJSON, text []byte, err error) {
	for _, d := range drops {
		if d.State != intake.Refused {
			if err := scorecard.Freeze(r.FS, r.Home.Landing(), d); err != nil {
				return nil, nil, err
			}
		}
	}
	return scorecard.Files(scorecard.Subject{Partner: name, Agreement: a, Drops: drops, Landing: r.Home.Landing(), Today: r.today, Zone: r.Location, Feeds: r.Feeds})
}

// datesOnly gives every file of a partner's receipts, and their folder, the first instant of a day as its time of change.
// The hour at which a night came to a partner would tell how much the others had sent. A file that has such a time keeps
// it; every other one is of this night, or of one that was cut off before it came here.
func (r *run) datesOnly(dir string) error {
	list, err := os.ReadDir(dir)
	if missing(err) {
		return nil
	}
	if err != nil {
		return stopped(err, "receipts", "the receipts cannot be listed")
	}
	for _, e := range list {
		if !e.Type().IsRegular() {
			continue
		}
		if err := r.dateOnly(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return r.dateOnly(dir)
}

func (r *run) dateOnly(path string) error {
	st, err := os.Lstat(path)
	if missing(err) {
		return nil
	}
	if err != nil {
		return stopped(err, "receipts", "the receipts cannot be listed")
	}
	if st.ModTime().Equal(firstInstant(models.DateOf(st.ModTime().In(r.Location)), r.Location)) {
		return nil
	}
	return date(path, r.midnight())
}

func (r *run) midnight() time.Time { return firstInstant(r.today, r.Location) }

// firstInstant is midnight, or where the clock jumps over midnight an hour later.
func firstInstant(d models.Date, at *time.Location) time.Time {
	t := d.In(at)
	if models.DateOf(t) != d {
		t = t.Add(time.Hour)
	}
	return t
}

func date(path string, t time.Time) error {
	if err := os.Chtimes(path, t, t); err != nil && !errors.Is(err, fs.ErrPermission) { // of an area that is not ours
		return stopped(err, "receipts", "the date of a receipt could not be set")
	}
	return nil
}
