package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heatwatch/fixtures"
	"heatwatch/models"
)

// An agency sends a drop with its own program, is cut off, goes on, and reads its receipt the day after.
func TestSendIntoServe(t *testing.T) {
	address, health := freeAddress(t), freeAddress(t)
	r := newRig(t, "HEATWATCH_SFTP_LISTEN="+address, "HEATWATCH_SFTP_ADDRESS="+address, "HEATWATCH_HEALTH_LISTEN="+health)
	r.now = time.Now()
	r.run(0, "init")
	end, _ := models.ParseDate("2024-06-01")
	r.drops(fixtures.Config{Seed: 11, Persons: 20, FirstQuarter: quarter(t, "2023Q1"), Quarters: 4, End: end, NoFigures: true})
	_, stop := r.serve()
	kit := filepath.Join(r.dir, "kits", "shelter-a")
	from := filepath.Join(r.dir, "area", "shelter-a", "incoming", "first")
	drop := filepath.Join(r.dir, "mine", "first")
	copyFolder(t, from, drop)

	r.run(2, "send", "--kit", kit, drop) // no key yet
	line := r.run(0, "send", "key", "--kit", kit)
	if again := r.run(0, "send", "key", "--kit", kit); again != line || !strings.HasPrefix(line, "ssh-ed25519 ") {
		t.Errorf("the key is %q, then %q", line, again)
	}
	r.run(1, "send", "--kit", kit, drop) // not enrolled
	public := filepath.Join(r.dir, "shelter.pub")
	must(t, os.WriteFile(public, []byte(line), 0o600))
	r.run(0, "partner", "key", "shelter-a", public)

	// Half of a file is there, as a try that was cut off leaves it.
	half := filepath.Join(r.home(), "sftp", "shelter-a", "incoming", "first")
	must(t, os.MkdirAll(half, 0o700))
	b, err := os.ReadFile(filepath.Join(drop, "services.csv"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(half, "services.csv"), b[:len(b)/2], 0o600))
	r.run(0, "send", "--kit", kit, drop)
	if !strings.Contains(r.lastErr, "there is no receipt of first yet") {
		t.Errorf("the day of sending: %s", r.lastErr)
	}
	if sent, err := os.ReadFile(filepath.Join(half, "services.csv")); err != nil || !bytes.Equal(sent, b) {
		t.Errorf("the half file did not go on where it ended (%v)", err)
	}
	r.run(0, "nightly")
	if text := r.run(0, "send", "--kit", kit, drop); !strings.Contains(text, "accepted") || strings.Contains(r.lastErr, "sent first") {
		t.Errorf("the day after: %s\n%s", text, r.lastErr)
	}
	if text := r.run(0, "send", "--kit", kit, "--receipt", "first"); !strings.Contains(text, "accepted") {
		t.Errorf("the receipt alone: %s", text)
	}
	if _, err := os.Stat(filepath.Join(kit, "receipts", "first.json")); err != nil {
		t.Error("the receipt is not kept")
	}

	// Guards: what is not as it was made, what must never leave, and who is not the warehouse.
	second := filepath.Join(r.dir, "mine", "second")
	copyFolder(t, from, second)
	must(t, os.WriteFile(filepath.Join(second, "services.csv"), append(b, 'x'), 0o600))
	r.run(3, "send", "--kit", kit, second)
	must(t, os.WriteFile(filepath.Join(second, "services.csv"), b, 0o600))
	must(t, os.WriteFile(filepath.Join(second, "keymap.csv"), nil, 0o600))
	r.run(3, "send", "--kit", kit, second)
	must(t, os.Remove(filepath.Join(second, "keymap.csv")))
	must(t, os.Remove(filepath.Join(second, "manifest.json")))
	r.run(2, "send", "--kit", kit, second)
	copyFolder(t, from, filepath.Join(kit, "third"))
	r.run(3, "send", "--kit", kit, filepath.Join(kit, "third"))
	r.run(2, "send", "--kit", kit)
	stop()
	r.run(1, "send", "--kit", kit, drop)
}

// Another server at the address of the kit gets nothing, not even a try to log in.
func TestSendToAnotherServer(t *testing.T) {
	r := newRig(t)
	r.now = time.Now()
	address, health := freeAddress(t), freeAddress(t)
	r.env = append(r.env, "HEATWATCH_SFTP_LISTEN="+address, "HEATWATCH_SFTP_ADDRESS="+address, "HEATWATCH_HEALTH_LISTEN="+health)
	r.run(0, "init")
	r.run(0, "partner", "add", "shelter-a", "--kind", "shelter")
	kit := filepath.Join(r.dir, "kit")
	r.run(0, "partner", "kit", "shelter-a", "--out", kit)
	r.run(0, "send", "key", "--kit", kit)
	raw := filepath.Join(r.dir, "raw")
	must(t, os.MkdirAll(raw, 0o700))
	must(t, os.WriteFile(filepath.Join(raw, "persons.csv"), []byte("person_key,gender\n1,female\n"), 0o600))
	r.run(0, "deidentify", "--kit", kit, raw, "--out", filepath.Join(r.dir, "drop"))

	other := newRig(t, "HEATWATCH_SFTP_LISTEN="+address, "HEATWATCH_HEALTH_LISTEN="+health)
	other.now = time.Now()
	other.run(0, "init")
	_, stop := other.serve()
	defer stop()
	r.run(3, "send", "--kit", kit, filepath.Join(r.dir, "drop"))
	if !strings.Contains(r.lastErr, "not the server of your kit") {
		t.Errorf("it says %q", r.lastErr)
	}
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.MkdirAll(to, 0o700))
	entries, err := os.ReadDir(from)
	must(t, err)
	for _, e := range entries {
		in, err := os.Open(filepath.Join(from, e.Name()))
		must(t, err)
		out, err := os.Create(filepath.Join(to, e.Name()))
		must(t, err)
		_, err = io.Copy(out, in)
		must(t, err)
		must(t, in.Close())
		must(t, out.Close())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
