package lake

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heatwatch/etl/link"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// BuildConfig is what a generation is made from.
type BuildConfig struct {
	Home     home.Home
	FS       durable.FS
	Drops    []Input  // all that were taken in, of all partners, in any order
	Agencies []Agency // those of the drops
	Now      time.Time
	Location *time.Location
	Rand     io.Reader // for pseudonyms
	Engine   Engine
	Full     bool              // fold everything anew instead of linking files that did not change
	Beside   Beside            // when a delta is laid beside a file
	Progress func(step string) // may be nil

	// Suppress tells whether a file is of somebody who was forgotten: it gets no person, and its rows are not loaded. It is
	// asked of new files alone, with their tokens; nil: nobody was forgotten.
	Suppress func(link.File) bool
	// Erase takes the persons out of the generation before of whom a file is suppressed by its key.
	Erase bool
	// Acts are what a steward decided about named files, in order.
	Acts []link.Act
	// Left are partners whose files were erased: their keys go, the persons stay.
	Left []string
}

// Build makes the next generation and swaps the pointer to it. If nothing changed it touches nothing and returns the
// current one. The caller holds the home's lock.
func Build(ctx context.Context, cfg BuildConfig) (m Manifest, changed bool, err error) {
	prev, err := ReadCurrent(cfg.Home)
	if err != nil {
		return prev, false, err
	}
	b := newBuilder(cfg, prev)
	if err := sweep(cfg, prev.Generation); err != nil {
		return prev, false, err
	}
	if !b.needed() {
		return prev, false, nil
	}
	if err := b.run(ctx); err != nil {
		return prev, false, err
	}
	return b.next, true, nil
}

// builder holds one Build.
type builder struct {
	BuildConfig
	prev, next Manifest
	dir        string // folder of the new generation
	staging    string
	today      models.Date
	drops      map[string][]Input     // by partner, in order
	strict     map[string]bool        // partners whose agreement asks for consent
	repeats    map[string]bool        // partners that do not say that one person has one number
	gone       map[uint32]bool        // persons who are erased
	sets       []link.FounderSet      // of tonight's new files
	moved      map[uint32]uint32      // persons who were merged into others
	apart      map[link.FileID]uint32 // files that were split off, with their new persons
	founds     map[link.FileID]bool   // files that found a person from tonight on
	touched    map[string]bool        // partners of persons of whom a steward decided
	db         *db
	made       map[string]bool // folders of the generation

	reading []*reading // files that are being read back

	increments int // files that were made from the generation before and new deltas
	laid       int // of them, beside the files that were there
}

func newBuilder(cfg BuildConfig, prev Manifest) *builder {
	b := &builder{BuildConfig: cfg, prev: prev, today: models.DateOf(cfg.Now.In(cfg.Location)), drops: map[string][]Input{}, strict: map[string]bool{}, repeats: map[string]bool{}, moved: map[uint32]uint32{}, apart: map[link.FileID]uint32{}, founds: map[link.FileID]bool{}, touched: map[string]bool{}, made: map[string]bool{}}
	b.next = Manifest{Schema: manifestSchema, Generation: prev.Generation + 1, Dictionary: models.Dictionary().Version,
		Timezone: cfg.Location.String(), MadeOn: b.today}
	for _, d := range inOrder(cfg.Drops) {
		b.drops[d.Partner] = append(b.drops[d.Partner], d)
		b.next.Drops = append(b.next.Drops, Drop{d.Partner, d.Drop, d.Manifest})
	}
	for _, a := range cfg.Agencies {
		b.strict[a.Name], b.repeats[a.Name] = a.Consented, a.Repeats
		if len(b.drops[a.Name]) > 0 {
			b.next.Partners = append(b.next.Partners, b.describe(a))
		}
	}
	slices.SortFunc(b.next.Partners, func(x, y Partner) int { return strings.Compare(x.Name, y.Name) })
	b.dir = generationPath(cfg.Home, b.next.Generation)
	return b
}

