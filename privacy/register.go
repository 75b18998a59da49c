package privacy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// register keeps who is in which frozen cohort: one file per cohort, encrypted with the home's register key (AES-256,
// GCM; the file's name is authenticated with it). A cohort is staged before its ledger entry; the entry carries the
// staged file's HMAC and is the one point from which the freeze holds.
type register struct {
	fs         durable.FS
	dir        string
	key        []byte               // encrypts
	commitment ledger.CommitmentKey // of what the ledger says about protected content
}

// cohortPrefix begins the name of every cohort's commitment in the ledger.
const cohortPrefix = "cohort "

// commit is the ledger's word for a sealed cohort: only who holds the key can tell what it stands for.
func (g register) commit(name string, sealed []byte) ledger.Commitment {
	return g.commitment.Commit(cohortPrefix+strings.TrimSuffix(name, cohortSuffix), sealed)
}

type cohortFile struct {
	Schema     int           `json:"schema"`
	Population string        `json:"population"`
	Period     models.Period `json:"period"`
	Members    []Member      `json:"members"`
}

const cohortSuffix = ".cohort"

func (g register) name(population string, period models.Period) string {
	return population + "-" + period.String() + cohortSuffix
}

func (g register) seal(name string, plain []byte) ([]byte, error) {
	aead, err := g.aead()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, plain, []byte("heatwatch register 1 "+name)), nil
}

func (g register) open(name string, sealed []byte) ([]byte, error) {
	aead, err := g.aead()
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("too short")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte("heatwatch register 1 "+name))
}

func (g register) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(g.key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (g register) staged() string { return filepath.Join(g.dir, "staged") }

// stage writes a cohort beside the register and returns its commitment.
func (g register) stage(population string, period models.Period, ms []Member) (ledger.Commitment, error) {
	plain, err := json.Marshal(cohortFile{1, population, period, ms})
	if err != nil {
		return ledger.Commitment{}, err
	}
	name := g.name(population, period)
	sealed, err := g.seal(name, plain)
	if err != nil {
		return ledger.Commitment{}, err
	}
	if err := durable.MkdirAll(g.fs, g.staged(), 0o700); err != nil {
		return ledger.Commitment{}, err
	}
	return g.commit(name, sealed), durable.Replace(g.fs, filepath.Join(g.staged(), name), sealed, 0o600)
}

// apply makes staged cohorts that a ledger entry names part of the register, and removes those that none names.
// It is the same code after an entry and at recovery.
func (g register) apply(named map[string]bool) error {
	entries, err := os.ReadDir(g.staged())
	if isMissing(err) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(g.staged(), e.Name())
		if !strings.HasSuffix(e.Name(), cohortSuffix) {
			continue
		}
		sealed, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !named[g.commit(e.Name(), sealed).HMAC] {
			if err := durable.Remove(g.fs, path); err != nil {
				return err
			}
			continue
		}
		if err := durable.Create(g.fs, filepath.Join(g.dir, e.Name()), sealed, 0o400); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := durable.Remove(g.fs, path); err != nil {
			return err
		}
	}
	return nil
}

// load reads the frozen cohorts of a population and checks each against the ledger's commitments.
func (g register) load(population string, named map[string]bool) (frozen, error) {
	fr := frozen{}
	entries, err := os.ReadDir(g.dir)
	if isMissing(err) {
		return fr, nil
	} else if err != nil {
		return nil, err
	}
	found := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), cohortSuffix) {
			continue
		}
		path := filepath.Join(g.dir, e.Name())
		sealed, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if !named[g.commit(e.Name(), sealed).HMAC] {
			return nil, problem.New(problem.Refused, path, "the ledger does not know this cohort", "restore the register from a copy")
		}
		found++
		plain, err := g.open(e.Name(), sealed)
		var c cohortFile
		if err == nil {
			err = json.Unmarshal(plain, &c)
		}
		if err != nil {
			return nil, problem.Wrap(err, problem.Refused, path, "the cohort cannot be opened with this home's key", "restore register/ and keys/ from the same copy")
		}
		if c.Population == population {
			fr[c.Period] = c.Members
		}
	}
	if found < len(named) {
		return nil, problem.New(problem.Refused, g.dir, "a frozen cohort that the ledger names is missing", "restore the register from a copy")
	}
	return fr, nil
}
