package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	dir     string
	serving bool // this process is serve
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

// locked runs f while the home's lock is held. The home is read under the lock: what another run wrote meanwhile is seen.
func (c *command) locked(what string, f func(h *house) error) error {
	at := c.path()
	if err := at.Check(); err != nil {
		return err
	}
	lock, err := at.Lock(what, c.System())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := at.Migrate(durable.OS()); err != nil {
		return err
	}
	h, err := c.open()
	if err != nil {
		return err
	}
	return f(h)
}

func (h *house) demo() bool { return h.ledger.Terms().Mode == ledger.Demo }

func (h *house) today() models.Date { return models.DateOf(h.now().In(h.zone)) }

func (h *house) keys() (partner.Keys, error) { return partner.HomeKeys(h.Keys()) }

// planFile is the home's copy of its release plan; the ledger decides what it must be.
func (h *house) planFile() string { return filepath.Join(h.Plans(), "plan.yaml") }

// plan reads the release plan and compares it with the ledger.
func (h *house) plan() (*privacy.Plan, privacy.Schema, error) {
	sc := schema.Schema()
	text, err := h.planText()
	if err != nil {
		return nil, sc, err
	}
	epsilon, delta := h.epsilon()
	p, err := privacy.ParsePlan(text, h.planFile(), sc, epsilon, delta)
	return p, sc, err
}

// planText is the home's copy of the plan, which must be the one that was entered last. Where the file is gone, or is one
// that was entered earlier (an amendment was cut off, or an older copy restored), the ledger's own text stands for it. A
// file that was edited is nobody's plan.
func (h *house) planText() ([]byte, error) {
	plan := h.ledger.Plan()
	text, err := os.ReadFile(h.planFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, problem.Wrap(err, problem.Failed, h.planFile(), "the release plan cannot be read", "check its owner and mode")
	}
	found := ""
	if err == nil {
		sum := sha256.Sum256(text)
		found = hex.EncodeToString(sum[:])
	}
	entered := slices.ContainsFunc(h.ledger.Plans(), func(p ledger.Plan) bool { return p.Hash == found })
	switch {
	case found == plan.Hash:
		return text, nil
	case (found == "" || entered) && plan.Text != "":
		return []byte(plan.Text), nil
	case found == "":
		return nil, problem.Wrap(err, problem.Failed, h.planFile(), "the release plan cannot be read", "restore it from a copy")
	}
	return nil, problem.New(problem.Refused, h.planFile(), "the plan is not the one in the ledger ("+short(plan.Hash)+", found "+short(found)+")",
		"restore the file; a new plan is entered with `heatwatch budget amend`")
}

// writePlan makes the home's copy of the plan the one that was entered last. The ledger's entry is what counts: a crash
// before this leaves a file that planText does not need.
func (h *house) writePlan() error {
	text, err := h.planText()
	if err != nil {
		return err
	}
	if there, err := os.ReadFile(h.planFile()); err == nil && bytes.Equal(there, text) {
		return nil
	}
	if err := durable.Replace(h.fs, h.planFile(), text, 0o644); err != nil {
		return problem.Wrap(err, problem.Failed, h.planFile(), "the plan cannot be written", "check the room on the disk; the ledger holds it")
	}
	return nil
}

func short(hash string) string { return hash[:min(12, len(hash))] }

// scaledBy is the population whose cap is the setting privacy.lifetime_epsilon; all others scale with it.
const scaledBy = "minors"

// epsilon is the lifetime epsilon that the ledger fixed, by its first entry or by the last amendment.
func (h *house) epsilon() (epsilon, delta float64) {
	for _, p := range h.ledger.Populations() {
		if p.Name == scaledBy {
			epsilon = p.CapEpsilon
		}
	}
	return epsilon, h.ledger.Terms().Delta
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

// epochs are those of the linkage keys in use today.
func (h *house) epochs() ([]int, error) {
	all, err := partner.ReadEpochs(h.Keys())
	return all.InUse(h.today()), err
}
