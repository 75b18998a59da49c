package privacy

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	roof "heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// A driver that runs the real releaser, ledger and durable writes through histories of crashes and races. One history is a
// home and up to four attempts to release a period in it; each attempt is disturbed in one way:
//
//	power cut   after any operation, and of what was not fsynced all, some or nothing is left
//	kill        after any operation; everything written is left
//	fault       one operation fails, or is done and reported as failed
//	race        two releasers, their operations in any order, with the home's lock or (which the contract rules out) without;
//	            each may be killed on the way
//
// and then the last attempt is left in peace. The lake is a record of what DuckDB answered, so that thousands of histories run in a
// minute; it is not what is tested here.
//
// What must hold at every stage: whoever drew noise had booked it for certain; no entry has two vectors, drawn or published; a
// published file never changes or goes; the second attempt is the booked repeat, and there is no third.

// Interleavings counts what happened.
type Interleavings struct {
	Histories, Attempts, Draws, Repeats, Refused int
	Unbooked, Second                             int // draws that no entry books; second vectors of an entry
	Stuck                                        int // homes that two releasers without the lock left in a state that is refused
	Problems                                     []string
}

func (a *Interleavings) add(b Interleavings) {
	a.Histories += b.Histories
	a.Attempts += b.Attempts
	a.Draws += b.Draws
	a.Repeats += b.Repeats
	a.Refused += b.Refused
	a.Unbooked += b.Unbooked
	a.Second += b.Second
	a.Stuck += b.Stuck
	if len(a.Problems) < 10 {
		a.Problems = append(a.Problems, b.Problems...)
	}
}

// lie drops an operation and reports it as done: a planted bug.
type lie func(op, path string) bool

// Interleave runs so many histories on all processors. The same seed gives the same histories.
func Interleave(t testing.TB, histories int, seed uint64, lies lie) Interleavings {
	t.Helper()
	base := t.TempDir()
	if dir, err := os.MkdirTemp("/dev/shm", "heatwatch-interleave-"); err == nil { // in memory, where there is one
		t.Cleanup(func() { os.RemoveAll(dir) })
		base = dir
	}
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	answers := newAnswers(l)
	var mu sync.Mutex
	var all Interleavings
	next := make(chan uint64)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := range next {
				x := history{home: h, answers: answers, base: base, r: rand.New(rand.NewPCG(seed, n)), name: fmt.Sprintf("history %d/%d", seed, n), lies: lies}
				err := x.run()
				if err != nil {
					x.problem("%v", err)
				}
				mu.Lock()
				all.add(x.count)
				mu.Unlock()
			}
		})
	}
	for n := range histories {
		next <- uint64(n)
	}
	close(next)
	wg.Wait()
	return all
}

// history is one home with what was seen of it so far.
type history struct {
	home
	answers *answers
	base    string
	r       *rand.Rand
	name    string
	lies    lie
	count   Interleavings

	mu        sync.Mutex
	period    models.Period
	today     string
	runs      int               // number of the releaser that is running
	drawnBy   map[string]int    // entry -> releaser that drew for it
	booked    map[string]string // entry -> its bytes in the ledger when the noise was drawn
	vectors   map[string]string // entry -> the release file as it was first written
	published map[string]string // entry -> bytes of its file
	raced     bool
}

func (x *history) problem(format string, args ...any) {
	x.count.Problems = append(x.count.Problems, x.name+": "+fmt.Sprintf(format, args...))
}

