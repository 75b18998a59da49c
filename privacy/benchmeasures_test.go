package privacy_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
	"heatwatch/reports/measures/schema"
)

// The benchmark of all measures over a lake of Parquet files: `make bench-measures`. Each size is filled in one process
// and measured in another, so that its resident memory is its own. Ratios are printed; none fails the run.
const (
	benchSizes  = "HEATWATCH_BENCH_MEASURES" // service rows, two numbers: "5000000 10000000"
	benchChild  = "HEATWATCH_BENCH_CHILD"    // what this process is to do: "fill DIR ROWS" or "measure DIR ROWS"
	benchMemory = "700MB"                    // of DuckDB: the process has buffers beside it
	benchPeriod = "2022Q3"
)

// measured is what one size came to.
type measured struct {
	Scan, Release     float64 // seconds
	Run               float64 // the longest of its due dates: the release of one night
	MaxRSS            float64 // GB of the process
	ScanRead, Read    float64 // MB read from the files, each time anew: by the scan, and by the release
	Left, Times       int64   // rows of services that left scans of them, and the number of those scans
	Dates, Statements int
	Services          int64
}

func TestBenchMeasures(t *testing.T) {
	if what := strings.Fields(os.Getenv(benchChild)); len(what) == 3 {
		rows, _ := strconv.Atoi(what[2])
		l := measuretest.Lake{Dir: what[1], Services: rows, Persons: rows / 30}
		if what[0] == "fill" {
			measuretest.WriteLake(t, what[1], rows)
			return
		}
		out, err := json.Marshal(measureLake(t, l))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(what[1], "measured.json"), out, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	sizes := strings.Fields(os.Getenv(benchSizes))
	if len(sizes) == 0 {
		t.Skip("make bench-measures")
	}
	var all []measured
	for _, size := range sizes {
		dir := t.TempDir()
		for _, what := range []string{"fill", "measure"} {
			c := exec.Command(os.Args[0], "-test.run=^TestBenchMeasures$", "-test.timeout=1h")
			c.Env = append(os.Environ(), benchChild+"="+what+" "+dir+" "+size)
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", what, err, out)
			}
			if what == "measure" {
				b, err := os.ReadFile(filepath.Join(dir, "measured.json"))
				var m measured
				if err == nil {
					err = json.Unmarshal(b, &m)
				}
				if err != nil {
					t.Fatal(err)
				}
				m.MaxRSS = float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / (1 << 20)
				all = append(all, m)
			}
		}
	}
	for i, m := range all {
		t.Logf("%s service rows, %s: all measures %.2f s over %d due dates (%d statements), the longest %.2f s; full scan of the columns they read %.2f s: %.2f x (bar 3 x), the longest %.2f x; %.2f GB resident (bar 1 GB)",
			sizes[i], benchPeriod, m.Release, m.Dates, m.Statements, m.Run, m.Scan, m.Release/m.Scan, m.Run/m.Scan, m.MaxRSS)
		t.Logf("%s service rows: read %.0f MB, the scan %.0f MB: %.2f x; of %d scans of services %.1f %% of the rows left the files", sizes[i], m.Read, m.ScanRead, m.Read/m.ScanRead, m.Times,
			100*float64(m.Left)/float64(m.Services*max(1, m.Times)))
		if i > 0 {
			t.Logf("%s to %s rows: %.2f x the time (bar 2.1 x for twice the rows)", sizes[i-1], sizes[i], m.Release/all[i-1].Release)
		}
	}
}

