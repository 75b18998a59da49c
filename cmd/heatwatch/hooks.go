package main

import (
	"context"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/nightly"
	"heatwatch/etl/partner"
)

// alert is all that an alert tells: it goes to telephones and chat rooms.
type alert struct{ partner, code string }

// What an alert can be about. The first three are about a partner.
const (
	alertLate    = "not_fresh"
	alertAside   = "quarantine_high"
	alertRefused = "drop_refused"
	alertFailed  = "night_failed"
)

// noPartner stands where an alert is about the night as a whole.
const noPartner = "-"

// alerts lists what is to be told after a night, and the partners that are late now. Of those, the ones that were not
// late before are told: once for each time that a promise is broken.
func (h *house) alerts(sum nightly.Summary, state string, before []string) (all []alert, late []string, err error) {
	ps, err := h.partners()
	if err != nil {
		return nil, nil, err
	}
	if state == nightFailure || state == nightPartly {
		all = append(all, alert{noPartner, alertFailed})
	}
	for _, p := range ps {
		is, err := h.late(p)
		if err != nil {
			return nil, nil, err
		}
		if is {
			late = append(late, p.name)
		}
		if is && !slices.Contains(before, p.name) {
			all = append(all, alert{p.name, alertLate})
		}
		var accepted, aside int64
		refused := false
		for _, d := range sum.Drops {
			if d.Partner == p.name {
				accepted += d.Accepted
				aside += d.Quarantined
				refused = refused || d.State == intake.Refused
			}
		}
		if refused {
			all = append(all, alert{p.name, alertRefused})
		}
		if float64(aside) > h.settings.Hooks.QuarantineShare*float64(accepted+aside) {
			all = append(all, alert{p.name, alertAside})
		}
	}
	return all, late, nil
}

// late reports whether a partner that should send has not kept what it promised. One that never sent is measured from
// its first day.
func (h *house) late(p enrolled) (bool, error) {
	if p.State != partner.StateLive || !p.InForce(h.today()) {
		return false, nil
	}
	drops, err := intake.Drops(h.Landing(), p.name)
	if err != nil {
		return false, err
	}
	last := intake.Drop{Created: p.StartsOn.In(h.zone)}
	for _, d := range drops {
		if d.State != intake.Refused && d.Created.After(last.Created) {
			last = d
		}
	}
	return h.now().Sub(last.Created) > time.Duration(promiseDays[p.Freshness]+graceDays)*24*time.Hour, nil
}

// promiseDays is how long after a drop the next is due, and graceDays how much longer nobody is called.
var promiseDays = map[string]int{"weekly": 7, "monthly": 31, "quarterly": 92}

const graceDays = 7

const (
	hookTime  = 30 * time.Second // for one
	hooksTime = 5 * time.Minute  // for all of a night
	hookWords = 1 << 10          // bytes of a hook's output that are kept for the log
)

// callHooks runs alert for each alert, and heartbeat. A hook that fails is said, and changes nothing else.
func (c *command) callHooks(ctx context.Context, h *house, alerts []alert, state string) {
	ctx, cancel := context.WithTimeout(ctx, hooksTime)
	defer cancel()
	for _, a := range alerts {
		c.callHook(ctx, "hooks.alert", h.settings.Hooks.Alert, []string{a.partner, a.code}, []string{"ALERT_PARTNER=" + a.partner, "ALERT_CODE=" + a.code})
	}
	c.callHook(ctx, "hooks.heartbeat", h.settings.Hooks.Heartbeat, []string{state}, []string{"HEARTBEAT=" + state})
}

// callHook runs one command. It gets little of our environment, which may hold secrets, no shell, and no more time than
// all its children get.
func (c *command) callHook(ctx context.Context, name string, argv, more, env []string) {
	if len(argv) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], slices.Concat(argv[1:], more)...)
	cmd.Dir = "/"
	cmd.Env = env
	for _, k := range []string{"PATH", "HOME", "LANG", "TZ"} {
		if v, ok := c.Env[k]; ok {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	var said firstWords
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		why := err.Error()
		if ctx.Err() != nil {
			why = "it was ended: it took too long, or the program stops"
		}
		c.log().LogAttrs(ctx, slog.LevelWarn, "a hook failed", slog.String("hook", name), slog.String("why", why), slog.String("said", said.String()))
	}
}

// firstWords keeps the beginning of what is written to it.
type firstWords struct{ b strings.Builder }

func (w *firstWords) Write(p []byte) (int, error) {
	w.b.Write(p[:min(len(p), hookWords-w.b.Len())])
	return len(p), nil
}

func (w *firstWords) String() string { return strings.ToValidUTF8(w.b.String(), "?") }
