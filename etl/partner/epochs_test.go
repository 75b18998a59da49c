package partner

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

func TestEpochsOverlap(t *testing.T) {
	dir, day := t.TempDir(), date(t, "2026-03-01")
	e, err := ReadEpochs(dir)
	if err != nil || fmt.Sprint(e.InUse(day)) != "[1]" {
		t.Fatalf("a new home: %v %v", e, err)
	}
	if _, err = e.Rotate(durable.OS(), dir, day, 90); err != nil {
		t.Fatal(err)
	}
	if e, err = ReadEpochs(dir); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{"2026-03-01": "[1 2]", "2026-05-30": "[1 2]", "2026-05-31": "[2]", "2030-01-01": "[2]"} {
		if got := fmt.Sprint(e.InUse(date(t, at))); got != want {
			t.Errorf("on %s %s are in use, want %s", at, got, want)
		}
	}
	if _, err := e.Rotate(durable.OS(), dir, day, 90); problem.ExitCode(err) != problem.Usage {
		t.Errorf("a third epoch: %v", err)
	}
	if e, err = e.Rotate(durable.OS(), dir, date(t, "2027-01-01"), 0); err != nil || fmt.Sprint(e.InUse(date(t, "2027-01-02"))) != "[3]" {
		t.Errorf("%v %v", e, err)
	}
}

func TestDamagedEpochs(t *testing.T) {
	for _, bad := range []string{"", "x", `{"schema":1,"epochs":[]}`, `{"schema":2,"epochs":[{"epoch":1,"from":"2026-01-01"}]}`, `{"schema":1,"epochs":[{"epoch":2,"from":"2026-01-01"}]}`,
		`{"schema":1,"epochs":[{"epoch":1,"from":"2026-01-01"},{"epoch":2,"from":"2026-01-01"}]}`} {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, epochsName), []byte(bad), 0o600)
		if _, err := ReadEpochs(dir); problem.ExitCode(err) != problem.Usage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestEpochsHaveKeysOfTheirOwn(t *testing.T) {
	k := homeKeys(t)
	seen := map[string]bool{k.Linkage.Fingerprint(): true, k.Vault().Fingerprint(): true}
	for epoch := range 5 {
		f := k.LinkageOf(epoch + 1).Fingerprint()
		if seen[f] {
			t.Fatal("two keys have one fingerprint")
		}
		seen[f] = true
	}
}
