package main

import (
	"os"
	"path/filepath"
	"time"

	"heatwatch/etl/partner"
	"heatwatch/internal/cli"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/internal/settings"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures/schema"
)

// command is what every command of this binary starts from.
type command struct {
	*cli.App
	dir string
}

// path is the home that was meant, whether there is one or not.
func (c *command) path() home.Home {
	dir := c.dir
	if dir == "" {
		dir = c.Env["HEATWATCH_HOME"]
	}
	if dir == "" {
		dir = "."
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return home.Home{Dir: dir}
}

// house is an opened home: its settings, ledger and clock.
type house struct {
	home.Home
	settings settings.Settings
	ledger   *ledger.Ledger
	now      func() time.Time
	zone     *time.Location
	fs       durable.FS
}

// open reads a home. The ledger is checked end to end: nothing works on a home whose ledger does not verify.
func (c *command) open() (*house, error) {
	h := c.path()
	if err := h.Check(); err != nil {
		return nil, err
	}
	s, err := settings.Load(h.Config(), c.Env)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(durable.OS(), h.Ledger(), h.Keys())
	if err != nil {
		return nil, err
	}
	if tz := l.Terms().Timezone; tz != s.Timezone {
		return nil, problem.New(problem.Usage, h.Config()+": timezone", "this home was made for "+tz+", and its dates are stored", "set it back")
	}
	now, err := c.Clock(l.Terms().Mode == ledger.Demo)
	if err != nil {
		return nil, err
	}
	return &house{Home: h, settings: s, ledger: l, now: now, zone: zone, fs: durable.OS()}, nil
}

func (h *house) demo() bool { return h.ledger.Terms().Mode == ledger.Demo }

func (h *house) today() models.Date { return models.DateOf(h.now().In(h.zone)) }

func (h *house) keys() (partner.Keys, error) { return partner.HomeKeys(h.Keys()) }

// planFile is the home's copy of its release plan; the ledger decides what it must be.
func (h *house) planFile() string { return filepath.Join(h.Plans(), "plan.yaml") }

// plan reads the release plan and compares it with the ledger.
func (h *house) plan() (*privacy.Plan, privacy.Schema, error) {
	sc := schema.Schema()
	text, err := os.ReadFile(h.planFile())
	if err != nil {
		return nil, sc, problem.Wrap(err, problem.Failed, h.planFile(), "the release plan cannot be read", "restore it from a copy")
	}
	epsilon, delta := h.epsilon()
	p, err := privacy.ParsePlan(text, h.planFile(), sc, epsilon, delta)
	if err != nil {
		return nil, sc, err
	}
	if p.Hash != h.ledger.Plan().Hash {
		return nil, sc, problem.New(problem.Refused, h.planFile(), "the plan is not the one in the ledger ("+short(h.ledger.Plan().Hash)+", found "+short(p.Hash)+")", "restore the file; a new plan is entered with `heatwatch budget amend`")
	}
	return p, sc, nil
}

func short(hash string) string { return hash[:min(12, len(hash))] }

// scaledBy is the population whose cap is the setting privacy.lifetime_epsilon; all others scale with it.
const scaledBy = "minors"

// epsilon is the lifetime epsilon that the ledger fixed.
func (h *house) epsilon() (epsilon, delta float64) {
	t := h.ledger.Terms()
	for _, p := range t.Populations {
		if p.Name == scaledBy {
			epsilon = p.CapEpsilon
		}
	}
	return epsilon, t.Delta
}

// notPrivate is where figures stop being private in any useful sense.
const notPrivate = 10

// warn says in so many words that the figures of this home are not private.
func (c *command) warn(h *house) {
	if e, _ := h.epsilon(); e > notPrivate {
		c.Say("heatwatch: lifetime epsilon is %g: the figures of this home are not private", e)
	}
	if h.demo() {
		c.Say("heatwatch: this is a demonstration home: its data is synthetic")
	}
}

// enrolled is a partner with its agreement.
type enrolled struct {
	name string
	partner.Agreement
}

// partners lists the enrolled partners by name.
func (h *house) partners() ([]enrolled, error) {
	names, err := partner.List(h.Partners())
	if err != nil {
		return nil, err
	}
	var all []enrolled
	for _, n := range names {
		a, err := partner.Load(h.Partners(), n)
		if err != nil {
			return nil, err
		}
		all = append(all, enrolled{n, a})
	}
	return all, nil
}

// kinds counts enrolled partners per kind.
func (h *house) kinds() (map[string]int, error) {
	ps, err := h.partners()
	all := map[string]int{}
	for _, p := range ps {
		all[p.Kind]++
	}
	return all, err
}

// firstDay is the first day of the earliest agreement: nothing is known from before it.
func (h *house) firstDay() (models.Date, error) {
	ps, err := h.partners()
	first := h.today()
	for _, p := range ps {
		first = min(first, p.StartsOn)
	}
	return first, err
}
