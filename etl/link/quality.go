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

// decoy is a pair of files of one agency that evidence would make one person.
type decoy struct {
	i, j    int
	score   float64
	certain bool
}

// qualities estimates the errors of the links of each group: pairs of which at least one file is in it.
func qualities(files []File, rows []Row, distinct func(string) bool, by grouping) map[string]*Quality {
	person := Persons(rows)
	of, group := make([]uint32, len(files)), make([]string, len(files))
	all, groups := newEstimator(), map[string]*estimator{}
	for i, f := range files {
		of[i], group[i] = person[f.id()], by.of(f.id())
		if groups[group[i]] == nil {
			groups[group[i]] = newEstimator()
		}
	}
	best := make([]leaders, len(files)) // among the files of other agencies
	var decoys []decoy
	Pairs(files, func(i, j int, e Evidence) {
		ok, score := all.weights.Accepted(e), all.weights.Score(e)
		if files[i].Partner == files[j].Partner {
			if ok && distinct(files[i].Partner) {
				decoys = append(decoys, decoy{i, j, score, e.certain()})
			}
			return
		}
		if ok {
			best[i].meet(of[j], score)
			best[j].meet(of[i], score)
		}
		groups[group[i]].add(e, of[i], of[i] == of[j])
		if group[j] != group[i] {
			groups[group[j]].add(e, of[i], of[i] == of[j])
		}
	})
	for _, c := range decoys {
		n := c.joins(best[c.i].without(of[c.j]))/2 + c.joins(best[c.j].without(of[c.i]))/2
		all.within += n
		groups[group[c.i]].within += n
		if group[c.j] != group[c.i] {
			groups[group[c.j]].within += n
		}
	}
	rooms := roomsOf(files, of, group)
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

// joins is 1 where a file whose best match scores so much would have joined the pair's other file, were that another agency's; see leaders.
func (c decoy) joins(best float64) float64 {
	if best == 0 || c.score >= best+margin || c.certain && c.score > best {
		return 1
	}
	return 0
}

// leaders are the two persons whom a file matches best.
type leaders struct {
	person        uint32
	score, second float64
}

func (l *leaders) meet(person uint32, score float64) {
	switch {
	case person == l.person:
		l.score = max(l.score, score)
	case score > l.score:
		l.person, l.score, l.second = person, score, l.score
	default:
		l.second = max(l.second, score)
	}
}

// without is the best score if one person's files were not there: those of a decoy's person match as the decoy does.
func (l leaders) without(person uint32) float64 {
	if l.person == person {
		return l.second
	}
	return l.score
}

// rooms counts by population and agency how many pairs of files there are to be right or wrong about.
type rooms map[string]map[string]*room

// room is an agency's files, and those of other agencies that they might join: of persons of whom the agency has no file. Each by group.
type room struct {
	own, free       map[string]int
	allOwn, allFree int
}

func roomsOf(files []File, person []uint32, group []string) rooms {
	r := rooms{}
	at := map[uint32]map[string]bool{}
	for i, f := range files {
		if r[f.Population] == nil {
			r[f.Population] = map[string]*room{}
		}
		if r[f.Population][f.Partner] == nil {
			r[f.Population][f.Partner] = &room{own: map[string]int{}, free: map[string]int{}}
		}
		x := r[f.Population][f.Partner]
		x.own[group[i]]++
		x.allOwn++
		if at[person[i]] == nil {
			at[person[i]] = map[string]bool{}
		}
		at[person[i]][f.Partner] = true
	}
	for i, f := range files {
		for agency, x := range r[f.Population] {
			if !at[person[i]][agency] {
				x.free[group[i]]++
				x.allFree++
			}
		}
	}
	return r
}

// across is how many pairs have a file of the group. Either file may be the later one, which joins.
func (r rooms) across(group string) (pairs float64) {
	for _, agencies := range r {
		for _, x := range agencies {
			pairs += float64(x.own[group])*float64(x.allFree)/2 + float64(x.allOwn-x.own[group])*float64(x.free[group])/2
		}
	}
	return pairs
}

// beside is how many pairs of files of one agency, which gives one person one number, have a file of the group.
func (r rooms) beside(group string, distinct func(string) bool) (pairs float64) {
	for _, agencies := range r {
		for agency, x := range agencies {
			if n := float64(x.own[group]); distinct(agency) {
				pairs += n*(float64(x.allOwn)-n) + n*(n-1)/2
			}
		}
	}
	return pairs
}
