package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/fixtures"
	"heatwatch/models"
)

// A real file system runs full under a nightly: it says so, the home stays readable, and the next night, with
// room again, comes to the same content as a home that never ran full. The failing file systems of package durabletest try
// every single operation; this one is the real thing, a tmpfs in a namespace of its own.
func TestNightlyOnAFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	if out, err := exec.Command("unshare", "-rm", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine allows no mount namespace (%s): etl/nightly and etl/intake try a full disk with durabletest.FullAfter", strings.TrimSpace(string(out)))
	}
	program := self(t)
	r := newRig(t)
	r.run(0, "init")
	end, _ := models.ParseDate("2024-06-01")
	r.drops(fixtures.Config{Seed: 5, Persons: 120, FirstQuarter: quarter(t, "2023Q1"), Quarters: 4, End: end, NoFigures: true})
	area := filepath.Join(r.dir, "area")
	undisturbed := filepath.Join(r.dir, "undisturbed")
	copyTree(t, r.home(), undisturbed)
	r.run(0, "nightly", "--from", area)
	want := contentOf(r.run(0, "verify", "--format", "json"))

	script := `
set -u
mount -t tmpfs -o size="$SIZE" tmpfs "$MNT"
cp -a "$HOME_COPY" "$MNT/home" || exit 90
"$PROGRAM" --home "$MNT/home" nightly --from "$AREA" 2>"$OUT/full.err"; echo $? >"$OUT/full.code"
"$PROGRAM" --home "$MNT/home" verify --format json >"$OUT/after.json" 2>"$OUT/after.err"; echo $? >"$OUT/after.code"
mount -o remount,size=400m "$MNT"
"$PROGRAM" --home "$MNT/home" nightly --from "$AREA" 2>"$OUT/again.err"; echo $? >"$OUT/again.code"
"$PROGRAM" --home "$MNT/home" verify --format json >"$OUT/end.json" 2>"$OUT/end.err"; echo $? >"$OUT/end.code"
`
	for _, size := range []string{"300k", "700k", "1500k"} {
		t.Run(size, func(t *testing.T) {
			out, mnt := t.TempDir(), t.TempDir()
			cmd := exec.Command("unshare", "-rm", "sh", "-c", script)
			cmd.Env = append(os.Environ(), "SIZE="+size, "MNT="+mnt, "HOME_COPY="+undisturbed, "PROGRAM="+program, "AREA="+area, "OUT="+out)
			if b, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			read := func(name string) string {
				b, err := os.ReadFile(filepath.Join(out, name))
				if err != nil {
					t.Fatal(err)
				}
				return strings.TrimSpace(string(b))
			}
			if read("full.code") == "0" {
				t.Fatalf("the disk did not run full at %s; make it smaller", size)
			}
			if code, text := read("full.code"), read("full.err"); code != "1" || strings.Contains(text, "goroutine") || !strings.Contains(text, "disk") && !strings.Contains(text, "room") {
				t.Errorf("on a full disk: exit %s\n%s", code, text)
			}
			if code := read("after.code"); code != "0" {
				t.Errorf("after the full disk, verify: exit %s\n%s%s", code, read("after.json"), read("after.err"))
			}
			if code := read("again.code"); code != "0" {
				t.Errorf("with room again: exit %s\n%s", code, read("again.err"))
			}
			if got := contentOf(read("end.json")); got != want || read("end.code") != "0" {
				t.Errorf("content %s, want %s (verify exit %s)", got, want, read("end.code"))
			}
		})
	}
}

// contentOf takes the lake's content hash out of verify's JSON.
func contentOf(verdict string) string {
	_, rest, _ := strings.Cut(verdict, `"content":"`)
	hash, _, _ := strings.Cut(rest, `"`)
	return hash
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