func (x *history) run() error {
	x.count.Histories = 1
	x.drawnBy, x.booked, x.vectors, x.published = map[string]int{}, map[string]string{}, map[string]string{}, map[string]string{}
	period, today, steps := "2025Q1", "2025-06-01", 75
	if x.r.IntN(3) == 0 { // two due dates, two entries
		period, today, steps = "2025", "2027-06-01", 140
	}
	var err error
	if x.period, err = models.ParsePeriod(period); err != nil {
		return err
	}
	x.today = today
	dir, err := os.MkdirTemp(x.base, "h")
	if err != nil {
		return err
	}
	defer func() { os.RemoveAll(x.dir) }()
	if err := os.CopyFS(filepath.Join(dir, "home"), os.DirFS(x.dir)); err != nil {
		return err
	}
	x.dir = dir
	for range 1 + x.r.IntN(4) {
		stop := x.r.IntN(steps)
		switch x.r.IntN(6) {
		case 0, 1:
			err = x.powerCut(stop, 1)
		case 2:
			err = x.powerCut(stop, 2)
		case 3:
			x.race(durable.OS(), x.r.IntN(2) == 0)
		case 4:
			x.attempt(durabletest.FailAt(1+stop), nil)
		case 5:
			x.attempt(durabletest.DoneAt(1+stop), nil)
		}
		if err != nil {
			return err
		}
		x.look("after an attempt")
	}
	files, err := x.attempt(durable.OS(), nil)
	x.look("at the end")
	x.judge(files, err)
	return nil
}

// homeDir is where the home lies below the history's folder.
func (x *history) homeDir() string { return filepath.Join(x.dir, "home") }

// powerCut stops everything after an operation and goes on with what is left; of two releasers at once, or of one.
func (x *history) powerCut(stop, releasers int) error {
	disk, err := durabletest.NewCrash(x.dir)
	if err != nil {
		return err
	}
	disk.StopAt(stop)
	if releasers == 2 {
		x.race(disk, true) // without the lock files vanish under a writer, which the model of the disk cannot follow
	} else {
		x.attempt(disk, nil)
	}
	outcome := []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything, durabletest.Mixed(x.r)}[x.r.IntN(4)]
	dir, err := os.MkdirTemp(x.base, "h")
	if err != nil {
		return err
	}
	if err := disk.Clone(dir, outcome); err != nil {
		return err
	}
	old := x.dir
	x.dir = dir
	return os.RemoveAll(old)
}

// attempt is one process: it opens the home and releases. before may stop it at an operation, as kill -9 does.
func (x *history) attempt(disk durable.FS, before func() error) ([]ReleaseFile, error) {
	x.mu.Lock()
	x.count.Attempts++
	x.runs++
	me := x.runs
	x.mu.Unlock()
	fsys := &hooked{FS: disk, lies: x.lies, before: func(op, path string, data []byte) error {
		if before != nil {
			if err := before(); err != nil {
				return err
			}
		}
		x.saw(me, op, path, data)
		return nil
	}}
	l, err := ledger.Open(fsys, filepath.Join(x.homeDir(), "ledger"), filepath.Join(x.homeDir(), "keys"))
	if err != nil {
		return nil, err
	}
	day, _ := models.ParseDate(x.today)
	at := func(name string) string { return filepath.Join(x.homeDir(), name) }
	r := Releaser{FS: fsys, Releases: at("releases"), Register: at("register"), Keys: at("keys"), Ledger: l, Plan: x.p, Schema: x.s,
		Selection: selectionKey, Seal: []byte("register-register-register-32-by"), Today: day,
		Open: func(context.Context) (Warehouse, error) {
			return Warehouse{Engine: x.answers.session(), Content: []byte("generation 1"), Partners: map[string]int{"shelter": 1, "police": 4}}, nil
		}}
	return r.Release(context.Background(), x.period)
}

var errKilled = errors.New("killed")

