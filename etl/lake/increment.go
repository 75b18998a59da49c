package lake

import (
	"fmt"
	"path/filepath"
	"slices"

	"heatwatch/models"
)

// increment is the query for an entity whose file in the generation before needs only the rows of new deltas: those rows take
// the place of the ones with their keys. ok is false where everything has to be folded anew, because persons changed, too, or a
// drop came late and goes before others.
func (b *builder) increment(i int, e models.Entity, list []source, held string) (query string, ok bool, err error) {
	p := b.next.Partners[i]
	was, known := b.prev.partner(p.Name)
	file, there := b.prev.file(entityPath(e.Name, p.Name))
	if !known || !there || b.Full || b.Erase || b.lapsed(was) || !b.present(file) || b.prev.Dictionary != b.next.Dictionary || b.prev.Timezone != b.next.Timezone {
		return "", false, nil
	}
	before := slices.DeleteFunc(slices.Clone(b.drops[p.Name]), func(d Input) bool { return !b.prev.took(d) })
	old := sources(before, e.Name)
	if len(old) >= len(list) || was.Inputs[e.Name] != inputsHash(e, before, b.next.Timezone, b.strict[p.Name]) {
		return "", false, nil
	}
	for k, s := range old { // the new ones come last, and none of them is a snapshot
		if list[k].made != s.made || list[k].drop != s.drop {
			return "", false, nil
		}
	}
	for _, of := range vouching(e) {
		if len(sources(before, of)) != len(sources(b.drops[p.Name], of)) {
			return "", false, nil
		}
	}
	prev := filepath.Join(generationPath(b.Home, b.prev.Generation), file.Path)
	if sum, _, err := hashFile(prev); err != nil || sum != file.SHA256 { // what is damaged is folded anew, not handed on
		return "", false, nil
	}
	fresh, err := rowsOf(e, list[len(old):])
	if err != nil {
		return "", false, err
	}
	b.increments++
	stay := fmt.Sprintf("SELECT person, %s FROM read_parquet(%s) ANTI JOIN (SELECT %s FROM (%s) AS r WHERE %s) USING (%s)",
		fresh.names(""), quote(prev), keys(e), fresh.sql, held, keys(e))
	come := fmt.Sprintf("SELECT x.person, %s FROM (%s) AS r JOIN loaded AS x ON x.partner = %d AND x.population = %s AND x.person_key = r.person_key",
		fresh.names("r."), fresh.current(e, held), i, population(e))
	return sorted(e, stay+" UNION ALL "+come), true, nil
}

// vouching are the entities whose rows decide which rows of an entity are loaded.
func vouching(e models.Entity) (names []string) {
	for _, role := range []string{"victim", "exploiter"} {
		if r := e.Refers(role); r != "" && r != e.Name && !slices.Contains(names, r) {
			names = append(names, r)
		}
	}
	return names
}
