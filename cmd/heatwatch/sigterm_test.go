package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"heatwatch/internal/cli"
)

// A real process that is told to stop in the middle of a night does so within five seconds, and the next one comes to
// the same end as if nothing had happened.
func TestSIGTERMEndsANight(t *testing.T) {
	p := newProcesses(t, "2024-01-01")
	drop := filepath.Join(p.home, "sftp", "alpha", "incoming", "d1")
	if err := os.MkdirAll(drop, 0o700); err != nil {
		t.Fatal(err)
	}
	const rows = 60_000
	var text bytes.Buffer
	text.WriteString("person_key,birth_year\n")
	for i := range rows {
		fmt.Fprintf(&text, "p%d,2011\n", i)
	}
	manifest := fmt.Sprintf(`{"schema":1,"partner":"alpha","created":"2025-06-01T12:00:00Z","mode":"snapshot","covers":{"from":"2024-01-01","to":"2025-05-31"},`+
		`"files":[{"name":"persons.csv","entity":"persons","rows":%d,"sha256":"%x"}]}`, rows, sha256.Sum256(text.Bytes()))
	for name, b := range map[string][]byte{"persons.csv": text.Bytes(), "manifest.json": []byte(manifest)} {
		if err := os.WriteFile(filepath.Join(drop, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stopped := 0
	for _, after := range []time.Duration{50, 300, 700} {
		cmd := p.command("nightly")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after * time.Millisecond)
		start := time.Now()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if d := time.Since(start); d > 6*time.Second { // of which one is the machine's
			t.Errorf("after %d ms: it took %v", after, d)
		}
		switch {
		case strings.Contains(errs.String(), "the next run goes on from there") && cmd.ProcessState.ExitCode() == 1:
			stopped++
		case cmd.ProcessState.ExitCode() != 0 && cmd.ProcessState.ExitCode() != -1: // done already, or not yet listening to signals
			t.Errorf("after %d ms: exit %d, %s", after, cmd.ProcessState.ExitCode(), errs.String())
		}
		if _, err := os.Stat(filepath.Join(p.home, "logs", "night.json")); err == nil && stopped == 1 {
			t.Error("a night that was stopped counts as one that ended")
		}
	}
	if stopped == 0 {
		t.Error("no night was stopped in the middle: make it longer")
	}
	p.must("nightly")
	if out := p.must("status", "--format", "csv"); !strings.Contains(out, fmt.Sprint(rows)) {
		t.Errorf("status says %s", out)
	}
	p.must("verify")
}

func TestANightThatDoesNotLookUpIsEnded(t *testing.T) {
	for _, hangs := range []bool{true, false} {
		var said buffer
		exits := make(chan int, 1)
		app := cli.New(nil, nil, &said, &said, time.Now)
		app.Exit = func(code int) { exits <- code }
		c := &command{App: app}
		ctx, cancel := context.WithCancel(t.Context())
		done := c.insist(ctx, 50*time.Millisecond)
		cancel()
		if !hangs {
			done()
		}
		select {
		case code := <-exits:
			if !hangs || code != 1 || !strings.Contains(said.String(), "goes on from there") {
				t.Errorf("hangs %v: exit %d, said %q", hangs, code, said.String())
			}
		case <-time.After(300 * time.Millisecond):
			if hangs {
				t.Error("it goes on for ever")
			}
		}
	}
}
