package intake

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"

	"heatwatch/models"
)

// keyWatch looks across the rows of a drop where there is no warehouse: it finds duplicate keys, and persons that a drop
// which sends all its persons does not send. It keeps 24 bytes per row, and as many per reference where the drop restates
// its persons, so it is for agencies' drops; the nightly settles with DuckDB. Two keys are taken for equal when 128 bits of
// a keyed hash are.
type keyWatch struct {
	seeds [2]maphash.Seed
	rows  map[string]*keyRows            // by entity
	refs  map[string]map[string][]keyAt  // by the entity that refers, then by the one that it refers to
	sent  map[string]map[key128]bool     // persons and accused_persons; true: deleted
	first map[string]map[key128]struct{} // by both names: persons that were referred to already
	every bool                           // every reference is kept, not only the first to each person
	buf   []byte
}

type key128 [2]uint64

type keyAt struct {
	key  key128
	line int64
}

// keyRows holds the keys of an entity in parts, by the first bits of their hash: each part grows and is sorted by itself.
type keyRows [256][]keyAt

func newKeyWatch() *keyWatch {
	return &keyWatch{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, rows: map[string]*keyRows{},
		refs: map[string]map[string][]keyAt{}, sent: map[string]map[key128]bool{}, first: map[string]map[key128]struct{}{}}
}

func (w *keyWatch) hash(b []byte) key128 {
	return key128{maphash.Bytes(w.seeds[0], b), maphash.Bytes(w.seeds[1], b)}
}

// forget drops what was seen of an entity whose file was refused after all.
func (w *keyWatch) forget(entity string) {
	delete(w.rows, entity)
	delete(w.refs, entity)
	delete(w.sent, entity)
	for _, to := range []string{"persons", "accused_persons"} {
		delete(w.first, entity+" "+to)
	}
}

// see notes the accepted rows of a batch.
func (w *keyWatch) see(p *plan, b *batch) {
	e := p.entity
	find := func(name string) *column {
		i := slices.IndexFunc(p.fields, func(f field) bool { return f.name == name })
		if i < 0 {
			return nil
		}
		return &b.columns[i]
	}
	var keys []*column
	for _, name := range e.Key {
		keys = append(keys, find(name))
	}
	person, role, deleted := find("person_key"), find("party_role"), find("deleted")
	var roles []string
	if c, ok := e.Column("party_role"); ok {
		roles = c.Values
	}
	isPerson := e.Tokens
	if isPerson && w.sent[e.Name] == nil {
		w.sent[e.Name] = map[key128]bool{}
	}
	rows := w.rows[e.Name]
	if rows == nil {
		rows = new(keyRows)
		w.rows[e.Name] = rows
	}
	for i := range b.rows {
		line := b.base + int64(b.lines[i])
		w.buf = w.buf[:0]
		for _, c := range keys {
			w.buf = c.appendCell(w.buf, i)
		}
		k := w.hash(w.buf)
		part := &rows[k[0]>>56]
		*part = append(*part, keyAt{k, line})
		if isPerson {
			if _, earlier := w.sent[e.Name][k]; !earlier { // of duplicates the first line stays
				w.sent[e.Name][k] = deleted != nil && deleted.codes[i] == 0
			}
			continue
		}
		if person == nil {
			continue
		}
		of := ""
		if role != nil {
			of = roles[role.codes[i]]
		}
		if to := e.Refers(of); to != "" {
			w.refer(e.Name, to, keyAt{w.hash(person.appendCell(w.buf[:0], i)), line})
		}
	}
}

// refer notes that a row speaks of a person.
func (w *keyWatch) refer(from, to string, at keyAt) {
	if !w.every {
		pair := from + " " + to
		if w.first[pair] == nil {
			w.first[pair] = map[key128]struct{}{}
		}
		if _, again := w.first[pair][at.key]; again {
			return
		}
		w.first[pair][at.key] = struct{}{}
	}
	if w.refs[from] == nil {
		w.refs[from] = map[string][]keyAt{}
	}
	w.refs[from][to] = append(w.refs[from][to], at)
}

// appendCell writes a cell so that two rows of cells are equal only if all cells are.
func (c *column) appendCell(b []byte, i int) []byte {
	switch c.kind {
	case kindText:
		start := uint32(0)
		if i > 0 {
			start = c.ends[i-1]
		}
		return append(append(b, bytes.Clone(c.text[start:c.ends[i]])...), 0)
	case kindCode:
		return append(b, c.codes[i])
	case kindDate:
		return binary.LittleEndian.AppendUint32(b, uint32(c.days[i]))
	}
	return binary.LittleEndian.AppendUint64(b, uint64(c.ints[i]))
}

// across says what the settling pass of the nightly would say of an entity, in the order of lines: the rows whose key an
// earlier line has, and of the others those whose person is not in the drop. known is false where a row refers to an
// entity that the drop does not restate: then only the warehouse knows.
func (w *keyWatch) across(e models.Entity, restated func(entity string) bool) (found []Extra, known bool) {
	duplicate := w.duplicates(e.Name)
	column := e.Key[0]
	if len(e.Key) > 1 {
		column = ""
	}
	for line := range duplicate {
		found = append(found, Extra{Entity: e.Name, Line: line, Column: column, Code: "duplicate_key"})
	}
	known = true
	for to, refs := range w.refs[e.Name] {
		for _, r := range refs {
			deleted, sent := w.sent[to][r.key]
			switch {
			case w.every && duplicate[r.line] || sent && !deleted:
			case restated(to):
				found = append(found, Extra{Entity: e.Name, Line: r.line, Column: "person_key", Code: "person_not_sent"})
			default:
				known = false
			}
		}
	}
	slices.SortFunc(found, func(a, b Extra) int { return cmp.Compare(a.Line, b.Line) })
	return found, known
}

// duplicates are the lines whose key an earlier line has.
func (w *keyWatch) duplicates(entity string) map[int64]bool {
	lines := map[int64]bool{}
	parts := w.rows[entity]
	if parts == nil {
		return lines
	}
	for _, rows := range parts {
		slices.SortFunc(rows, func(a, b keyAt) int {
			return cmp.Or(cmp.Compare(a.key[0], b.key[0]), cmp.Compare(a.key[1], b.key[1]), cmp.Compare(a.line, b.line))
		})
		for i := 1; i < len(rows); i++ {
			if rows[i].key == rows[i-1].key {
				lines[rows[i].line] = true
			}
		}
	}
	return lines
}
