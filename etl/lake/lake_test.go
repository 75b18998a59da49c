package lake

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/models"
)

var ctx = context.Background()

// county is a home whose drops are landed by hand, so that these tests need no nightly.
type county struct {
	testing.TB
	home   home.Home
	drops  []Input
	kinds  map[string]string
	now    time.Time
	engine Engine
	beside Beside

	consented bool
}

func newCounty(t testing.TB) *county {
	h := home.Home{Dir: t.TempDir()}
	for _, d := range h.Folders() {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return &county{TB: t, home: h, kinds: map[string]string{}, now: time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)}
}

// token is a value that passes for a linkage token.
func token(s string) string { return s + strings.Repeat("-", 22) }

// land checks CSV texts by entity and puts them where the nightly would.
func (c *county) land(partner, drop, created, mode string, files map[string]string) {
	c.Helper()
	at, err := time.Parse(time.RFC3339, created)
	if err != nil {
		c.Fatal(err)
	}
	in := Input{Partner: partner, Drop: drop, Manifest: fmt.Sprintf("%064x", len(c.drops)+1), Created: at, Mode: mode,
		Covers: Cover{From: 19000, To: models.DateOf(at)}}
	dir := filepath.Join(c.home.Landing(), partner, drop)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.Fatal(err)
	}
	for entity, text := range files {
		e, ok := models.Dictionary().Entity(entity)
		if !ok {
			c.Fatal(entity)
		}
		var b bytes.Buffer
		r, err := intake.CheckFile(ctx, strings.NewReader(text), e, intake.Options{Landing: &b, Created: at})
		if err != nil || r.Refused || r.Quarantined > 0 {
			c.Fatalf("%s: %v %+v", entity, err, r)
		}
		path := filepath.Join(dir, entity+".parquet")
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			c.Fatal(err)
		}
		in.Files = append(in.Files, InputFile{Entity: entity, Path: path, Twins: true})
	}
	c.drops = append(c.drops, in)
	if c.kinds[partner] == "" {
		c.kinds[partner] = "shelter"
	}
}

func (c *county) config() BuildConfig {
	cfg := BuildConfig{Home: c.home, FS: durable.OS(), Drops: c.drops, Now: c.now, Location: time.UTC, Rand: rand.Reader, Engine: c.engine, Beside: c.beside}
	for n, k := range c.kinds {
		cfg.Agencies = append(cfg.Agencies, Agency{Name: n, Kind: k, Consented: c.consented})
	}
	return cfg
}

func (c *county) build() Manifest {
	c.Helper()
	m, changed, err := Build(ctx, c.config())
	if err != nil {
		c.Fatal(err)
	}
	if !changed {
		c.Fatal("nothing changed")
	}
	return m
}

func (c *county) session() *Session {
	c.Helper()
	s, err := Open(ctx, c.home, Options{})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { s.Close() })
	return s
}

// query prints a result as lines of values.
func query(t testing.TB, s *Session, q string) string {
	t.Helper()
	rows, err := s.QueryContext(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cols, _ := rows.Columns()
	var out []string
	for rows.Next() {
		v, p := make([]any, len(cols)), make([]any, len(cols))
		for i := range v {
			p[i] = &v[i]
		}
		if err := rows.Scan(p...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, x := range v {
			if d, ok := x.(time.Time); ok {
				x = d.Format("2006-01-02T15:04")
			}
			line = append(line, fmt.Sprint(x))
		}
		out = append(out, strings.Join(line, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

const engagementsHead = "engagement_id,person_key,engaged_at,channel\n"

func TestOneDropBecomesAGeneration(t *testing.T) {
	c := newCounty(t)
	c.land("shelter-a", "d1", "2026-06-30T08:00:00Z", "snapshot", map[string]string{
		"persons":     "person_key,token_name_dob,gender\np1," + token("A") + ",female\np2,,male\n",
		"engagements": engagementsHead + "e1,p1,2026-06-01T22:30:00-07:00,hotline\ne2,p2,2026-06-02T10:00:00Z,court\ne3,nobody,2026-06-02T10:00:00Z,court\n",
		"trainings":   "training_id,held_on,audience,attendees\nt1,2026-05-01,educators,40\n",
	})
	m := c.build()
	if m.Generation != 1 || len(m.Files) != 6 {
		t.Errorf("manifest: %+v", m)
	}
	s := c.session()
	got := query(t, s, `SELECT a.name, e.person, e.engaged_at, e.engaged_at_on, label('engagements.channel', e.channel), label('persons.gender', p.gender)
		FROM engagements e JOIN agencies a USING (agency) JOIN persons p USING (agency, person) ORDER BY engagement_id`)
	want := "shelter-a 1 2026-06-02T05:30 2026-06-02T00:00 hotline female\nshelter-a 2 2026-06-02T10:00 2026-06-02T00:00 court male"
	if got != want {
		t.Errorf("engagements:\n%s\nwant\n%s", got, want)
	}
	if got := query(t, s, "SELECT person, population, octet_length(pseudonym), engaged_seen, measured FROM people ORDER BY person"); got != "1 minors 16 2026-07-01T09:00 true\n2 minors 16 2026-07-01T09:00 true" {
		t.Errorf("people:\n%s", got)
	}
	if got := query(t, s, "SELECT count(*) FROM engagements WHERE channel = code('engagements.channel', 'court')"); got != "1" {
		t.Errorf("code: %s", got)
	}
	if got := query(t, s, "SELECT (SELECT count(*) FROM placements), (SELECT sum(attendees) FROM trainings), (SELECT covers_to FROM coverage WHERE entity = 'persons')"); got != "0 40 2026-06-30T00:00" {
		t.Errorf("other views: %s", got)
	}
	if err := s.Exec(ctx, "CREATE TEMP TABLE x AS SELECT person FROM people; -- one; more\nINSERT INTO x VALUES (9);"); err != nil {
		t.Error(err)
	}
	if got := query(t, s, "SELECT count(*) FROM x"); got != "3" {
		t.Errorf("temporary table: %s", got)
	}
}
