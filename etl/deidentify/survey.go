package deidentify

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"slices"

	"heatwatch/etl/tokens"
	"heatwatch/models"
)

// survey is what a look at all persons of a batch tells about one: whether so many share a birth date that nobody can be
// meant by it, and whether somebody else has the same last name and birth date.
type survey struct {
	seed  maphash.Seed
	dates map[tokens.Birth]*sharing
	names map[uint64]*sharing // by last name and date
	total int                 // persons with a whole birth date
}

// sharing is how many persons share something, and how many different names they have: first ones of a last name and date, last ones of a date.
type sharing struct {
	persons int
	names   []uint64 // at most enough
}

// A birth date is taken for a placeholder where at least so many persons, of so many last names, share it, and they are
// at least one in placeholderShare of all.
const (
	placeholderNames = 3
	placeholderShare = 20
)

func (s *sharing) add(name uint64) {
	s.persons++
	if len(s.names) < placeholderNames && !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
	}
}

func (v *survey) add(f *tokens.Facts) {
	if !f.Birth.Whole() {
		return
	}
	v.total++
	first, last := v.hash(f.First, 0), v.hash(f.Last, 0)
	d := v.dates[f.Birth]
	if d == nil {
		d = new(sharing)
		v.dates[f.Birth] = d
	}
	d.add(last)
	if len(f.Last) == 0 {
		return
	}
	at := v.key(f)
	n := v.names[at]
	if n == nil {
		n = new(sharing)
		v.names[at] = n
	}
	n.add(first)
}

func (v *survey) key(f *tokens.Facts) uint64 {
	return v.hash(f.Last, uint64(f.Birth.Year*10000+f.Birth.Month*100+f.Birth.Day))
}

func (v *survey) hash(n tokens.Name, more uint64) uint64 {
	var h maphash.Hash
	h.SetSeed(v.seed)
	for _, w := range n {
		h.WriteString(w)
	}
	return h.Sum64() ^ more*0x9e3779b97f4a7c15
}

func (s *sharing) placeholder(total int) bool {
	return len(s.names) >= placeholderNames && s.persons*placeholderShare >= total
}

// apply tells a person's facts what the batch tells.
func (v *survey) apply(f *tokens.Facts) {
	if d := v.dates[f.Birth]; d != nil && d.placeholder(v.total) {
		f.Birth = tokens.Birth{}
		return
	}
	if n := v.names[v.key(f)]; n != nil && len(f.Last) > 0 {
		f.Twin = len(n.names) > 1
	}
}

// counts are how many persons have a placeholder for a birth date, and how many another's last name and birth date.
func (v *survey) counts() (placeholders, twins int) {
	for _, d := range v.dates {
		if d.placeholder(v.total) {
			placeholders += d.persons
		}
	}
	for _, n := range v.names {
		if len(n.names) > 1 {
			twins += n.persons
		}
	}
	return placeholders, twins
}

// survey reads the persons of a file once, before anything is written: what they share, and every clear value, which the
// gate must know before the first row passes it.
func (t *translator) survey(ctx context.Context, src source, e models.Entity) error {
	v := &survey{seed: maphash.MakeSeed(), dates: map[tokens.Birth]*sharing{}, names: map[uint64]*sharing{}}
	t.seen[e.Name] = v
	in, err := src.open(e.Name)
	if err != nil || in == nil {
		return err
	}
	defer in.Close()
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		cells, _, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readProblem(in.file(), err)
		}
		if len(cells) != len(in.header()) {
			continue // said when the row is written
		}
		who := identity{born: noDate}
		for i, name := range in.header() {
			if slices.Contains(identifying, name) {
				*who.slot(name) = trim(cells[i])
			}
		}
		if len(who.birth) > 0 {
			who.born, _ = parseBirth(who.birth, t.today)
		}
		t.clear.addIdentity(&who)
		v.add(&tokens.Facts{First: tokens.ParseFirst(string(who.first)), Last: tokens.ParseLast(string(who.last)), Birth: tokens.ParseBirth(string(who.birth), t.today.Year())})
	}
}
