package scorecard

import (
	"cmp"
	"slices"

	"heatwatch/etl/intake"
	"heatwatch/models"
)

// Fix is one thing that costs rows, with what to do about it.
type Fix struct {
	Code   string `json:"code"`
	File   string `json:"file"`   // "" for a whole drop
	Column string `json:"column"` // "" where it is about no column
	Whole  bool   `json:"whole"`  // the whole file or drop was refused for it
	Rows   int64  `json:"rows"`   // that it cost in the last drop; of a drop that was not looked at, 0
	Drops  int    `json:"drops"`  // of the last ones in which it came up
	Remedy string `json:"remedy"`
}

// fixes is how many are named.
const fixes = 5

// Fixes says what to fix first: what cost most rows in the last drop, and what the newest drop was refused for. A row with
// two reasons counts under both.
func (st Standing) Fixes() []Fix {
	now := tallyOf(st.Last)
	if st.RefusedLast != nil {
		now = tallyOf(st.RefusedLast)
	}
	for _, d := range st.Taken {
		seen := tallyOf(&d)
		for i := range now {
			same := func(f Fix) bool { return f.Code == now[i].Code && f.File == now[i].File && f.Column == now[i].Column }
			if slices.ContainsFunc(seen, same) {
				now[i].Drops++
			}
		}
	}
	slices.SortStableFunc(now, func(a, b Fix) int {
		if wholeDrop := func(f Fix) bool { return f.Whole && f.File == "" }; wholeDrop(a) != wholeDrop(b) {
			return map[bool]int{true: -1, false: 1}[wholeDrop(a)]
		}
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Code, b.Code), cmp.Compare(a.File, b.File), cmp.Compare(a.Column, b.Column))
	})
	return now[:min(fixes, len(now))]
}

func tallyOf(d *intake.Drop) []Fix {
	if d == nil {
		return nil
	}
	var all []Fix
	add := func(f Fix) {
		if m, ok := models.LookupReason(f.Code); ok {
			f.Remedy = m.Remedy
		}
		all = append(all, f)
	}
	for _, r := range d.Reasons {
		add(Fix{Code: r.Code, Column: r.Column, File: r.File, Whole: true})
	}
	for _, f := range d.Files {
		for _, r := range f.Reasons {
			if f.Refused {
				add(Fix{Code: r.Code, File: f.Name, Column: r.Column, Whole: true, Rows: f.Quarantined})
			} else {
				add(Fix{Code: r.Code, File: f.Name, Column: r.Column, Rows: r.Count})
			}
		}
	}
	return all
}
