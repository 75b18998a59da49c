package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"heatwatch/etl/intake"
	"heatwatch/etl/lake"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// takeAll takes every drop that was not taken before, and again those whose predecessor came in this run.
func (r *run) takeAll(ctx context.Context) error {
	todo := make([]found, 0, len(r.found))
	for _, f := range r.found {
		if !f.known {
			todo = append(todo, f)
		}
	}
	for of := len(todo); len(todo) > 0; {
		rest, err := r.takeReady(ctx, todo, of)
		if err != nil {
			return err
		}
		if len(rest) == len(todo) {
			for _, f := range rest {
				r.wait(f, "the drop that it comes after has not been taken")
			}
			break
		}
		todo = rest
	}
	return nil
}

// lanes is how many drops are judged at a time, each of another partner: while one waits for the disk the other is checked.
const lanes = 2

// taken is what became of one drop.
type taken struct {
	run  // its own summary
	over chan struct{}
	err  error
}

// takeReady takes the drops whose predecessors are there, in order, those of one partner one after the other, and returns the rest.
// What became of them is told in their order. After an error no other is begun.
func (r *run) takeReady(ctx context.Context, todo []found, of int) (rest []found, err error) {
	free := make(chan struct{}, lanes)
	if r.Workers == 1 {
		free = make(chan struct{}, 1)
	}
	var all []*taken
	last := map[string]*taken{} // by partner
	for k, f := range todo {
		if before := last[f.partner]; before != nil {
			<-before.over
		}
		free <- struct{}{}
		if err = ctx.Err(); err != nil || slices.ContainsFunc(all, (*taken).failed) {
			break
		}
		if !r.ready(f) {
			rest = append(rest, f)
			<-free
			continue
		}
		r.Progress(Step{What: "checking " + f.partner + "/" + f.drop, Done: of - len(todo) + k - len(rest), Of: of})
		t := &taken{run: *r, over: make(chan struct{})}
		t.sum, t.answered = Summary{}, map[dropID]bool{}
		all, last[f.partner] = append(all, t), t
		go func() {
			t.err = t.take(ctx, f)
			close(t.over)
			<-free
		}()
	}
	for _, t := range all {
		<-t.over
		r.sum.join(t.sum)
		maps.Copy(r.answered, t.answered)
		if err == nil {
			err = t.err
		}
	}
	return rest, err
}

// failed reports whether it is over, with an error.
func (t *taken) failed() bool {
	select {
	case <-t.over:
		return t.err != nil
	default:
		return false
	}
}

// ready reports whether the predecessor that a drop names has been taken. A name that cannot be one is left to intake.
func (r *run) ready(f found) bool {
	if f.after == "" || f.after == f.drop || filepath.Base(f.after) != f.after {
		return true
	}
	_, err := intake.ReadDrop(r.Home.Landing(), f.partner, f.after)
	return !missing(err)
}

func (r *run) wait(f found, why string) {
	r.sum.add(Outcome{Partner: f.partner, Drop: f.drop, State: Waiting, Note: why})
}

// take judges one drop. Only what is wrong with our own disk is an error.
func (r *run) take(ctx context.Context, f found) error {
	a, err := partner.Load(r.Home.Partners(), f.partner)
	if err != nil {
		r.fail(ctx, err)
		return nil
	}
	if (a.State == partner.StateDraft || !a.InForce(r.today)) && f.manifest != "" {
		return r.refuse(f, "not_enrolled")
	}
	if over, err := r.tooMany(f, a); err != nil {
		return err
	} else if over {
		return r.refuse(f, "too_many_persons")
	}
	d, err := intake.Take(ctx, r.FS, intake.Config{Landing: r.Home.Landing(), HomeID: r.HomeID, Now: r.Now, Location: r.Location,
		Vault: r.Vault, Epochs: r.Epochs, Unseal: r.unseal(), Allowed: a.Takes, Settler: settler{r, f.partner, a.Sharing == partner.SharingConsented}, Limits: r.Limits, Workers: r.Workers}, f.partner, f.dir)
	var p *problem.Problem
	switch {
	case errors.Is(err, durable.ErrSync):
		return err
	case errors.Is(err, intake.ErrIncomplete):
		r.wait(f, "its manifest has not come")
		return nil
	case errors.Is(err, intake.ErrWaiting):
		r.wait(f, "files of its manifest have not come")
		return nil
	case errors.As(err, &p) && p.Exit == problem.Quarantined:
		r.sum.add(Outcome{Partner: f.partner, Drop: fmt.Sprintf("%q", f.drop), State: intake.Refused, Note: p.Error()})
		return nil
	case err != nil:
		return err
	case d.Known:
		return nil // somebody changed the manifest back while we looked
	}
	r.report(d)
	return nil
}

