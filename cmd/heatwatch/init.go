package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"heatwatch/etl/drop"
	"heatwatch/etl/kept"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/internal/settings"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures/schema"
)

func (c *command) initCommand() *cobra.Command {
	var plan string
	var demo bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a warehouse home",
		Long: `Makes a warehouse home: commented settings, release plan, keys, and a ledger whose first entry fixes the plan and the
lifetime budget of every population. Nothing is overwritten.`,
		Example: `  heatwatch init --home county
  heatwatch init --home trial --plan full --demo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := c.makeHome(c.path(), plan, demo)
			if err != nil {
				return err
			}
			l, err := ledger.Open(durable.OS(), h.Ledger(), h.Keys())
			if err != nil {
				return err
			}
			c.Say("made a warehouse home in %s", h.Dir)
			c.Say("its id is %s; its public key has the fingerprint %s: write both down outside this machine", l.Home(), ledger.Fingerprint(l.PublicKey()))
			c.Say("next: heatwatch --home %s partner add NAME --kind KIND", h.Dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&plan, "plan", "", "county, full, or a file with a plan of your own (default: the setting privacy.plan)")
	cmd.Flags().BoolVar(&demo, "demo", false, "a demonstration: every page and file says so, and it takes no drop made for a real home")
	return cmd
}

// makeHome makes everything; the settings file, without which a folder is no home, comes last.
func (c *command) makeHome(h home.Home, planName string, demo bool) (home.Home, error) {
	if _, err := os.Stat(h.Config()); err == nil {
		return h, problem.New(problem.Usage, h.Dir, "there is a warehouse home already", "choose another folder; a home is never overwritten")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return h, problem.Wrap(err, problem.Failed, h.Dir, "the folder cannot be read", "check the permissions")
	}
	s, err := settings.Load("", c.Env)
	if err != nil {
		return h, err
	}
	if planName == "" {
		planName = s.Privacy.Plan
	}
	now, err := c.Now(demo)
	if err != nil {
		return h, err
	}
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return h, err
	}
	text, source, err := planText(planName)
	if err != nil {
		return h, err
	}
	p, err := privacy.ParsePlan(text, source, schema.Schema(), s.Privacy.LifetimeEpsilon, s.Privacy.Delta)
	if err != nil {
		return h, err
	}
	terms, err := firstTerms(p, s, demo)
	if err != nil {
		return h, err
	}
	fsys := durable.OS()
	for _, dir := range append([]string{h.Dir}, h.Folders()...) {
		if err := durable.MkdirAll(fsys, dir, 0o700); err != nil {
			return h, problem.Wrap(err, problem.Failed, dir, "the folder cannot be made", "check the permissions and the room on the disk")
		}
	}
	lock, err := h.Lock("init", now)
	if err != nil {
		return h, err
	}
	defer lock.Unlock()
	if err := partner.MakeHomeKeys(fsys, h.Keys(), rand.Reader); err != nil {
		return h, err
	}
	if _, err := kept.HomeKey(fsys, h.Keys()); err != nil {
		return h, err
	}
	if err := drop.CreateHostKey(fsys, hostKeyFile(h), rand.Reader); err != nil {
		return h, err
	}
	if err := durable.Create(fsys, filepath.Join(h.Plans(), "plan.yaml"), text, 0o644); err != nil {
		return h, problem.Wrap(err, problem.Failed, h.Plans(), "the plan cannot be written", "check the room on the disk")
	}
	date := models.DateOf(now.In(zone)).String()
	if _, err := ledger.Create(fsys, h.Ledger(), h.Keys(), rand.Reader, date, terms); err != nil {
		return h, err
	}
	if err := h.WriteFormat(fsys); err != nil {
		return h, err
	}
	s.Privacy.Plan = p.Name
	if err := durable.Create(fsys, h.Config(), settings.Template(s), 0o600); err != nil {
		return h, problem.Wrap(err, problem.Failed, h.Config(), "the settings cannot be written", "check the room on the disk")
	}
	if s.Privacy.LifetimeEpsilon > notPrivate {
		c.Say("heatwatch: lifetime epsilon is %g: the figures of this home are not private", s.Privacy.LifetimeEpsilon)
	}
	return h, nil
}

func hostKeyFile(h home.Home) string { return filepath.Join(h.Keys(), "ssh_host_ed25519") }

// planText is an embedded plan or a file.
func planText(name string) (text []byte, source string, err error) {
	if b, ok := privacy.EmbeddedPlan(name); ok {
		return b, "plan " + name, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, "", problem.Wrap(err, problem.Usage, name, "there is no such plan", "use county, full, or a file")
	}
	return b, name, nil
}

// firstTerms is what the ledger's first entry fixes.
func firstTerms(p *privacy.Plan, s settings.Settings, demo bool) (ledger.Terms, error) {
	t := ledger.Terms{Mode: ledger.Real, Timezone: s.Timezone, Delta: s.Privacy.Delta, Plan: entered(p)}
	if demo {
		t.Mode = ledger.Demo
	}
	var err error
	t.Populations, err = caps(p, s.Privacy.LifetimeEpsilon, s.Privacy.Delta)
	return t, err
}

// entered is a plan as the ledger holds it.
func entered(p *privacy.Plan) ledger.Plan {
	return ledger.Plan{Name: p.Name, Version: p.Version, Hash: p.Hash, Text: string(p.Text)}
}

// caps are the lifetime budgets of a plan's populations at a lifetime epsilon.
func caps(p *privacy.Plan, lifetime, delta float64) ([]ledger.Population, error) {
	var all []ledger.Population
	for _, pop := range p.Populations {
		cap2 := accountant.Mu2(p.Cap(pop.Name) * float64(accountant.Unit)) // rounded down: against us
		epsilon, err := cap2.Epsilon(delta)
		if err != nil {
			return nil, err
		}
		if pop.Name == scaledBy {
			epsilon = lifetime
		}
		all = append(all, ledger.Population{Name: pop.Name, Unit: pop.Unit, Lifetime: pop.Lifetime, CapMu2: cap2, CapEpsilon: epsilon})
	}
	return all, nil
}
