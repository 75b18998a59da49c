package ledger

import (
	"context"
	"slices"

	"heatwatch/internal/problem"
)

// Missed is what another copy of this home has booked and this ledger has not.
type Missed struct {
	Head   Head    // of the other copy
	Same   bool    // the other copy shows that nothing is newer than what is here
	Next   []Entry // entries that follow the ones here: this home was rolled back
	Forked []Entry // entries of another history that no import has charged yet
	branch string  // hash of the first entry of that history
}

// Missed compares the ledger of another copy, such as a published site's, with this one. A copy that has seen less than
// this ledger is refused: it cannot show whether there is a newer one.
func (l *Ledger) Missed(other *Ledger) (Missed, error) {
	s, o := l.now(), other.now()
	m := Missed{Head: o.position()}
	if o.home != s.home || o.terms.Key != s.terms.Key {
		return m, OtherHome.Problem("ledger")
	}
	common := 0
	for common < min(len(s.hashes), len(o.hashes)) && s.hashes[common] == o.hashes[common] {
		common++
	}
	last := s.entries[len(s.entries)-1].Import
	ended := last != nil && Head{last.Home, last.Entries, last.Head} == m.Head // an import of this very head, and nothing since
	switch {
	case common == len(s.hashes):
		m.Next, m.Same = o.entries[common:], common == len(o.hashes)
	case ended:
		m.Same = true
	case common == len(o.hashes) || s.imported[m.Head]:
		return m, problem.New(problem.Refused, "ledger", "this copy is older than the ledger here, so it cannot show that nothing is newer", "give the newest published site of this home")
	default:
		m.branch = o.hashes[common]
		for i := common; i < len(o.hashes); i++ {
			m.Forked = append(m.Forked, o.entries[i])
			if s.imported[Head{o.home, i + 1, o.hashes[i]}] {
				m.Forked = nil // charged up to here
			}
		}
	}
	return m, nil
}

// Import is the body of the entry that charges what is forked, and closes its cohorts and those in closed besides. The
// items keep the periods that exclude each other in their own history; they do not exclude those of this one.
func (m Missed) Import(closed ...Cohort) Import {
	i := Import{Home: m.Head.Home, Entries: m.Head.Entries, Head: m.Head.Hash}
	for _, e := range m.Forked {
		switch {
		case e.Release != nil:
			for _, it := range e.Release.Items {
				it.Series = m.series(it.Series)
				i.Items = append(i.Items, it)
			}
		case e.Import != nil:
			i.Items = append(i.Items, e.Import.Items...)
			closed = append(closed, e.Import.Closed...)
		}
	}
	for _, it := range i.Items {
		if it.Population == Nobody {
			continue // nobody is in it who could be lost
		}
		closed = append(closed, Cohort{it.Population, it.Period})
	}
	slices.SortFunc(closed, Cohort.compare)
	i.Closed = slices.Compact(closed)
	return i
}

// series names a series of the other history.
func (m Missed) series(name string) string {
	prefix := "import " + m.branch[:12] + "/"
	if len(prefix)+len(name) > 200 {
		name = CellsHash(name)
	}
	return prefix + name
}

// Extend takes over entries of another copy of this home that follow the last one here, as they are, one after the
// other; the chain, their signatures and everything that Append checks are checked. A call that was cut off may be repeated
// with what is still missing.
func (l *Ledger) Extend(ctx context.Context, entries []Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	signer, err := l.again()
	if err != nil {
		return err
	}
	s := l.state.clone()
	for _, e := range entries { // all of them first: a wrong one leaves nothing behind
		if err := e.verify(signer.public); err != nil {
			return locate(err, place(e.Number), restore)
		}
		if err := s.add(e); err != nil {
			return locate(err, place(e.Number), restore)
		}
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.put(e.Number, e.Bytes()); err != nil {
			return err
		}
	}
	l.state = s
	return l.writeHead(s, signer)
}
