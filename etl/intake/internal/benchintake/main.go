// Command benchintake measures intake against a bare DuckDB typed COPY of the same file, each in a process of its own,
// in alternating rounds, and prints the ratio of the medians and the peak memory of each. Only the ratio means anything:
// the machine is never named here.
//
//	go run ./etl/intake/internal/benchintake -rows 5000000 -rounds 3
package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"heatwatch/etl/intake"
	"heatwatch/models"
)

func main() {
	log.SetFlags(0)
	rows := flag.Int("rows", 5_000_000, "rows to generate")
	rounds := flag.Int("rounds", 3, "alternating rounds")
	bad := flag.Int("bad", 1000, "one row in so many is bad (0: none)")
	only := flag.String("only", "", "plain, quoted or half bad: that file alone")
	dir := flag.String("dir", "", "where the files go (default: a temporary folder)")
	child := flag.String("child", "", "ours or duckdb: one measurement, used by the parent")
	in := flag.String("in", "", "input of the child")
	out := flag.String("out", "", "output of the child")
	profile := flag.String("cpuprofile", "", "write a profile of the child here")
	flag.Parse()
	if *child != "" {
		stop := startProfile(*profile)
		err := runChild(*child, *in, *out)
		stop()
		if err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := parent(*dir, *rows, *rounds, *bad, *only); err != nil {
		log.Fatal(err)
	}
}

func startProfile(path string) func() {
	if path == "" {
		return func() {}
	}
	f, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		log.Fatal(err)
	}
	return func() { pprof.StopCPUProfile(); f.Close() }
}

// entity is services with four columns more, so that there are twelve.
func entity() models.Entity {
	e, _ := models.Dictionary().Entity("services")
	extra := []models.Column{
		{Name: "site_key", Type: models.TypeKey},
		{Name: "seen_on", Type: models.TypeDate},
		{Name: "units", Type: models.TypeInt, Min: 0, Max: 1000},
		{Name: "follow_up", Type: models.TypeFlag, Values: []string{"yes", "no", "unknown"}},
	}
	e.Columns = slices.Insert(slices.Clone(e.Columns), len(e.Columns)-1, extra...)
	return e
}

// types are what a person would write for DuckDB's typed read.
const types = `{'service_id':'VARCHAR','person_key':'VARCHAR','service_type':'VARCHAR','emergency':'VARCHAR',
'started_at':'TIMESTAMPTZ','started_precision':'VARCHAR','ended_at':'TIMESTAMPTZ','program':'VARCHAR',
'site_key':'VARCHAR','seen_on':'DATE','units':'INTEGER','follow_up':'VARCHAR'}`

type file struct {
	name   string
	quoted bool
	bad    int
}

func parent(dir string, rows, rounds, bad int, only string) error {
	if dir == "" {
		d, err := os.MkdirTemp("", "benchintake")
		if err != nil {
			return err
		}
		defer os.RemoveAll(d)
		dir = d
	}
	clean := filepath.Join(dir, "clean.csv")
	if err := generate(clean, rows, 0, false); err != nil {
		return err
	}
	files := []file{{"plain", false, bad}, {"quoted", true, bad}, {"half bad", false, 2}}
	for _, f := range files {
		if only != "" && f.name != only {
			continue
		}
		path := filepath.Join(dir, strings.ReplaceAll(f.name, " ", "_")+".csv")
		if err := generate(path, rows, f.bad, f.quoted); err != nil {
			return err
		}
		twin := clean
		if f.quoted {
			twin = filepath.Join(dir, "clean_quoted.csv")
			if err := generate(twin, rows, 0, true); err != nil {
				return err
			}
		}
		var ours, duck []run
		for range rounds {
			a, err := measure("ours", path, filepath.Join(dir, "out.parquet"))
			if err != nil {
				return err
			}
			b, err := measure("duckdb", twin, filepath.Join(dir, "out.parquet"))
			if err != nil {
				return err
			}
			ours, duck = append(ours, a), append(duck, b)
		}
		a, b := median(ours), median(duck)
		rate := func(r run) float64 { return float64(rows) / r.wall.Seconds() / 1e6 }
		fmt.Printf("%-9s ours %.2f M rows/s, %.1f s of CPU, %d MB peak; DuckDB typed COPY %.2f M rows/s, %.1f s of CPU, %d MB peak; ratio %.2f, by CPU %.2f\n",
			f.name, rate(a), a.cpu.Seconds(), a.rss>>20, rate(b), b.cpu.Seconds(), b.rss>>20, rate(a)/rate(b), b.cpu.Seconds()/a.cpu.Seconds())
		os.Remove(path)
	}
	return nil
}

// run is one measurement. Processor time tells more than the wall's where others use the machine too.
type run struct {
	wall, cpu time.Duration
	rss       int64
}

