package nightly

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/kept"
	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Config is one night.
type Config struct {
	Home     home.Home
	FS       durable.FS
	From     string // folder laid out as the SFTP area; "": the home's own area
	Now      time.Time
	Location *time.Location
	Rand     io.Reader // for pseudonyms
	HomeID   string    // refuses drops made with another home's kit; "": does not look
	Keep     lake.Keep // generations to keep; no nights: 7
	Rebuild  bool      // fold everything anew from landing
	Engine   lake.Engine
	Limits   intake.Limits
	Workers  int                             // of intake; 1: one drop at a time, else two of different partners; 0: as many as there are processors
	Pull     func(ctx context.Context) error // copies remote areas into the home's; nil: none
	Push     func(ctx context.Context) error // brings receipts back; nil: none
	Vault    partner.Secret                  // puts token sets under the vault's key; zero: they stay as they came
	Epochs   []int                           // of linkage keys whose token sets are taken; nil: any
	Opening  *kept.Key                       // opens what agencies sealed to the home; nil: such files are refused
	Acts     []link.Act                      // of a steward, about named files
	Keeping  *kept.Key                       // seals what was uploaded and takes it out of the home's own area; nil: uploads stay as they are
	Gone     func() (Forgotten, error)       // who is not to be loaded any more; asked under the home's lock; nil: nobody was forgotten
	Feeds    func(column string) bool        // does a measure rest on "entity.column", for scorecards; nil: on every one
	Progress func(Step)                      // nil: not wanted
	Log      *slog.Logger                    // nil: silent
}

// Step is how far a run has come. Of is 0 where the number of steps is not known.
type Step struct {
	What     string
	Done, Of int
}

func (c *Config) filled() {
	if c.Keep.Nights <= 0 {
		c.Keep.Nights = 7
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(Step) {}
	}
}

// area is the folder that is read.
func (c Config) area() string {
	if c.From != "" {
		return c.From
	}
	return c.Home.SFTP()
}

// Run is one night. An error means that it did not come to its end: what was done so far is complete in itself, and the
// next run goes on from there.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	cfg.filled()
	lock, err := cfg.Home.Lock("nightly", cfg.Now)
	if err != nil {
		return Summary{}, err
	}
	defer lock.Unlock()
	if err := cfg.Home.Migrate(cfg.FS); err != nil {
		return Summary{}, err
	}
	r, err := newRun(cfg)
	if err != nil {
		return Summary{}, err
	}
	err = r.all(ctx)
	return r.sum, err
}

func newRun(cfg Config) (r *run, err error) {
	r = &run{Config: cfg, today: models.DateOf(cfg.Now.In(cfg.Location)), answered: map[dropID]bool{}, odd: map[string]bool{}}
	if cfg.Gone != nil {
		r.gone, err = cfg.Gone()
	}
	return r, err
}

type dropID struct{ partner, drop string }

// run holds one night.
type run struct {
	Config
	today    models.Date
	sum      Summary
	found    []found
	answered map[dropID]bool // drops that are in the summary
	gone     Forgotten
	left     []string        // partners whose files were erased
	odd      map[string]bool // partners whose area is not as it must be: nothing is written there
}

func (r *run) all(ctx context.Context) error {
	if r.Pull != nil && r.From == "" {
		r.Progress(Step{What: "pulling remote areas"})
		if err := r.Pull(ctx); err != nil {
			r.fail(ctx, err)
		}
	}
	if err := r.tidy(); err != nil {
		return err
	}
	if err := r.finishForgetting(ctx); err != nil {
		return err
	}
	if err := r.ended(ctx); err != nil {
		return err
	}
	if err := r.discover(ctx); err != nil {
		return err
	}
	if err := r.takeAll(ctx); err != nil {
		return err
	}
	r.shed(ctx)
	if err := r.suppress(ctx); err != nil {
		return err
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	if err := r.receipts(ctx); err != nil {
		return err
	}
	if err := r.keep(ctx); err != nil {
		return err
	}
	if err := r.scorecards(ctx); err != nil {
		return err
	}
	if r.Push != nil && r.From == "" && r.sum.Receipts+r.sum.Scorecards > 0 {
		if err := r.Push(ctx); err != nil {
			r.fail(ctx, err)
		}
	}
	err := r.clean()
	r.Log.LogAttrs(ctx, slog.LevelInfo, "night ended", slog.Int("generation", r.sum.Generation), slog.Bool("changed", r.sum.Changed),
		slog.Int("taken", r.sum.Taken), slog.Int("refused", r.sum.Refused), slog.Int("waiting", r.sum.Waiting))
	return err
}

// clean removes the generations that have expired, unless an agreement says that nothing is to be erased.
func (r *run) clean() (err error) {
	held, err := partner.Held(r.Home.Partners())
	if err != nil {
		return err
	}
	if len(held) == 0 {
		r.sum.Cleaned, err = lake.Clean(r.Home, r.FS, r.Keep, r.today)
		return err
	}
	if gone, err := lake.Expired(r.Home, r.Keep, r.today); err != nil || len(gone) == 0 {
		return err
	}
	r.sum.Notes = append(r.sum.Notes, "no old generation was removed: the agreement with "+held[0]+" has a legal hold")
	return nil
}

// stopped says that a step did not come to its end, and what that leaves behind. An error that speaks to people stays.
func stopped(err error, where, what string) error {
	var p *problem.Problem
	if errors.As(err, &p) || errors.Is(err, context.Canceled) {
		return err
	}
	return problem.Wrap(err, problem.Failed, where, what+" ("+cause(err)+")", "check the disk (room, permissions), then run again: the generation before is whole, and nothing is lost")
}

// cause is the innermost reason, without the names of files.
func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// fail notes what did not work and does not stop the night.
func (r *run) fail(ctx context.Context, err error) {
	r.sum.Failures = append(r.sum.Failures, err.Error())
	r.Log.LogAttrs(ctx, slog.LevelError, "passed over", slog.String("problem", err.Error()))
}

// load makes the next generation of everything that stands in landing.
func (r *run) load(ctx context.Context) error { return r.build(ctx, false) }

func (r *run) build(ctx context.Context, erase bool) error {
	inputs, agencies, err := r.inputs()
	if err != nil {
		return err
	}
	m, changed, err := lake.Build(ctx, lake.BuildConfig{Home: r.Home, FS: r.FS, Acts: r.acts(erase), Drops: inputs, Agencies: agencies, Now: r.Now, Location: r.Location,
		Rand: r.Rand, Engine: r.Engine, Full: r.Rebuild, Suppress: r.gone.suppressed(), Erase: erase, Left: r.left, Progress: func(s string) { r.Progress(Step{What: s}) }})
	if err != nil {
		return stopped(err, "the lake", "the new generation could not be written")
	}
	r.sum.Generation, r.sum.Changed, r.sum.Content = m.Generation, changed, m.Content.String()
	return nil
}

// acts are a steward's, once: an erasure that has to be finished first is made without them.
func (r *run) acts(erase bool) []link.Act {
	if erase {
		return nil
	}
	return r.Acts
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
