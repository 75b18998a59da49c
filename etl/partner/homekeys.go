package partner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"

	"io"
)

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

// LinkageKey is what the agencies make tokens with in one epoch.
type LinkageKey struct {
	Epoch int
	Key   Secret
}

// LinkageOf is the linkage key of an epoch, from 1.
func (k Keys) LinkageOf(epoch int) Secret { return k.Linkage.Derive("epoch", strconv.Itoa(epoch)) }

// Vault is the key under which tokens are kept: agencies know nothing of it.
func (k Keys) Vault() Secret { return k.Master.Derive("vault") }

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