func (b *builder) describe(a Agency) Partner {
	p := Partner{Name: a.Name, Kind: a.Kind, Consented: a.Consented, Coverage: map[string]Cover{}, Inputs: map[string]string{}}
	for _, e := range models.Dictionary().Entities {
		if c, ok := covers(b.drops[a.Name], e.Name); ok {
			p.Coverage[e.Name] = c
			p.Inputs[e.Name] = inputsHash(e, b.drops[a.Name], b.next.Timezone, a.Consented)
		}
	}
	return p
}

// needed reports whether the next generation would differ from the current one.
func (b *builder) needed() bool {
	if b.prev.Generation == 0 {
		return len(b.next.Drops) > 0
	}
	if b.Full || b.Erase || len(b.Left) > 0 || len(b.Acts) > 0 || b.prev.Schema != b.next.Schema || b.prev.Timezone != b.next.Timezone || b.prev.Dictionary != b.next.Dictionary {
		return true
	}
	if !slices.Equal(b.prev.Drops, b.next.Drops) || len(b.prev.Partners) != len(b.next.Partners) {
		return true
	}
	for i, p := range b.next.Partners {
		was := b.prev.Partners[i]
		if b.lapsed(was) || was.Name != p.Name || was.Kind != p.Kind || !maps.Equal(was.Coverage, p.Coverage) || !maps.Equal(was.Inputs, p.Inputs) {
			return true
		}
	}
	return b.damaged() || b.scattered()
}

// scattered reports whether files are to become one tonight.
func (b *builder) scattered() bool {
	return slices.ContainsFunc(b.prev.Files, func(f File) bool { return f.Entity != "" && b.compacts(b.prev.layers(f.Entity, f.Partner)) })
}

// damaged reports whether a file of the current generation was lost or cut; it can be folded anew. What changed inside a
// file is for Verify to find, which reads them all.
func (b *builder) damaged() bool {
	return slices.ContainsFunc(b.prev.Files, func(f File) bool { return f.Entity != "" && !b.present(f) })
}

// before is the folder of the generation before.
func (b *builder) before() string { return generationPath(b.Home, b.prev.Generation) }

func (b *builder) present(f File) bool {
	st, err := os.Stat(filepath.Join(b.before(), f.Path))
	return err == nil && st.Size() == f.Bytes
}

func (b *builder) presentAll(l layers) bool {
	return !slices.ContainsFunc(l.files(), func(f File) bool { return !b.present(f) })
}

// lapsed reports whether a consent that counted in the previous generation has run out.
func (b *builder) lapsed(p Partner) bool { return p.ConsentNext != nil && *p.ConsentNext <= b.today }

// unchanged reports whether the partner's files of an entity are those of the previous generation.
func (b *builder) unchanged(p Partner, entity string) bool {
	was, ok := b.prev.partner(p.Name)
	if !ok || b.Full || b.touched[p.Name] || b.lapsed(was) || was.Inputs[entity] != p.Inputs[entity] {
		return false
	}
	l := b.prev.layers(entity, p.Name)
	return b.presentAll(l) && !b.compacts(l) // no file: there were no rows, and there still are none
}

