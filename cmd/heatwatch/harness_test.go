package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heatwatch/fixtures"
	"heatwatch/models"
)

// rig is a demonstration home in a temporary folder, driven through the command line.
type rig struct {
	t   testing.TB
	dir string
	env []string
	now time.Time

	lastErr string
}

func newRig(t testing.TB, env ...string) *rig {
	t.Helper()
	return &rig{t: t, dir: t.TempDir(), env: env, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
}

func (r *rig) clock() time.Time { return r.now }

func (r *rig) home() string { return filepath.Join(r.dir, "home") }

// run runs the program and wants this exit code.
func (r *rig) run(want int, args ...string) (stdout string) {
	r.t.Helper()
	var out, errw bytes.Buffer
	got := run(context.Background(), append([]string{"--home", r.home()}, args...), r.env, strings.NewReader(""), &out, &errw, r.clock)
	if got != want {
		r.t.Fatalf("heatwatch %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, want, errw.String(), out.String())
	}
	r.lastErr = errw.String()
	return out.String()
}

// county makes a synthetic county, its drops, and one night of them.
func (r *rig) county(cfg fixtures.Config) *fixtures.Truth {
	r.t.Helper()
	truth := r.drops(cfg)
	r.run(0, "nightly", "--from", filepath.Join(r.dir, "area"))
	return truth
}

// drops makes exports and, with a real deidentify for each enrolled agency, its drops in area/.
func (r *rig) drops(cfg fixtures.Config) *fixtures.Truth {
	r.t.Helper()
	raw := filepath.Join(r.dir, "raw")
	if err := os.MkdirAll(raw, 0o700); err != nil {
		r.t.Fatal(err)
	}
	truth, err := fixtures.Generate(cfg, fixtures.OSDir(raw))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, p := range truth.Partners {
		if _, err := os.Stat(filepath.Join(raw, p.Name)); err != nil {
			continue // a small county: this agency saw nobody
		}
		r.run(0, "partner", "add", p.Name, "--kind", p.Kind)
		r.run(0, "partner", "set", p.Name, "starts_on="+cfg.FirstQuarter.First().String())
		kit := filepath.Join(r.dir, "kits", p.Name)
		r.run(0, "partner", "kit", p.Name, "--out", kit)
		covers := p.From.String() + ":" + p.Covers.String()
		r.run(0, "deidentify", "--kit", kit, filepath.Join(raw, p.Name), "--out", filepath.Join(r.dir, "area", p.Name, "incoming", "first"), "--covers", covers)
	}
	return truth
}

func quarter(t testing.TB, s string) models.Period {
	t.Helper()
	p, err := models.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