func median(rs []run) run {
	var walls, cpus []time.Duration
	var rss []int64
	for _, r := range rs {
		walls, cpus, rss = append(walls, r.wall), append(cpus, r.cpu), append(rss, r.rss)
	}
	slices.Sort(walls)
	slices.Sort(cpus)
	slices.Sort(rss)
	return run{walls[len(walls)/2], cpus[len(cpus)/2], rss[len(rss)/2]}
}

func measure(what, in, out string) (run, error) {
	self, err := os.Executable()
	if err != nil {
		return run{}, err
	}
	os.Remove(out)
	cmd := exec.Command(self, "-child", what, "-in", in, "-out", out)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return run{}, fmt.Errorf("%s: %w", what, err)
	}
	ms, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return run{}, err
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return run{time.Duration(ms) * time.Millisecond, cpu, usage.Maxrss << 10}, nil
}

// runChild prints the milliseconds that the work itself took, without the start of the process.
func runChild(what, in, out string) error {
	start := time.Now()
	work := oursTo
	if what == "duckdb" {
		db, err := sql.Open("duckdb", "")
		if err != nil {
			return err
		}
		defer db.Close()
		if _, err := db.Exec("SET threads=2; SET preserve_insertion_order=false; SET TimeZone='America/Los_Angeles'"); err != nil {
			return err
		}
		start = time.Now()
		work = func(in, out string) error {
			_, err := db.Exec("COPY (SELECT * FROM read_csv('" + in + "', header=true, auto_detect=false, delim=',', quote='\"', escape='\"', new_line='\\n', columns=" + types +
				")) TO '" + out + "' (FORMAT parquet, COMPRESSION zstd)")
			return err
		}
	}
	if err := work(in, out); err != nil {
		return err
	}
	fmt.Println(time.Since(start).Milliseconds())
	return nil
}

// oursTo does what Take does with one file: hash, check, land, fsync.
func oursTo(in, out string) error {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		return err
	}
	f, err := os.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := os.Create(out)
	if err != nil {
		return err
	}
	defer w.Close()
	created := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	var rejects int
	opts := intake.Options{Landing: w, Location: zone, Created: created,
		Rejects: func(intake.Reject) error { rejects++; return nil }}
	res, sum, err := intake.CheckSource(context.Background(), f, "services.csv", entity(), opts)
	if err != nil {
		return err
	}
	if res.Refused {
		return fmt.Errorf("refused: %v", res.Reasons)
	}
	fmt.Fprintf(os.Stderr, "  %s… %d accepted, %d quarantined\n", sum[:8], res.Accepted, res.Quarantined)
	return w.Sync()
}

func generate(path string, rows, bad int, quoted bool) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	write(w, rows, bad, quoted)
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func write(w io.Writer, rows, bad int, quoted bool) {
	rng := rand.New(rand.NewPCG(1, 2))
	e := entity()
	var names []string
	for _, c := range e.Columns[:len(e.Columns)-1] {
		names = append(names, c.Name)
	}
	io.WriteString(w, strings.Join(names, ",")+"\n")
	key := func(n uint64) string {
		var b [16]byte
		binary.LittleEndian.PutUint64(b[:], n*0x9E3779B97F4A7C15)
		binary.LittleEndian.PutUint64(b[8:], n*0xC2B2AE3D27D4EB4F)
		return base64.RawURLEncoding.EncodeToString(b[:])
	}
	pick := func(name string) string {
		c, _ := e.Column(name)
		return c.Values[rng.IntN(len(c.Values))]
	}
	zone, _ := time.LoadLocation("America/Los_Angeles")
	from := time.Date(2018, 1, 1, 0, 0, 0, 0, zone)
	var line []byte
	for i := range rows {
		at := from.Add(time.Duration(rng.IntN(8*365*24*3600)) * time.Second)
		ended := ""
		if rng.IntN(2) == 0 {
			ended = at.Add(time.Duration(rng.IntN(72*3600)) * time.Second).Format(time.RFC3339)
		}
		row := []string{key(uint64(i + 1)), key(uint64(rng.IntN(rows/20+1)) + 1<<40), pick("service_type"), pick("emergency"), at.Format(time.RFC3339),
			[]string{"", "minute", "day"}[rng.IntN(3)], ended, pick("program"), key(uint64(rng.IntN(500)) + 1<<50), at.Format(time.DateOnly),
			strconv.Itoa(rng.IntN(1001)), pick("follow_up")}
		if bad > 0 && i%bad == bad/2 {
			k := (i / bad) % 6
			row[[]int{0, 2, 3, 4, 9, 10}[k]] = []string{"", "Shelter", "Y", "2026-02-30T10:00:00-08:00", "2026-13-01", "x7"}[k]
		}
		line = line[:0]
		for k, v := range row {
			if k > 0 {
				line = append(line, ',')
			}
			if quoted {
				line = append(append(append(line, '"'), v...), '"')
			} else {
				line = append(line, v...)
			}
		}
		w.Write(append(line, '\n'))
	}
}
