package ledger

import "testing"

func TestSignaturesHoldForOneContentAndOneKind(t *testing.T) {
	l := emptyHome(t).create(t)
	sig, err := l.Sign("release", []byte("figures"))
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifySignature(l.PublicKey(), "release", []byte("figures"), sig); err != nil {
		t.Error(err)
	}
	flipped := []byte(sig)
	flipped[0] ^= 1
	for name, bad := range map[string]error{
		"other content":   VerifySignature(l.PublicKey(), "release", []byte("figurez"), sig),
		"another kind":    VerifySignature(l.PublicKey(), "ledger entry", []byte("figures"), sig),
		"a flipped digit": VerifySignature(l.PublicKey(), "release", []byte("figures"), string(flipped)),
		"no signature":    VerifySignature(l.PublicKey(), "release", []byte("figures"), ""),
	} {
		if bad == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
