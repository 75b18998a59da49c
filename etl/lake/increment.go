package lake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heatwatch/models"
)

// increment makes an entity whose files in the generation before need only the rows of new deltas, or only to become one file
// again. ok is false where everything has to be folded anew, because persons changed, too, or a drop came late and goes before
// others.
func (b *builder) increment(ctx context.Context, i int, e models.Entity, list []source) (ok bool, err error) {
	p := b.next.Partners[i]
	o, ok, err := b.overlay(i, e, list)
	if !ok || err != nil {
		return false, err
	}
	b.increments++
	switch {
	case b.compacts(o.layers):
	case o.count == 0:
		return true, b.linkAll(o.layers)
	case b.Beside.allows(o.layers, o.count):
		b.laid++
		return true, b.layBeside(ctx, i, e, o)
	}
	for _, f := range o.files() { // what is damaged is folded anew, not handed on
		if sum, _, err := hashFile(filepath.Join(b.before(), f.Path)); err != nil || sum != f.SHA256 {
			b.increments--
			return false, nil
		}
	}
	query := "SELECT person, " + o.fresh.names("") + " FROM " + visible(b.before(), o.layers)
	if o.count > 0 {
		query += fmt.Sprintf(" ANTI JOIN (%s) USING (%s) UNION ALL %s", o.keysOf(e), keys(e), b.come(i, e, o))
	}
	f := File{Path: entityPath(e.Name, p.Name), Entity: e.Name, Partner: p.Name}
	for _, s := range list {
		f.Drops = append(f.Drops, s.drop)
	}
	return true, b.make(ctx, e, query, f)
}

// overlay finds out whether an entity can be made from the generation before.
func (b *builder) overlay(i int, e models.Entity, list []source) (o overlay, ok bool, err error) {
	p := b.next.Partners[i]
	was, known := b.prev.partner(p.Name)
	o.layers = b.prev.layers(e.Name, p.Name)
	if !known || len(o.rows) == 0 || b.Full || b.Erase || b.lapsed(was) || !b.presentAll(o.layers) || b.prev.Dictionary != b.next.Dictionary || b.prev.Timezone != b.next.Timezone {
		return o, false, nil
	}
	before := slices.DeleteFunc(slices.Clone(b.drops[p.Name]), func(d Input) bool { return !b.prev.took(d) })
	old := sources(before, e.Name)
	if len(old) > len(list) || was.Inputs[e.Name] != inputsHash(e, before, b.next.Timezone, b.strict[p.Name]) {
		return o, false, nil
	}
	if !same(old, list[:len(old)]) { // a snapshot came, or a drop that goes before others
		return o, false, nil
	}
	for _, of := range vouching(e) {
		if !same(sources(before, of), sources(b.drops[p.Name], of)) {
			return o, false, nil
		}
	}
	fresh := list[len(old):]
	for _, s := range fresh {
		o.drops = append(o.drops, s.drop)
		n, err := fileRows(s.file.Path)
		if err != nil {
			return o, false, err
		}
		o.count += n
	}
	o.held = b.held(i, e)
	o.fresh, err = rowsOf(e, fresh)
	return o, err == nil, err
}

// same reports whether two folds are of the same drops.
func same(a, b []source) bool {
	return slices.EqualFunc(a, b, func(x, y source) bool { return x.made == y.made && x.drop == y.drop })
}

// layBeside takes the files of the generation before as they are: the rows that come are a file of their own, and the list of those
// that no longer count grows.
func (b *builder) layBeside(ctx context.Context, i int, e models.Entity, o overlay) error {
	p := b.next.Partners[i]
	for _, f := range o.rows {
		if err := b.link(f); err != nil {
			return err
		}
	}
	if err := b.hide(ctx, e, p.Name, o); err != nil {
		return err
	}
	return b.make(ctx, e, b.come(i, e, o), File{Path: deltaPath(e.Name, p.Name, b.next.Generation), Entity: e.Name, Partner: p.Name, Drops: o.drops})
}

// hide notes the rows whose keys came again. Their content is what the list takes away from that of the files.
func (b *builder) hide(ctx context.Context, e models.Entity, partner string, o overlay) error {
	staged := func(what string) string { return filepath.Join(b.staging, e.Name+"-"+partner+what+".parquet") }
	var paths []string
	for _, f := range o.rows {
		paths = append(paths, quote(f.Path))
	}
	err := b.db.exec(ctx,
		fmt.Sprintf("CREATE OR REPLACE TABLE replaced AS SELECT ([%s])[(file_index + 1)::BIGINT] AS file, file_row_number::BIGINT AS row, person, %s FROM %s SEMI JOIN (%s) USING (%s)",
			strings.Join(paths, ", "), o.fresh.names(""), "(SELECT file_index, file_row_number, * FROM "+visible(b.before(), o.layers)+")", o.keysOf(e), keys(e)),
		copyTo("SELECT * EXCLUDE (file, row, person) FROM replaced", staged(".replaced")))
	if err != nil {
		return err
	}
	defer os.Remove(staged(".replaced"))
	f := File{Path: hidePath(e.Name, partner), Entity: e.Name, Partner: partner, Hides: true}
	if f.Rows, f.Content, err = hashRows(staged(".replaced"), e, partner, nil); err != nil {
		return err
	}
	list := "SELECT file, row FROM replaced"
	switch {
	case f.Rows == 0 && o.hide == nil:
		return nil
	case f.Rows == 0:
		return b.link(*o.hide)
	case o.hide != nil:
		f.Rows += o.hide.Rows
		f.Content.Add(o.hide.Content)
		f.Drops = slices.Clone(o.hide.Drops)
		list += " UNION ALL SELECT file, row FROM read_parquet(" + quote(filepath.Join(b.before(), o.hide.Path)) + ")"
	}
	f.Drops = append(f.Drops, o.drops...)
	if err := b.db.exec(ctx, copyTo("SELECT * FROM ("+list+") ORDER BY file, row", staged(".hidden")), "DROP TABLE replaced"); err != nil {
		return err
	}
	if f.SHA256, f.Bytes, err = hashFile(staged(".hidden")); err != nil {
		return err
	}
	return b.publish(staged(".hidden"), f)
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
