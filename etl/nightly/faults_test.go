package nightly

import (
	"crypto/rand"
	"flag"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"heatwatch/etl/lake"
	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/home"
)

// faults is how many of the operations of a night are made to fail, spread evenly; all of them take some minutes.
var faults = flag.Int("faults", 5, "how many operations of a night to disturb, per kind of trouble; 0 is all")

// truth is what an undisturbed night leaves.
type truth struct {
	content  string
	receipts map[string]string
}

func (c *county) truth() truth { return truth{c.content(), receipts(c, c.home.SFTP())} }

func (c *county) mustReach(what string, want truth) {
	c.Helper()
	s, err := Run(ctx, c.config())
	if err != nil {
		c.Errorf("%s: the next run: %v", what, err)
		return
	}
	if got := c.truth(); got.content != want.content || !maps.Equal(got.receipts, want.receipts) {
		c.Errorf("%s: the next run ends elsewhere (%s)", what, s)
	}
	if again := c.run(); again.News() {
		c.Errorf("%s: the run after it still had something to do: %+v", what, again)
	}
}

// fresh is a home after a first night, with the drops of a second one waiting.
func fresh(t testing.TB) *county {
	c := newCounty(t, storyPartners...)
	c.tell(c.home.SFTP(), 0, 3)
	c.run()
	c.tell(c.home.SFTP(), 1, 2, 4)
	return c
}

// first is the same county before its first night.
func first(t testing.TB) *county {
	c := newCounty(t, storyPartners...)
	c.tell(c.home.SFTP())
	return c
}

// starts are the nights that are disturbed; both end in the same lake and the same receipts.
var starts = map[string]func(testing.TB) *county{"first night": first, "second night": fresh}

// points are the operations to disturb, out of all.
func points(all int) []int {
	n := *faults
	if n == 0 || n > all {
		n = all
	}
	var list []int
	for i := range n {
		list = append(list, 1+i*all/n)
	}
	return list
}

// operations counts those of an undisturbed night.
func operations(t testing.TB, start func(testing.TB) *county) (int, truth) {
	c := start(t)
	fs, err := durabletest.NewCrash(c.home.Dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.config()
	cfg.Workers = 1 // operations in one order
	cfg.FS = fs
	if _, err := Run(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	return fs.Seen(), c.truth()
}

// Every operation fails once: not done, and done but reported as failed.
func TestEveryOperationMayFail(t *testing.T) {
	for night, start := range starts {
		all, want := operations(t, start)
		t.Logf("the %s has %d operations", night, all)
		for kind, at := range map[string]func(int) *durabletest.Fault{"not done": durabletest.FailAt, "done": durabletest.DoneAt} {
			for _, n := range points(all) {
				t.Run(fmt.Sprint(night, " ", kind, " ", n), func(t *testing.T) { failOnce(t, start(t), at(n), want) })
			}
		}
	}
}

func failOnce(t *testing.T, c *county, f *durabletest.Fault, want truth) {
	c.TB = t
	cfg := c.config()
	cfg.Workers = 1 // operations in one order
	cfg.FS = f
	_, err := Run(ctx, cfg)
	if !f.Fired() {
		t.Skip("there is no such operation")
	}
	if err == nil {
		c.mustBeMended(f, want)
	}
	c.content() // the lake is whole: the generation before or the new one
	c.mustReach("after the failure", want)
}

// mustBeMended: a night may pass over one trouble, taking back the half of a refused file: whatever is left is swept at once.
func (c *county) mustBeMended(f *durabletest.Fault, want truth) {
	c.Helper()
	if op := f.Op(); op != "close" && op != "remove" {
		c.Errorf("%s failed and nobody noticed", op)
	}
	if got := c.truth(); got.content != want.content || !maps.Equal(got.receipts, want.receipts) {
		c.Errorf("%s failed, nobody noticed, and the night ended elsewhere", f.Op())
	}
	left, err := filepath.Glob(filepath.Join(c.home.Landing(), "*", "*", ".tmp-*"))
	if err != nil || len(left) != 0 {
		c.Errorf("%s failed, nobody noticed, and %d temporary files stay (%v)", f.Op(), len(left), err)
	}
}

// Power is cut after each operation; what was not fsynced may be there or not.
func TestPowerMayBeCutAnywhere(t *testing.T) {
	for night, start := range starts {
		all, want := operations(t, start)
		for _, n := range points(all) {
			t.Run(fmt.Sprint(night, " ", n), func(t *testing.T) { cutPower(t, start(t), n, want) })
		}
	}
}

func cutPower(t *testing.T, c *county, n int, want truth) {
	fs, err := durabletest.NewCrash(c.home.Dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.config()
	cfg.Workers = 1 // operations in one order
	cfg.FS = fs.StopAt(n - 1)
	if _, err := Run(ctx, cfg); err == nil {
		t.Error("the power went and nobody noticed")
	}
	r := mathrand.New(mathrand.NewPCG(uint64(n), 1))
	for _, o := range []durabletest.Outcome{durabletest.NothingMore, durabletest.NamesOnly, durabletest.Everything, durabletest.Mixed(r)} {
		after := *c
		after.TB, after.home = t, home.Home{Dir: t.TempDir()}
		if err := fs.Clone(after.home.Dir, o); err != nil {
			t.Fatal(err)
		}
		after.content()
		after.mustReach(o.String(), want)
	}
}

const childVariable = "HEATWATCH_TEST_NIGHT"

// TestChildNight is not a test: it is the process that TestKilledProcess kills.
func TestChildNight(t *testing.T) {
	dir := os.Getenv(childVariable)
	if dir == "" {
		t.Skip("only as the child of TestKilledProcess")
	}
	_, err := Run(ctx, Config{Home: home.Home{Dir: dir}, FS: durable.OS(), Now: time.Date(2026, 7, 1, 9, 15, 0, 0, time.UTC), Location: time.UTC, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
}

func TestKilledProcess(t *testing.T) {
	reference := fresh(t)
	start := time.Now()
	reference.run()
	takes := time.Since(start)
	want := reference.truth()
	killed := 0
	for i := range 6 {
		c := fresh(t)
		cmd := exec.Command(os.Args[0], "-test.run", "^TestChildNight$")
		cmd.Env = append(os.Environ(), childVariable+"="+c.home.Dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20*time.Millisecond + takes*time.Duration(i+1)/6)
		cmd.Process.Kill()
		if cmd.Wait() != nil {
			killed++
		}
		c.content()
		c.mustReach(fmt.Sprintf("killed at step %d of 6", i+1), want)
	}
	if killed == 0 {
		t.Error("no process was killed before its end: the test proves nothing")
	}
	t.Logf("%d of 6 processes were killed", killed)
}

// A reader that opened its session before the night reads the same rows all through it.
func TestReaderSeesOneGeneration(t *testing.T) {
	c := fresh(t)
	s, err := lake.Open(ctx, c.home, lake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	count := func() (n int) {
		rows, err := s.QueryContext(ctx, "SELECT count(*) FROM persons")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	before := count()
	cfg := c.config()
	cfg.Workers = 1 // operations in one order
	cfg.Keep.Nights = 1
	sum, err := Run(ctx, cfg)
	if err != nil || !sum.Changed || len(sum.Cleaned) != 0 {
		t.Fatalf("%+v %v", sum, err)
	}
	if got := count(); got != before {
		t.Errorf("%d persons, were %d", got, before)
	}
	s.Close()
	if sum, err = Run(ctx, cfg); err != nil || len(sum.Cleaned) != 1 {
		t.Errorf("after the reader left: %+v %v", sum, err)
	}
}
