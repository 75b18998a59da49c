package partner

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

func keysPath(dir, name string) string { return filepath.Join(dir, name+".keys") }

// Key is a public key with which a partner may log in.
type Key struct {
	ssh.PublicKey
	Until   time.Time // when it stops to open; zero for never
	options []string  // as they stand in the file
}

// AuthorizedKeys returns the keys with which a partner may log in, also those that have ended. Times without a zone of
// their own are in zone.
func AuthorizedKeys(dir, name string, zone *time.Location) ([]Key, error) {
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
	var keys []Key
	for line := range bytes.Lines(b) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		k, err := parseKey(line, zone)
		if err != nil {
			return nil, problem.Wrap(err, problem.Usage, path, "a line is no public key", "remove it, or restore the file")
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func parseKey(line []byte, zone *time.Location) (k Key, err error) {
	if k.PublicKey, _, k.options, _, err = ssh.ParseAuthorizedKey(line); err != nil {
		return k, err
	}
	for _, o := range k.options {
		if value, ok := expiryOption(o); ok {
			if k.Until, err = ParseExpiry(value, zone); err != nil {
				return k, err
			}
		}
	}
	return k, nil
}

func expiryOption(option string) (value string, ok bool) {
	name, value, _ := strings.Cut(option, "=")
	return value, strings.EqualFold(name, "expiry-time")
}

// ParseExpiry reads the value of OpenSSH's option expiry-time: a day or a time, in zone, or in UTC where it ends in Z.
func ParseExpiry(value string, zone *time.Location) (time.Time, error) {
	text, utc := strings.CutSuffix(strings.Trim(value, `"`), "Z")
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("expiry-time is written YYYYMMDD or YYYYMMDDHHMM[SS][Z]")
}

// end gives a key an end, or takes it away.
func (k *Key) end(t time.Time) {
	k.options = slices.DeleteFunc(k.options, func(o string) bool { _, ok := expiryOption(o); return ok })
	if k.Until = t; !t.IsZero() {
		k.options = append(k.options, `expiry-time="`+t.UTC().Format("20060102150405")+`Z"`)
	}
}

func (k Key) line() []byte {
	line := ssh.MarshalAuthorizedKey(k.PublicKey) // without the comment, which may name a person
	if len(k.options) == 0 {
		return line
	}
	return append([]byte(strings.Join(k.options, ",")+" "), line...)
}

// Ends says when keys stop to open: the one that is added, and all that were there before. Zero times: never.
type Ends struct{ New, Old time.Time }

// AddKey adds a public key, as in a .pub file, to a partner. One that is there already gets the new end; the others keep
// theirs if it is earlier. It returns the fingerprint, to be compared with what the agency reads out on the telephone.
func AddKey(fsys durable.FS, dir, name string, pub []byte, ends Ends) (fingerprint string, err error) {
	if _, err := Load(dir, name); err != nil {
		return "", err
	}
	key, err := parsePublicKey(pub)
	if err != nil {
		return "", err
	}
	all, err := AuthorizedKeys(dir, name, time.UTC)
	if err != nil {
		return "", err
	}
	var added bool
	for i := range all {
		k := &all[i]
		switch {
		case bytes.Equal(k.Marshal(), key.Marshal()):
			k.end(ends.New)
			added = true
		case !ends.Old.IsZero() && (k.Until.IsZero() || ends.Old.Before(k.Until)):
			k.end(ends.Old)
		}
	}
	if !added {
		k := Key{PublicKey: key}
		k.end(ends.New)
		all = append(all, k)
	}
	var text bytes.Buffer
	for _, k := range all {
		text.Write(k.line())
	}
	if err := durable.Replace(fsys, keysPath(dir, name), text.Bytes(), 0o600); err != nil {
		return "", writeFailed(keysPath(dir, name), err)
	}
	return ssh.FingerprintSHA256(key), nil
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