func (b *builder) run(ctx context.Context) error {
	if err := b.open(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(b.staging)
	defer b.db.close()
	if err := b.persons(ctx); err != nil {
		return err
	}
	for _, t := range []string{"crosswalk", "tokens"} {
		if err := b.keepTable(ctx, t, len(b.Acts) > 0); err != nil {
			return err
		}
	}
	if err := b.keepSets(); err != nil {
		return err
	}
	if err := b.entities(ctx); err != nil {
		return err
	}
	seen, err := b.engaged(ctx)
	if err != nil {
		return err
	}
	if err := b.keepTable(ctx, "people", seen > 0 || len(b.Acts) > 0); err != nil {
		return err
	}
	return b.commit()
}

func (b *builder) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(b.Home.Staging(), 0o700); err != nil {
		return err
	}
	if b.staging, err = os.MkdirTemp(b.Home.Staging(), stagedPrefix); err != nil {
		return problem.Wrap(err, problem.Failed, b.Home.Staging(), "no staging folder can be made", "check permissions and room")
	}
	persons, most, err := sizes(slices.DeleteFunc(slices.Clone(b.Drops), b.prev.took))
	if err != nil {
		return err
	}
	for _, f := range b.prev.Files {
		if most = max(most, f.Rows); f.Path == crosswalkName {
			persons += f.Rows
		}
	}
	if b.db, err = openEngine(ctx, b.Engine.sized(persons, most), filepath.Join(b.staging, "spill")); err != nil {
		return err
	}
	return durable.MkdirAll(b.FS, b.dir, 0o700)
}

func (b *builder) step(format string, args ...any) {
	if b.Progress != nil {
		b.Progress(fmt.Sprintf(format, args...))
	}
}

// entities writes or links the files of every partner.
func (b *builder) entities(ctx context.Context) error {
	for i := range b.next.Partners {
		p := b.next.Partners[i]
		for _, e := range models.Dictionary().Entities {
			if _, sent := p.Inputs[e.Name]; !sent {
				continue
			}
			if err := b.entity(ctx, i, p, e); err != nil {
				return fmt.Errorf("%s of %s: %w", e.Name, p.Name, err)
			}
		}
	}
	return b.publishRest()
}

func (b *builder) entity(ctx context.Context, i int, p Partner, e models.Entity) error {
	if b.unchanged(p, e.Name) {
		return b.linkAll(b.prev.layers(e.Name, p.Name))
	}
	b.step("loading %s of %s", e.Name, p.Name)
	list := sources(b.drops[p.Name], e.Name)
	if population(e) != "" && !e.Tokens && !profiles(e) && !b.touched[p.Name] {
		if ok, err := b.increment(ctx, i, e, list); ok || err != nil {
			return err
		}
	}
	query, err := b.query(i, e, list)
	if err != nil {
		return err
	}
	f := File{Path: entityPath(e.Name, p.Name), Entity: e.Name, Partner: p.Name}
	for _, s := range list {
		f.Drops = append(f.Drops, s.drop)
	}
	return b.make(ctx, e, query, f)
}

// make writes the rows of a query, in order, and begins to read them back.
func (b *builder) make(ctx context.Context, e models.Entity, query string, f File) error {
	staged := filepath.Join(b.staging, strings.ReplaceAll(f.Path, "/", "-"))
	if err := b.db.exec(ctx, copyTo(sorted(e, query), staged)); err != nil {
		return err
	}
	return b.readBack(staged, f, e)
}

// query is the current rows of one partner and entity that may be loaded, with their person.
func (b *builder) query(i int, e models.Entity, list []source) (string, error) {
	if e.Tokens {
		return b.personRows(i, e)
	}
	r, err := rowsOf(e, list)
	if err != nil {
		return "", err
	}
	pop := population(e)
	if pop == "" {
		return "SELECT " + r.names("") + " FROM (" + r.current(e, "") + ")", nil
	}
	if profiles(e) { // no row is held, and those about nobody have no person
		return fmt.Sprintf("SELECT x.person, %s FROM (%s) AS r LEFT JOIN loaded AS x ON x.partner = %d AND x.population = %s AND x.person_key = r.%s",
			r.names("r."), r.current(e, ""), i, pop, e.PersonKey()), nil
	}
	held := b.held(i, e)
	if !r.twins { // there is no older row to hide, and a row that is held finds nobody below
		held = ""
	}
	return fmt.Sprintf("SELECT x.person, %s FROM (%s) AS r JOIN loaded AS x ON x.partner = %d AND x.population = %s AND x.person_key = r.person_key",
		r.names("r."), r.current(e, held), i, pop), nil
}

