package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

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

// setText is the token set of somebody, as deidentify writes it.
func setText(t testing.TB) string {
	f := tokens.Read(tokens.Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03"}, 2026)
	s, _ := tokens.NewMaker(secretOf(t, 1), secretOf(t, 2), "minors").Of(&f, []byte("p1"))
	return string(s.AppendText(nil))
}

// sealedTo seals a text to a home.
func sealedTo(t testing.TB, to age.Recipient, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Sealed persons are opened, and what lands is under the vault's key: no token that was sent is in any byte of landing.
func TestSealedPersonsLandUnderTheVaultsKey(t *testing.T) {
	home, raw := newIdentity(t), setText(t)
	for _, name := range []string{"persons.csv.age", "persons.csv"} {
		t.Run(name, func(t *testing.T) {
			a := newArea(t)
			a.cfg.Vault, a.cfg.Epochs = secretOf(t, 9), []int{1}
			a.cfg.Unseal = func(r io.Reader) (io.Reader, error) { return age.Decrypt(r, home) }
			text := fmt.Sprintf("person_key,%s\np1,%s\np2,%s\n", tokens.Column(1), raw, raw[1:]+"b")
			if strings.HasSuffix(name, ".age") {
				text = sealedTo(t, home.Recipient(), text)
			}
			dir := a.drop(t, "d1", []file{{name: name, text: text, rows: 2}}, nil)
			d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
			if err != nil || d.State != Accepted {
				t.Fatalf("%v: %+v", err, d)
			}
			want, _ := tokens.ParseText([]byte(raw))
			tokens.NewRekey(a.cfg.Vault, "minors").Apply(&want)
			found := 0
			err = People(a.cfg.Landing, d, func(p PersonTokens) error {
				if p.Key == "p1" && p.Tokens[0][1] == string(want.AppendText(nil)) {
					found++
				}
				return nil
			})
			if err != nil || found != 1 {
				t.Errorf("the set is not under the vault's key (%v)", err)
			}
			filepath.WalkDir(a.cfg.Landing, func(path string, _ os.DirEntry, _ error) error {
				if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(raw[:52])) {
					t.Errorf("%s holds tokens as they were sent", path)
				}
				return nil
			})
		})
	}
}

func TestSetsThatAreRefused(t *testing.T) {
	home, raw := newIdentity(t), setText(t)
	head := "person_key," + tokens.Column(1) + "\n"
	for name, c := range map[string]struct{ file, text, want string }{
		"sealed to another home": {"persons.csv.age", sealedTo(t, newIdentity(t).Recipient(), head+"p1,"+raw+"\n"), "wrong_seal"},
		"no seal at all":         {"persons.csv.age", head + "p1," + raw + "\n", "wrong_seal"},
		"cut off":                {"persons.csv.age", sealedTo(t, home.Recipient(), head+"p1,"+raw+"\n")[:300], "format_not_offered"},
		"another epoch":          {"persons.csv", strings.Replace(head, "e1", "e7", 1) + "p1," + raw + "\n", "wrong_epoch"},
		"one letter short":       {"persons.csv", head + "p1," + raw[1:] + "\n", "bad_token_set"},
		"a set too many":         {"persons.csv", head + "p1," + raw + raw + "\n", "bad_token_set"},
		"digits":                 {"persons.csv", head + "p1," + strings.Repeat("1", tokens.TextLen) + "\n", "bad_token_set"},
		"a sealed table of rows": {"services.csv.age", sealedTo(t, newIdentity(t).Recipient(), "x"), "wrong_seal"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArea(t)
			a.cfg.Vault, a.cfg.Epochs = secretOf(t, 9), []int{1}
			a.cfg.Unseal = func(r io.Reader) (io.Reader, error) { return age.Decrypt(r, home) }
			d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", a.drop(t, "d1", []file{{name: c.file, text: c.text, rows: 1}}, nil))
			if err != nil || d.State == Accepted || !strings.Contains(fmt.Sprint(d.Files), c.want) {
				t.Errorf("%v: %s %v, want %s", err, d.State, d.Files, c.want)
			}
		})
	}
}
