// Command benchnight measures nights as whole processes against bare DuckDB on the same CSV files, and prints ratios. Only
// these mean anything: the machine is never named here.
//
//	go run ./etl/nightly/internal/benchnight                            # 20 agencies x 500,000 rows
//	go run ./etl/nightly/internal/benchnight -agencies 1 -rows 5000000  # the whole way into the lake
//
// The reference is, for each agency's file of services, the COPY that a person would write: typed read, one row of each key,
// ordered by person and start, two agencies at a time with a thread each (one agency: two threads). Then come a night with
// nothing new, one late delta of 1,000 rows by one agency, and the full rebuild with it.
package main

import (
	"bufio"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"heatwatch/models"
)

func main() {
	log.SetFlags(0)
	b := bench{}
	flag.IntVar(&b.agencies, "agencies", 20, "agencies")
	flag.IntVar(&b.rows, "rows", 500_000, "rows of services of each")
	flag.StringVar(&b.dir, "dir", "", "where the files go (default: a temporary folder)")
	program := flag.String("program", "", "heatwatch to run (default: built here)")
	child := flag.String("duckdb", "", "folder whose services are copied, used by the parent")
	flag.Parse()
	var err error
	if *child != "" {
		err = copies(*child, b.agencies)
	} else {
		err = b.run(*program)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type bench struct {
	agencies, rows int
	dir, program   string
}

func (b bench) home() string { return filepath.Join(b.dir, "home") }
func (b bench) area() string { return filepath.Join(b.dir, "area") }
func name(agency int) string { return fmt.Sprintf("agency-%02d", agency) }
func (b bench) nightly() (run, error) {
	return measure(b.program, "--home", b.home(), "nightly", "--from", b.area())
}
func (b bench) heatwatch(a ...string) error {
	_, err := measure(b.program, append([]string{"--home", b.home()}, a...)...)
	return err
}

func (b bench) run(program string) error {
	if b.dir == "" {
		d, err := os.MkdirTemp("", "benchnight")
		if err != nil {
			return err
		}
		defer os.RemoveAll(d)
		b.dir = d
	}
	if b.program = program; program == "" {
		b.program = filepath.Join(b.dir, "heatwatch")
		if out, err := exec.Command("go", "build", "-o", b.program, "heatwatch/cmd/heatwatch").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	if err := b.heatwatch("init"); err != nil {
		return err
	}
	for i := range b.agencies {
		if err := b.heatwatch("partner", "add", name(i), "--kind", "advocacy"); err != nil {
			return err
		}
		if err := b.first(i); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	duck, err := measure(self, "-duckdb", b.area(), "-agencies", strconv.Itoa(b.agencies))
	if err != nil {
		return err
	}
	first, err := b.nightly()
	if err != nil {
		return err
	}
	again, err := b.nightly()
	if err != nil {
		return err
	}
	if err := b.late(); err != nil {
		return err
	}
	size, err := written(b.home())
	if err != nil {
		return err
	}
	late, err := b.nightly()
	if err != nil {
		return err
	}
	more, err := written(b.home())
	if err != nil {
		return err
	}
	full, err := measure(b.program, "--home", b.home(), "nightly", "--from", b.area(), "--rebuild")
	if err != nil {
		return err
	}
	total := float64(b.agencies * b.rows)
	line := func(what string, r, to run, of string) {
		fmt.Printf("%-12s %7.2f s (%.1f s of CPU), %4d MB; %.3f x %s, by CPU %.3f\n", what, r.wall.Seconds(), r.cpu.Seconds(), r.rss>>20,
			r.wall.Seconds()/to.wall.Seconds(), of, r.cpu.Seconds()/to.cpu.Seconds())
	}
	fmt.Printf("%d agencies x %d rows of services\n", b.agencies, b.rows)
	line("COPYs", duck, duck, "itself")
	line("first night", first, duck, fmt.Sprintf("the COPYs (%.2f M rows/s)", total/first.wall.Seconds()/1e6))
	line("no-op night", again, first, "the first night")
	line("late delta", late, full, fmt.Sprintf("the rebuild (lake %d MB, written %.1f MB, %.1f %%)", size>>20, float64(more-size)/(1<<20), 100*float64(more-size)/float64(size)))
	line("rebuild", full, duck, "the COPYs")
	return nil
}

// written is the room that the generations take, each file counted once.
func written(home string) (bytes int64, err error) {
	seen := map[uint64]bool{}
	err = filepath.Walk(filepath.Join(home, "lake"), func(_ string, i os.FileInfo, err error) error {
		if err != nil || i.IsDir() {
			return err
		}
		if st := i.Sys().(*syscall.Stat_t); !seen[st.Ino] {
			seen[st.Ino] = true
			bytes += i.Size()
		}
		return nil
	})
	return bytes, err
}

type run struct {
	wall, cpu time.Duration
	rss       int64
}

func measure(program string, args ...string) (run, error) {
	cmd := exec.Command(program, args...)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return run{}, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return run{time.Since(began), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), u.Maxrss << 10}, nil
}

// copies is the reference.
func copies(area string, agencies int) error {
	const types = `{'service_id':'VARCHAR','person_key':'VARCHAR','service_type':'VARCHAR','emergency':'VARCHAR',
'started_at':'TIMESTAMPTZ','started_precision':'VARCHAR','ended_at':'TIMESTAMPTZ','program':'VARCHAR'}`
	workers, threads := min(2, agencies), 1
	if agencies == 1 {
		threads = 2
	}
	todo, errs := make(chan int), make(chan error, workers)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range todo {
				errs <- func() error {
					db, err := sql.Open("duckdb", "")
					if err != nil {
						return err
					}
					defer db.Close()
					db.SetMaxOpenConns(1)
					if _, err := db.Exec(fmt.Sprintf("SET threads=%d; SET preserve_insertion_order=false; SET TimeZone='America/Los_Angeles'", threads)); err != nil {
						return err
					}
					in := filepath.Join(area, name(i), "incoming", "first", "services.csv")
					out := filepath.Join(area, "..", name(i)+".parquet")
					defer os.Remove(out)
					_, err = db.Exec("COPY (SELECT DISTINCT ON (service_id) * FROM read_csv('" + in + "', header=true, auto_detect=false, delim=',', quote='\"', escape='\"', new_line='\\n', columns=" + types +
						") ORDER BY person_key, started_at) TO '" + out + "' (FORMAT parquet, COMPRESSION zstd)")
					return err
				}()
			}
		})
	}
	var failed error
	done := make(chan bool)
	go func() {
		for err := range errs {
			if err != nil {
				failed = err
			}
		}
		close(done)
	}()
	for i := range agencies {
		todo <- i
	}
	close(todo)
	all.Wait()
	close(errs)
	<-done
	return failed
}

