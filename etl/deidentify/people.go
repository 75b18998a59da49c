package deidentify

import (
	"heatwatch/models"
)

// person is what is kept of somebody while a batch runs: 5 bytes beside the key.
type person struct {
	born    models.Date
	consent bool
}

// begin reads who the row is about, and says whether it may leave at all.
func (tb *table) begin(s *rowState) (keep bool, err error) {
	for i := range s.cells {
		s.cells[i] = trim(s.cells[i])
	}
	s.born, s.local = noDate, noDate
	if tb.e.Tokens {
		tb.readIdentity(s)
	}
	if tb.personAt < 0 {
		return !blank(s.cells), nil
	}
	own := s.cells[tb.personAt]
	if len(own) == 0 {
		return !blank(s.cells), nil
	}
	kind := tb.personKind(s)
	s.own, s.key = tb.pseudonym(kind, own)
	if tb.e.Tokens {
		return tb.listPerson(s, kind, own)
	}
	p, known := tb.people[s.key]
	if known {
		s.born = p.born
	}
	if tb.consented && kind == minorKey && !p.consent {
		tb.rep.HeldBack++
		return false, nil
	}
	if !known && tb.listed[kind.listed] {
		tb.rep.Unsent++
	}
	return true, tb.note(s.key, kind, own, s.own)
}

// personKind is the role in which the row's person appears.
func (tb *table) personKind(s *rowState) keyKind {
	if tb.e.Population == "accused" || tb.e.Population == "by_role" && (tb.roleAt < 0 || string(s.cells[tb.roleAt]) != "victim") {
		return accusedKey
	}
	return minorKey
}

func (tb *table) readIdentity(s *rowState) {
	s.who = identity{born: noDate}
	for i, k := range tb.ident {
		*s.who.slot(identifying[k]) = s.cells[i]
	}
	if len(s.who.birth) > 0 {
		var ok bool
		if s.who.born, ok = parseBirth(s.who.birth, tb.today); !ok {
			tb.rep.BadBirthDays++
		}
	}
	s.born = s.who.born
}

// listPerson remembers a person for the files that refer to it. Of two rows with one number the first counts.
func (tb *table) listPerson(s *rowState, kind keyKind, own []byte) (bool, error) {
	p, twice := tb.people[s.key]
	if !twice {
		p = person{born: s.who.born, consent: kind == minorKey && tb.inForce(s)}
		tb.people[s.key] = p
	}
	if tb.consented && kind == minorKey && !p.consent {
		tb.rep.HeldBack++
		return false, nil
	}
	if twice {
		return true, nil
	}
	return true, tb.keymap.add(kind.listed, own, s.own)
}

// inForce reports whether the person's consent allows sharing today.
func (tb *table) inForce(s *rowState) bool {
	if tb.releaseAt < 0 {
		return false
	}
	if r := string(s.cells[tb.releaseAt]); r != "signed" && r != "not_required" {
		return false
	}
	if tb.untilAt < 0 || len(s.cells[tb.untilAt]) == 0 {
		return true
	}
	until, ok := models.ParseDate(s.cells[tb.untilAt])
	return ok && until >= tb.today
}

// note puts a key into the keymap once.
func (tb *table) note(k digest, kind keyKind, own []byte, s short) error {
	if _, ok := tb.people[k]; ok || tb.noted[k] {
		return nil
	}
	tb.noted[k] = true
	return tb.keymap.add(kind.listed, own, s)
}

func blank(cells [][]byte) bool {
	for _, c := range cells {
		if len(c) > 0 {
			return false
		}
	}
	return true
}

// mostCached is how many pseudonyms of persons are kept: who has one row has many, and a MAC costs more than a look.
const mostCached = 1 << 16

type named struct {
	own short
	key digest
}

func (t *translator) pseudonym(kind keyKind, own []byte) (short, digest) {
	cache := t.cached[kind.prefix]
	if n, ok := cache[string(own)]; ok {
		return n.own, n.key
	}
	if cache == nil || len(cache) == mostCached {
		cache = map[string]named{}
		t.cached[kind.prefix] = cache
	}
	s, k := t.mac.of(kind.prefix, own)
	cache[string(own)] = named{s, k}
	return s, k
}
