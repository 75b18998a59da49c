package ledger

import (
	"encoding/hex"

	"heatwatch/internal/problem"
)

// Sign signs public content of this home that is no entry, such as a release file. of names the kind of content, so
// that a signature on one kind is none on another.
func (l *Ledger) Sign(of string, content []byte) (string, error) {
	signer, err := loadSigner(l.keys)
	if err != nil {
		return "", err
	}
	if signer.public != l.PublicKey() {
		return "", keyProblem(signingKeyFile, "it is not the key of this ledger", "restore ledger and keys from the same backup")
	}
	sig, err := signer.Sign(signable(of, content))
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sig), nil
}

// VerifySignature checks a signature that Sign made, with the home's public key alone.
func VerifySignature(publicKey, of string, content []byte, signature string) error {
	v, _, err := verifierFor(publicKey)
	if err != nil {
		return err
	}
	sig, err := hex.DecodeString(signature)
	if err != nil || !v.Verify(signable(of, content), sig) {
		return problem.New(problem.Refused, of, "the signature is wrong", restore)
	}
	return nil
}

func signable(of string, content []byte) []byte {
	return append([]byte("heatwatch "+of+"\n"), content...)
}