const persons = 20 // services of each

// first writes the snapshot of one agency.
func (b bench) first(agency int) error {
	d := b.drop(agency, "first", time.Now().Add(-48*time.Hour), "snapshot")
	r := rand.New(rand.NewPCG(7, uint64(agency)))
	err := d.file("persons", "person_key,token_name_dob,gender,birth_year", b.rows/persons+1, func(i int) string {
		return fmt.Sprintf("%s,%s,female,2009", key(agency, i), key(99, r.IntN(2*b.rows*b.agencies/persons+1)))
	})
	if err != nil {
		return err
	}
	e, _ := models.Dictionary().Entity("services")
	pick := func(name string) string {
		c, _ := e.Column(name)
		return c.Values[r.IntN(len(c.Values))]
	}
	err = d.file("services", head, b.rows, func(i int) string {
		at := time.Date(2018, 1, 1, 0, 0, r.IntN(7*365*24*3600), 0, time.UTC)
		ended := ""
		if r.IntN(2) == 0 {
			ended = at.Add(time.Duration(r.IntN(72*3600)) * time.Second).Format(time.RFC3339)
		}
		return strings.Join([]string{key(agency, 1<<40+i), key(agency, r.IntN(b.rows/persons+1)), pick("service_type"), pick("emergency"), at.Format(time.RFC3339),
			[]string{"", "minute", "day"}[r.IntN(3)], ended, pick("program")}, ",")
	})
	if err != nil {
		return err
	}
	return d.seal()
}

const head = "service_id,person_key,service_type,emergency,started_at,started_precision,ended_at,program"

// late writes a delta of 1,000 rows, half of them with keys that are known.
func (b bench) late() error {
	agency := b.agencies / 2
	d := b.drop(agency, "late", time.Now().Add(-time.Hour), "delta")
	r := rand.New(rand.NewPCG(9, 9))
	err := d.file("services", head, 1000, func(i int) string {
		return fmt.Sprintf("%s,%s,legal,no,2024-05-01T10:00:00Z,,,", key(agency, 1<<40+b.rows-500+i), key(agency, r.IntN(b.rows/persons+1)))
	})
	if err != nil {
		return err
	}
	return d.seal()
}

// key is a key of 22 characters that looks as tokens do.
func key(agency, n int) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%d %d", agency, n))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range 22 {
		h[i] = alphabet[h[i]&63]
	}
	h[21] = "AQgw"[h[21]&3] // 128 bits end so
	return string(h[:22])
}

type drop struct {
	dir   string
	files []map[string]any
	more  map[string]any
}

func (b bench) drop(agency int, as string, created time.Time, mode string) *drop {
	dir := filepath.Join(b.area(), name(agency), "incoming", as)
	today := models.DateOf(created)
	return &drop{dir: dir, more: map[string]any{"schema": 1, "partner": name(agency), "drop": as, "created": created.UTC().Format(time.RFC3339), "mode": mode,
		"covers": map[string]any{"from": "2018-01-01", "to": today.AddDays(-1).String()}}}
}

// file writes one extract of n lines.
func (d *drop) file(entity, head string, n int, line func(i int) string) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(d.dir, entity+".csv"))
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, h), 1<<20)
	w.WriteString(head + "\n")
	for i := range n {
		w.WriteString(line(i))
		w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil {
		return err
	}
	d.files = append(d.files, map[string]any{"name": entity + ".csv", "entity": entity, "rows": n, "sha256": hex.EncodeToString(h.Sum(nil))})
	return nil
}

func (d *drop) seal() error {
	d.more["files"] = d.files
	b, err := json.Marshal(d.more)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.dir, "manifest.json"), b, 0o600)
}