// tooMany tells whether a drop lists more persons than were agreed. An agency that sends tokens of whomever it can think of learns nothing
// from receipts; the limit keeps it from filling the house with them as well.
func (r *run) tooMany(f found, a partner.Agreement) (bool, error) {
	if a.MostPersons == 0 || f.manifest == "" {
		return false, nil
	}
	n := int64(0)
	for _, x := range f.parsed.Files {
		if e, ok := models.Dictionary().Entity(x.Entity); ok && e.Tokens {
			n += x.Rows
		}
	}
	if n > 0 && f.parsed.Mode == intake.Delta { // it may restate persons: those who are known count by themselves
		rows, err := lake.Crosswalk(r.Home)
		if err != nil {
			return false, err
		}
		known := int64(0)
		for _, x := range rows {
			if x.Partner == f.partner {
				known++
			}
		}
		n = max(n, known)
	}
	return n > int64(a.MostPersons), nil
}

func (r *run) report(d intake.Drop) {
	r.sum.add(outcome(d))
	if d.Recorded {
		r.answered[dropID{d.Partner, d.Name}] = true
	}
}

// refuse records a drop that the agreement does not cover, without reading its files. A drop of that name that was taken
// before stays as it is.
func (r *run) refuse(f found, code string) error {
	d := intake.Drop{Schema: 1, Partner: f.partner, Name: f.drop, Manifest: f.manifest, Created: f.parsed.Created, Covers: f.parsed.Covers, Mode: f.parsed.Mode,
		After: f.parsed.After, State: intake.Refused, Files: []intake.DropFile{}, Timezone: r.Location.String(), Dictionary: models.Dictionary().Version,
		Reasons: []intake.Reason{{Code: code, Count: 1, Lines: []int64{}}}}
	if _, err := intake.ReadDrop(r.Home.Landing(), f.partner, f.drop); !missing(err) {
		if err != nil {
			return err
		}
		d.Reasons[0].Code = "drop_changed"
		r.report(d)
		return nil
	}
	dir := filepath.Join(r.Home.Landing(), f.partner, f.drop)
	if err := durable.RemoveAll(r.FS, dir); err != nil { // without drop.json it counts for nothing
		return err
	}
	if err := durable.MkdirAll(r.FS, dir, 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	if err := durable.Create(r.FS, filepath.Join(dir, intake.DropFileName), append(b, '\n'), 0o440); err != nil {
		return err
	}
	d.Recorded = true
	r.report(d)
	return nil
}

// settler lets the lake look across the rows of a drop.
type settler struct {
	run       *run
	partner   string
	consented bool
}

func (s settler) Settle(ctx context.Context, l intake.Landed, found func(intake.Extra) error) error {
	earlier, err := s.run.earlier(s.partner)
	if err != nil {
		return err
	}
	this := lake.Input{Partner: l.Partner, Drop: l.Drop, Created: l.Manifest.Created, Mode: l.Manifest.Mode}
	for _, f := range l.Files {
		this.Files = append(this.Files, lake.InputFile{Entity: f.Entity, Path: f.Path, Twins: true})
	}
	all := lake.Settling{Home: s.run.Home, Engine: s.run.Engine, Earlier: earlier, This: this, Consented: s.consented, Today: s.run.today,
		Forgotten: s.run.gone.byKey(s.partner)}
	return all.Settle(ctx, func(u lake.Unsettled) error {
		return found(intake.Extra{Entity: u.Entity, Line: u.Line, Column: u.Column, Code: u.Code})
	})
}

// unseal opens files that agencies sealed to the home; nil where there is no key.
func (r *run) unseal() func(io.Reader) (io.Reader, error) {
	if r.Opening == nil {
		return nil
	}
	return r.Opening.Unseal
}
