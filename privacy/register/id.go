package register

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// ID is a person's pseudonym: 128 random bits, given once. It cannot be printed.
type ID [16]byte

// ParseID takes the 16 bytes of a pseudonym.
func ParseID(b []byte) (ID, error) {
	if len(b) != len(ID{}) {
		return ID{}, errors.New("register: a pseudonym is not 16 bytes")
	}
	return ID(b), nil
}

// Hex is for the parameters of a statement inside the house.
func (p ID) Hex() string { return hex.EncodeToString(p[:]) }

func compare(a, b ID) int { return bytes.Compare(a[:], b[:]) }

// Format never prints a pseudonym.
func (ID) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[person]") }

// LogValue never logs one.
func (ID) LogValue() slog.Value { return slog.StringValue("[person]") }

// MarshalJSON fails.
func (ID) MarshalJSON() ([]byte, error) {
	return nil, errors.New("register: a pseudonym cannot be written")
}

// Member is one person of a frozen cohort, with the entry that stays whatever arrives later. Strings are codes of ours, or
// empty where unknown.
type Member struct {
	Person     ID
	EnteredAt  int64 // microseconds, UTC
	EnteredOn  int32 // days since 1970-01-01, local
	Agency     string
	AgencyKind string
	Channel    string
	Setting    string
	AgeBand    string
	Age        int32 // -1 where unknown
}

// Format never prints a member.
func (Member) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[member]") }

// LogValue never logs one.
func (Member) LogValue() slog.Value { return slog.StringValue("[member]") }

// MarshalJSON fails.
func (Member) MarshalJSON() ([]byte, error) {
	return nil, errors.New("register: a member cannot be written")
}
