package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A county must be able to check its ledger in ten years, with or without this program. This is such a second program, written
// from the package comment and the standard library alone: chain, signatures, head, and each item's price.
func TestAStrangerCanCheckTheLedger(t *testing.T) {
	h, _ := three(t)
	files, err := filepath.Glob(filepath.Join(h.dir, "*.json"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	signature := regexp.MustCompile(`"signature": "([0-9a-f]*)"`)
	var key ed25519.PublicKey
	var prev, home string
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Entry      int
			Home, Prev string
			Init       struct{ Key string }
			Release    struct {
				Items []struct {
					L0, Linf, Mu2 int64
					Sd            json.Number
				}
			}
		}
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			data, err := base64.StdEncoding.DecodeString(strings.SplitN(e.Init.Key, "+", 3)[2])
			if err != nil {
				t.Fatal(err)
			}
			key, home = data[1:], e.Home // the first byte names the algorithm
		}
		if e.Entry != i+1 || e.Home != home || e.Prev != prev {
			t.Errorf("entry %d does not follow", i+1)
		}
		sig, err := hex.DecodeString(string(signature.FindSubmatch(b)[1]))
		if err != nil {
			t.Fatal(err)
		}
		unsigned := signature.ReplaceAll(b, []byte(`"signature": ""`))
		if !ed25519.Verify(key, append([]byte("heatwatch ledger entry\n"), unsigned...), sig) {
			t.Errorf("entry %d: signature", i+1)
		}
		for _, it := range e.Release.Items {
			sd, _ := new(big.Rat).SetString(it.Sd.String())
			price := big.NewRat(it.L0*it.Linf*it.Linf, 1)
			price.Mul(price, big.NewRat(1e12, 1)).Quo(price, sd.Mul(sd, sd))
			over := new(big.Rat).Sub(big.NewRat(it.Mu2, 1), price)
			if over.Sign() < 0 || over.Cmp(big.NewRat(1, 1)) >= 0 {
				t.Errorf("entry %d: mu2 %d, computed %s", i+1, it.Mu2, price.FloatString(2))
			}
		}
		sum := sha256.Sum256(b)
		prev = hex.EncodeToString(sum[:])
	}
	head := mustRead(t, filepath.Join(h.dir, HeadFile))
	if want := "heatwatch ledger\n" + home + "\n3\n" + prev + "\n\n"; !bytes.HasPrefix(head, []byte(want)) {
		t.Errorf("head %q, want %q", head, want)
	}
}
