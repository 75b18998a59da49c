package link

import (
	"cmp"
	"slices"
)

// AgencyReport says how the files of one agency fared.
type AgencyReport struct {
	Agency    string `json:"agency"`
	Files     int    `json:"files"`
	Linked    int    `json:"linked"`    // of a person that another agency knows too
	Alone     int    `json:"alone"`     // of a person that nobody else knows
	Conflicts int    `json:"conflicts"` // second files of one person at this agency: not measured

	Quality   *Quality // of its links; nil: it sent no sets
	Influence int      // most files of others that one of its files keeps where they are
}

// Report counts a crosswalk per agency, in the order of their names, and judges the links by the sets of its files. distinct says
// which agencies give one person one number. It is for the house; partners never see it.
func Report(rows []Row, sets []FounderSet, distinct func(partner string) bool) []AgencyReport {
	all := counts(rows)
	files := filesOf(rows, sets)
	quality := qualities(files, rows, distinct)
	influence := influences(files)
	for i := range all {
		all[i].Quality, all[i].Influence = quality[all[i].Agency], influence[all[i].Agency]
	}
	return all
}

func counts(rows []Row) []AgencyReport {
	size := map[uint32]int{}
	for _, r := range rows {
		size[r.Person]++
	}
	by := map[string]*AgencyReport{}
	for _, r := range rows {
		a := by[r.Partner]
		if a == nil {
			a = &AgencyReport{Agency: r.Partner}
			by[r.Partner] = a
		}
		a.Files++
		switch {
		case !r.Measured:
			a.Conflicts++
		case size[r.Person] > 1:
			a.Linked++
		default:
			a.Alone++
		}
	}
	var all []AgencyReport
	for _, a := range by {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b AgencyReport) int { return cmp.Compare(a.Agency, b.Agency) })
	return all
}

// DumpOrder sorts rows as `link dump` prints them: by agency, person_key, population.
func DumpOrder(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Partner, b.Partner), cmp.Compare(a.PersonKey, b.PersonKey), cmp.Compare(a.Population, b.Population))
	})
}