// race runs two releasers whose operations alternate by lot. With locked each holds the home's lock as the program does; one that
// does not get it goes away.
func (x *history) race(disk durable.FS, locked bool) {
	x.raced = x.raced || !locked
	type racer struct {
		ask, done chan struct{}
		answer    chan error
		waiting   bool
		left      int // operations until it is killed
		gone      bool
	}
	racers := make([]*racer, 2)
	for i := range racers {
		c := &racer{ask: make(chan struct{}), done: make(chan struct{}), answer: make(chan error), left: 1 << 30}
		if x.r.IntN(2) == 0 {
			c.left = x.r.IntN(80)
		}
		racers[i] = c
		gate := func() error {
			c.ask <- struct{}{}
			return <-c.answer
		}
		go func() {
			defer close(c.done)
			if gate() != nil {
				return
			}
			if locked {
				l, err := roof.Home{Dir: x.homeDir()}.Lock("release", time.Unix(0, 0))
				if err != nil {
					return
				}
				defer l.Unlock()
			}
			x.attempt(disk, gate)
		}()
	}
	for {
		var ready []*racer
		for _, c := range racers {
			if c.gone {
				continue
			}
			if !c.waiting {
				select {
				case <-c.ask:
					c.waiting = true
				case <-c.done:
					c.gone = true
					continue
				}
			}
			ready = append(ready, c)
		}
		if len(ready) == 0 {
			return
		}
		c := ready[x.r.IntN(len(ready))]
		c.waiting = false
		c.left--
		if c.left < 0 {
			c.answer <- errKilled
		} else {
			c.answer <- nil
		}
	}
}

var pendingName = regexp.MustCompile(`\.pending-(\d+)\.json`)

// saw notes an operation about to be done. The first one on an entry's pending file comes right after its noise was drawn.
func (x *history) saw(me int, op, path string, data []byte) {
	m := pendingName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	entry := m[1]
	switch op {
	case "create":
		if who, ok := x.drawnBy[entry]; ok && who == me {
			return // a temporary name was taken
		} else if ok {
			x.count.Second++
			x.problem("noise was drawn twice for entry %s", entry)
		}
		x.drawnBy[entry] = me
		x.count.Draws++
		b, err := os.ReadFile(filepath.Join(x.homeDir(), "ledger", fmt.Sprintf("%06d.json", number(entry))))
		if err != nil {
			x.count.Unbooked++
			x.problem("noise was drawn for entry %s, which is not in the ledger", entry)
			return
		}
		x.booked[entry] = string(b)
	case "write":
		if old, ok := x.vectors[entry]; ok && old != string(data) {
			x.count.Second++
			x.problem("entry %s has two vectors", entry)
		}
		x.vectors[entry] = string(data)
	}
}

func number(s string) (n int) {
	fmt.Sscan(s, &n)
	return n
}

// look compares what is on disk with what was seen.
func (x *history) look(when string) {
	for entry, was := range x.booked {
		b, err := os.ReadFile(filepath.Join(x.homeDir(), "ledger", fmt.Sprintf("%06d.json", number(entry))))
		if err != nil || string(b) != was {
			x.count.Unbooked++
			x.problem("%s: noise was drawn for entry %s, which the ledger has lost or changed (%v)", when, entry, err)
			delete(x.booked, entry)
		}
	}
	dir := filepath.Join(x.homeDir(), "releases", x.period.String())
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		x.problem("%v", err)
	}
	there := map[string]bool{}
	for _, f := range files {
		entry, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		there[entry] = true
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			x.problem("%v", err)
			continue
		}
		if string(b) != x.vectors[entry] {
			x.count.Second++
			x.problem("%s: the file of entry %s is not the vector that was drawn", when, entry)
		}
		x.published[entry] = string(b)
	}
	if when == "at the end" {
		return
	}
	for entry := range x.published { // a name that was seen and not fsynced may go with the power; then it was seen by nobody
		if !there[entry] {
			delete(x.published, entry)
		}
	}
}

