package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
)

// Site is everything that is published at one time.
type Site struct {
	Name           string // whose figures these are, for the head of each page; may be empty
	HomeID         string
	KeyFingerprint string           // of the key that signs the ledger's head
	Demo           bool             // synthetic data: says so on each page and in each file of figures
	NotPrivate     bool             // lifetime epsilon above 10: says so on each page
	Updated        models.Date      // date of the newest release; 0 if nothing was released
	Reports        []privacy.Report // one per measure of the plan, also where nothing was released yet
	Measures       []MeasureText    // their texts; decides pages and order
	Files          []File           // the public records: releases/..., ledger/..., plan/...
	Head           []byte           // the signed head of the ledger, head.note
	Languages      []string         // the first one gets the root folder
	Logic          []Objective      // the logic model
	Census         []Census         // which agencies reported, by period, the newest first
}

// Objective is one objective of the grant, and what the programme does for it, stage by stage.
type Objective struct {
	Says  string
	Lines []LogicLine
}

// LogicLine is what the programme puts in, does, delivers or changes, and the measures that show it, or why none does.
type LogicLine struct {
	Stage, Says string
	Measures    []string
	Why         string
}

// Census counts the agencies that the figures of a period rest on, by kind. No agency is named: the name of a shelter can
// be its address.
type Census struct {
	Period models.Period
	Kinds  []CensusKind
}

// CensusKind is the agencies of one kind; of all where Kind is empty.
type CensusKind struct {
	Kind                                               string
	Expected, Reporting, Whole, StartUp, Partly, NotIn int
}

// MeasureText is what a measure's declaration says, for its page.
type MeasureText struct {
	ID, Title   string
	Definition  int
	Population  string
	Says        string // the definition in words
	Window      string
	Denominator string // who is in, who is left out
	Differences string // from the standard whose name it bears
	Objective   string
	Prong       string
	Headline    string // the statistic of the answer card; empty: the first share
	Statistics  []StatisticText
}

// StatisticText says what a statistic is.
type StatisticText struct{ Name, Unit, Says string }

// File is a public record that the site holds byte for byte.
type File struct {
	Path  string // with slashes, below releases/, ledger/ or plan/
	Entry int    // the ledger entry that it belongs to; figures link to it. 0: none
	Data  []byte
}

// recordFolders are the folders that hold public records.
var recordFolders = []string{"releases/", "ledger/", "plan/"}

// Target ends a run that was cut short, and reports whether out may be written to: absent, empty, or a site of ours.
func Target(fsys durable.FS, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	parent, base := filepath.Split(out)
	if err := restore(fsys, out, filepath.Join(parent, ".new-"+base), filepath.Join(parent, ".old-"+base)); err != nil {
		return err
	}
	_, err = ours(fsys, out)
	return err
}

// Publish writes the site to the folder out, in the place of an earlier one.
func Publish(ctx context.Context, fsys durable.FS, out string, s Site) error {
	reports, err := open(s)
	if err != nil {
		return err
	}
	files, err := build(s, reports)
	if err != nil {
		return err
	}
	return put(ctx, fsys, out, files, mtime(s.Updated))
}

// build makes all files of the site, by path.
func build(s Site, reports map[string]report) (map[string][]byte, error) {
	files := map[string][]byte{"head.note": s.Head}
	if len(s.Head) == 0 {
		return nil, problem.New(problem.Failed, "head.note", "the ledger's head is missing", "a site without it cannot be verified")
	}
	for _, f := range s.Files {
		if err := checkPath(f.Path); err != nil {
			return nil, err
		}
		if _, twice := files[f.Path]; twice {
			return nil, problem.New(problem.Failed, f.Path, "two public records have the same path", "")
		}
		files[f.Path] = f.Data
	}
	if len(s.Languages) == 0 {
		return nil, problem.New(problem.Usage, "site.languages", "no language is named", "name at least one of "+strings.Join(Known(), ", "))
	}
	seen := map[string]bool{}
	var langs []*lang
	for _, code := range s.Languages {
		l, err := catalogue(code)
		if err != nil {
			return nil, err
		}
		if seen[code] {
			return nil, problem.New(problem.Usage, "site.languages", "a language is named twice", "name each once")
		}
		seen[code] = true
		langs = append(langs, l)
	}
	for _, m := range s.Measures {
		r := reports[m.ID]
		files["data/"+m.ID+".csv"] = r.csv
		files["data/"+m.ID+".json"] = r.json
	}
	for i, l := range langs {
		b := builder{site: s, reports: reports, lang: l, langs: langs}
		if i > 0 {
			b.dir = l.Code + "/"
		}
		if err := b.pages(files); err != nil {
			return nil, err
		}
	}
	files["SHA256SUMS"] = sums(files)
	return files, nil
}

// checkPath lets public records into their folders only.
func checkPath(p string) error {
	in := slices.ContainsFunc(recordFolders, func(d string) bool { return strings.HasPrefix(p, d) })
	if !in || !filepath.IsLocal(filepath.FromSlash(p)) || p != filepath.ToSlash(filepath.Clean(p)) || strings.ContainsAny(p, "\\\n\r") {
		return problem.New(problem.Failed, "site", fmt.Sprintf("%q is no path of a public record", p), "they lie below "+strings.Join(recordFolders, ", "))
	}
	return nil
}

// sums is the list that `sha256sum -c` takes.
func sums(files map[string][]byte) []byte {
	var names []string
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		h := sha256.Sum256(files[n])
		b.WriteString(hex.EncodeToString(h[:]) + "  " + n + "\n")
	}
	return []byte(b.String())
}
