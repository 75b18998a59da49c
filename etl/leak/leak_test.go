package leak

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// hidings are the ways in which a value is hidden.
var hidings = map[string]func(string) string{
	"plain":         func(s string) string { return s },
	"capitals":      strings.ToUpper,
	"small letters": strings.ToLower,
	"reversed":      func(s string) string { return string(reversed([]byte(s))) },
	"base64":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64url":     func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"hexadecimal":   func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEXADECIMAL":   func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"base32": func(s string) string {
		return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(s))
	},
	"spelled out": func(s string) string { return strings.Join(strings.Split(s, ""), "_") },
	"ROT13":       func(s string) string { return string(rot13([]byte(s))) },
	"full width": func(s string) string {
		var b strings.Builder
		for _, r := range s {
			if r > ' ' && r < 0x7f {
				r += 0xfee0
			}
			b.WriteRune(r)
		}
		return b.String()
	},
	"percent": func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
		return b.String()
	},
	"twice base64": func(s string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(string(reversed([]byte(s)))))
	},
}

func TestNothingHides(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	identifiers := []string{"Smith", "mary_johnson", "Garcia", "Williams-Brown", "219-09-4821", "510-555-2143", "someone@example.org", "12-Example-Street", "Elizabeth", "Jo_Marino", "MarySmith", "robertjohnson"}
	planted := 0
	for how, hide := range hidings {
		for range 200 {
			v := identifiers[r.IntN(len(identifiers))]
			if how == "ROT13" && v[0] < 'A' {
				continue // digits stay as they are
			}
			planted++
			if Opaque([]byte(hide(v))) == None {
				t.Errorf("%s (%s) is not recognised", v, how)
			}
		}
	}
	if planted < 2000 {
		t.Errorf("only %d were planted", planted)
	}
}

// A word of systems says nothing where it stands, and a name where it was encoded.
func TestOrdinaryWordsThatWereHidden(t *testing.T) {
	for how, hide := range hidings {
		v := hide("Church")
		if r := Opaque([]byte(v)); (r == None) != (how == "plain" || how == "capitals" || how == "small letters") {
			t.Errorf("%s (%s) is %q", v, how, r)
		}
	}
}

// A million keys of every form that honest programs make: fewer than one in a million is refused.
func TestHonestKeysPass(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	letters := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	refused := 0
	for i := range n {
		for _, v := range []string{letters("abcdefghijklmnopqrstuvwxyz234567", 26), fmt.Sprint("p", i), fmt.Sprintf("C%02d-%07d", i%30, i), fmt.Sprintf("%08d", i), letters("0123456789abcdef", 32), letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 8+i%5), letters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 22), fmt.Sprint("2026-07-15-", i%1000)} {
			if Opaque([]byte(v)) != None {
				if refused++; refused < 5 {
					t.Logf("%s: %s", v, Opaque([]byte(v)))
				}
			}
		}
	}
	if refused > n*8/1_000_000+1 {
		t.Errorf("%d of %d honest keys are refused", refused, 8*n)
	}
	for _, v := range []string{"", "e-1", "none", "k1", "100000001", "1000000001", "may-2026", "123456789", "x", "P-1", "case_no", "order-no", "Church", "young", "house"} {
		if r := Opaque([]byte(v)); r != None {
			t.Errorf("%q is refused: %s", v, r)
		}
	}
}

// Words among codes are typing errors; numbers are not.
func TestMisplaced(t *testing.T) {
	for _, v := range []string{"White", "young", "female ", "2026-07-03", "1/2/2026", "2026-07-03T22:00:00", "44927", "1,234", "0.71", "=1+1", "n/a", "2026070322", "20260703"} {
		if r := Misplaced([]byte(v)); r != None {
			t.Errorf("%q is taken for %s", v, r)
		}
	}
	for v, want := range map[string]Rule{"219-09-4821": SSN, "219 09 4821": SSN, "(510) 555-2143": Phone, "+1 510 555 2143": Phone, "someone@example.org": Email, "12 Example Street": Address, "MjE5LTA5LTQ4MjE=": SSN,
		"２１９-０９-４８２１": SSN, url.PathEscape("someone@example.org"): Email} {
		if r := Misplaced([]byte(v)); r != want {
			t.Errorf("%q is %q, want %s", v, r, want)
		}
	}
}
