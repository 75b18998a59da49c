package deidentify

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// The gate is tried on files that the translator would not write: it has to see what a fault of ours lets through.
func TestGateSeesPlantedDamage(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), county())
	mustRun(t, cfg)
	clear := newClearSet()
	clear.addIdentity(&identity{first: []byte("Bavo"), last: []byte("Quadlorimptosevangitelumo"), aliases: []byte("aaaabbbbccccddddeeeeffffgg"), ssn: []byte("219-09-9999"), phone: []byte("(510) 555-0143"), birth: []byte("2010-07-03"), born: noDate})
	e, _ := models.Dictionary().Entity("persons")
	original := plain(t, filepath.Join(cfg.Out, "persons.csv"))
	cells := strings.Split(strings.Split(string(original), "\n")[1], ",")
	for _, c := range []struct{ name, old, new, rule string }{
		{"a number where a pseudonym should be", cells[1], "P-1", "not_a_pseudonym"},
		{"a name that has the form of one", cells[1], "AAAABBBBCCCCDDDDEEEEFFFFGG", "not_a_pseudonym"},
		{"the same in small letters", cells[1], "aaaabbbbccccddddeeeeffffgg", "clear_value"},
		{"the same backwards", cells[1], "ggffffeeeeddddccccbbbbaaaa", "clear_value"},
		{"an MD5 sum of a name", cells[1], hashed(md5.New(), "Bavo"), "clear_value"},
		{"an SHA-1 sum of a name in small letters", cells[1], hashed(sha1.New(), "bavo"), "clear_value"},
		{"an SHA-256 sum of a number", cells[1], hashed(sha256.New(), "219-09-9999"), "clear_value"},
		{"a name for a token", cells[0], "Bavo", "not_a_pseudonym"},
		{"a name among codes", "female", "bavo", "unknown_code"},
		{"a birth date for a year", "2010", "2010-07-03", "bad_int"},
		{"a year out of range", "2010", "20100703", "out_of_range"},
		{"one cell too many", "female", "female,Bavo", "wrong_field_count"},
		{"one cell too few", ",female", "", "wrong_field_count"},
		{"a column of names", "gender", "first_name", "unlisted_column"},
		{"quotes", "female", "\"female\"", "unknown_code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := bytes.Replace(original, []byte(c.old), []byte(c.new), 1)
			if bytes.Equal(damaged, original) {
				t.Fatal("no damage was done")
			}
			var r Report
			g := newGate(e, "persons.csv", clear)
			if err := g.read(bytes.NewReader(damaged)); err != nil {
				t.Fatal(err)
			}
			g.report(r.refuse)
			if !slices.ContainsFunc(r.Refused, func(f Finding) bool { return f.Rule == c.rule }) {
				t.Errorf("refused %v, want %s", r.Refused, c.rule)
			}
			if text := r.Text(); strings.Contains(strings.ToLower(text), "bavo") || strings.Contains(text, "2010") {
				t.Errorf("the report shows a cell: %s", text)
			}
		})
	}
	g := newGate(e, "persons.csv", clear)
	if err := g.read(bytes.NewReader(original)); err != nil || g.count > 0 || g.rows != 2 {
		t.Errorf("an undamaged file: %v %v", g.found, err)
	}
}

// What lies on the disk must be what the gate saw.
func TestAFileThatChangedOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "services.csv")
	os.WriteFile(path, []byte("a\n1\n"), 0o600)
	m := made{entity: "services", sha256: sumOf([]byte("a\n1\n"))}
	if err := m.verify(dir); err != nil {
		t.Error(err)
	}
	os.WriteFile(path, []byte("a\n2\n"), 0o600)
	if err := m.verify(dir); problem.ExitCode(err) != problem.Failed {
		t.Errorf("another byte was not noticed: %v", err)
	}
}

// Whatever names people have, none of four letters or more stands in an output cell, or inside one that is no code.
func TestNoNameLeaves(t *testing.T) {
	kit := kitOf(t, "shelter-a", 1)
	base := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[A-Za-zÀ-ž' -]{1,14}`)
		var text strings.Builder
		var names []string
		text.WriteString("first_name,person_key,last_name,gender,middle_name,birth_date,aliases,note,nickname\n")
		for i := range rapid.IntRange(1, 8).Draw(rt, "people") {
			n := []string{name.Draw(rt, "first"), name.Draw(rt, "last"), name.Draw(rt, "middle"), name.Draw(rt, "alias"), name.Draw(rt, "nickname")}
			names = append(names, n...)
			fmt.Fprintf(&text, "%s,%s%d,%s,female,%s,2010-03-%02d,%s;%s,saw %s,%s\n", n[0], n[0], i, n[1], n[2], i+2, n[3], n[0], n[1], n[4])
		}
		runs++
		raw := filepath.Join(base, fmt.Sprint("raw", runs))
		os.MkdirAll(raw, 0o700)
		os.WriteFile(filepath.Join(raw, "persons.csv"), []byte(text.String()), 0o600)
		cfg := Config{FS: quick(), Kit: kit, Raw: raw, Out: filepath.Join(base, fmt.Sprint("drop", runs)), Now: now}
		mustRun(t, cfg)
		_, rows := readTable(t, filepath.Join(cfg.Out, "persons.csv"))
		for _, row := range rows {
			for column, cell := range row {
				for _, n := range names {
					if column == "gender" || len(strings.TrimSpace(n)) < 4 {
						continue
					}
					if strings.EqualFold(cell, n) || len(n) > 6 && strings.Contains(strings.ToLower(cell), strings.ToLower(n)) {
						rt.Errorf("a name is in %s", column)
					}
				}
			}
		}
	})
}

func TestParseCovers(t *testing.T) {
	if c, err := ParseCovers("2026-01-01:2026-03-31"); err != nil || c.From.String() != "2026-01-01" || c.To.String() != "2026-03-31" {
		t.Errorf("%v %v", c, err)
	}
	for _, bad := range []string{"", "2026-01-01", "2026-03-31:2026-01-01", "2026-01-01:", "a:b", "2026-01-01:2026-03-31:x"} {
		if _, err := ParseCovers(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// An agreement that begins today covers yesterday at least: a span never ends before it begins.
func TestCoversOfANewAgreement(t *testing.T) {
	cfg := configOf(t, kitOf(t, "shelter-a", 1), county())
	cfg.Kit.StartsOn = prepareToday(t, cfg.Kit)
	r := mustRun(t, cfg)
	if r.From != r.To || r.To.String() != "2026-07-31" {
		t.Errorf("covers %s to %s", r.From, r.To)
	}
}

// hashed is an unkeyed hash in the form of a pseudonym.
func hashed(h hash.Hash, v string) string {
	h.Write([]byte(v))
	return lowerBase32.EncodeToString(h.Sum(nil))[:shortLen]
}