// judge looks at the home after the last, undisturbed attempt.
func (x *history) judge(files []ReleaseFile, err error) {
	l, openErr := ledger.Open(durable.OS(), filepath.Join(x.homeDir(), "ledger"), filepath.Join(x.homeDir(), "keys"))
	if openErr != nil {
		x.problem("the ledger: %v", openErr)
		return
	}
	lost := map[string]int{} // by due date
	for _, e := range l.Entries() {
		if e.Release == nil {
			continue
		}
		entry := fmt.Sprint(e.Number)
		if e.Kind == ledger.KindRepeat {
			x.count.Repeats++
			if first := fmt.Sprint(e.Release.Repeats); x.published[first] != "" && !x.raced {
				x.count.Second++
				x.problem("entry %s repeats entry %s, whose figures are there", entry, first)
			}
		}
		if x.published[entry] == "" {
			lost[e.Release.Due]++
		} else {
			lost[e.Release.Due] -= 9
		}
		if lost[e.Release.Due] > 2 {
			x.problem("%s was tried more than twice", e.Release.Due)
		}
	}
	twice := false
	for _, n := range lost {
		twice = twice || n == 2
	}
	switch {
	case err != nil && twice && problem.ExitCode(err) == problem.Refused && strings.Contains(err.Error(), "figures are lost"):
		x.count.Refused++
		return
	case err != nil && x.raced && problem.ExitCode(err) == problem.Refused:
		x.count.Stuck++ // without the lock a home may come to a state that is refused from then on; nothing is drawn in it
		return
	case err != nil:
		x.problem("the last attempt, in peace: %v (%v)", err, errors.Unwrap(err))
		return
	case twice:
		x.problem("lost twice and still released")
	}
	if err := Check(files, l); err != nil {
		x.problem("%v", err)
	}
	for _, f := range files {
		if string(f.Bytes()) != x.published[fmt.Sprint(f.Entry)] {
			x.problem("the release prints another file for entry %d than is published", f.Entry)
		}
	}
	if dues := len(x.p.Due(x.period)); len(files) < dues {
		x.problem("%d files for %d due dates", len(files), dues)
	}
}

// hooked is a file system that shows each operation to a hook first, which may stop it for good.
type hooked struct {
	durable.FS
	before func(op, path string, data []byte) error
	lies   lie
}

