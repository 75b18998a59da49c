package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"heatwatch/fixtures"
	"heatwatch/models"
)

// binary builds the program once, as a user has it.
func binary(b testing.TB) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "heatwatch")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return path
}

// timed runs a process and returns its wall and CPU time.
func timed(b testing.TB, name string, args ...string) (wall, cpu time.Duration) {
	b.Helper()
	cmd := exec.Command(name, args...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return time.Since(began), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// BenchmarkNight compares a night with nothing new with the first one, whole processes over the same home.
func BenchmarkNight(b *testing.B) {
	program := binary(b)
	for b.Loop() {
		r := newRig(b)
		r.now = time.Now()
		r.run(0, "init")
		end, _ := models.ParseDate("2025-10-01")
		r.drops(fixtures.Config{Seed: 3, Persons: 20_000, FirstQuarter: models.YearPeriod(2021).Quarters()[0], Quarters: 16, End: end, NoFigures: true})
		area := filepath.Join(r.dir, "area")
		first, firstCPU := timed(b, program, "--home", r.home(), "nightly", "--from", area)
		again, againCPU := timed(b, program, "--home", r.home(), "nightly", "--from", area)
		b.ReportMetric(first.Seconds(), "first-s")
		b.ReportMetric(again.Seconds(), "no-op-s")
		b.ReportMetric(100*again.Seconds()/first.Seconds(), "no-op-%-of-first")
		b.ReportMetric(100*againCPU.Seconds()/firstCPU.Seconds(), "no-op-cpu-%")
	}
}

// BenchmarkHelp measures what a person waits for who only wants to know.
func BenchmarkHelp(b *testing.B) {
	program := binary(b)
	var cpu time.Duration
	n := 0
	for b.Loop() {
		for range 20 {
			_, c := timed(b, program, "--help")
			cpu += c
			n++
		}
	}
	b.ReportMetric(float64(cpu.Milliseconds())/float64(n), "cpu-ms")
}
