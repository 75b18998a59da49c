package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"heatwatch/privacy/accountant"
)

// Schema is the version of the format. A program that does not know it refuses the ledger.
const Schema = 1

// Kind says what an entry is about.
type Kind string

// The kinds of entries.
const (
	KindInit    Kind = "init"    // the first entry: what this home has promised
	KindRelease Kind = "release" // items about to be measured
	KindRepeat  Kind = "repeat"  // items whose measurements were lost, measured once more
	KindAmend   Kind = "amend"   // a changed cap or plan, with its reason
	KindErasure Kind = "erasure" // files were forgotten: old and new commitments
	KindImport  Kind = "import"  // entries of a lost or other copy of this home, charged in full
)

// Entry is one entry. Exactly one of the bodies is set, the one of its kind.
type Entry struct {
	Schema      int          `json:"schema"`
	Number      int          `json:"entry"`
	Kind        Kind         `json:"kind"`
	Date        string       `json:"date"` // local date; never a time of day
	Home        string       `json:"home"` // 128 random bits, hex
	Prev        string       `json:"prev"` // SHA-256 of the entry before, hex; empty in the first
	Init        *Terms       `json:"init,omitempty"`
	Release     *Release     `json:"release,omitempty"` // also of a repeat
	Amend       *Amend       `json:"amend,omitempty"`
	Erasure     *Erasure     `json:"erasure,omitempty"`
	Import      *Import      `json:"import,omitempty"`
	Commitments []Commitment `json:"commitments,omitempty"`
	Signature   string       `json:"signature"`
}

// Terms is what the first entry fixes for good. Settings are read once, into it.
type Terms struct {
	Mode        string       `json:"mode"` // Demo or Real
	Timezone    string       `json:"timezone"`
	Delta       float64      `json:"delta"`
	Plan        Plan         `json:"plan"`
	Populations []Population `json:"populations"`
	Key         string       `json:"key"` // public key of the home; Create fills it in
}

// A home is one of these for ever.
const (
	Demo = "demo"
	Real = "real"
)

// Plan names a release plan. Hash is the SHA-256 of its text in hex; the text itself may be in the entry.
type Plan struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
	Text    string `json:"text,omitempty"`
}

// Population has a budget of its own.
type Population struct {
	Name       string         `json:"name"`
	Unit       string         `json:"unit"`     // whom the promise is about: "linked person", "attendance"
	Lifetime   bool           `json:"lifetime"` // false: nobody is identified, the cap is per unit
	CapMu2     accountant.Mu2 `json:"cap_mu2"`
	CapEpsilon float64        `json:"cap_epsilon"` // not below the epsilon of CapMu2 at the home's delta
}

// Release books items before they are measured.
type Release struct {
	Period  string  `json:"period"` // the cohort: 2026Q3, 2026, 2021-2025
	Due     string  `json:"due"`    // the date of the data that is measured
	Plan    PlanRef `json:"plan"`
	Attempt int     `json:"attempt"`           // 1, or 2 in a repeat
	Repeats int     `json:"repeats,omitempty"` // in a repeat: the entry whose measurements were lost
	Items   []Item  `json:"items"`
	Losses  []Loss  `json:"losses"` // one per population of the items but Nobody, in order of their names
}

// PlanRef is a plan that the ledger holds already.
type PlanRef struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
}

// Ref is the reference to a plan.
func (p Plan) Ref() PlanRef { return PlanRef{p.Name, p.Version, p.Hash} }

// Nobody is the population of public facts. It has no budget: its items have no noise and cost nothing, and no other item
// is without noise.
const Nobody = "none"

// Item is one vector of noisy cells, or of public facts.
//
// One person loses Mu2 in each period that the person is in. Series groups items whose periods exclude each other for a
// person: nobody is in more than Participations periods of one series. An item may well have a series of its own;
// that only makes the bound on a lifetime larger.
type Item struct {
	ID             string         `json:"item"`
	Population     string         `json:"population"`
	Period         string         `json:"period"`
	Series         string         `json:"series"`
	Participations int            `json:"participations"`
	Cells          string         `json:"cells"` // identity of what is measured: see CellsHash
	Draws          int64          `json:"draws"` // number of cells
	L0             int64          `json:"l0"`
	Linf           int64          `json:"linf"`
	Sd             float64        `json:"sd"` // as drawn, in the unit of the cell
	Mu2            accountant.Mu2 `json:"mu2"`
}

// Cost is what the item costs in each period.
func (it Item) Cost() (accountant.Mu2, error) {
	if it.Population == Nobody {
		if it.L0 != 0 || it.Linf != 0 || it.Sd != 0 {
			return 0, errors.New("a public fact has neither bounds nor noise")
		}
		return 0, nil
	}
	return accountant.Item{L0: it.L0, Linf: it.Linf, Sd: it.Sd}.Loss()
}

// Loss is what one person of a population can lose: by this entry, and in a lifetime by everything up to it.
type Loss struct {
	Population string         `json:"population"`
	Release    accountant.Mu2 `json:"mu2_release"`
	Lifetime   accountant.Mu2 `json:"mu2_lifetime"`
}

// Amend changes caps, adds populations, or enters another plan. What it does not name stays.
type Amend struct {
	Reason      string       `json:"reason"`
	Plan        *Plan        `json:"plan,omitempty"`
	Populations []Population `json:"populations,omitempty"`
}

// Erasure says that commitments made before a forget are replaced by others.
type Erasure struct {
	Replaced []Replaced `json:"replaced"`
}

// Replaced is one commitment before and after.
type Replaced struct {
	Of  string `json:"of"`
	Old string `json:"old"`
	New string `json:"new"`
}

// Import charges the entries of another copy of this home, up to the head that it names. Caps do not refuse it: it has
// happened. Items are those of entries that this ledger does not hold itself; their series are told apart from its own, so
// that they add to what was spent here. Closed cohorts are never measured again: who was in them is lost.
type Import struct {
	Home    string   `json:"home"`
	Entries int      `json:"entries"`
	Head    string   `json:"head"`
	Items   []Item   `json:"items,omitempty"`
	Closed  []Cohort `json:"closed,omitempty"` // in order, each once
}

// Cohort is the persons of a population in a period.
type Cohort struct {
	Population string `json:"population"`
	Period     string `json:"period"`
}

// Bytes is the one way to write the entry.
func (e Entry) Bytes() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(e); err != nil {
		return nil // an infinite number; no such entry passes check, and nothing parses from no bytes
	}
	return b.Bytes()
}

// Hash is what the next entry names as prev.
func (e Entry) Hash() string {
	sum := sha256.Sum256(e.Bytes())
	return hex.EncodeToString(sum[:])
}

// signed is what the signature covers.
func (e Entry) signed() []byte {
	e.Signature = ""
	return append([]byte("heatwatch ledger entry\n"), e.Bytes()...)
}

// Parse reads one entry and checks all that can be checked without the others. Whatever parses
// prints back to the same bytes.
func Parse(b []byte) (Entry, error) {
	var e Entry
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return Entry{}, fmt.Errorf("not an entry: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Entry{}, errors.New("something follows the entry")
	}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(e.Bytes(), b) {
		return Entry{}, errors.New("not in canonical form")
	}
	return e, nil
}

// CellsHash is the identity of what an item measures: a hash over its public parts, none of which is the name of the item.
// Give it the measure with its definition, the vector, the dimension and the cells; neither sigma nor encoding,
// for another sigma does not make it another truth.
func CellsHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p) // netstrings: ("ab", "c") is not ("a", "bc")
	}
	return hex.EncodeToString(h.Sum(nil))
}