// held is a condition that is false for a row whose person's row has not come: it waits, and hides no older row.
func (b *builder) held(i int, e models.Entity) string {
	return fmt.Sprintf("EXISTS (SELECT 1 FROM sent AS s WHERE s.partner = %d AND s.population = %s AND s.person_key = r.person_key)", i, population(e))
}

// reading is a staged file that is read back while the engine makes the next ones.
type reading struct {
	staged string
	file   chan File
	err    error // once file is closed
}

// readAhead is how many staged files may wait while they are read back: a small one and a large one, as they alternate.
const readAhead = 2

// readBack begins to read a staged file. Files are published in the order in which they were made.
func (b *builder) readBack(staged string, f File, e models.Entity) error {
	for len(b.reading) >= readAhead {
		if err := b.publishNext(); err != nil {
			return err
		}
	}
	r := &reading{staged: staged, file: make(chan File, 1)}
	b.reading = append(b.reading, r)
	go func() {
		defer close(r.file)
		if f.Rows, f.Content, r.err = hashRows(staged, e, f.Partner, nil); r.err != nil || f.Rows == 0 {
			return
		}
		if f.SHA256, f.Bytes, r.err = hashFile(staged); r.err == nil {
			r.file <- f
		}
	}()
	return nil
}

// publishRest publishes the files that are still being read back.
func (b *builder) publishRest() error {
	for len(b.reading) > 0 {
		if err := b.publishNext(); err != nil {
			return err
		}
	}
	return nil
}

// publishNext publishes the oldest file that is read back, once it is. One without rows is not kept.
func (b *builder) publishNext() error {
	r := b.reading[0]
	b.reading = b.reading[1:]
	f, ok := <-r.file
	switch {
	case ok:
		return b.publish(r.staged, f)
	case r.err != nil:
		return fmt.Errorf("%s: %w", filepath.Base(r.staged), r.err)
	}
	return os.Remove(r.staged)
}

// publish gives a staged file its name in the generation.
func (b *builder) publish(staged string, f File) error {
	to, err := b.place(f.Path)
	if err != nil {
		return err
	}
	if err := durable.Publish(b.FS, staged, to, 0o444); err != nil {
		return err
	}
	b.next.Files = append(b.next.Files, f)
	return nil
}

// link takes a file over from the previous generation.
func (b *builder) link(f File) error {
	to, err := b.place(f.Path)
	if err != nil {
		return err
	}
	if err := durable.Link(b.FS, filepath.Join(b.before(), f.Path), to); err != nil {
		return err
	}
	b.next.Files = append(b.next.Files, f)
	return nil
}

func (b *builder) linkAll(l layers) error {
	for _, f := range l.files() {
		if err := b.link(f); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) place(path string) (string, error) {
	to := filepath.Join(b.dir, path)
	if d := filepath.Dir(to); !b.made[d] {
		if err := durable.MkdirAll(b.FS, d, 0o700); err != nil {
			return "", err
		}
		b.made[d] = true
	}
	return to, nil
}

// commit writes the manifest, then swaps the pointer: before the swap no reader knows the generation, after it every
// file that the manifest names is durable.
func (b *builder) commit() error {
	slices.SortFunc(b.next.Files, func(x, y File) int { return strings.Compare(x.Path, y.Path) })
	for _, f := range b.next.Files {
		switch {
		case f.Hides:
			b.next.Content.Subtract(f.Content)
		case f.Entity != "":
			b.next.Content.Add(f.Content)
		}
	}
	for _, p := range b.next.Partners {
		if c := p.ConsentNext; c != nil && (b.next.ConsentNext == nil || *c < *b.next.ConsentNext) {
			b.next.ConsentNext = c
		}
	}
	if err := durable.Create(b.FS, filepath.Join(b.dir, manifestName), b.next.Bytes(), 0o444); err != nil {
		return err
	}
	return durable.Replace(b.FS, currentPath(b.Home), fmt.Appendf(nil, "%d\n", b.next.Generation), 0o600)
}
