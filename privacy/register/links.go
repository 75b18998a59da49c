package register

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
)

// links say who carries what was recorded of whom. A pseudonym without a line carries its own record and nothing else.
type links struct {
	base  string // commitment of the committed version that this one follows
	lines []line // sorted
}

// line: what the ledger's entries up to Upto recorded of Source is Person's.
type line struct {
	Source, Person ID
	Upto           uint32
}

const forEver = math.MaxUint32

func compareLines(a, b line) int {
	if c := compare(a.Source, b.Source); c != 0 {
		return c
	}
	return compare(a.Person, b.Person)
}

// explicit gives a pseudonym that has no line the one it stands for.
func (l *links) explicit(p ID) {
	if !slices.ContainsFunc(l.lines, func(x line) bool { return x.Source == p }) {
		l.lines = append(l.lines, line{p, p, forEver})
	}
}

// tidy sorts, joins lines of the same pair, and leaves out what goes without saying.
func (l *links) tidy() {
	slices.SortFunc(l.lines, compareLines)
	out := l.lines[:0]
	for _, x := range l.lines {
		if n := len(out); n > 0 && out[n-1].Source == x.Source && out[n-1].Person == x.Person {
			out[n-1].Upto = max(out[n-1].Upto, x.Upto)
			continue
		}
		out = append(out, x)
	}
	several := map[ID]int{}
	for _, x := range out {
		several[x.Source]++
	}
	l.lines = slices.DeleteFunc(out, func(x line) bool {
		return several[x.Source] == 1 && x.Source == x.Person && x.Upto == forEver
	})
}

// merge gives the survivor all that the parts carry.
func (l *links) merge(survivor ID, parts []ID) {
	l.explicit(survivor)
	for _, p := range parts {
		l.explicit(p)
	}
	for i, x := range l.lines {
		if slices.Contains(parts, x.Person) {
			l.lines[i].Person = survivor
		}
	}
	l.tidy()
}

// split gives every part all that the whole carries up to the ledger's entry upto. The whole goes on if it is among
// the parts.
func (l *links) split(whole ID, parts []ID, upto uint32) {
	l.explicit(whole)
	for _, p := range parts {
		l.explicit(p)
	}
	for _, x := range slices.Clone(l.lines) {
		if x.Person != whole {
			continue
		}
		for _, p := range parts {
			if p != whole {
				l.lines = append(l.lines, line{x.Source, p, min(x.Upto, upto)})
			}
		}
	}
	if !slices.Contains(parts, whole) {
		l.lines = slices.DeleteFunc(l.lines, func(x line) bool { return x.Person == whole })
	}
	l.tidy()
}

// carriers is an index of the lines by source.
type carriers map[ID][]line

func (l links) carriers() carriers {
	c := carriers{}
	for _, x := range l.lines {
		c[x.Source] = append(c[x.Source], x)
	}
	return c
}

// each calls f for who carries what entry recorded of p.
func (c carriers) each(p ID, entry int, f func(ID)) {
	lines, ok := c[p]
	if !ok {
		f(p)
		return
	}
	for _, x := range lines {
		if uint64(entry) <= uint64(x.Upto) {
			f(x.Person)
		}
	}
}

// gone tells whether p carries its own record no more: it was merged into another person, or split up.
func (c carriers) gone(p ID) bool {
	lines, ok := c[p]
	return ok && !slices.ContainsFunc(lines, func(x line) bool { return x.Person == p })
}

type linksHeader struct {
	Schema     int    `json:"schema"`
	Population string `json:"population"`
	Base       string `json:"base"`
	Lines      int    `json:"lines"`
}

func writeLinks(w io.Writer, population string, l links) error {
	b := bufio.NewWriter(w)
	if err := writeHeader(b, linksHeader{fileSchema, population, l.base, len(l.lines)}); err != nil {
		return err
	}
	for _, x := range l.lines {
		writeIDs(b, []ID{x.Source, x.Person})
		binary.Write(b, binary.LittleEndian, x.Upto)
	}
	return b.Flush()
}

func readLinks(r io.Reader) (population string, l links, err error) {
	b := bufio.NewReader(r)
	var h linksHeader
	if err := readHeader(b, &h); err != nil {
		return "", l, err
	}
	if h.Schema != fileSchema || h.Lines < 0 || h.Lines > most {
		return "", l, errors.New("not a list of links of this program")
	}
	l.base = h.Base
	for range h.Lines {
		var x line
		if err := binary.Read(b, binary.LittleEndian, &x); err != nil {
			return "", l, err
		}
		l.lines = append(l.lines, x)
	}
	return h.Population, l, atEnd(b, nil)
}