// measureLake runs the scan and the releases of one quarter, twice each in turn, and keeps the better of each.
func measureLake(t *testing.T, l measuretest.Lake) (m measured) {
	d := measuretest.OpenLake(t, l, benchMemory)
	at, p := period(t, benchPeriod), plan(t, "full", 4)
	scan := scanOf()
	for range 2 {
		began := time.Now()
		for _, q := range scan {
			d.Exec(t, q)
		}
		if s := time.Since(began).Seconds(); m.Scan == 0 || s < m.Scan {
			m.Scan = s
		}
		began = time.Now()
		longest := releaseOf(t, d, p, at)
		if s := time.Since(began).Seconds(); m.Release == 0 || s < m.Release {
			m.Release, m.Run = s, longest.Seconds()
		}
	}
	m.Dates, m.Services = len(p.Due(at)), int64(l.Services)
	// What is read is told by the system, without DuckDB's cache of files; its profile tells the rows that leave a scan.
	d.Exec(t, "SET enable_external_file_cache = false")
	began := bytesRead(t)
	for _, q := range scan {
		d.Exec(t, q)
	}
	m.ScanRead = bytesRead(t) - began
	w := &watching{DB: d, profile: filepath.Join(l.Dir, "profile.json")}
	d.Exec(t, fmt.Sprintf("PRAGMA enable_profiling = 'json'; PRAGMA profiling_output = '%s'; PRAGMA custom_profiling_settings = '{\"OPERATOR_CARDINALITY\": \"true\", \"EXTRA_INFO\": \"true\", \"OPERATOR_TYPE\": \"true\"}'", w.profile))
	began = bytesRead(t)
	releaseOf(t, w, p, at)
	m.Read = bytesRead(t) - began
	m.Left, m.Times, m.Statements = w.left, w.times, w.statements
	if top := os.Getenv("HEATWATCH_BENCH_SLOWEST"); top != "" {
		slices.SortFunc(w.slow, func(a, b timed) int { return int(b.took - a.took) })
		for _, s := range w.slow[:min(25, len(w.slow))] {
			fmt.Fprintf(os.Stderr, "%v %.160s\n", s.took, strings.Join(strings.Fields(s.text), " "))
		}
	}
	return m
}

// bytesRead is what this process has read so far, in MB (proc(5): rchar).
func bytesRead(t *testing.T) float64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	var n float64
	if _, err := fmt.Sscanf(string(b), "rchar: %f", &n); err != nil {
		t.Fatal(err)
	}
	return n / 1e6
}

// releaseOf computes the exact cells of every due date of a period, bounds included, and says how long the longest took.
func releaseOf(t *testing.T, eng privacy.Engine, p *privacy.Plan, at models.Period) (longest time.Duration) {
	h := privacy.NewHouse(t, p, schema.Schema(), commitmentKey(t))
	for _, due := range p.Due(at) {
		began := time.Now()
		if _, err := h.Sums(eng, at, due, map[string]int{}, true); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(began))
	}
	return longest
}

// scanOf are statements that read every column that some measure reads, once.
func scanOf() []string {
	columns := map[string][]string{}
	for _, m := range measures.All() {
		for _, c := range measures.Reads(m) {
			entity, column, _ := strings.Cut(c, ".")
			if !slices.Contains(columns[entity], column) {
				columns[entity] = append(columns[entity], column)
			}
		}
	}
	var all []string
	for _, e := range models.Dictionary().Entities {
		list := columns[e.Name]
		if len(list) == 0 {
			continue
		}
		var tops []string
		if _, ok := e.Column("person_key"); ok {
			tops = append(tops, "max(person)")
		}
		for _, c := range list {
			if col, ok := e.Column(c); !ok || c == "person_key" {
				continue
			} else if col.Type == models.TypeDateTime {
				tops = append(tops, "max("+c+"_on)")
			}
			tops = append(tops, "max("+c+")")
		}
		all = append(all, "SELECT "+strings.Join(tops, ", ")+" FROM "+e.Name)
	}
	return all
}

type timed struct {
	text string
	took time.Duration
}

// watching is an engine that adds up the rows of services that leave each scan of them, as DuckDB's profile tells.
type watching struct {
	*measuretest.DB
	profile     string
	left, times int64
	statements  int
	slow        []timed
}

func (w *watching) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	began := time.Now()
	rows, err := w.DB.QueryContext(ctx, q, args...)
	w.statements++
	w.slow = append(w.slow, timed{q, time.Since(began)})
	if b, e := os.ReadFile(w.profile); e == nil {
		var root node
		if json.Unmarshal(b, &root) == nil {
			root.services(func(n int64) { w.left, w.times = w.left+n, w.times+1 })
		}
		os.Remove(w.profile)
	}
	return rows, err
}

// node is an operator of DuckDB's profile.
type node struct {
	Type     string          `json:"operator_type"`
	Rows     int64           `json:"operator_cardinality"`
	Extra    json.RawMessage `json:"extra_info"`
	Children []node          `json:"children"`
}

func (n node) services(add func(int64)) {
	if n.Type == "TABLE_SCAN" && strings.Contains(string(n.Extra), "/services-") {
		add(n.Rows)
	}
	for _, c := range n.Children {
		c.services(add)
	}
}
