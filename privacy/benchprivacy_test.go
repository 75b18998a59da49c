package privacy_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// One table of what the privacy engine reaches: same data and same lifetime budget for us and for the reference, everything
// simulated in the same run. `make bench-privacy` prints it and fails if a statistical bar is missed. Seeds are fixed where the
// noise is simulated; where the noise library draws, there is no seed, and the bars are far from what is reached.

// line is a row of the table.
type line struct {
	what, ours, reference, bar string
	met                        bool
	open                       string // set: not judged, and why
}

// part makes rows; quick asks for a handful of simulations, only to see that everything runs.
type part struct {
	name string
	make func(t *testing.T, quick bool) []line
	// alone: there is a test of its own, and the quick form leaves it out
	alone bool
}

var benchParts = []part{
	{"county", benchCounty, false},
	{"median", benchMedian, false},
	{"share", benchShare, false},
	{"retention", benchRetention, false},
	{"tables", benchTables, false},
	{"planned", benchPlanned, false},
	{"coverage", benchCoverage, false},
	{"crashes", benchCrashes, true},
	{"bounds", benchRelease, true},
}

// TestBenchPrivacy is the quick form, unless HEATWATCH_BENCH_PRIVACY is set: "all", or the names of parts.
func TestBenchPrivacy(t *testing.T) {
	asked := os.Getenv("HEATWATCH_BENCH_PRIVACY")
	quick := asked == ""
	var lines []line
	for _, p := range benchParts {
		if quick && p.alone || !quick && asked != "all" && !strings.Contains(asked, p.name) {
			continue
		}
		began := time.Now()
		rows := p.make(t, quick)
		lines = append(lines, rows...)
		if !quick {
			fmt.Fprintf(os.Stderr, "%s: %d rows in %v\n", p.name, len(rows), time.Since(began).Round(time.Second))
		}
	}
	if quick {
		for _, l := range lines {
			t.Logf("%s: %s; reference %s; bar %s", l.what, l.ours, l.reference, l.bar)
		}
		return // too few simulations to judge
	}
	fmt.Print("\n", table(lines), "\n")
	for _, l := range lines {
		if l.open == "" && !l.met {
			t.Errorf("missed: %s: %s, the bar is %s", l.what, l.ours, l.bar)
		}
	}
}

// table prints rows in columns.
func table(lines []line) string {
	rows := [][]string{{"what", "ours", "reference, same run", "bar", "met"}}
	for _, l := range lines {
		met := map[bool]string{true: "yes", false: "NO"}[l.met]
		if l.open != "" {
			met = l.open
		}
		rows = append(rows, []string{l.what, l.ours, l.reference, l.bar, met})
	}
	widths := make([]int, 5)
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for i, r := range rows {
		for j, c := range r {
			fmt.Fprintf(&b, "| %s%s ", c, strings.Repeat(" ", widths[j]-utf8.RuneCountInString(c)))
		}
		b.WriteString("|\n")
		if i == 0 {
			for _, w := range widths {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// each runs n jobs on all processors.
func each(n int, do func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

func points(share float64) string { return fmt.Sprintf("%.1f pp", 100*share) }
