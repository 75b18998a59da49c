package partner

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

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

// Known reports whether there is a key: the zero Secret has none.
func (s Secret) Known() bool { return s.p != nil }
