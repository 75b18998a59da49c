package nightly

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"heatwatch/etl/kept"
	"heatwatch/etl/lake"
	"heatwatch/etl/partner"
	"heatwatch/etl/tokens"
	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

func secretOf(t testing.TB, fill byte) partner.Secret {
	t.Helper()
	s, err := partner.NewSecret(bytes.Repeat([]byte{fill}, partner.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sealedNight is a county before the night that takes sealed persons, and their tokens as they were sent.
func sealedNight(t testing.TB) (c *county, cfg Config, raw string) {
	t.Helper()
	c = newCounty(t, "shelter-a")
	key, err := kept.HomeKey(durable.OS(), c.home.Keys())
	if err != nil {
		t.Fatal(err)
	}
	to, err := age.ParseX25519Recipient(key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	f := tokens.Read(tokens.Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03"}, 2026)
	set, _ := tokens.NewMaker(secretOf(t, 1), secretOf(t, 2), "minors").Of(&f, []byte("a1"))
	raw = string(set.AppendText(nil))
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "person_key,"+tokens.Column(1)+"\na1,"+raw+"\n"); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	const name = "persons.csv.age"
	sum := sha256.Sum256(sealed.Bytes())
	c.put(c.home.SFTP(), drop{partner: "shelter-a", name: "june", created: "2026-06-01T08:00:00Z", files: map[string]string{"engagements": "engagement_id,person_key,engaged_at,channel\ne1,a1,2026-05-01T22:00:00-07:00,hotline\n"},
		spoil: func(m map[string]any) {
			m["files"] = append(m["files"].([]map[string]any), map[string]any{"name": name, "entity": "persons", "rows": 1, "sha256": hex.EncodeToString(sum[:])})
		}})
	if err := os.WriteFile(filepath.Join(c.home.SFTP(), "shelter-a", "incoming", "june", name), sealed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg = c.config()
	cfg.Keeping, cfg.Opening, cfg.Vault, cfg.Epochs = &key, &key, secretOf(t, 9), []int{1}
	return c, cfg, raw
}

// sealedLeft tells whether sealed persons still lie in the area.
func (c *county) sealedLeft() bool {
	found, err := filepath.Glob(filepath.Join(c.home.SFTP(), "*", "incoming", "*", "*.age"))
	return err != nil || len(found) > 0
}

// holding are the files of the home in which a text stands.
func (c *county) holding(text string) (list []string) {
	filepath.WalkDir(c.home.Dir, func(path string, _ os.DirEntry, _ error) error {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(text)) {
			list = append(list, path)
		}
		return nil
	})
	return list
}

// Sealed persons are gone from the area before the lake is built, are in no archive that is kept, and no token as it was sent is anywhere in the home.
func TestSealedPersonsAreGoneBeforeTheLakeIsBuilt(t *testing.T) {
	c, cfg, raw := sealedNight(t)
	seen, built := c.sealedLeft(), false
	cfg.Progress = func(s Step) {
		if strings.HasPrefix(s.What, "checking") {
			return
		}
		if built = true; c.sealedLeft() {
			t.Errorf("%s, and the sealed persons are still there", s.What)
		}
	}
	s, err := Run(ctx, cfg)
	if err != nil || len(s.Notes) > 0 || !seen || !built {
		t.Fatalf("%+v %v: %v %v", s, err, seen, built)
	}
	names := 0
	err = kept.Open(*cfg.Keeping, filepath.Join(c.home.Landing(), "shelter-a", "june"), func(name string, _ io.Reader) error {
		if names++; strings.HasSuffix(name, ".age") {
			t.Errorf("%s is kept", name)
		}
		return nil
	})
	if err != nil || names != 2 {
		t.Errorf("%d files are kept: %v", names, err)
	}
	if list := c.holding(raw[:52]); len(list) > 0 {
		t.Errorf("%v hold tokens as they were sent", list)
	}
}

// A night that is cut off anywhere between opening sealed persons and removing them leaves no token as it was sent outside of the sealed
// file, and the next night ends where an undisturbed one does.
func TestSealedPersonsMayBeCutOffAnywhere(t *testing.T) {
	c, cfg, _ := sealedNight(t)
	disk, err := durabletest.NewCrash(c.home.Dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg.FS = disk
	if _, err := Run(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	all := disk.Seen()
	t.Logf("%d operations", all)
	for kind, at := range map[string]func(int) *durabletest.Fault{"not done": durabletest.FailAt, "done": durabletest.DoneAt} {
		for _, n := range points(all) {
			c, cfg, raw := sealedNight(t)
			cut, fault := cfg, at(n)
			cut.FS = fault
			Run(ctx, cut) // whatever it says: what counts is what it leaves
			if list := c.holding(raw[:52]); len(list) > 0 {
				t.Fatalf("%s %d: %v hold tokens as they were sent", kind, n, list)
			}
			if _, err := Run(ctx, cfg); err != nil {
				t.Fatalf("%s %d: %v", kind, n, err)
			}
			rows, err := lake.Crosswalk(c.home)
			if err != nil || len(rows) != 1 || c.sealedLeft() || len(c.holding(raw[:52])) > 0 {
				t.Fatalf("%s %d: %d persons, sealed file left: %v, %v", kind, n, len(rows), c.sealedLeft(), err)
			}
		}
	}
}
