package deidentify

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Covers is the span of days that a drop speaks for, both ends included.
type Covers struct{ From, To models.Date }

// ParseCovers reads FROM:TO.
func ParseCovers(s string) (*Covers, error) {
	a, b, _ := strings.Cut(s, ":")
	from, ok1 := models.ParseDate(a)
	to, ok2 := models.ParseDate(b)
	if !ok1 || !ok2 || to < from {
		return nil, problem.New(problem.Usage, "--covers", "this is no span of days", "write FROM:TO, for instance 2026-01-01:2026-03-31")
	}
	return &Covers{from, to}, nil
}

// Config is one run.
type Config struct {
	FS  durable.FS // durable.OS() outside tests
	Kit partner.Kit
	Raw string // folder of exports; with From, the agency system's own export
	Out string // the drop's folder; must not exist; its base name is the drop's name

	Covers *Covers   // nil: from the agreement's first day to the day before Now
	Now    time.Time // becomes the manifest's created

	Mapping     string // file that says how the agency's own files are read; "": they are as the dictionary has them
	From        string // "" or "hmis-csv"
	Roster      string // hmis-csv: a file of PersonalIDs with a signed release, or "all"
	Engagements string // hmis-csv: "" or "enrollment"
}

// setup is what holds for a whole run.
type setup struct {
	agreement partner.Agreement
	agency    partner.Secret
	linkage   []partner.LinkageKey
	sealTo    string
	loc       *time.Location
	today     models.Date
	consented bool
}

// Run makes a drop. Whatever goes wrong, the report says what was found so far; with an error no drop is left.
func Run(ctx context.Context, cfg Config) (Report, error) {
	r := Report{Partner: cfg.Kit.Partner}
	if cfg.FS == nil {
		cfg.FS = durable.OS()
	}
	s, err := prepare(&cfg, &r)
	if err != nil {
		return r, err
	}
	src, err := openSource(&cfg, s, &r)
	if err != nil {
		return r, err
	}
	if s.agreement.Sharing == partner.SharingAggregate {
		others := false
		if r.Totals, others, err = s.countTotals(ctx, src); err != nil || !others {
			return r, err
		}
	}
	if err := s.mayShare(src); err != nil {
		return r, err
	}
	return r, makeDrop(ctx, cfg, s, src, &r)
}

// reserved is the name of a file in the partner's receipts; see intake.ScorecardName.
const reserved = "scorecard"

var dropName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// prepare checks everything that can be checked before a row is read.
func prepare(cfg *Config, r *Report) (setup, error) {
	usage := func(where, what, do string) (setup, error) {
		return setup{}, problem.New(problem.Usage, where, what, do)
	}
	loc, err := cfg.Kit.Location()
	if err != nil {
		return usage("timezone", "there is no such time zone", "ask for a new kit")
	}
	a := cfg.Kit.Agreement
	s := setup{agreement: a, agency: cfg.Kit.AgencyKey, linkage: cfg.Kit.Linkage, sealTo: cfg.Kit.SealTo, loc: loc, today: models.DateOf(cfg.Now.In(loc)), consented: a.Sharing == partner.SharingConsented}
	if !a.InForce(s.today) {
		return usage("agreement", "the agreement is suspended or has ended: nothing may be sent", "ask the warehouse")
	}
	if cfg.Out, err = filepath.Abs(cfg.Out); err != nil {
		return setup{}, err
	}
	r.Drop = filepath.Base(cfg.Out)
	if !dropName.MatchString(r.Drop) || r.Drop == reserved {
		return usage("--out", "the drop's name is the name of its folder: 1 to 64 of A-Z a-z 0-9 . _ -, and not "+reserved, "choose another, for instance 2026-01-31")
	}
	if _, err := os.Lstat(cfg.Out); err == nil {
		return usage(cfg.Out, "the folder of the drop is there already", "choose a new name: a drop is never changed; without manifest.json it is left over and can be deleted")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return usage(cfg.Out, "the folder of the drop cannot be made", "check the path and the permissions")
	}
	if Within(cfg.Out, cfg.Kit.Dir) {
		return usage(cfg.Out, "the drop would lie in the folder of the kit, which holds keys and keymaps", "put it elsewhere: drops are uploaded, kits never")
	}
	if cfg.Covers == nil {
		to := s.today - 1
		cfg.Covers = &Covers{min(cfg.Kit.StartsOn, to), to}
	}
	if cfg.Covers.To < cfg.Covers.From {
		return usage("--covers", "the last day is before the first", "write FROM:TO")
	}
	r.From, r.To = cfg.Covers.From, cfg.Covers.To
	return s, nil
}

// Within reports whether path would lie in dir or below, links resolved.
func Within(path, dir string) bool {
	real := func(p string) string {
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		if q, err := filepath.EvalSymlinks(p); err == nil {
			return q
		}
		return p
	}
	rel, err := filepath.Rel(real(dir), filepath.Join(real(filepath.Dir(path)), filepath.Base(path)))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func openSource(cfg *Config, s setup, r *Report) (source, error) {
	switch cfg.From {
	case "":
		if cfg.Roster != "" || cfg.Engagements != "" {
			return nil, problem.New(problem.Usage, "", "--roster and --engagements belong to --from hmis-csv", "leave them out")
		}
		if cfg.Mapping != "" {
			return openMapped(cfg, s.loc, r)
		}
		return openRaw(cfg.Raw)
	case "hmis-csv":
		if cfg.Mapping != "" {
			return nil, problem.New(problem.Usage, "--mapping", "an HMIS export is read without a mapping", "leave out one of --mapping and --from")
		}
		return openHMIS(cfg, s, r)
	}
	return nil, problem.New(problem.Usage, "--from", "the only foreign form is hmis-csv", "leave --from out for a folder of CSV files named as in the dictionary")
}

// mayShare refuses where the agreement shares persons with consent in force, and nothing says who they are.
func (s setup) mayShare(src source) error {
	if !s.consented {
		return nil
	}
	about, release := "", false // a file about persons we serve; a column that says who agreed
	for _, e := range order() {
		if !aboutPersons(e) {
			continue
		}
		in, err := src.open(e.Name)
		if err != nil {
			return err
		}
		if in == nil {
			continue
		}
		release = release || e.Name == "persons" && slices.Contains(in.header(), "release")
		in.Close()
		if e.Population != "accused" {
			about = in.file()
		}
	}
	if about != "" && !release {
		return problem.New(problem.Usage, about, "the agreement shares persons with consent in force, and no column `release` of persons.csv says who they are", "send persons.csv with it")
	}
	return nil
}

// order is the dictionary's, with the files that others refer to first.
func order() []models.Entity {
	all := slices.Clone(models.Dictionary().Entities)
	slices.SortStableFunc(all, func(a, b models.Entity) int { return rank(a) - rank(b) })
	return all
}

func rank(e models.Entity) int {
	if e.Tokens {
		return 0
	}
	return 1
}
