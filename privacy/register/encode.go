package register

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"heatwatch/models"
	"heatwatch/privacy/accountant"
)

// A file is a header in JSON, with its length before it, and columns of fixed width after it, little-endian. Pseudonyms are
// random, so 16 bytes each is what they need; the rest of a member takes few.

const fileSchema = 2

// most bounds what a header may ask for, so that a damaged one cannot ask for all memory. Nothing that is not sealed by the
// home's key gets as far as here.
const most = 1 << 28

type cohortHeader struct {
	Schema     int           `json:"schema"`
	Population string        `json:"population"`
	Period     models.Period `json:"period"`
	Members    int           `json:"members"`
	Words      []string      `json:"words"` // codes, by their number in the columns
}

// writeText writes a netstring, for MACs.
func writeText(w io.Writer, s string) { fmt.Fprintf(w, "%d:%s,", len(s), s) }

func writeHeader(w io.Writer, header any) error {
	b, err := json.Marshal(header)
	if err != nil {
		return err
	}
	if err := binary.Write(w, binary.LittleEndian, uint32(len(b))); err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func readHeader(r io.Reader, header any) error {
	var n uint32
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		return err
	}
	if n > most {
		return errors.New("the header is too long")
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return json.Unmarshal(b, header)
}

func writeIDs(w io.Writer, ids []ID) error {
	for i := range ids {
		if _, err := w.Write(ids[i][:]); err != nil {
			return err
		}
	}
	return nil
}

func readIDs(r io.Reader, n int) ([]ID, error) {
	if n < 0 || n > most {
		return nil, errors.New("a list is too long")
	}
	ids := make([]ID, n)
	for i := range ids {
		if _, err := io.ReadFull(r, ids[i][:]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// words are the five codes of a member, as places in one list of words.
func (m *Member) words() [5]*string {
	return [5]*string{&m.Agency, &m.AgencyKind, &m.Channel, &m.Setting, &m.AgeBand}
}

func writeCohort(w io.Writer, population string, period models.Period, ms []Member) error {
	if !slices.IsSortedFunc(ms, func(a, b Member) int { return compare(a.Person, b.Person) }) {
		return errors.New("register: members are not sorted")
	}
	h := cohortHeader{Schema: fileSchema, Population: population, Period: period, Members: len(ms)}
	number := map[string]uint16{}
	for i := range ms {
		for _, s := range ms[i].words() {
			if _, ok := number[*s]; !ok {
				number[*s] = uint16(len(h.Words))
				h.Words = append(h.Words, *s)
			}
		}
	}
	if len(h.Words) > 1<<16 {
		return errors.New("register: too many different codes")
	}
	b := bufio.NewWriterSize(w, 1<<16)
	if err := writeHeader(b, h); err != nil {
		return err
	}
	var n [8]byte
	for i := range ms {
		b.Write(ms[i].Person[:])
	}
	for i := range ms {
		binary.LittleEndian.PutUint64(n[:], uint64(ms[i].EnteredAt))
		b.Write(n[:])
	}
	for i := range ms {
		binary.LittleEndian.PutUint32(n[:], uint32(ms[i].EnteredOn))
		b.Write(n[:4])
	}
	for i := range ms {
		binary.LittleEndian.PutUint32(n[:], uint32(ms[i].Age))
		b.Write(n[:4])
	}
	for k := range 5 {
		for i := range ms {
			binary.LittleEndian.PutUint16(n[:], number[*ms[i].words()[k]])
			b.Write(n[:2])
		}
	}
	return b.Flush() // the first error of any write
}

func readCohort(r io.Reader) (h cohortHeader, ms []Member, err error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if err := readHeader(b, &h); err != nil {
		return h, nil, err
	}
	if h.Schema != fileSchema || h.Members < 0 || h.Members > most {
		return h, nil, errors.New("not a cohort of this program")
	}
	ms = make([]Member, h.Members)
	var n [8]byte
	column := func(width int, set func(i int, v uint64) error) {
		for i := 0; i < len(ms) && err == nil; i++ {
			clear(n[:])
			if _, err = io.ReadFull(b, n[:width]); err == nil {
				err = set(i, binary.LittleEndian.Uint64(n[:]))
			}
		}
	}
	for i := 0; i < len(ms) && err == nil; i++ {
		_, err = io.ReadFull(b, ms[i].Person[:])
	}
	column(8, func(i int, v uint64) error { ms[i].EnteredAt = int64(v); return nil })
	column(4, func(i int, v uint64) error { ms[i].EnteredOn = int32(v); return nil })
	column(4, func(i int, v uint64) error { ms[i].Age = int32(v); return nil })
	for k := range 5 {
		column(2, func(i int, v uint64) error {
			if v >= uint64(len(h.Words)) {
				return errors.New("a code has no word")
			}
			*ms[i].words()[k] = h.Words[v]
			return nil
		})
	}
	return h, ms, atEnd(b, err)
}

// atEnd wants nothing more to follow; b may have read ahead of the reader below it.
func atEnd(b *bufio.Reader, err error) error {
	if err != nil {
		return err
	}
	if _, err := b.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the content")
	}
	return nil
}

// exposure is who was measured by one ledger entry, and at what price. Items that were about the same persons share a set.
type exposure struct {
	Schema     int           `json:"schema"`
	Population string        `json:"population"`
	Period     models.Period `json:"period"`
	Due        models.Date   `json:"due"`
	Attempt    int           `json:"attempt"`
	Items      []exposedItem `json:"items"`
	Sets       []set         `json:"sets"`

	entry int // of the ledger
}

type exposedItem struct {
	ID     string         `json:"item"`
	Series string         `json:"series"`
	Level  string         `json:"level"`
	Price  accountant.Mu2 `json:"mu2"`
	Set    int            `json:"set"`
}

// set is a list of persons: the members of the period's frozen cohort (where Cohort is set) without some, and others.
type set struct {
	Cohort  bool `json:"cohort"`
	Without int  `json:"without"`
	With    int  `json:"with"`

	without, with []ID // sorted
}

func writeExposure(w io.Writer, e exposure) error {
	b := bufio.NewWriterSize(w, 1<<16)
	for i := range e.Sets {
		e.Sets[i].Without, e.Sets[i].With = len(e.Sets[i].without), len(e.Sets[i].with)
	}
	if err := writeHeader(b, e); err != nil {
		return err
	}
	for _, s := range e.Sets {
		writeIDs(b, s.without)
		writeIDs(b, s.with)
	}
	return b.Flush()
}

func readExposure(r io.Reader) (e exposure, err error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if err := readHeader(b, &e); err != nil {
		return e, err
	}
	if e.Schema != fileSchema {
		return e, errors.New("not an exposure of this program")
	}
	for _, it := range e.Items {
		if it.Price < 0 || it.Set < 0 || it.Set >= len(e.Sets) {
			return e, errors.New("an item without a price or a set")
		}
	}
	for i := range e.Sets {
		s := &e.Sets[i]
		if s.without, err = readIDs(b, s.Without); err != nil {
			return e, err
		}
		if s.with, err = readIDs(b, s.With); err != nil {
			return e, err
		}
	}
	return e, atEnd(b, nil)
}
