package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

// checkLinkage compares who was linked with whom in a demonstration with who is who in its county, for every two agencies.
func (c *command) checkLinkage(dir string) error {
	h, err := c.demoHome(dir)
	if err != nil {
		return err
	}
	files, err := linkedFiles(dir, h)
	if err != nil {
		return err
	}
	q := judgeLinks(files)
	t := render.Table{Columns: render.Cols("agency_a", "agency_b", "children#", "linked#", "false#", "precision#", "recall#", "f1#")}
	for _, k := range slices.SortedFunc(maps.Keys(q.pairs), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		t.Rows = append(t.Rows, q.pairs[k].row(k[0], k[1]))
	}
	t.Rows = append(t.Rows, q.all.row("all", "all"))
	if err := c.Table(t); err != nil {
		return err
	}
	c.Say("%d of %d files are where the truth of the county puts them", q.right, len(files))
	return nil
}

// linkedFile is one agency's file of a person: who that is, whom the county's truth expects it to be linked as, and the warehouse's person.
type linkedFile struct {
	agency, population, child, expected string
	person                              uint32
}

// linkedFiles reads the truth, the agencies' own keymaps, and the crosswalk. Files that must not be loaded are left out.
func linkedFiles(dir string, h *house) ([]linkedFile, error) {
	rows, err := lake.Crosswalk(h.Home)
	if err != nil {
		return nil, err
	}
	person := link.Persons(rows)
	pseudonym := map[[3]string]string{} // agency, population, own number
	paths, err := filepath.Glob(filepath.Join(dir, "kits", "*", "keymaps", demoDrop+".csv"))
	if err != nil {
		return nil, err
	}
	population := map[string]string{"persons": "minors", "accused_persons": "accused"}
	for _, path := range paths {
		agency := filepath.Base(filepath.Dir(filepath.Dir(path)))
		err := eachLine(path, func(cells []string) {
			if p := population[cells[0]]; p != "" {
				pseudonym[[3]string{agency, p, cells[1]}] = cells[2]
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var files []linkedFile
	err = eachLine(filepath.Join(dir, "raw", "truth-links.csv"), func(cells []string) {
		f := linkedFile{agency: cells[0], population: cells[2], child: cells[3], expected: cells[4]}
		f.person = person[link.FileID{Population: f.population, Partner: f.agency, PersonKey: pseudonym[[3]string{f.agency, f.population, cells[1]}]}]
		if f.expected != "" {
			files = append(files, f)
		}
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, notADemo(dir, "it has no raw/truth-links.csv")
	}
	return files, err
}

func eachLine(path string, use func(cells []string)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	if _, err := r.Read(); err != nil {
		return problem.Wrap(err, problem.Failed, path, "the file has no header", "make the demonstration again")
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return problem.Wrap(err, problem.Failed, path, "the file cannot be read", "make the demonstration again")
		}
		use(cells)
	}
}

// pairQuality counts pairs of files of two agencies.
type pairQuality struct {
	there, linked, wrong int // of one child; linked; linked and of two children
}

func (p pairQuality) row(a, b string) []string {
	precision, recall, f1 := 1.0, 1.0, 0.0
	if p.linked > 0 {
		precision = float64(p.linked-p.wrong) / float64(p.linked)
	}
	if p.there > 0 {
		recall = float64(p.linked-p.wrong) / float64(p.there)
	}
	if precision+recall > 0 {
		f1 = 2 * precision * recall / (precision + recall)
	}
	return []string{a, b, fmt.Sprint(p.there), fmt.Sprint(p.linked), fmt.Sprint(p.wrong), fmt.Sprintf("%.4f", precision), fmt.Sprintf("%.4f", recall), fmt.Sprintf("%.4f", f1)}
}

type linkQuality struct {
	pairs map[[2]string]*pairQuality
	all   pairQuality
	right int // files that are with just the files with which the county's truth expects them
}

func judgeLinks(files []linkedFile) linkQuality {
	q := linkQuality{pairs: map[[2]string]*pairQuality{}}
	children, persons := map[string][]linkedFile{}, map[uint32][]linkedFile{}
	expected := map[string]int{}
	for _, f := range files {
		children[f.child] = append(children[f.child], f)
		persons[f.person] = append(persons[f.person], f)
		expected[f.expected]++
	}
	each := func(list []linkedFile, use func(a, b linkedFile, p *pairQuality)) {
		for i, a := range list {
			for _, b := range list[i+1:] {
				k := [2]string{min(a.agency, b.agency), max(a.agency, b.agency)}
				if q.pairs[k] == nil {
					q.pairs[k] = &pairQuality{}
				}
				use(a, b, q.pairs[k])
				use(a, b, &q.all)
			}
		}
	}
	for _, list := range children {
		each(list, func(_, _ linkedFile, p *pairQuality) { p.there++ })
	}
	for person, list := range persons {
		same := map[string]int{}
		for _, f := range list {
			same[f.expected]++
		}
		for k, n := range same {
			if person > 0 && len(same) == 1 && n == expected[k] {
				q.right += n
			}
		}
		if person == 0 { // not in the lake
			continue
		}
		each(list, func(a, b linkedFile, p *pairQuality) {
			if p.linked++; a.child != b.child {
				p.wrong++
			}
		})
	}
	return q
}
