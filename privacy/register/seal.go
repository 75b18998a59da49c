package register

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// Key seals the register's files. It is behind a pointer, so that printing it prints an address.
type Key struct{ p *[32]byte }

// NewKey takes 32 bytes.
func NewKey(b []byte) (Key, error) {
	if len(b) != 32 {
		return Key{}, errors.New("register: the key is not 32 bytes")
	}
	return Key{(*[32]byte)(bytes.Clone(b))}, nil
}

// aead is AES-256-GCM; the file's name is authenticated with the content, so that no file can stand in for another.
func (k Key) aead() (cipher.AEAD, error) {
	if k.p == nil {
		return nil, errors.New("register: there is no key")
	}
	block, err := aes.NewCipher(k.p[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func about(name string) []byte { return []byte("heatwatch register 2 " + name) }

// seal compresses and encrypts what write writes: 12 bytes nonce, then AES-256-GCM of zstd.
func (k Key) seal(name string, write func(io.Writer) error) ([]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	var plain bytes.Buffer
	z, err := zstd.NewWriter(&plain, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(write(z), z.Close()); err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+plain.Len()+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, plain.Bytes(), about(name)), nil
}

// open decrypts and hands the content to read, which must take all of it.
func (k Key) open(name string, sealed []byte, read func(io.Reader) error) error {
	aead, err := k.aead()
	if err != nil {
		return err
	}
	if len(sealed) < aead.NonceSize() {
		return errors.New("too short")
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], about(name))
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(bytes.NewReader(plain), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	if err := read(z); err != nil {
		return err
	}
	if n, err := z.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return errors.New("something follows the content")
	}
	return nil
}

// mark is what a tombstone keeps of a token or key: HMAC-SHA-256 under a key derived from the register's.
func (k Key) mark(kind string, parts ...string) [32]byte {
	derived := hmac.New(sha256.New, k.p[:])
	derived.Write([]byte("heatwatch erasure 1"))
	mac := hmac.New(sha256.New, derived.Sum(nil))
	for _, p := range append([]string{kind}, parts...) {
		writeText(mac, p)
	}
	return [32]byte(mac.Sum(nil))
}

// Kinds of files. The names of files follow from the calendar and the plan; none says anything of a person.
const (
	cohortSuffix   = ".cohort"
	exposureSuffix = ".exposure"
	linksSuffix    = ".links"
	tombstoneFile  = "erased.tombstones"
)

// ofFile is what the ledger calls a file: "cohort minors-2024Q1". It reports false for a file that is not the register's.
func ofFile(name string) (of string, ok bool) {
	for suffix, kind := range map[string]string{cohortSuffix: "cohort ", exposureSuffix: "exposure ", linksSuffix: "links "} {
		if base, ok := strings.CutSuffix(name, suffix); ok && base != "" && !strings.HasPrefix(name, ".") {
			return kind + base, true
		}
	}
	return "tombstones", name == tombstoneFile
}

// fileOf is the other way.
func fileOf(of string) (name string, ok bool) {
	if of == "tombstones" {
		return tombstoneFile, true
	}
	kind, base, _ := strings.Cut(of, " ")
	switch kind {
	case "cohort":
		return base + cohortSuffix, true
	case "exposure":
		return base + exposureSuffix, true
	case "links":
		return base + linksSuffix, true
	}
	return "", false
}

// Standing is what the ledger says of the register: by name, the HMAC that holds now and the entry that named it first.
type Standing map[string]Stand

// Stand is one commitment that holds.
type Stand struct {
	HMAC  string
	Entry int
	Lost  bool // of a cohort that an import has closed: it need not be there, and is not read
}

// Stands reads the ledger. An erasure puts another HMAC in the place of one; the entry stays.
func Stands(entries []ledger.Entry) Standing {
	s := Standing{}
	put := func(of, mac string, entry int) {
		if _, ok := fileOf(of); !ok {
			return
		}
		if old, ok := s[of]; ok {
			entry = old.Entry
		}
		s[of] = Stand{HMAC: mac, Entry: entry}
	}
	for _, e := range entries {
		if e.Erasure != nil {
			for _, r := range e.Erasure.Replaced {
				put(r.Of, r.New, e.Number)
			}
		}
		for _, c := range e.Commitments {
			put(c.Of, c.HMAC, e.Number)
		}
	}
	return s
}

// isDueOf tells whether base names an exposure of a cohort: the cohort's name, due date and attempt. A year's name begins that of a
// span of years too.
func isDueOf(base, cohort string) bool {
	rest, ok := strings.CutPrefix(base, cohort+"-")
	if !ok || len(rest) <= len("2006-01-02-") || rest[len("2006-01-02")] != '-' {
		return false
	}
	_, ok = models.ParseDate(rest[:len("2006-01-02")])
	return ok
}

// Concerns tells whether what a commitment is to, "cohort NAME" or "exposure NAME", belongs to a cohort.
func Concerns(of string, c ledger.Cohort) bool {
	kind, base, _ := strings.Cut(of, " ")
	name := c.Population + "-" + c.Period
	return kind == "cohort" && base == name || kind == "exposure" && isDueOf(base, name)
}

// Lose says that what the register has of a cohort cannot be read any more, or not whole: neither who is in it nor who was
// exposed with it.
func (s Standing) Lose(c ledger.Cohort) {
	for of, stand := range s {
		if Concerns(of, c) {
			stand.Lost = true
			s[of] = stand
		}
	}
}
