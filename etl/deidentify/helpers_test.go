package deidentify

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"heatwatch/etl/partner"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

var now = time.Date(2026, 8, 1, 17, 0, 0, 0, time.UTC)

func secret(t testing.TB, fill byte) partner.Secret {
	t.Helper()
	s, err := partner.NewSecret(bytes.Repeat([]byte{fill}, partner.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kitOf is the kit of one agency; agencies of one home share home, the byte from which all keys come.
func kitOf(t testing.TB, name string, home byte) partner.Kit {
	t.Helper()
	start, _ := models.ParseDate("2020-01-01")
	keys := partner.Keys{Master: secret(t, home), Linkage: secret(t, home+100)}
	k := partner.NewKit(keys, []int{1}, sealed.Recipient().String(), "home-a", true, name, partner.Default("shelter", start), "127.0.0.1:2022", "America/Los_Angeles", "")
	k.Dir = t.TempDir()
	return k
}

// folder makes a folder of files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func configOf(t testing.TB, kit partner.Kit, files map[string]string) Config {
	t.Helper()
	return Config{FS: quick(), Kit: kit, Raw: folder(t, files), Out: filepath.Join(t.TempDir(), "2026-07"), Now: now}
}

func mustRun(t testing.TB, cfg Config) Report {
	t.Helper()
	r, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Text())
	}
	return r
}

// mustFail wants a problem with that exit code that mentions the words, and nothing of a drop left behind.
func mustFail(t testing.TB, cfg Config, exit int, words ...string) Report {
	t.Helper()
	r, err := Run(context.Background(), cfg)
	var p *problem.Problem
	if !errors.As(err, &p) || p.Exit != exit {
		t.Fatalf("got %v, want a problem with exit %d", err, exit)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if _, err := os.Lstat(cfg.Out); err == nil {
		t.Error("a refused run left its drop")
	}
	if left, _ := os.ReadDir(cfg.Kit.Keymaps()); len(left) > 0 {
		t.Errorf("a refused run left %s among the keymaps", left[0].Name())
	}
	return r
}

// readTable reads a file of the drop with the standard library's reader.
func readTable(t testing.TB, path string) (head []string, rows []map[string]string) {
	t.Helper()
	b := plain(t, path)
	all, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range all[1:] {
		row := map[string]string{}
		for i, c := range rec {
			row[all[0][i]] = c
		}
		rows = append(rows, row)
	}
	return all[0], rows
}

// sealed is the key of the home that persons are sealed to.
var sealed = func() *age.X25519Identity {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err)
	}
	return id
}()

// plain reads a file of a drop as the home does: one that is sealed is opened, under its name without .age, too.
func plain(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		path += ".age"
		b, err = os.ReadFile(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, ".age") {
		return b
	}
	r, err := age.Decrypt(bytes.NewReader(b), sealed)
	if err == nil {
		b, err = io.ReadAll(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rowsOf(t testing.TB, cfg Config, entity string) []map[string]string {
	t.Helper()
	_, rows := readTable(t, filepath.Join(cfg.Out, entity+".csv"))
	return rows
}

// everything is all bytes of a folder.
func everything(t testing.TB, dir string) string {
	t.Helper()
	var all strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all.Write(plain(t, filepath.Join(dir, e.Name())))
	}
	return all.String()
}

var hexHash = regexp.MustCompile(`[0-9a-f]{64}`)

// legible is everything but the hashes of the manifest: a sealed file's is another each time, and may hold any short number.
func legible(t testing.TB, dir string) string {
	t.Helper()
	return hexHash.ReplaceAllString(everything(t, dir), "")
}

func prepareToday(t testing.TB, k partner.Kit) models.Date {
	t.Helper()
	loc, err := k.Location()
	if err != nil {
		t.Fatal(err)
	}
	return models.DateOf(now.In(loc))
}
