package partner

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

func keysPath(dir, name string) string { return filepath.Join(dir, name+".keys") }

// AuthorizedKeys returns the public keys with which a partner may log in.
func AuthorizedKeys(dir, name string) ([]ssh.PublicKey, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	path := keysPath(dir, name)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, path, "the keys cannot be read", "check the permissions")
	}
	var keys []ssh.PublicKey
	for line := range bytes.Lines(b) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey(line)
		if err != nil {
			return nil, problem.Wrap(err, problem.Usage, path, "a line is no public key", "remove it, or restore the file")
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// AddKey adds a public key, as in a .pub file, to a partner. A key that is there already is no error. It returns the
// fingerprint, to be compared with what the agency reads out on the telephone.
func AddKey(fsys durable.FS, dir, name string, pub []byte) (fingerprint string, err error) {
	if _, err := Load(dir, name); err != nil {
		return "", err
	}
	key, err := parsePublicKey(pub)
	if err != nil {
		return "", err
	}
	old, err := AuthorizedKeys(dir, name)
	if err != nil {
		return "", err
	}
	fingerprint = ssh.FingerprintSHA256(key)
	var text bytes.Buffer
	for _, k := range old {
		if bytes.Equal(k.Marshal(), key.Marshal()) {
			return fingerprint, nil
		}
		text.Write(ssh.MarshalAuthorizedKey(k))
	}
	text.Write(ssh.MarshalAuthorizedKey(key))
	if err := durable.Replace(fsys, keysPath(dir, name), text.Bytes(), 0o600); err != nil {
		return "", writeFailed(keysPath(dir, name), err)
	}
	return fingerprint, nil
}

// CheckKey says whether AddKey would take this public key.
func CheckKey(pub []byte) error {
	_, err := parsePublicKey(pub)
	return err
}

// parsePublicKey takes exactly one public key, without options, of a kind that is still safe.
func parsePublicKey(pub []byte) (ssh.PublicKey, error) {
	refuse := func(what, do string) (ssh.PublicKey, error) { return nil, problem.New(problem.Usage, "", what, do) }
	if bytes.Contains(pub, []byte("PRIVATE KEY")) {
		return refuse("this is a private key: it must not leave its owner", "send the file that ends in .pub, and have a new key made")
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey(pub)
	switch {
	case err != nil:
		return refuse("this is no OpenSSH public key", "send the file that ends in .pub, as `ssh-keygen -t ed25519` makes it")
	case len(options) > 0:
		return refuse("the key carries options", "send the key alone: `ssh-ed25519 AAAA...`")
	case len(bytes.TrimSpace(rest)) > 0:
		return refuse("the file holds more than one key", "add the keys one by one")
	}
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return key, nil
	case ssh.KeyAlgoRSA:
		if k, ok := key.(ssh.CryptoPublicKey); ok {
			if r, ok := k.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() >= 2048 {
				return key, nil
			}
		}
		return refuse("the RSA key has fewer than 2048 bits", "make a new one: `ssh-keygen -t ed25519`")
	}
	return refuse("keys of this kind are not taken: "+strings.Map(printable, key.Type()), "make a new one: `ssh-keygen -t ed25519`")
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}
