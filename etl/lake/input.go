package lake

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"heatwatch/models"
)

// Modes of a drop.
const (
	modeSnapshot = "snapshot"
	modeDelta    = "delta"
)

// Input is a drop that was taken in, as it lies in landing/.
type Input struct {
	Partner  string
	Drop     string
	Manifest string // SHA-256 of the manifest, in hex
	Created  time.Time
	Mode     string
	Covers   Cover
	Erasures int         // how often rows of a forgotten person were taken out of its files
	Files    []InputFile // the extracts that were not refused
}

// InputFile is one checked extract.
type InputFile struct {
	Entity string
	Path   string // Parquet with the columns of the dictionary and `line`; empty: no row was accepted
	Twins  bool   // the file may hold a key twice
}

// Agency is a partner whose drops are taken in.
type Agency struct {
	Name, Kind string
	Repeats    bool // one person may have several numbers there
	Consented  bool // its agreement lets in only persons with a signed release in force
}

// source is one file that takes part in a fold.
type source struct {
	at    int64 // created, in microseconds: what first-seen files are ordered by
	order int   // later wins
	file  InputFile
	drop  string
	made  string // what tells this content of the drop from another
}

// inOrder sorts the drops of one partner as they apply.
func inOrder(drops []Input) []Input {
	sorted := slices.Clone(drops)
	slices.SortFunc(sorted, func(a, b Input) int {
		return cmp.Or(cmp.Compare(a.Partner, b.Partner), a.Created.Compare(b.Created), cmp.Compare(a.Drop, b.Drop))
	})
	return sorted
}

// sources are the files of an entity from the last snapshot that lists it on. drops are of one partner and in order.
func sources(drops []Input, entity string) []source {
	var list []source
	for i, d := range drops {
		for _, f := range d.Files {
			if f.Entity != entity {
				continue
			}
			if d.Mode == modeSnapshot {
				list = list[:0]
			}
			list = append(list, source{at: d.Created.UnixMicro(), order: i, file: f, drop: d.Drop, made: d.made()})
		}
	}
	return list
}

// made is the manifest's hash, and how often something was erased.
func (d Input) made() string {
	if d.Erasures == 0 {
		return d.Manifest
	}
	return fmt.Sprintf("%s-%d", d.Manifest, d.Erasures)
}

// covers is what the last drop that lists the entity says.
func covers(drops []Input, entity string) (c Cover, ok bool) {
	for _, d := range drops {
		for _, f := range d.Files {
			if f.Entity == entity {
				c, ok = d.Covers, true
			}
		}
	}
	return c, ok
}

// foldVersion changes when the same inputs give other files: since 2 the rows of profiles have a person.
func foldVersion(e models.Entity) int {
	if profiles(e) {
		return 2
	}
	return 1
}

// inputsHash names everything an entity's file is made from, but the consents, whose effect depends on the date.
func inputsHash(e models.Entity, drops []Input, timezone string, consented bool) string {
	h := sha256.New()
	fmt.Fprintf(h, "fold %d dictionary %d zone %s consented %v\n", foldVersion(e), models.Dictionary().Version, timezone, consented)
	for _, name := range append([]string{e.Name}, vouching(e)...) {
		for _, s := range sources(drops, name) {
			fmt.Fprintf(h, "%s %s %s %d\n", name, s.drop, s.made, s.at)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
