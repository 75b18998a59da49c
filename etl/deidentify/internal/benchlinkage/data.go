package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"heatwatch/etl/link"
	"heatwatch/etl/partner"
	"heatwatch/etl/tokens"
)

// record is one row of a data set: whose it is, and what it says.
type record struct {
	entity string
	copy   int // 0 is the original, 1 the first of its duplicates
	person tokens.Person
	twin   bool
}

// febrl reads a FEBRL data set. Whose a record is stands in its number: rec-12-org, rec-12-dup-0.
func febrl(dir, name string) ([]record, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.TrimLeadingSpace, r.FieldsPerRecord = true, -1
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, h := range rows[0] {
		at[strings.TrimSpace(h)] = i
	}
	var all []record
	for _, row := range rows[1:] {
		cell := func(column string) string { return strings.TrimSpace(row[at[column]]) }
		parts := strings.Split(cell("rec_id"), "-")
		x := record{entity: parts[1], person: tokens.Person{First: cell("given_name"), Last: cell("surname"), Birth: cell("date_of_birth"), Number: cell("soc_sec_id"), Postal: cell("postcode")}}
		if len(parts) == 4 {
			fmt.Sscan(parts[3], &x.copy)
			x.copy++
		}
		all = append(all, x)
	}
	return all, nil
}

// names leaves names and birth date.
func names(list []record) []record {
	out := make([]record, len(list))
	for i, r := range list {
		r.person.Number, r.person.Postal = "", ""
		out[i] = r
	}
	return out
}

// lab makes files of records as agencies do. agency and created say who sent a record, and when.
type lab struct{ *tokens.Maker }

func newLab() lab {
	key, err := partner.NewSecret(make([]byte, partner.KeySize))
	if err != nil {
		panic(err)
	}
	return lab{tokens.NewMaker(key, key, "minors")}
}

func (l lab) file(r record, agency, key string, created int64) link.File {
	f := tokens.Read(r.person, 2026)
	f.Twin = r.twin
	s, _ := l.Of(&f, []byte(agency+key))
	return link.File{Population: "minors", Partner: agency, PersonKey: key, Created: created, Sets: []link.Set{{Column: tokens.Column(1), Set: &s}}}
}

// zeros stands for randomness: nobody is protected here, and pseudonyms do not matter.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
