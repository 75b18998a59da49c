package ledger

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// Names of the key files.
const (
	signingKeyFile    = "ledger.key"
	publicKeyFile     = "ledger.pub"
	commitmentKeyFile = "commitment.key"
	keyPrefix         = "heatwatch/" // of the key's name; the home id follows
)

func keyProblem(file, what, do string) error {
	return problem.New(problem.Refused, "keys/"+file, what, do)
}

// makeKeys makes the three key files and returns the home's id. Keys that an interrupted call left are kept: the id is in
// them.
func makeKeys(fsys durable.FS, keys string, random io.Reader) (home string, signer *signer, err error) {
	if signer, err = loadSigner(keys); errors.Is(err, fs.ErrNotExist) {
		id := make([]byte, 16)
		if _, err := io.ReadFull(random, id); err != nil {
			return "", nil, fmt.Errorf("ledger: no randomness for the home's id: %w", err)
		}
		skey, _, err := note.GenerateKey(random, keyPrefix+hex.EncodeToString(id))
		if err != nil {
			return "", nil, fmt.Errorf("ledger: no signing key: %w", err)
		}
		if err := durable.Create(fsys, filepath.Join(keys, signingKeyFile), []byte(skey+"\n"), 0o600); err != nil {
			return "", nil, writeFailed("keys/"+signingKeyFile, err)
		}
		if signer, err = loadSigner(keys); err != nil {
			return "", nil, err
		}
	} else if err != nil {
		return "", nil, err
	}
	err = durable.Create(fsys, filepath.Join(keys, publicKeyFile), []byte(signer.public+"\n"), 0o600)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, writeFailed("keys/"+publicKeyFile, err)
	}
	if vkey, err := loadPublic(keys); err != nil {
		return "", nil, err
	} else if vkey != signer.public {
		return "", nil, keyProblem(publicKeyFile, "it does not belong to ledger.key", "remove both and run heatwatch init again")
	}
	secret := make([]byte, sha256.Size)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", nil, fmt.Errorf("ledger: no randomness for the commitment key: %w", err)
	}
	err = durable.Create(fsys, filepath.Join(keys, commitmentKeyFile), []byte(hex.EncodeToString(secret)+"\n"), 0o600)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, writeFailed("keys/"+commitmentKeyFile, err)
	}
	_, err = LoadCommitmentKey(keys)
	return signer.home, signer, err
}

// signer signs for one home.
type signer struct {
	note.Signer
	home, public string
}

func loadSigner(keys string) (*signer, error) {
	b, err := os.ReadFile(filepath.Join(keys, signingKeyFile))
	if err != nil {
		return nil, keyMissing(signingKeyFile, err)
	}
	skey := strings.TrimSuffix(string(b), "\n")
	s, err := note.NewSigner(skey)
	if err != nil {
		return nil, keyProblem(signingKeyFile, "it is not a signing key", "restore it from a backup")
	}
	home, ok := strings.CutPrefix(s.Name(), keyPrefix)
	if !ok || !isHome(home) {
		return nil, keyProblem(signingKeyFile, "it is not a key of a warehouse home", "restore it from a backup")
	}
	public, err := publicOf(skey, s.Name())
	if err != nil {
		return nil, keyProblem(signingKeyFile, "it is not a signing key", "restore it from a backup")
	}
	return &signer{Signer: s, home: home, public: public}, nil
}

// publicOf derives the public key. A signing key is PRIVATE+KEY+name+hash+data, the data one byte for the algorithm and
// the seed in base64, which may hold a plus of its own.
func publicOf(skey, name string) (string, error) {
	fields := strings.SplitN(skey, "+", 5)
	data, err := base64.StdEncoding.DecodeString(fields[len(fields)-1])
	if err != nil || len(data) != 1+ed25519.SeedSize {
		return "", errors.New("malformed key")
	}
	return note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(data[1:]).Public().(ed25519.PublicKey))
}

func loadPublic(keys string) (string, error) {
	b, err := os.ReadFile(filepath.Join(keys, publicKeyFile))
	if err != nil {
		return "", keyMissing(publicKeyFile, err)
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

func keyMissing(file string, err error) error {
	what := "it cannot be read"
	if errors.Is(err, fs.ErrNotExist) {
		what = "it is missing"
	}
	return problem.Wrap(err, problem.Refused, "keys/"+file, what, "restore it from a backup, or run heatwatch init in a new folder")
}

// verifierFor accepts only the one spelling of a public key of a home.
func verifierFor(vkey string) (note.Verifier, string, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, "", errors.New("the public key is malformed")
	}
	home, ok := strings.CutPrefix(v.Name(), keyPrefix)
	fields := strings.SplitN(vkey, "+", 3) // name+hash+data, the data in base64
	data, err := base64.StdEncoding.Strict().DecodeString(fields[len(fields)-1])
	if !ok || !isHome(home) || err != nil || len(data) != 1+ed25519.PublicKeySize {
		return nil, "", errors.New("the public key is not one of a warehouse home")
	}
	if same, err := note.NewEd25519VerifierKey(v.Name(), data[1:]); err != nil || same != vkey {
		return nil, "", errors.New("the public key is malformed")
	}
	return v, home, nil
}

// Fingerprint is the SHA-256 of a public key in hex: short enough to be printed and compared by hand.
func Fingerprint(publicKey string) string {
	sum := sha256.Sum256([]byte(publicKey))
	return hex.EncodeToString(sum[:])
}

// Commitment stands in a public entry for protected content.
type Commitment struct {
	Of   string `json:"of"`   // what: "generation", "register"
	HMAC string `json:"hmac"` // HMAC-SHA-256 in hex, under the home's commitment key
}

// CommitmentKey makes commitments. It cannot be printed.
type CommitmentKey struct{ p *[sha256.Size]byte }

// LoadCommitmentKey reads keys/commitment.key.
func LoadCommitmentKey(keys string) (CommitmentKey, error) {
	b, err := os.ReadFile(filepath.Join(keys, commitmentKeyFile))
	if err != nil {
		return CommitmentKey{}, keyMissing(commitmentKeyFile, err)
	}
	secret, err := hex.DecodeString(strings.TrimSuffix(string(b), "\n"))
	if err != nil || len(secret) != sha256.Size {
		return CommitmentKey{}, keyProblem(commitmentKeyFile, "it is not 32 bytes in hex", "restore it from a backup")
	}
	return CommitmentKey{(*[sha256.Size]byte)(secret)}, nil
}

// Commit commits to content. The same content under another name has another commitment.
func (k CommitmentKey) Commit(of string, content []byte) Commitment {
	if k.p == nil {
		panic("ledger: commitment without a key")
	}
	mac := hmac.New(sha256.New, k.p[:])
	fmt.Fprintf(mac, "%d:%s,", len(of), of)
	mac.Write(content)
	return Commitment{Of: of, HMAC: hex.EncodeToString(mac.Sum(nil))}
}

// Opens tells, in constant time, whether c commits to content.
func (k CommitmentKey) Opens(c Commitment, content []byte) bool {
	return hmac.Equal([]byte(k.Commit(c.Of, content).HMAC), []byte(c.HMAC))
}

// Format never prints the key.
func (CommitmentKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[commitment key]") }

// LogValue never logs the key.
func (CommitmentKey) LogValue() slog.Value { return slog.StringValue("[commitment key]") }

// MarshalJSON fails.
func (CommitmentKey) MarshalJSON() ([]byte, error) {
	return nil, errors.New("ledger: a key cannot be written")
}
