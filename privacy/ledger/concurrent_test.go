package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"heatwatch/internal/durable"
)

const childVariable = "HEATWATCH_TEST_APPEND"

// appendWithoutLock does what no command does: it appends without the home's lock. It returns "number item" for each entry it made.
func appendWithoutLock(h warehouse, name string, tries int) ([]string, error) {
	var made []string
	for i := range tries {
		l, err := Open(durable.OS(), h.dir, h.keys)
		if err != nil {
			return made, err
		}
		it := item(fmt.Sprintf("%s-%d", name, i), "2026Q1", 1000)
		losses := []Loss{{"minors", it.Mu2, 1000 * it.Mu2}} // also enough after others were faster
		e, err := l.Append(context.Background(), Entry{Kind: KindRelease, Date: today, Release: &Release{
			Period: "2026Q1", Due: today, Plan: l.Plan().Ref(), Attempt: 1, Items: []Item{it}, Losses: losses,
		}})
		if err == nil {
			made = append(made, fmt.Sprintf("%d %s", e.Number, it.ID))
		} else if !errors.Is(err, fs.ErrExist) {
			return made, err
		}
	}
	return made, nil
}

// TestChildAppends is the child of the test below.
func TestChildAppends(t *testing.T) {
	root := os.Getenv(childVariable)
	if root == "" {
		t.Skip("runs only as a child process")
	}
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			made, err := appendWithoutLock(homeAt(t, root), fmt.Sprintf("p%d-%d", os.Getpid(), i), 2)
			if err != nil {
				t.Error(err)
			}
			for _, m := range made {
				fmt.Println("made", m)
			}
		})
	}
	wg.Wait()
}

// A hundred writers at once, in twenty processes: exactly one makes each entry, who lost knows it, and the chain is whole.
func TestHundredWritersWithoutALock(t *testing.T) {
	h := emptyHome(t)
	h.create(t)
	var mu sync.Mutex
	made := map[string]string{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestChildAppends$", "-test.v")
			cmd.Env = append(os.Environ(), childVariable+"="+h.root)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			lines := bufio.NewScanner(strings.NewReader(string(out)))
			for lines.Scan() {
				text, ok := strings.CutPrefix(lines.Text(), "made ")
				if !ok {
					continue
				}
				number, id, _ := strings.Cut(text, " ")
				mu.Lock()
				if other, taken := made[number]; taken {
					t.Errorf("%s and %s both made entry %s", other, id, number)
				}
				made[number] = id
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	l := h.open(t)
	if len(made) < 2 || l.Position().Entries != 1+len(made) {
		t.Errorf("%d entries, and %d writers said that they had made one", l.Position().Entries, len(made))
	}
	for _, e := range l.Entries()[1:] {
		if id := made[fmt.Sprint(e.Number)]; id != e.Release.Items[0].ID {
			t.Errorf("entry %d is %s, and %s said that it made it", e.Number, e.Release.Items[0].ID, id)
		}
	}
	t.Logf("%d of 200 appends made an entry", len(made))
	mustAppend(t, l, release(t, l, item("last", "2026Q2", 6)))
	h.mustVerify(t)
}

// One open ledger may be used by several goroutines: all succeed, one after the other.
func TestGoroutinesShareALedger(t *testing.T) {
	h := emptyHome(t)
	l := h.create(t)
	drafts := make([]Entry, 20)
	for i := range drafts {
		drafts[i] = release(t, l, item(fmt.Sprintf("i%d", i), "2026Q1", 1000))
		drafts[i].Release.Losses[0].Lifetime = 1000 * drafts[i].Release.Losses[0].Release
	}
	var wg sync.WaitGroup
	for _, d := range drafts {
		wg.Go(func() {
			if _, err := l.Append(context.Background(), d); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r := h.mustVerify(t); r.Entries != 21 {
		t.Errorf("%+v", r)
	}
}
