package deidentify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"heatwatch/internal/problem"
)

// HMISReport is what the adapter for HMIS CSV exports has to say beyond the report of the drop: counts only.
type HMISReport struct {
	Version     string              // of the export's format, as it says
	Counts      map[string]int      // rows by entity
	Skipped     map[string]int      // what was left out, in words
	ExitReasons map[string]int      // of all exits of enrolments that may be shared
	Files       []string            // of the export that are never read
	Elements    map[string]Elements // of the files that are

	hashStatus              string
	hashedNames, clearNames int
}

func (h *HMISReport) skip(what string, n int) { h.Skipped[what] += n }

// Text is the report in words.
func (h *HMISReport) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nHMIS export %s\n", h.Version)
	for _, e := range slices.Sorted(maps.Keys(h.Counts)) {
		fmt.Fprintf(&b, "  %s: %s\n", e, count(h.Counts[e], "row"))
	}
	for _, what := range slices.Sorted(maps.Keys(h.Skipped)) {
		fmt.Fprintf(&b, "  left out, %s: %d\n", what, h.Skipped[what])
	}
	if len(h.Elements) > 0 {
		var parts []string
		sum := Elements{}
		for _, f := range slices.Sorted(maps.Keys(h.Elements)) {
			e := h.Elements[f]
			sum.Read, sum.All = sum.Read+e.Read, sum.All+e.All
			parts = append(parts, fmt.Sprintf("%s %d of %d", f, e.Read, e.All))
		}
		fmt.Fprintf(&b, "  columns that are read: %d of %d (%s); of the others nothing is\n", sum.Read, sum.All, strings.Join(parts, ", "))
	}
	if len(h.Files) > 0 {
		fmt.Fprintf(&b, "  never read: %s\n", strings.Join(h.Files, ", "))
	}
	return b.String()
}

// hmisSource is an export taken apart into our entities. Only persons of the roster and projects that may share.
type hmisSource struct {
	tables map[string]*memRecords
}

func (s *hmisSource) ignored() []string { return nil } // the HMIS report lists them

func (s *hmisSource) open(entity string) (records, error) {
	t := s.tables[entity]
	if t == nil {
		return nil, nil
	}
	again := *t
	again.n = 0
	return &again, nil
}

func openHMIS(cfg *Config, s setup, r *Report) (source, error) {
	if cfg.Engagements != "" && cfg.Engagements != "enrollment" {
		return nil, problem.New(problem.Usage, "--engagements", "the only choice is enrollment", "leave it out: entering a shelter is not in itself an engagement of the programme")
	}
	roster, ids, err := readRoster(cfg.Roster)
	if err != nil {
		return nil, err
	}
	a, err := openArchive(cfg.Raw, hmisLimits)
	if err != nil {
		return nil, err
	}
	defer a.close()
	rep := &HMISReport{Counts: map[string]int{}, Skipped: map[string]int{}, ExitReasons: map[string]int{}, Files: a.others}
	slices.Sort(rep.Files)
	d := &hmisData{codes: hmisTable(), roster: roster, rep: rep, projects: map[string]*hmisProject{}, byID: map[string]*hmisClient{}, byEnrol: map[string]*hmisEnrollment{}}
	if err := d.read(a); err != nil {
		return nil, err
	}
	r.HMIS, rep.Elements = rep, a.read
	if missing := len(ids) - len(d.clients); ids != nil && missing > 0 {
		rep.skip("numbers of the roster that the export does not have", missing)
	}
	rep.warn(r)
	src := &hmisSource{tables: d.tables(cfg, s)}
	for e, t := range src.tables {
		rep.Counts[e] = len(t.rows)
	}
	if cfg.Roster == "" {
		return nil, problem.New(problem.Usage, "--roster", "no roster was given: the counts are all there is", "list the PersonalIDs with a signed release in a file, one a line; or say --roster all where no release is required")
	}
	return src, nil
}

// tables makes our entities. An entity without rows is left out: a snapshot of nothing would take back what was sent.
func (d *hmisData) tables(cfg *Config, s setup) map[string]*memRecords {
	release := "signed"
	if cfg.Roster == "all" {
		release = "not_required"
	}
	t := map[string]*memRecords{"persons": d.persons(release), "placements": d.placements(), "services": d.serviceRows(s.loc), "referrals": d.referrals(s.loc)}
	if cfg.Engagements == "enrollment" {
		t["engagements"] = d.engagements(s.loc)
	}
	maps.DeleteFunc(t, func(_ string, m *memRecords) bool { return len(m.rows) == 0 })
	return t
}

// warn compares what the export says about its names with what they are.
func (h *HMISReport) warn(r *Report) {
	saysHashed := h.hashStatus == "2" || h.hashStatus == "3" || h.hashStatus == "4"
	switch {
	case saysHashed && h.clearNames > 0:
		r.Warnings = append(r.Warnings, fmt.Sprintf("Export.csv says that names are hashed (HashStatus %s), but %s are in clear: they were made into tokens, and the file is as confidential as they are", h.hashStatus, count(h.clearNames, "name")))
	case h.hashedNames > 0:
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s are hashed: those persons cannot be linked with other agencies", count(h.hashedNames, "name")))
	}
}

// readRoster returns who may be shared. ids is nil for "all", and for no roster, where counting is all that happens.
func readRoster(name string) (in func(string) bool, ids map[string]bool, err error) {
	if name == "" || name == "all" {
		return func(string) bool { return true }, nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, problem.Wrap(err, problem.Usage, name, "the roster cannot be read", "name a file with one PersonalID a line, or say all")
	}
	r, err := newCSVReader(bytes.NewReader(b))
	if err != nil {
		return nil, nil, readProblem(name, err)
	}
	ids = map[string]bool{}
	column := 0
	for first := true; ; first = false {
		cells, line, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, readProblem(name, err)
		}
		if first {
			at := slices.IndexFunc(cells, func(c []byte) bool { return strings.EqualFold(string(trim(c)), "PersonalID") })
			if at < 0 && len(cells) > 1 {
				return nil, nil, problem.New(problem.Usage, name+":1", "the roster has several columns and none is called PersonalID", "name the column, or write one PersonalID a line")
			}
			if at >= 0 {
				column = at
				continue
			}
		}
		if column >= len(cells) {
			return nil, nil, problem.New(problem.Usage, at(name, line), "the line has fewer fields than the header", "correct it")
		}
		if id := string(trim(cells[column])); id != "" {
			ids[id] = true
		}
	}
	if len(ids) == 0 {
		return nil, nil, problem.New(problem.Usage, name, "the roster is empty", "write one PersonalID a line")
	}
	return func(id string) bool { return ids[id] }, ids, nil
}
