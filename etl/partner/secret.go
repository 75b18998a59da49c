package partner

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"

	"io"
)

// KeySize is the length of every secret key in bytes.
const KeySize = 32

// Secret is a key. Whatever prints it prints that it is one.
type Secret struct{ p *[KeySize]byte }

// NewSecret takes KeySize bytes.
func NewSecret(b []byte) (Secret, error) {
	if len(b) != KeySize {
		return Secret{}, fmt.Errorf("a key has %d bytes, not %d", KeySize, len(b))
	}
	return Secret{(*[KeySize]byte)(append([]byte(nil), b...))}, nil
}

// Bytes returns a copy of the key, or nil for the zero Secret.
func (s Secret) Bytes() []byte {
	if s.p == nil {
		return nil
	}
	return append([]byte(nil), s.p[:]...)
}

// Derive makes the key for one purpose by HKDF-SHA256; parts are joined with NUL, which no name holds.
func (s Secret) Derive(parts ...string) Secret {
	if s.p == nil {
		panic("partner: derive from a key that was never read")
	}
	b, err := hkdf.Key(sha256.New, s.p[:], nil, "heatwatch\x00"+strings.Join(parts, "\x00"), KeySize)
	if err != nil {
		panic("partner: hkdf: " + err.Error())
	}
	return Secret{(*[KeySize]byte)(b)}
}

// Format hides the key from fmt.
func (Secret) Format(s fmt.State, _ rune) { io.WriteString(s, "[secret key]") }

// LogValue hides the key from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret key]") }

// MarshalJSON refuses: only WriteKit writes a key, and does so in so many words.
func (Secret) MarshalJSON() ([]byte, error) {
	return nil, errors.New("partner: a secret key is not written")
}

func (s Secret) hex() string { return hex.EncodeToString(s.p[:]) }

func parseSecret(text string) (Secret, error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return Secret{}, errors.New("not hexadecimal") // the cause would quote the key
	}
	return NewSecret(b)
}

// Keys are the home's own secrets.
type Keys struct {
	Master     Secret // agency keys are derived from it
	Linkage    Secret // tokens: the same for every agency of the home
	Selection  Secret // which persons count where a bound leaves a choice
	Commitment Secret // commitments in the ledger
	Register   Secret // encrypts the register of frozen cohorts
}

func (k *Keys) files() []struct {
	name string
	key  *Secret
} {
	return []struct {
		name string
		key  *Secret
	}{{"master", &k.Master}, {"linkage", &k.Linkage}, {"selection", &k.Selection}, {"commitment", &k.Commitment}, {"register", &k.Register}}
}

// AgencyKey is the key under which one agency makes its pseudonyms.
func (k Keys) AgencyKey(partner string) Secret { return k.Master.Derive("agency", partner) }

// MakeHomeKeys writes the five keys of a new home. It never overwrites one.
func MakeHomeKeys(fsys durable.FS, dir string, rand io.Reader) error {
	if err := durable.MkdirAll(fsys, dir, 0o700); err != nil {
		return problem.Wrap(err, problem.Failed, dir, "the folder for keys cannot be made", "check the permissions")
	}
	var k Keys
	for _, f := range k.files() {
		b := make([]byte, KeySize)
		if _, err := io.ReadFull(rand, b); err != nil {
			return problem.Wrap(err, problem.Failed, "", "the system gives no random numbers", "try again")
		}
		s, _ := NewSecret(b)
		path := keyPath(dir, f.name)
		err := durable.Create(fsys, path, []byte(s.hex()+"\n"), 0o600)
		switch {
		case errors.Is(err, fs.ErrExist):
			return problem.Wrap(err, problem.Usage, path, "the key is there already and is never replaced", "make a new home, or keep this one")
		case err != nil:
			return problem.Wrap(err, problem.Failed, path, "the key cannot be written", "check the permissions and the room on the disk")
		}
	}
	return nil
}

// HomeKeys reads the home's keys. A key that others may read is refused.
func HomeKeys(dir string) (Keys, error) {
	var k Keys
	for _, f := range k.files() {
		s, err := readSecret(keyPath(dir, f.name))
		if err != nil {
			return Keys{}, err
		}
		*f.key = s
	}
	return k, nil
}

func keyPath(dir, name string) string { return filepath.Join(dir, name+".key") }

func readSecret(path string) (Secret, error) {
	b, err := readPrivate(path)
	if err != nil {
		return Secret{}, err
	}
	s, err := parseSecret(string(b))
	if err != nil {
		return Secret{}, problem.Wrap(err, problem.Usage, path, "this is no key file", "restore it from the backup: a new key would change every pseudonym")
	}
	return s, nil
}

// readPrivate reads a small file that nobody but its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, path, "the file is missing or cannot be opened", "check the path and the permissions")
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, problem.New(problem.Usage, path, "others on this machine may read this secret file", "run `chmod 600` on it")
	}
	if info.Size() > 1<<20 {
		return nil, problem.New(problem.Usage, path, "the file is far too large", "check the path")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, path, "the file cannot be read", "check the permissions")
	}
	return b, nil
}
