package measures_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"heatwatch/models"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/measuretest"
)

func cpu() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestScratch(t *testing.T) {
	size, err := strconv.Atoi(os.Getenv("SCRATCH"))
	if err != nil {
		t.Skip()
	}
	d := measuretest.New(t)
	d.Fill(t, size)
	asof, _ := models.ParseDate("2026-12-31")
	for _, name := range strings.Fields(os.Getenv("PERIODS")) {
		p, _ := models.ParsePeriod(name)
		d.Cohort(t, p, asof)
		e, rest := measures.CommonSQL()
		all := "CREATE OR REPLACE TEMP TABLE nothing AS SELECT 1 AS a;\n" + e + rest
		for _, m := range measures.All() {
			all += m.SQL
		}
		d.Exec(t, all)
		for _, st := range strings.Split(all, ";\n") {
			if strings.TrimSpace(st) == "" {
				continue
			}
			best, bc := time.Hour, time.Hour
			for range 5 {
				at, c := time.Now(), cpu()
				d.Exec(t, st)
				best, bc = min(best, time.Since(at)), min(bc, cpu()-c)
			}
			i := strings.Index(st, "CREATE")
			if i >= 0 {
				fmt.Printf("%-12s %-70.60q wall %8v cpu %8v\n", name, st[i:], best.Round(100*time.Microsecond), bc.Round(100*time.Microsecond))
			}
		}
	}
	if q := os.Getenv("SQL"); q != "" {
		rows, err := d.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		cols, _ := rows.Columns()
		for rows.Next() {
			v := make([]any, len(cols))
			pp := make([]any, len(cols))
			for i := range v {
				pp[i] = &v[i]
			}
			rows.Scan(pp...)
			fmt.Println(v...)
		}
	}
}
