package link

// filesOf are the files of a crosswalk with their sets, in the order in which they came. Files without a set are left out.
func filesOf(rows []Row, sets []FounderSet) []File {
	by := map[FileID][]Set{}
	for _, s := range sets {
		k := FileID{s.Population, s.Partner, s.PersonKey}
		by[k] = append(by[k], s.Set)
	}
	var files []File
	for _, r := range rows {
		if s := by[r.Of()]; s != nil {
			files = append(files, File{Population: r.Population, Partner: r.Partner, PersonKey: r.PersonKey, Created: int64(r.Since), Sets: s})
		}
	}
	return inOrder(files)
}

func (f File) id() FileID { return FileID{f.Population, f.Partner, f.PersonKey} }

// grouping says into which groups files are told apart, and whether each group has a rate of chance of its own.
type grouping struct {
	of  func(FileID) string
	own bool
}

// qualities estimates the errors of the links of each group: pairs of which at least one file is in it.
func qualities(files []File, rows []Row, distinct func(string) bool, by grouping) map[string]*Quality {
	person := map[FileID]uint32{}
	for _, r := range rows {
		person[r.Of()] = r.Person
	}
	all, groups := newEstimator(), map[string]*estimator{}
	rooms := newRooms()
	for _, f := range files {
		g := by.of(f.id())
		if groups[g] == nil {
			groups[g] = newEstimator()
		}
		rooms.add(f, g)
	}
	Pairs(files, func(i, j int, e Evidence) {
		a, b := files[i].id(), files[j].id()
		one := a.Partner == b.Partner
		if one && !distinct(a.Partner) {
			return
		}
		linked := person[a] == person[b]
		all.add(e, one, linked)
		groups[by.of(a)].add(e, one, linked)
		if by.of(b) != by.of(a) {
			groups[by.of(b)].add(e, one, linked)
		}
	})
	out := map[string]*Quality{}
	for g, e := range groups {
		e.across = rooms.across(g)
		if by.own {
			e.beside = rooms.beside(g, distinct)
		} else {
			e.within, e.beside = all.within, float64(pairsWithin(files, distinct))
		}
		q := e.quality()
		out[g] = &q
	}
	return out
}

// rooms counts files by population, agency and group: how many pairs there are to be right or wrong about.
type rooms map[string]map[string]map[string]int

func newRooms() rooms { return rooms{} }

func (r rooms) add(f File, group string) {
	if r[f.Population] == nil {
		r[f.Population] = map[string]map[string]int{}
	}
	if r[f.Population][f.Partner] == nil {
		r[f.Population][f.Partner] = map[string]int{}
	}
	r[f.Population][f.Partner][group]++
}

func sum(m map[string]int) (n int) {
	for _, k := range m {
		n += k
	}
	return n
}

// across is how many pairs of files of two agencies have a file of the group.
func (r rooms) across(group string) (pairs float64) {
	for _, agencies := range r {
		all, in, squares := 0, 0, 0
		for _, by := range agencies {
			all += sum(by)
			in += by[group]
			squares += by[group] * by[group]
		}
		for _, by := range agencies {
			pairs += float64(by[group]) * float64(all-sum(by))
		}
		pairs -= float64(in*in-squares) / 2
	}
	return pairs
}

// beside is how many pairs of files of one agency, which gives one person one number, have a file of the group.
func (r rooms) beside(group string, distinct func(string) bool) (pairs float64) {
	for _, agencies := range r {
		for agency, by := range agencies {
			if n := float64(by[group]); distinct(agency) {
				pairs += n*(float64(sum(by))-n) + n*(n-1)/2
			}
		}
	}
	return pairs
}
