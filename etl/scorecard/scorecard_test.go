package scorecard

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/models"
)

// person is a row as landing holds it: codes are numbers, what is not known to the agency is null.
type person struct {
	Key    string `parquet:"person_key"`
	Gender *int32 `parquet:"gender,optional"`
	Born   *int64 `parquet:"birth_year,optional"`
	Area   *int32 `parquet:"home_area,optional"`
}

func landing(t *testing.T, rows []person) (string, intake.DropFile) {
	t.Helper()
	home := t.TempDir()
	dir := filepath.Join(home, "shelter-a", "june")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "persons.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[person](f)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return home, intake.DropFile{FileResult: intake.FileResult{Entity: "persons", Accepted: int64(len(rows)), Rows: int64(len(rows))}, Parquet: "persons.parquet", ParquetRows: int64(len(rows))}
}

func n[T int32 | int64](v T) *T { return &v }

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

func TestTheFormula(t *testing.T) {
	if s := (Card{Valid: 1, Known: 1, OnTime: 1, Consistent: 1}).Score(); !near(s, 100) {
		t.Errorf("all is well, and the score is %v", s)
	}
	if s := (Card{Valid: 0.5, Known: 0.25, OnTime: 1, Consistent: 0.5}).Score(); !near(s, 20+7.5+20+5) {
		t.Errorf("%v", s)
	}
}

// Three rows: the gender is said in one, unknown in one, empty in one; the year is said in two. The area feeds nothing, or
// may not be sent.
func TestCard(t *testing.T) {
	code := int32(slices.Index(models.Dictionary().Values("persons.gender"), "unknown"))
	dir, f := landing(t, []person{{Key: "a", Gender: n[int32](0), Born: n[int64](2010)}, {Key: "b", Gender: &code, Born: n[int64](2011)}, {Key: "c", Area: n[int32](0)}})
	f.Quarantined = 1
	a := partner.Default("shelter", 0)
	a.Columns["persons"] = partner.ColumnRule{Names: []string{"gender", "birth_year", "prior_abuse"}}
	last := intake.Drop{Partner: "shelter-a", Name: "june", Created: day(120), Covers: intake.Covers{From: 100, To: 109}, Files: []intake.DropFile{f}}
	before := last
	before.Name, before.Created = "may", day(90)
	before.Covers.To = 104
	before.Files = []intake.DropFile{{FileResult: intake.FileResult{Entity: "persons", Accepted: 3}}} // 0.6 a day, now 0.3
	s := Subject{Partner: "shelter-a", Agreement: a, Drops: []intake.Drop{last, before}, Landing: dir, Today: 120 + 31 + 8,
		Feeds: func(c string) bool { return c != "persons.prior_abuse" }}
	c, err := Of(s)
	if err != nil || !c.Scored {
		t.Fatal(c.Scored, err)
	}
	if !near(c.Valid, 0.75) || !near(c.Known, (1./3+2./3)/2) || c.OnTime != 0 || !near(c.Consistent, 0.5) || c.State != Late {
		t.Errorf("%+v", c)
	}
	if len(c.Columns) != 2 || c.Columns[0].Name != "persons.gender" || c.Columns[1].Name != "persons.birth_year" {
		t.Errorf("the least known first: %+v", c.Columns)
	}
	s.Drops, s.Today = s.Drops[:1], 120+31+7
	if c, _ := Of(s); c.Consistent != 1 || c.OnTime != 1 || c.State != OK {
		t.Errorf("a first drop, on time: %+v", c)
	}
	if err := Freeze(durable.OS(), dir, last); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "shelter-a", "june", "persons.parquet")); err != nil {
		t.Fatal(err)
	}
	if frozen, err := Of(s); err != nil || !near(frozen.Known, c.Known) {
		t.Errorf("what was frozen is counted again: %v, %v", frozen.Known, err)
	}
	s.Landing = t.TempDir()
	if _, err := Of(s); err == nil {
		t.Error("checked rows that are gone are no error")
	}
	if c, err := Of(Subject{Agreement: a}); c.Scored || err != nil || c.State != Never {
		t.Errorf("a drop without rows has a score: %v", err)
	}
}

func day(n int) time.Time { return models.Date(n).Time().Add(9 * time.Hour) }

func TestConsistent(t *testing.T) {
	drop := func(days int, rows map[string]int64) intake.Drop {
		d := intake.Drop{Covers: intake.Covers{From: 0, To: models.Date(days - 1)}}
		for _, e := range []string{"services", "placements"} {
			if r, ok := rows[e]; ok {
				d.Files = append(d.Files, intake.DropFile{FileResult: intake.FileResult{Entity: e, Accepted: r}})
			}
		}
		return d
	}
	for _, c := range []struct {
		name   string
		now    map[string]int64
		then   map[string]int64
		days   int
		before int
		want   float64
	}{
		{"the same", map[string]int64{"services": 10}, map[string]int64{"services": 10}, 30, 30, 1},
		{"twice the days, twice the rows", map[string]int64{"services": 20}, map[string]int64{"services": 10}, 60, 30, 1},
		{"more is as strange as less", map[string]int64{"services": 20}, map[string]int64{"services": 10}, 30, 30, 0.5},
		{"an entity is gone", map[string]int64{"services": 10}, map[string]int64{"services": 10, "placements": 4}, 30, 30, 0.5},
		{"an entity is empty both times", map[string]int64{"services": 0}, map[string]int64{"services": 0}, 30, 30, 1},
	} {
		before := drop(c.before, c.then)
		if got := consistent(drop(c.days, c.now), []intake.Drop{before}); !near(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Columns in which nothing is an answer are no fault.
func TestWhatCounts(t *testing.T) {
	for name, want := range map[string]bool{
		"persons.gender": true, "persons.birth_year": true, "engagements.channel": true, "services.emergency": true, "services.program": true,
		"persons.person_key": false, "persons.deleted": false, "placements.site_key": false, "placements.ended_on": false, "services.ended_at": false,
		"services.started_precision": false, "placements.exit_reason": false, "prosecutions.disposition": false, "services.service_type": false,
		"persons.release_until": false, "arrests.disposition": true, "trainings.minutes": true, "trainings.attendees": false,
	} {
		for _, e := range models.Dictionary().Entities {
			for _, c := range e.Columns {
				if e.Name+"."+c.Name == name && Counts(e, c) != want {
					t.Errorf("%s counts: %v", name, !want)
				}
			}
		}
	}
	for _, name := range saysNothing {
		if len(models.Dictionary().Values(name)) == 0 {
			t.Errorf("the dictionary has no %s", name)
		}
	}
}
