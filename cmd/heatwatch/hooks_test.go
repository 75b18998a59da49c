package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/nightly"
	"heatwatch/internal/cli"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

// hooked makes a home whose hooks write what they were given into a file.
func hooked(t *testing.T) (r *rig, told func() string) {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "told")
	script := filepath.Join(dir, "hook")
	text := fmt.Sprintf("#!/bin/sh\necho \"$@ [$ALERT_PARTNER|$ALERT_CODE|$HEARTBEAT|$SECRET]\" >> %s\necho noise\n", out)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	r = newRig(t, "PATH=/usr/bin:/bin", "SECRET=hush")
	r.now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	r.run(0, "init")
	settings := fmt.Sprintf("hooks:\n  alert: [%q, \"two words; $HOME\"]\n  heartbeat: [%q]\n", script, script)
	if err := os.WriteFile(filepath.Join(r.home(), "heatwatch.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return r, func() string {
		b, _ := os.ReadFile(out)
		os.Remove(out)
		return string(b)
	}
}

func TestHooksAreToldNoCounts(t *testing.T) {
	r, told := hooked(t)
	r.run(0, "partner", "add", "shelter-a", "--kind", "shelter")
	r.run(0, "nightly")
	if got, want := told(), "done [||done|]\n"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	// 31 days and a week of grace: late from the 39th day, and told once.
	r.now = r.now.AddDate(0, 0, 39)
	r.run(0, "nightly")
	if got, want := told(), "two words; $HOME shelter-a not_fresh [shelter-a|not_fresh||]\ndone [||done|]\n"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	r.run(0, "nightly")
	if got, want := told(), "done [||done|]\n"; got != want {
		t.Errorf("told %q again, want %q", got, want)
	}
	// It is late no more, and then again.
	r.run(0, "partner", "set", "shelter-a", "freshness=quarterly")
	r.run(0, "nightly")
	r.run(0, "partner", "set", "shelter-a", "freshness=weekly")
	told()
	r.run(0, "nightly")
	if got := told(); !strings.Contains(got, "shelter-a not_fresh") {
		t.Errorf("late again: told %q", got)
	}
	// Whoever is suspended need not send.
	r.run(0, "partner", "set", "shelter-a", "freshness=quarterly")
	r.run(0, "partner", "set", "shelter-a", "state=suspended")
	r.run(0, "nightly")
	r.run(0, "partner", "set", "shelter-a", "freshness=weekly")
	told()
	r.run(0, "nightly")
	if got := told(); strings.Contains(got, "not_fresh") {
		t.Errorf("suspended: told %q", got)
	}
	// A drop that is refused, by the folder of a partner that is suspended.
	drop := filepath.Join(r.home(), "sftp", "shelter-a", "incoming", "d1")
	if err := os.MkdirAll(drop, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(drop, "manifest.json"), []byte(`{"schema":1,"partner":"shelter-a","created":"2026-12-01T00:00:00Z","covers":{"from":"2026-11-01","to":"2026-11-30"},"mode":"snapshot","files":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r.run(4, "nightly")
	if got, want := told(), "two words; $HOME shelter-a drop_refused [shelter-a|drop_refused||]\nput_aside [||put_aside|]\n"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	// A night that finds the home locked is none.
	lock, err := home.Home{Dir: r.home()}.Lock("test", r.now)
	if err != nil {
		t.Fatal(err)
	}
	r.run(1, "nightly")
	lock.Unlock()
	if got := told(); got != "" {
		t.Errorf("told %q of a night that never began", got)
	}
	// A night that fails.
	lake := filepath.Join(r.home(), "lake")
	if err := os.RemoveAll(lake); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lake, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.run(1, "nightly")
	if got, want := told(), "two words; $HOME - night_failed [-|night_failed||]\nfailed [||failed|]\n"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	// No night, no heartbeat.
	r.run(2, "nightly", "--from", filepath.Join(r.dir, "nothing"))
	if got := told(); got != "" {
		t.Errorf("told %q of a night that never began", got)
	}
	var n nightNote
	b, err := os.ReadFile(filepath.Join(r.home(), "logs", "night.json"))
	if err != nil || json.Unmarshal(b, &n) != nil || n.State != nightFailure || !n.Started.Equal(r.now) {
		t.Errorf("the note says %s (%v)", b, err)
	}
}

func TestAlertsOfANight(t *testing.T) {
	r := newRig(t)
	r.run(0, "init")
	for _, p := range []string{"a", "b", "c"} {
		r.run(0, "partner", "add", p, "--kind", "shelter")
	}
	c := &command{App: cli.New(nil, nil, &bytes.Buffer{}, &bytes.Buffer{}, r.clock), dir: r.home()}
	h, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	drops := []nightly.Outcome{
		{Partner: "a", State: intake.Accepted, Accepted: 900, Quarantined: 100}, // a tenth is not above a tenth
		{Partner: "b", State: intake.Partial, Accepted: 899, Quarantined: 101},
		{Partner: "c", State: intake.Accepted, Accepted: 10},
		{Partner: "c", State: intake.Refused},
	}
	all, late, err := h.alerts(nightly.Summary{Drops: drops}, nightAside, nil)
	if want := []alert{{"b", alertAside}, {"c", alertRefused}}; err != nil || !slices.Equal(all, want) || len(late) != 0 {
		t.Errorf("%v, late %v, %v, want %v", all, late, err, want)
	}
	h.settings.Hooks.QuarantineShare = 0.05
	if all, _, _ := h.alerts(nightly.Summary{Drops: drops}, nightPartly, nil); len(all) != 4 || all[0] != (alert{noPartner, alertFailed}) {
		t.Errorf("%v", all)
	}
	for want, s := range map[string]nightly.Summary{nightDone: {}, nightAside: {Refused: 1}, nightPartly: {Failures: []string{"x"}, Refused: 1}} {
		if got := nightState(s, nil); got != want {
			t.Errorf("%+v is %s, want %s", s, got, want)
		}
	}
	if nightState(nightly.Summary{}, problem.New(1, "", "", "")) != nightFailure {
		t.Error("a failure is none")
	}
}

// A hook has a time limit, for all its children too, and its words do not go to the terminal.
func TestHooksThatHangOrTalk(t *testing.T) {
	var errw bytes.Buffer
	c := &command{App: cli.New(nil, nil, &bytes.Buffer{}, &errw, time.Now)}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	pids := filepath.Join(t.TempDir(), "pid")
	c.callHook(ctx, "hooks.alert", []string{"/bin/sh", "-c", "sleep 60 & echo $! > " + pids + "; sleep 60"}, nil, nil)
	var child int
	if b, err := os.ReadFile(pids); err != nil {
		t.Error(err)
	} else if fmt.Sscan(string(b), &child); child < 2 {
		t.Errorf("no child: %q", b)
	}
	for i := 0; syscall.Kill(child, 0) == nil && !zombie(child); i++ {
		if i > 100 {
			t.Fatal("its child lives on")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if !strings.Contains(errw.String(), "a hook failed") || !strings.Contains(errw.String(), "took too long") {
		t.Errorf("said %q", errw.String())
	}
	errw.Reset()
	c.callHook(t.Context(), "hooks.alert", []string{"/bin/sh", "-c", "echo hello; yes | head -c 100000"}, nil, nil)
	if errw.Len() > 0 {
		t.Errorf("said %q", errw.String())
	}
	c.callHook(t.Context(), "hooks.alert", []string{"/bin/sh", "-c", "yes | head -c 100000; exit 3"}, nil, nil)
	if !strings.Contains(errw.String(), "exit status 3") || errw.Len() > 5000 {
		t.Errorf("%d bytes: %.300q", errw.Len(), errw.String())
	}
	errw.Reset()
	c.callHook(t.Context(), "hooks.alert", []string{"/no/such/program"}, nil, nil)
	if !strings.Contains(errw.String(), "a hook failed") {
		t.Errorf("said %q", errw.String())
	}
}

// zombie reports whether a process is dead and nobody has asked how it ended.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}
