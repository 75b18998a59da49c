package nightly

import (
	"context"
	"path/filepath"
	"slices"

	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// Leave erases all files of partners: what came in and is kept of it, uploads, lists of rejects, their rows and keys in the
// lake, and the older generations that hold any. Persons stay as pseudonym and linkage tokens, so that a child whom another agency
// sends later is the same person, with what was spent on it. Receipts stay: they are the partner's, and hold no key. It may be
// cut off anywhere and called again. The caller holds the home's lock.
func Leave(ctx context.Context, cfg Config, partners ...string) ([]int, error) {
	cfg.filled()
	r, err := newRun(cfg)
	if err != nil {
		return nil, err
	}
	if err := r.tidy(); err != nil {
		return nil, err
	}
	return r.leave(ctx, partners)
}

func (r *run) leave(ctx context.Context, partners []string) (removed []int, err error) {
	for _, name := range partners {
		for _, dir := range []string{filepath.Join(r.Home.Landing(), name), filepath.Join(r.Home.Quarantine(), name), filepath.Join(r.Home.SFTP(), name, "incoming")} {
			if err := durable.RemoveAll(r.FS, dir); err != nil {
				return nil, stopped(err, name, "the erasure of its files was cut off")
			}
		}
	}
	r.left = partners
	if err := r.build(ctx, false); err != nil {
		return nil, err
	}
	r.left = nil
	holders, err := lake.Holders(r.Home, func(x link.Row) bool { return slices.Contains(partners, x.Partner) })
	if err != nil {
		return nil, err
	}
	held, err := lake.Remove(r.Home, r.FS, holders)
	if err != nil {
		return nil, stopped(err, "the lake", "the erasure was cut off")
	}
	if len(held) > 0 {
		return nil, problem.New(problem.Failed, "the lake", "a command that still runs reads an older generation, which holds files of the partner", "wait for it to end, then run this again")
	}
	return holders, nil
}

// ended erases the files of partners whose agreement says so, on its last day. A legal hold keeps them.
func (r *run) ended(ctx context.Context) error {
	names, err := partner.List(r.Home.Partners())
	if err != nil {
		return err
	}
	var due []string
	for _, name := range names {
		a, err := partner.Load(r.Home.Partners(), name)
		if err != nil || a.OnEnd != partner.OnEndErase || !a.Ends || a.EndsOn > r.today {
			continue // one that cannot be read is told where its drops are taken
		}
		has, err := r.holds(name)
		if err != nil {
			return err
		}
		switch {
		case has && a.LegalHold:
			r.sum.Notes = append(r.sum.Notes, name+": its agreement has ended and says that its files are erased; they stay while it has a legal hold")
		case has:
			due = append(due, name)
		}
	}
	if len(due) == 0 {
		return nil
	}
	if _, err := r.leave(ctx, due); err != nil {
		return err
	}
	for _, name := range due {
		r.sum.Notes = append(r.sum.Notes, name+": its agreement has ended, and all its files were erased")
	}
	return nil
}

// holds tells whether anything of a partner is there.
func (r *run) holds(name string) (bool, error) {
	if there(filepath.Join(r.Home.Landing(), name)) {
		return true, nil
	}
	held, err := lake.Holders(r.Home, func(x link.Row) bool { return x.Partner == name })
	return len(held) > 0, err
}
