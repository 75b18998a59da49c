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
	"heatwatch/etl/partner"
	"heatwatch/etl/tokens"
	"heatwatch/internal/durable"
)

func secretOf(t testing.TB, fill byte) partner.Secret {
	t.Helper()
	s, err := partner.NewSecret(bytes.Repeat([]byte{fill}, partner.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Sealed persons are gone from the area before the lake is built, are in no archive that is kept, and no token as it was sent is anywhere in the home.
func TestSealedPersonsAreGoneBeforeTheLakeIsBuilt(t *testing.T) {
	c := newCounty(t, "shelter-a")
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
	raw := string(set.AppendText(nil))
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
	incoming := filepath.Join(c.home.SFTP(), "shelter-a", "incoming")
	if err := os.WriteFile(filepath.Join(incoming, "june", name), sealed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	there := func() bool {
		found, err := filepath.Glob(filepath.Join(incoming, "*", "*.age"))
		return err != nil || len(found) > 0
	}
	cfg, seen, built := c.config(), there(), false
	cfg.Keeping, cfg.Opening, cfg.Vault, cfg.Epochs = &key, &key, secretOf(t, 9), []int{1}
	cfg.Progress = func(s Step) {
		if strings.HasPrefix(s.What, "checking") {
			return
		}
		if built = true; there() {
			t.Errorf("%s, and the sealed persons are still there", s.What)
		}
	}
	s, err := Run(ctx, cfg)
	if err != nil || len(s.Notes) > 0 || !seen || !built {
		t.Fatalf("%+v %v: %v %v", s, err, seen, built)
	}
	names := 0
	err = kept.Open(key, filepath.Join(c.home.Landing(), "shelter-a", "june"), func(name string, _ io.Reader) error {
		if names++; strings.HasSuffix(name, ".age") {
			t.Errorf("%s is kept", name)
		}
		return nil
	})
	if err != nil || names != 2 {
		t.Errorf("%d files are kept: %v", names, err)
	}
	err = filepath.WalkDir(c.home.Dir, func(path string, _ os.DirEntry, _ error) error {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(raw[:52])) {
			t.Errorf("%s holds tokens as they were sent", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
