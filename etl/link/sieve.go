package link

// Sieve finds, among the sets that are kept, those that new files can meet.
type Sieve struct{ index *index }

// NewSieve is nil where no file has a set.
func NewSieve(files []File) *Sieve {
	n := 0
	for _, f := range files {
		n += len(f.Sets)
	}
	if n == 0 {
		return nil
	}
	s := &Sieve{newIndex(n)}
	for _, f := range files {
		for _, set := range f.Sets {
			s.index.add(set.Set)
		}
	}
	return s
}

// Meets reports whether a set has a token in common with one of the new files.
func (s *Sieve) Meets(f FounderSet) bool { return s.index.meets(f.Set.Set) }
