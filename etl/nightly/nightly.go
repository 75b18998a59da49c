package nightly

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/lake"
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
	Keep     int       // generations to keep; 0: 7
	Rebuild  bool      // fold everything anew from landing
	Engine   lake.Engine
	Limits   intake.Limits
	Workers  int
	Pull     func(ctx context.Context) error // copies remote areas into the home's; nil: none
	Push     func(ctx context.Context) error // brings receipts back; nil: none
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
	if c.Keep <= 0 {
		c.Keep = 7
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
	r := &run{Config: cfg, today: models.DateOf(cfg.Now.In(cfg.Location)), answered: map[dropID]bool{}, odd: map[string]bool{}}
	err = r.all(ctx)
	return r.sum, err
}

type dropID struct{ partner, drop string }

// run holds one night.
type run struct {
	Config
	today    models.Date
	sum      Summary
	found    []found
	answered map[dropID]bool // drops that are in the summary
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
	if err := r.discover(ctx); err != nil {
		return err
	}
	if err := r.takeAll(ctx); err != nil {
		return err
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	if err := r.receipts(ctx); err != nil {
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
	gone, err := lake.Clean(r.Home, r.FS, r.Keep)
	r.sum.Cleaned = gone
	r.Log.LogAttrs(ctx, slog.LevelInfo, "night ended", slog.Int("generation", r.sum.Generation), slog.Bool("changed", r.sum.Changed),
		slog.Int("taken", r.sum.Taken), slog.Int("refused", r.sum.Refused), slog.Int("waiting", r.sum.Waiting))
	return err
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
func (r *run) load(ctx context.Context) error {
	inputs, agencies, err := r.inputs()
	if err != nil {
		return err
	}
	m, changed, err := lake.Build(ctx, lake.BuildConfig{Home: r.Home, FS: r.FS, Drops: inputs, Agencies: agencies, Now: r.Now, Location: r.Location,
		Rand: r.Rand, Engine: r.Engine, Full: r.Rebuild, Progress: func(s string) { r.Progress(Step{What: s}) }})
	if err != nil {
		return stopped(err, "the lake", "the new generation could not be written")
	}
	r.sum.Generation, r.sum.Changed, r.sum.Content = m.Generation, changed, m.Content.String()
	return nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
