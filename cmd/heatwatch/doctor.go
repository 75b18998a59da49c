package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/internal/settings"
	"heatwatch/models"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/render"
)

func (c *command) doctorCommand() *cobra.Command {
	return &cobra.Command{Use: "doctor", Short: "Look whether the home is fit for the coming nights", Args: cobra.NoArgs,
		Long: `Looks at what a home needs to go on, and says for each what to do: settings, ledger, keys and permissions, agreements, room on
the disk for seven nights, the clock, witnesses, the last night, backups, leftovers, and who is at work. It changes nothing,
and works on a home on which nothing else does. What is in the home is for verify.

The room is estimated: seven times what a night has added to lake and landing of late, and one lake for its compaction.

Exit 0: nothing fails, though there may be warnings. Exit 1: something fails.`,
		Example: "  heatwatch doctor\n  heatwatch doctor --format json",
		RunE: func(*cobra.Command, []string) error {
			at := c.path()
			if err := at.Check(); err != nil {
				return err
			}
			d := c.examine(at)
			t := render.Table{Columns: render.Cols("check", "state", "what", "next")}
			var failing []string
			for _, f := range d.findings {
				t.Rows = append(t.Rows, []string{f.check, f.state, f.what, f.next})
				if f.state == stateFail && !slices.Contains(failing, f.check) {
					failing = append(failing, f.check)
				}
			}
			if err := c.Table(t); err != nil {
				return err
			}
			if len(failing) > 0 {
				return problem.New(problem.Failed, at.Dir, "these checks fail: "+strings.Join(failing, ", "), "do what stands beside them")
			}
			return nil
		}}
}

// The states of a check.
const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateFail = "fail"
)

// finding is what one check found, and what to do about it.
type finding struct{ check, state, what, next string }

// doctor is one look at a home. Each check stands on what the ones before it could open, and goes without where they could
// not.
type doctor struct {
	home     home.Home
	settings settings.Settings
	ledger   *ledger.Ledger // nil: it cannot be opened
	now      time.Time
	zone     *time.Location
	findings []finding
}

func (d *doctor) add(check, state, what, next string) {
	d.findings = append(d.findings, finding{check, state, what, next})
}

func (d *doctor) ok(check, what string)         { d.add(check, stateOK, what, "") }
func (d *doctor) warn(check, what, next string) { d.add(check, stateWarn, what, next) }
func (d *doctor) fail(check, what, next string) { d.add(check, stateFail, what, next) }

// failed is an error as a finding.
func (d *doctor) failed(check string, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) {
		d.fail(check, err.Error(), "check the disk and the permissions")
		return
	}
	what := p.What
	if p.Where != "" {
		what = p.Where + ": " + what
	}
	d.fail(check, what, p.Do)
}

func (d *doctor) today() models.Date { return models.DateOf(d.now.In(d.zone)) }

func (c *command) examine(at home.Home) *doctor {
	d := &doctor{home: at, now: c.System(), zone: time.UTC}
	var err error
	if d.settings, err = settings.Load(at.Config(), c.Env); err != nil {
		d.failed("settings", err)
		d.settings, _ = settings.Load("", nil)
	} else {
		d.ok("settings", "they can be read")
	}
	if zone, err := time.LoadLocation(d.settings.Timezone); err == nil {
		d.zone = zone
	}
	if d.ledger, err = ledger.Open(durable.OS(), at.Ledger(), at.Keys()); err != nil {
		d.ledger = nil
		d.failed("ledger", err)
	} else {
		if now, err := c.Now(d.ledger.Terms().Mode == ledger.Demo); err == nil {
			d.now = now
		}
		d.checkLedger()
	}
	for _, check := range []func(*doctor){(*doctor).checkKeys, (*doctor).checkFolders, (*doctor).checkAgreements, (*doctor).checkRoom, (*doctor).checkClock,
		(*doctor).checkWitnesses, (*doctor).checkNight, (*doctor).checkBackup, (*doctor).checkLeftovers, (*doctor).checkLock} {
		check(d)
	}
	return d
}

func (d *doctor) checkLedger() {
	at, err := d.ledger.Place()
	switch {
	case err != nil:
		d.failed("ledger", err)
	case at == ledger.Moved:
		d.warn("ledger", "this home was copied or restored: it is locked, and can only be read", "fetch the newest published site, then heatwatch ledger import --site DIR")
	default:
		d.ok("ledger", fmt.Sprintf("all entries hold, up to number %d", d.ledger.Position().Entries))
	}
}

// checkLock says who is at work. A run that takes a day is worth a look.
func (d *doctor) checkLock() {
	by, err := d.home.Held()
	switch {
	case err != nil:
		d.failed("lock", err)
	case by == "":
		d.ok("lock", "nobody is at work")
	default:
		since := time.Time{}
		if i := len(by) - len(time.RFC3339); i > 0 {
			since, _ = time.Parse(time.RFC3339, by[i:])
		}
		if !since.IsZero() && d.now.Sub(since) > 24*time.Hour {
			d.warn("lock", "held by "+by, "look whether that process still does something; its end gives the lock back")
			return
		}
		d.ok("lock", "held by "+by)
	}
}
