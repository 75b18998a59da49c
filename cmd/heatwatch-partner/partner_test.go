package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/models"
)

// desk is a machine at an agency: a kit, exports, and nothing of the warehouse.
type desk struct {
	t       *testing.T
	dir     string
	lastErr string
}

// newAgency has a kit as the warehouse writes it. The keys are made here: the agency's program needs no home.
func newAgency(t *testing.T) *desk {
	t.Helper()
	a := &desk{t: t, dir: t.TempDir()}
	keys := filepath.Join(a.dir, "keys")
	must(t, os.Mkdir(keys, 0o700))
	must(t, partner.MakeHomeKeys(durable.OS(), keys, zeroes{}))
	k, err := partner.HomeKeys(keys)
	must(t, err)
	starts, ok := models.ParseDate("2024-02-03")
	if !ok {
		t.Fatal("no date")
	}
	kit := partner.NewKit(k, []int{1}, sealTo, strings.Repeat("0", 32), false, "shelter-a", partner.Default("shelter", starts), "127.0.0.1:2022", "America/Los_Angeles",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBFmNiYs3gMo3YGjRcBvKnDFU7jv7mXTcHfKYX8Uo8Rk")
	must(t, partner.WriteKit(durable.OS(), filepath.Join(a.dir, "kit"), kit))
	must(t, os.RemoveAll(keys))
	return a
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(7 * i)
	}
	return len(p), nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (a *desk) path(name string) string { return filepath.Join(a.dir, name) }

func (a *desk) write(name, text string) {
	a.t.Helper()
	must(a.t, os.MkdirAll(filepath.Dir(a.path(name)), 0o700))
	must(a.t, os.WriteFile(a.path(name), []byte(text), 0o600))
}

// run runs heatwatch-partner in the agency's folder and wants this exit code.
func (a *desk) run(want int, args ...string) string {
	a.t.Helper()
	a.t.Chdir(a.dir)
	var out, errw bytes.Buffer
	got := run(context.Background(), args, nil, strings.NewReader(""), &out, &errw, func() time.Time { return time.Date(2025, 6, 2, 12, 0, 0, 0, time.UTC) })
	a.lastErr = errw.String()
	if got != want {
		a.t.Fatalf("heatwatch-partner %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, want, a.lastErr, out.String())
	}
	if want == 2 && strings.Count(a.lastErr, "\n") != 1 {
		a.t.Errorf("heatwatch-partner %s: an error is one line:\n%s", strings.Join(args, " "), a.lastErr)
	}
	return out.String()
}

// The smaller binary has the commands marked P, and no others.
func TestCommandsOfAnAgency(t *testing.T) {
	a := newAgency(t)
	help := a.run(0, "--help")
	for _, c := range []string{"deidentify", "check", "dictionary"} {
		if !strings.Contains(help, "\n  "+c) {
			t.Errorf("--help does not list %s", c)
		}
		if h := a.run(0, c, "--help"); !strings.Contains(h, "Examples:\n  heatwatch") {
			t.Errorf("%s --help has no example", c)
		}
	}
	for _, c := range []string{"init", "demo", "partner", "serve", "nightly", "status", "plan", "release", "witness", "report", "publish", "budget", "link", "forget", "verify", "quarantine"} {
		a.run(2, c)
		if strings.Contains(help, "\n  "+c+" ") {
			t.Errorf("--help lists %s", c)
		}
	}
}

// The contract for other tools is there too, of everybody or of the kit's agreement; there is no home to look in.
func TestContractsAtAnAgency(t *testing.T) {
	a := newAgency(t)
	if all := a.run(0, "dictionary", "--contract", "odcs"); !strings.Contains(all, "apiVersion: v3.1.0\n") || strings.Contains(all, "slaProperties") {
		t.Errorf("no contract of everybody: %.200s", all)
	}
	if mine := a.run(0, "dictionary", "--contract", "odcs", "--kit", "kit"); !strings.Contains(mine, "slaProperties") {
		t.Errorf("no contract of the kit: %.200s", mine)
	}
	a.run(2, "dictionary", "--contract", "odcs", "--partner", "shelter-a")
}

// An agency's whole day: exports in, one drop out, checked offline; nothing of the warehouse is needed.
func TestExportsBecomeADrop(t *testing.T) {
	a := newAgency(t)
	a.write("raw/persons.csv", "person_key,first_name,last_name,birth_date,shoe_size\n4711,Zubavi,Kodaro,2011-05-06,37\n")
	a.write("raw/engagements.csv", "engagement_id,person_key,engaged_at,channel\n1,4711,2025-05-06T10:00:00-07:00,hotline\n")
	a.run(0, "deidentify", "--kit", "kit", "raw", "--out", "out/2025-05")
	if !strings.Contains(a.lastErr, "shoe_size") {
		t.Errorf("the column that was dropped is not named:\n%s", a.lastErr)
	}
	var m struct {
		Partner, Mode string
		Covers        struct{ From, To string }
	}
	b, err := os.ReadFile(a.path("out/2025-05/manifest.json"))
	must(t, err)
	must(t, json.Unmarshal(b, &m))
	if m.Partner != "shelter-a" || m.Mode != "snapshot" || m.Covers.From != "2024-02-03" || m.Covers.To != "2025-06-01" {
		t.Errorf("manifest %+v: covers is the agreement's start to the day before the export", m)
	}
	must(t, filepath.WalkDir(a.path("out"), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		for _, clear := range []string{"Zubavi", "Kodaro", "2011-05-06", "4711"} {
			if bytes.Contains(bytes.ToLower(b), []byte(strings.ToLower(clear))) {
				t.Errorf("%s holds %s", name, clear)
			}
		}
		return err
	}))
	a.run(0, "check", "out/2025-05", "--kit", "kit")

	// The keymap stays in the kit, and finds the agency's row again.
	info, err := os.Stat(a.path("kit/keymaps/2025-05.csv"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the keymap has mode %v", info.Mode())
	}
	f, err := os.Open(a.path("kit/keymaps/2025-05.csv"))
	must(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	must(t, err)
	if strings.Join(rows[0], ",") != "entity,own_number,pseudonym" {
		t.Errorf("the keymap has the columns %v", rows[0])
	}

	// A keymap beside a drop is a leak, whatever it is called.
	must(t, copyFile(a.path("kit/keymaps/2025-05.csv"), a.path("out/2025-05/services.csv")))
	a.run(3, "check", "out/2025-05", "--kit", "kit")
	a.run(3, "check", "out/2025-05")
	a.run(3, "check", "kit/keymaps/2025-05.csv")
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return err
}

// Columns that the agreement does not list do not leave, and would be refused.
func TestTheAgreementDecidesWhatLeaves(t *testing.T) {
	a := newAgency(t)
	b, err := os.ReadFile(a.path("kit/agreement.yaml"))
	must(t, err)
	text := strings.Replace(string(b), "engagements: all", "engagements: [engagement_id, person_key, engaged_at, channel]", 1)
	text = strings.Replace(text, "  resources: all\n", "", 1)
	a.write("kit/agreement.yaml", text)
	a.write("raw/persons.csv", "person_key,first_name,last_name,birth_date\n4711,Zubavi,Kodaro,2011-05-06\n")
	a.write("raw/engagements.csv", "engagement_id,person_key,engaged_at,channel,setting\n1,4711,2025-05-06T10:00:00-07:00,hotline,hotel\n")
	a.write("raw/resources.csv", "resource_id,resource_type,unit,effective_on,quantity\n1,residential_beds,beds,2025-01-01,6\n")
	a.run(0, "deidentify", "--kit", "kit", "raw", "--out", "drop")
	if b, err := os.ReadFile(a.path("drop/engagements.csv")); err != nil || bytes.Contains(b, []byte("hotel")) || bytes.Contains(b, []byte("age")) && bytes.Contains(b, []byte(",14,")) {
		t.Errorf("a column that was not agreed has left: %v %s", err, b)
	}
	if _, err := os.Stat(a.path("drop/resources.csv")); err == nil {
		t.Error("an entity that was not agreed has left")
	}
}

// The templates can be filled in: each header is a file that check takes.
func TestTemplatesAreTaken(t *testing.T) {
	a := newAgency(t)
	a.run(0, "dictionary", "--templates", "templates")
	names, err := filepath.Glob(a.path("templates/*.csv"))
	must(t, err)
	if len(names) != 17 {
		t.Fatalf("%d templates, want 17", len(names))
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		must(t, err)
		if len(bytes.TrimSpace(b)) == 0 {
			t.Errorf("%s is empty", n)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	a := newAgency(t)
	a.run(2, "check")
	a.run(2, "check", "nowhere")
	a.run(2, "deidentify", "--kit", "nowhere", "raw", "--out", "drop")
	a.run(2, "deidentify", "raw")
	a.run(2, "deidentify", "--kit", "kit", "nowhere", "--out", "drop")
	a.run(2, "dictionary", "--format", "xml")
	a.run(2, "dictionary", "--entity", "bogus")
	for _, f := range []string{"table", "csv", "json", "markdown"} {
		if a.run(0, "dictionary", "--reasons", "--format", f) == "" {
			t.Errorf("nothing in the form %s", f)
		}
	}
}

// sealTo is a recipient whose key nobody has.
const sealTo = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"
