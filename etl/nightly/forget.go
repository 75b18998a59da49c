package nightly

import (
	"context"
	"os"
	"path/filepath"

	"heatwatch/etl/intake"
	"heatwatch/etl/kept"
	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// Forgotten is what a night must know of those who were forgotten. The zero value: nobody was.
type Forgotten struct {
	Key   func(partner string, p intake.Person) bool         // an agency's key of somebody who was forgotten
	Token func(population, column, value string) bool        // a linkage token of somebody who was forgotten
	Bury  func(ctx context.Context, files []link.File) error // keys under which somebody who was forgotten was sent again
}

func (g Forgotten) none() bool { return g.Key == nil }

func (g Forgotten) byKey(partner string) func(population, key string) bool {
	if g.none() {
		return nil
	}
	return func(population, key string) bool {
		return g.Key(partner, intake.Person{Population: population, Key: key})
	}
}

// met tells whether a file is of somebody who was forgotten, by its key or by one of its tokens.
func (g Forgotten) met(f link.File) bool {
	if g.Key(f.Partner, intake.Person{Population: f.Population, Key: f.PersonKey}) {
		return true
	}
	return f.Matches(func(m link.Mark) bool { return g.Token(f.Population, m.Column, m.Value) })
}

func (g Forgotten) suppressed() func(link.File) bool {
	if g.none() {
		return nil
	}
	return g.met
}

// suppress takes those who were forgotten out of drops that no generation has taken in. Their rows were accepted and are
// receipted like any other; nothing else of them stays. The keys they came under are buried first, so that rows which
// come later under these keys are known for what they are.
func (r *run) suppress(ctx context.Context) error {
	if r.gone.none() {
		return nil
	}
	m, err := lake.ReadCurrent(r.Home)
	if err != nil {
		return err
	}
	err = r.eachLanded(func(d intake.Drop) error {
		if m.Has(d.Partner, d.Name) {
			return nil
		}
		var fresh []link.File
		err := intake.People(r.Home.Landing(), d, func(p intake.PersonTokens) error {
			f := link.File{Population: p.Population, Partner: d.Partner, PersonKey: p.Key}
			for _, t := range p.Tokens {
				f.Tokens = append(f.Tokens, link.Token{Column: t[0], Value: t[1]})
			}
			if !r.gone.Key(d.Partner, p.Person) && r.gone.met(f) {
				fresh = append(fresh, f)
			}
			return nil
		})
		if err == nil && len(fresh) > 0 {
			err = r.gone.Bury(ctx, fresh)
		}
		if err != nil {
			return err
		}
		_, err = r.erase(d)
		return err
	})
	if err != nil {
		return err
	}
	return r.fulfil() // asked for again, by an agency that did not see that it was done
}

func (r *run) eachLanded(each func(intake.Drop) error) error {
	drops, err := intake.EveryDrop(r.Home.Landing())
	if err != nil {
		return err
	}
	for _, d := range drops {
		if d.State == intake.Refused {
			continue
		}
		if err := each(d); err != nil {
			return err
		}
	}
	return nil
}

// erase takes the rows of those who were forgotten out of one landed drop. What is kept of the drop as it came goes whole.
func (r *run) erase(d intake.Drop) (rows int64, err error) {
	known := map[intake.Person]bool{}
	gone := func(p intake.Person) bool {
		is, asked := known[p]
		if !asked {
			is = r.gone.Key(d.Partner, p)
			known[p] = is
		}
		return is
	}
	rows, err = intake.Erase(r.FS, r.Home.Landing(), d, gone)
	if err != nil || rows == 0 {
		return rows, err
	}
	return rows, kept.Shred(r.FS, filepath.Join(r.Home.Landing(), d.Partner, d.Name))
}

// fulfil takes those who were forgotten off the lists of whom agencies ask to forget, also where their drop was refused.
func (r *run) fulfil() error {
	return intake.Fulfil(r.FS, r.Home.Landing(), func(x intake.Request) bool {
		return r.gone.Key(x.Partner, intake.Person{Population: x.Population, Key: x.Pseudonym})
	})
}

// Erased is what Forget took out.
type Erased struct {
	Rows        int64 // of landed drops
	Drops       int   // they were in
	Generations []int // of the lake, that were removed
}

// Forget takes everybody whom cfg.Gone names out of landing, the current generation and the older ones. Everybody else keeps person and
// pseudonym. It may be cut off anywhere and called again. The caller holds the home's lock.
func Forget(ctx context.Context, cfg Config) (Erased, error) {
	cfg.filled()
	r, err := newRun(cfg)
	if err != nil {
		return Erased{}, err
	}
	if err := r.tidy(); err != nil {
		return Erased{}, err
	}
	return r.forget(ctx)
}

func (r *run) forget(ctx context.Context) (e Erased, err error) {
	if r.gone.none() {
		return e, nil
	}
	r.Progress(Step{What: "erasing from what came in"})
	err = r.eachLanded(func(d intake.Drop) error {
		rows, err := r.erase(d)
		if rows > 0 {
			e.Rows += rows
			e.Drops++
		}
		return err
	})
	if err == nil {
		err = r.fulfil()
	}
	if err != nil {
		return e, stopped(err, "landing", "the erasure was cut off")
	}
	if err := r.build(ctx, true); err != nil {
		return e, err
	}
	holders, err := lake.Holders(r.Home, func(x link.Row) bool {
		return r.gone.Key(x.Partner, intake.Person{Population: x.Population, Key: x.PersonKey})
	})
	if err != nil {
		return e, err
	}
	r.Progress(Step{What: "removing older generations"})
	held, err := lake.Remove(r.Home, r.FS, holders)
	if err != nil {
		return e, stopped(err, "the lake", "the erasure was cut off")
	}
	if len(held) > 0 {
		return e, problem.New(problem.Failed, "the lake", "a command that still runs reads an older generation, which holds the person", "wait for it to end, then run this again")
	}
	e.Generations = holders
	return e, nil
}

// finishForgetting ends an erasure that was cut off. Who asked for it has no receipt yet and asks again.
func (r *run) finishForgetting(ctx context.Context) error {
	if _, err := os.Lstat(r.Home.Forgetting()); missing(err) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := r.forget(ctx); err != nil {
		return err
	}
	r.sum.Notes = append(r.sum.Notes, "an erasure that was cut off is finished; run heatwatch forget again for its scan and receipt")
	return durable.Remove(r.FS, r.Home.Forgetting())
}
