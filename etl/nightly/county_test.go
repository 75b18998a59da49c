package nightly

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"heatwatch/etl/lake"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/models"
)

var ctx = context.Background()

// county is a home with partners and an area.
type county struct {
	testing.TB
	home home.Home
	now  time.Time
}

func newCounty(t testing.TB, partners ...string) *county {
	h := home.Home{Dir: t.TempDir()}
	for _, d := range h.Folders() {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := &county{TB: t, home: h, now: time.Date(2026, 7, 1, 9, 15, 0, 0, time.UTC)}
	for _, p := range partners {
		if err := partner.Add(durable.OS(), h.Partners(), p, partner.Default("shelter", models.DateOf(c.now))); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *county) config() Config {
	return Config{Home: c.home, FS: durable.OS(), Now: c.now, Location: time.UTC, Rand: rand.Reader}
}

func (c *county) run() Summary {
	c.Helper()
	s, err := Run(ctx, c.config())
	if err != nil {
		c.Fatal(err)
	}
	return s
}

// drop describes one; zero fields take the usual.
type drop struct {
	partner, name, created, mode, after string
	files                               map[string]string // CSV by entity
	spoil                               func(m map[string]any)
}

// put writes a drop into an area, manifest last.
func (c *county) put(area string, d drop) {
	c.Helper()
	dir := filepath.Join(area, d.partner, "incoming", d.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.Fatal(err)
	}
	files := []map[string]any{}
	for _, e := range models.Dictionary().Entities { // in one order, so that manifests of two homes are equal
		text, ok := d.files[e.Name]
		if !ok {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name+".csv"), []byte(text), 0o644); err != nil {
			c.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		files = append(files, map[string]any{"name": e.Name + ".csv", "entity": e.Name, "rows": strings.Count(text, "\n") - 1, "sha256": hex.EncodeToString(sum[:])})
	}
	if d.mode == "" {
		d.mode = "snapshot"
	}
	m := map[string]any{"schema": 1, "partner": d.partner, "created": d.created, "covers": map[string]string{"from": "2025-01-01", "to": "2026-06-30"}, "mode": d.mode, "files": files}
	if d.after != "" {
		m["after"] = d.after
	}
	if d.spoil != nil {
		d.spoil(m)
	}
	b, err := json.Marshal(m)
	if err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), b, 0o644); err != nil {
		c.Fatal(err)
	}
}

func token(s string) string { return s + strings.Repeat("-", 22) }

// story is a small county: three agencies, five drops, each kind of trouble once.
func story() []drop {
	const persons, engagements, placements = "person_key,token_name_dob,release,release_until\n", "engagement_id,person_key,engaged_at,channel\n", "placement_id,person_key,placement_type,started_on,deleted\n"
	return []drop{
		{partner: "shelter-a", name: "june", created: "2026-06-01T08:00:00Z", files: map[string]string{
			"persons":     persons + "a1," + token("T1") + ",,\na2," + token("T2") + ",none,\na3," + token("T3") + ",signed,2026-07-05\n",
			"engagements": engagements + "e1,a1,2026-05-01T22:00:00-07:00,hotline\ne2,a2,2026-05-02T10:00:00Z,court\ne3,a3,2026-05-03T10:00:00Z,court\ne4,ghost,2026-05-03T10:00:00Z,court\n",
			"placements":  placements + "s1,a1,group_home,2026-05-02,\ns2,a1,hospital,2026-05-20,\ns1,a1,other,2026-05-02,\n"}},
		{partner: "shelter-b", name: "june", created: "2026-06-02T08:00:00Z", files: map[string]string{
			"persons":     persons + "b1," + token("T1") + ",,\nb2," + token("T1") + ",,\nb3,,,\n",
			"engagements": engagements + "e1,b1,2026-05-04T10:00:00Z,hotline\ne2,b3,not a time,hotline\n"}},
		{partner: "shelter-a", name: "june-delta", created: "2026-06-10T08:00:00Z", mode: "delta", after: "june", files: map[string]string{
			"persons":    persons + "ghost,,,\n",
			"placements": placements + "s2,a1,hospital,2026-05-20,yes\ns3,a1,resource_family,2026-05-21,\n"}},
		{partner: "court-c", name: "may", created: "2026-05-20T08:00:00Z", files: map[string]string{
			"accused_persons": "person_key,token_name_dob\nc1," + token("T1") + "\n",
			"prosecutions":    "case_id,person_key,party_role,charge,filed_on\nk1,c1,exploiter,trafficking,2026-01-02\n"}},
		{partner: "court-c", name: "bad", created: "2026-05-21T08:00:00Z", files: map[string]string{"trainings": "training_id,held_on,audience,attendees,secret\nt1,2026-01-01,educators,4,x\n"}},
	}
}

var storyPartners = []string{"court-c", "shelter-a", "shelter-b"}

func (c *county) tell(area string, order ...int) {
	c.Helper()
	list := story()
	if order == nil {
		order = []int{0, 1, 2, 3, 4}
	}
	for _, i := range order {
		c.put(area, list[i])
	}
}

func (c *county) content() string {
	c.Helper()
	v, err := lake.Verify(ctx, c.home)
	if err != nil || len(v.Problems) > 0 {
		c.Fatalf("verify: %v %+v", err, v.Problems)
	}
	return v.Content.String()
}

// rows runs one query over the lake.
func (c *county) rows(q string) string {
	c.Helper()
	s, err := lake.Open(ctx, c.home, lake.Options{})
	if err != nil {
		c.Fatal(err)
	}
	defer s.Close()
	r, err := s.QueryContext(ctx, q)
	if err != nil {
		c.Fatal(err)
	}
	defer r.Close()
	var out []string
	for r.Next() {
		var v string
		if err := r.Scan(&v); err != nil {
			c.Fatal(err)
		}
		out = append(out, v)
	}
	return strings.Join(out, " ")
}

// tree lists names, sizes, modes and times of change of the whole home but the lock, whose text names the last holder.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir || filepath.Base(path) == ".lock" {
			return err
		}
		i, err := d.Info()
		fmt.Fprintln(&b, path, i.Size(), i.ModTime().UnixNano(), i.Mode())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// receipts maps names to contents.
func receipts(t testing.TB, area string) map[string]string {
	t.Helper()
	all := map[string]string{}
	paths, _ := filepath.Glob(filepath.Join(area, "*", "receipts", "*"))
	slices.Sort(paths)
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(area, p)
		all[rel] = string(b)
	}
	return all
}
