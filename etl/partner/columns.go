package partner

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"heatwatch/models"
)

func readColumns(a *Agreement, n ast.Node) error {
	if s, err := scalar(n); err == nil && s == "all" {
		a.Columns = Default("", 0).Columns
		return nil
	}
	a.Columns = map[string]ColumnRule{}
	if empty(n) {
		return nil
	}
	pairs, err := pairsOf(n)
	for _, p := range pairs {
		r, err := readRule(p)
		if err != nil {
			return prefixed(p.key, err)
		}
		a.Columns[p.key] = r
	}
	return err
}

func readRule(p pair) (ColumnRule, error) {
	e, err := knownEntity(p)
	if err != nil {
		return ColumnRule{}, err
	}
	seq, ok := p.value.(*ast.SequenceNode)
	if !ok {
		if s, err := scalar(p.value); err != nil || s != "all" {
			return ColumnRule{}, at(p.value, "is neither `all` nor a list of columns", "write all, or [column, column]")
		}
		return ColumnRule{All: true}, nil
	}
	known := columnNames(e)
	var r ColumnRule
	for _, v := range seq.Values {
		s, err := scalar(v)
		if err != nil {
			return ColumnRule{}, err
		}
		if !slices.Contains(known, s) && !(e.Tokens && models.IsToken(s)) {
			return ColumnRule{}, at(v, "names a column that the dictionary does not have", didYouMean(s, known))
		}
		if slices.Contains(r.Names, s) {
			return ColumnRule{}, at(v, "names a column twice", "")
		}
		r.Names = append(r.Names, s)
	}
	return r, nil
}

func columnNames(e models.Entity) []string {
	var names []string
	for _, c := range e.Columns {
		names = append(names, c.Name)
	}
	if e.Tokens {
		names = append(names, "token_*")
	}
	return names
}

func knownEntity(p pair) (models.Entity, error) {
	e, ok := models.Dictionary().Entity(p.key)
	if !ok {
		var names []string
		for _, e := range models.Dictionary().Entities {
			names = append(names, e.Name)
		}
		return e, atToken(p.tok, "unknown entity "+quote(p.key), hintOr(didYouMean(p.key, names), "`heatwatch dictionary` lists the entities"))
	}
	return e, nil
}
