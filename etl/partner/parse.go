package partner

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"heatwatch/models"
)

// field is one field of an agreement: how its YAML is read.
type field struct {
	name     string
	required bool
	read     func(*Agreement, ast.Node) error
}

func fields() []field {
	one := func(of *string, n ast.Node, allowed ...string) error {
		s, err := scalar(n)
		if err == nil && !slices.Contains(allowed, s) {
			return at(n, "is none of "+strings.Join(allowed, ", "), didYouMean(s, allowed))
		}
		*of = s
		return err
	}
	flag := func(of *bool, n ast.Node) error {
		var s string
		err := one(&s, n, "yes", "no")
		*of = s == "yes"
		return err
	}
	return []field{
		{"schema", true, func(a *Agreement, n ast.Node) error {
			s, err := scalar(n)
			if err == nil && s != "1" {
				return at(n, "is not 1, the only schema this program knows", "use the program that wrote the file")
			}
			a.Schema = 1
			return err
		}},
		{"kind", true, func(a *Agreement, n ast.Node) error {
			return one(&a.Kind, n, models.Dictionary().List("agency_kind")...)
		}},
		{"sharing", false, func(a *Agreement, n ast.Node) error {
			return one(&a.Sharing, n, SharingToken, SharingConsented, SharingAggregate)
		}},
		{"state", false, func(a *Agreement, n ast.Node) error {
			return one(&a.State, n, StateDraft, StateSample, StateLive, StateSuspended)
		}},
		{"starts_on", true, func(a *Agreement, n ast.Node) (err error) { a.StartsOn, err = day(n); return err }},
		{"ends_on", false, func(a *Agreement, n ast.Node) (err error) {
			if empty(n) {
				a.EndsOn, a.Ends = 0, false
				return nil
			}
			a.EndsOn, err = day(n)
			a.Ends = err == nil
			return err
		}},
		{"freshness", false, func(a *Agreement, n ast.Node) error {
			return one(&a.Freshness, n, "weekly", "monthly", "quarterly")
		}},
		{"distinct_persons", false, func(a *Agreement, n ast.Node) error { return flag(&a.DistinctPersons, n) }},
		{"on_end", false, func(a *Agreement, n ast.Node) error { return one(&a.OnEnd, n, OnEndKeep, OnEndErase) }},
		{"legal_hold", false, func(a *Agreement, n ast.Node) error { return flag(&a.LegalHold, n) }},
		{"most_persons", false, func(a *Agreement, n ast.Node) error {
			if empty(n) {
				a.MostPersons = 0
				return nil
			}
			s, err := scalar(n)
			if err == nil {
				if a.MostPersons, err = strconv.Atoi(s); err != nil || a.MostPersons < 1 {
					return at(n, "is not a number of persons", "write a whole number above 0, or leave it empty for no limit")
				}
			}
			return err
		}},
		{"authority", false, readAuthority},
		{"columns", false, readColumns},
	}
}

func fieldNames() []string {
	var names []string
	for _, f := range fields() {
		names = append(names, f.name)
	}
	return names
}

// ParseAgreement reads the YAML of an agreement. where is the name of the file, for errors. Fields that are left out
// take the values that `partner add` writes, but schema, kind and starts_on have none.
func ParseAgreement(where string, text []byte) (Agreement, error) {
	fail := func(err error) (Agreement, error) { return Agreement{}, placed(where, err) }
	if len(text) > 1<<20 {
		return fail(errors.New("the file is larger than a megabyte"))
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return fail(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return fail(errors.New("the file holds no agreement"))
	}
	a := Default("", 0)
	pairs, err := pairsOf(file.Docs[0].Body)
	if err != nil {
		return fail(err)
	}
	all, seen := fields(), map[string]bool{}
	for _, p := range pairs {
		i := slices.IndexFunc(all, func(f field) bool { return f.name == p.key })
		if i < 0 {
			return fail(atToken(p.tok, "unknown field "+quote(p.key), hintOr(didYouMean(p.key, fieldNames()), "the fields are "+strings.Join(fieldNames(), ", "))))
		}
		if err := all[i].read(&a, p.value); err != nil {
			return fail(prefixed(p.key, err))
		}
		seen[p.key] = true
	}
	for _, f := range all {
		if f.required && !seen[f.name] {
			return fail(fmt.Errorf("the field %s is missing", f.name))
		}
	}
	if a.Ends && a.EndsOn < a.StartsOn {
		return fail(errors.New("ends_on is before starts_on"))
	}
	return a, nil
}

func readAuthority(a *Agreement, n ast.Node) error {
	a.Authority = map[string]string{}
	if empty(n) {
		return nil
	}
	pairs, err := pairsOf(n)
	for _, p := range pairs {
		if _, err := knownEntity(p); err != nil {
			return err
		}
		s, err := scalar(p.value)
		if err != nil {
			return prefixed(p.key, err)
		}
		if err := plain(s); err != nil {
			return at(p.value, err.Error(), "")
		}
		a.Authority[p.key] = s
	}
	return err
}
