package link

import (
	"cmp"
	"slices"
)

// GroupReport says how the files of one agency, or of another group, fared.
type GroupReport struct {
	Group     string
	Files     int
	Linked    int // of a person of whom there is another file
	Alone     int
	Conflicts int // second files of one person at one agency: not measured

	Quality   *Quality // of its links; nil: it sent no sets
	Influence int      // of an agency: most files of others that one of its files keeps where they are
}

// Report counts a crosswalk per agency, in the order of their names, and judges the links by the sets of its files. distinct says
// which agencies give one person one number. It is for the house; partners never see it.
func Report(rows []Row, sets []FounderSet, distinct func(partner string) bool) []GroupReport {
	files := filesOf(rows, sets)
	all := report(rows, files, distinct, grouping{of: func(f FileID) string { return f.Partner }})
	influence := influences(files)
	for i := range all {
		all[i].Influence = influence[all[i].Group]
	}
	return all
}

// ReportBy is Report for groups of files: of is the group of a file. Every group has its own rate of chance, as some peoples
// have fewer names than others.
func ReportBy(rows []Row, sets []FounderSet, distinct func(partner string) bool, of func(FileID) string) []GroupReport {
	return report(rows, filesOf(rows, sets), distinct, grouping{of: of, own: true})
}

func report(rows []Row, files []File, distinct func(string) bool, by grouping) []GroupReport {
	size := map[uint32]int{}
	for _, r := range rows {
		size[r.Person]++
	}
	groups := map[string]*GroupReport{}
	for _, r := range rows {
		name := by.of(r.Of())
		g := groups[name]
		if g == nil {
			g = &GroupReport{Group: name}
			groups[name] = g
		}
		g.Files++
		switch {
		case !r.Measured:
			g.Conflicts++
		case size[r.Person] > 1:
			g.Linked++
		default:
			g.Alone++
		}
	}
	quality := qualities(files, rows, distinct, by)
	var all []GroupReport
	for name, g := range groups {
		g.Quality = quality[name]
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b GroupReport) int { return cmp.Compare(a.Group, b.Group) })
	return all
}

// DumpOrder sorts rows as `link dump` prints them: by agency, person_key, population.
func DumpOrder(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Partner, b.Partner), cmp.Compare(a.PersonKey, b.PersonKey), cmp.Compare(a.Population, b.Population))
	})
}
