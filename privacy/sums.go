package privacy

import (
	"errors"
	"fmt"
	"log/slog"
)

// Sums are the exact bounded sums of one item, on their way to the noise. They can be neither printed nor logged nor
// written: every marshaller fails, and of a function fmt knows nothing but the address. (Behind a mere pointer %s would
// print them where Sums is the unexported field of another struct.)
type Sums struct{ cells func() []int64 }

func sumsOf(cells []int64) Sums { return Sums{func() []int64 { return cells }} }

// Format prints the name of the thing, never the thing.
func (Sums) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[exact sums]") }

// LogValue keeps the sums out of logs.
func (Sums) LogValue() slog.Value { return slog.StringValue("[exact sums]") }

// MarshalJSON fails.
func (Sums) MarshalJSON() ([]byte, error) { return nil, errUnwritable }

// MarshalText fails.
func (Sums) MarshalText() ([]byte, error) { return nil, errUnwritable }

// GobEncode fails.
func (Sums) GobEncode() ([]byte, error) { return nil, errUnwritable }

var errUnwritable = errors.New("privacy: exact sums cannot be written")