// do asks the hook, and skips what is lied about.
func (h *hooked) do(op, path string, data []byte, act func() error) error {
	if err := h.before(op, path, data); err != nil {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	if h.lies != nil && h.lies(op, path) {
		return nil
	}
	return act()
}

func (h *hooked) OpenFile(name string, flag int, perm fs.FileMode) (f durable.File, err error) {
	open := func() error { f, err = h.FS.OpenFile(name, flag, perm); return err }
	if flag&(os.O_CREATE|os.O_TRUNC) == 0 {
		err = open()
	} else {
		err = h.do("create", name, nil, open)
	}
	if err != nil {
		return nil, err
	}
	return &hookedFile{f, h, name}, nil
}

func (h *hooked) OpenDir(name string) (durable.Dir, error) {
	d, err := h.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &hookedDir{d, h, name}, nil
}

func (h *hooked) Mkdir(name string, perm fs.FileMode) error {
	return h.do("mkdir", name, nil, func() error { return h.FS.Mkdir(name, perm) })
}

func (h *hooked) Link(old, new string) error {
	return h.do("link", new, nil, func() error { return h.FS.Link(old, new) })
}

func (h *hooked) Rename(old, new string) error {
	return h.do("rename", new, nil, func() error { return h.FS.Rename(old, new) })
}

func (h *hooked) Remove(name string) error {
	return h.do("remove", name, nil, func() error { return h.FS.Remove(name) })
}

type hookedFile struct {
	durable.File
	h    *hooked
	path string
}

func (f *hookedFile) Write(p []byte) (n int, err error) {
	err = f.h.do("write", f.path, p, func() error { n, err = f.File.Write(p); return err })
	return n, err
}

func (f *hookedFile) Sync() error { return f.h.do("sync", f.path, nil, f.File.Sync) }

type hookedDir struct {
	durable.Dir
	h    *hooked
	path string
}

func (d *hookedDir) Sync() error { return d.h.do("syncdir", d.path, nil, d.Dir.Sync) }

// answers is a lake that remembers. A session that asks what an earlier one asked, from its first statement on, is answered from
// memory; otherwise DuckDB runs the whole session again.
type answers struct {
	mu    sync.Mutex
	lake  Engine
	known map[string]*answer // by hash of all statements so far
	db    *sql.DB
}

type answer struct {
	columns []string
	rows    [][]driver.Value
}

func newAnswers(lake Engine) *answers {
	a := &answers{lake: lake, known: map[string]*answer{}}
	a.db = sql.OpenDB(a)
	return a
}

// Connect, Driver: an answer is found by the hash that stands for the query.
func (a *answers) Connect(context.Context) (driver.Conn, error) { return answersConn{a}, nil }
func (a *answers) Driver() driver.Driver                        { return nil }

type answersConn struct{ a *answers }

func (answersConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not here") }
func (answersConn) Close() error                        { return nil }
func (answersConn) Begin() (driver.Tx, error)           { return nil, errors.New("not here") }

func (c answersConn) QueryContext(_ context.Context, key string, _ []driver.NamedValue) (driver.Rows, error) {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	return &answerRows{answer: c.a.known[key]}, nil
}

type answerRows struct {
	*answer
	next int
}

func (r *answerRows) Columns() []string { return r.columns }
func (r *answerRows) Close() error      { return nil }
func (r *answerRows) Next(dest []driver.Value) error {
	if r.next == len(r.rows) {
		return io.EOF
	}
	copy(dest, r.rows[r.next])
	r.next++
	return nil
}

type answersSession struct {
	a     *answers
	key   string
	asked []asked
}

type asked struct {
	query string
	args  []any
}

func (a *answers) session() Engine { return &answersSession{a: a} }

func (s *answersSession) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%#v", s.key, query, args))
	s.key = hex.EncodeToString(sum[:])
	s.asked = append(s.asked, asked{query, args})
	if err := s.a.learn(ctx, s.key, s.asked); err != nil {
		return nil, err
	}
	return s.a.db.QueryContext(ctx, s.key)
}

func (a *answers) learn(ctx context.Context, key string, session []asked) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known[key] != nil {
		return nil
	}
	var ans *answer
	for _, q := range session {
		rows, err := a.lake.QueryContext(ctx, q.query, q.args...)
		if err != nil {
			return err
		}
		ans = &answer{}
		if ans.columns, err = rows.Columns(); err != nil {
			return err
		}
		for rows.Next() {
			row := make([]any, len(ans.columns))
			for i := range row {
				row[i] = new(any)
			}
			if err := rows.Scan(row...); err != nil {
				return err
			}
			ans.rows = append(ans.rows, mapSlice(row, func(p any) driver.Value {
				if b, ok := (*p.(*any)).([]byte); ok {
					return slices.Clone(b)
				}
				return *p.(*any)
			}))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	a.known[key] = ans
	return nil
}

// TestCrashesAndRaces is the short form of what `make bench-privacy` runs 100,000 times.
func TestCrashesAndRaces(t *testing.T) {
	t.Parallel()
	n := 600
	if testing.Short() {
		n = 200
	}
	began := time.Now()
	got := Interleave(t, n, 2026, nil)
	t.Logf("%d histories, %d attempts, %d draws, %d repeats, %d refused after two lost attempts, in %v", got.Histories, got.Attempts, got.Draws, got.Repeats, got.Refused, time.Since(began))
	for _, p := range got.Problems {
		t.Error(p)
	}
	if got.Unbooked != 0 || got.Second != 0 {
		t.Errorf("%d unbooked draws, %d second vectors", got.Unbooked, got.Second)
	}
	if got.Draws < n || got.Repeats < n/10 || got.Refused == 0 {
		t.Errorf("too little happened: %+v", got)
	}
}

// The driver must see a ledger that is not certain when the noise is drawn.
func TestTheDriverSeesPlantedBugs(t *testing.T) {
	t.Parallel()
	inLedger := func(path string) bool { return strings.Contains(path, "/ledger") }
	for name, lies := range map[string]lie{
		"the ledger's folder is never fsynced": func(op, path string) bool { return op == "syncdir" && inLedger(path) },
		"entries are never fsynced":            func(op, path string) bool { return op == "sync" && inLedger(path) },
		"the entry gets no name":               func(op, path string) bool { return op == "link" && inLedger(path) },
	} {
		if got := Interleave(t, 150, 1, lies); got.Unbooked == 0 {
			t.Errorf("%s: nothing was noticed in %+v", name, got)
		}
	}
}
