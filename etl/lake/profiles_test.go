package lake

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/problem"
)

const adsHead = "snapshot_id,profile_key,window_start,area,ads\n"

// profileRows is every row of a snapshot with the person it is about.
const profileRows = "SELECT a.name, s.profile_key, coalesce(s.person::VARCHAR, '-') FROM ad_snapshots s JOIN agencies a USING (agency) ORDER BY 1, 2"

func TestProfilesArePersonsOfTheirOwn(t *testing.T) {
	c := newCounty(t)
	c.land("police-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{
		"ad_snapshots": adsHead + "s1,u1,2026-05-01T00:00:00Z,oakland,3\ns1,u2,2026-05-01T00:00:00Z,oakland,1\ns2,none,2026-05-01T00:00:00Z,berkeley,0\n",
		"persons":      personsHead + "u1,\n", // a child with the key of a profile
	})
	c.land("police-b", "d1", "2026-06-02T00:00:00Z", "snapshot", map[string]string{
		"ad_snapshots": adsHead + "s1,u1,2026-05-01T00:00:00Z,oakland,3\n",
	})
	c.build()
	if got := c.ids(profileRows); got != "police-a none -; police-a u1 2; police-a u2 3; police-b u1 4" {
		t.Errorf("profiles: %s", got)
	}
	if got := c.ids("SELECT population, count(*), count(DISTINCT pseudonym), bool_and(measured), bool_and(octet_length(pseudonym) = 16) FROM people GROUP BY 1 ORDER BY 1"); got != "minors 1 1 true true; profiles 3 3 true true" {
		t.Errorf("people: %s", got)
	}
	before := c.ids("SELECT person, hex(pseudonym) FROM people ORDER BY 1")

	// The next night keeps who is there, and numbers who is new; a profile that is gone keeps its number.
	c.land("police-a", "d2", "2026-06-03T00:00:00Z", "snapshot", map[string]string{
		"ad_snapshots": adsHead + "s3,u2,2026-06-02T00:00:00Z,hayward,2\ns3,u3,2026-06-02T00:00:00Z,hayward,2\n"})
	c.build()
	if got := c.ids(profileRows); got != "police-a u2 3; police-a u3 5; police-b u1 4" {
		t.Errorf("profiles of the second night: %s", got)
	}
	if got := c.ids("SELECT person, hex(pseudonym) FROM people ORDER BY 1"); !strings.HasPrefix(got, before+"; 5 ") {
		t.Errorf("people were\n%s\nand are\n%s", before, got)
	}
	c.land("police-a", "d3", "2026-06-04T00:00:00Z", "delta", map[string]string{"ad_snapshots": adsHead + "s4,u1,2026-06-03T00:00:00Z,hayward,2\n"})
	c.build()
	if got := c.ids(profileRows); got != "police-a u1 2; police-a u2 3; police-a u3 5; police-b u1 4" {
		t.Errorf("a profile that came back: %s", got)
	}

	// Nobody is linked to a profile, and the table of files does not list them.
	rows, err := Crosswalk(c.home)
	if err != nil || len(rows) != 1 || rows[0].PersonKey != "u1" || rows[0].Population != "minors" {
		t.Errorf("crosswalk: %+v, %v", rows, err)
	}
	if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
		t.Errorf("verify: %+v, %v", v, err)
	}
}

// What a partner sends of others leaves its snapshots where they are.
func TestSnapshotsAreLinkedWhereNothingChanged(t *testing.T) {
	c := newCounty(t)
	c.land("police-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"ad_snapshots": adsHead + "s1,u1,2026-05-01T00:00:00Z,oakland,3\n"})
	c.build()
	c.land("police-a", "d2", "2026-06-02T00:00:00Z", "snapshot", map[string]string{"persons": personsHead + "p1,\n"})
	c.build()
	if !sameInode(t, generationPath(c.home, 1)+"/ad_snapshots/police-a.parquet", generationPath(c.home, 2)+"/ad_snapshots/police-a.parquet") {
		t.Error("the file was folded anew")
	}
	if got := c.ids(profileRows); got != "police-a u1 1" {
		t.Errorf("profiles: %s", got)
	}
}

// A generation of before profiles had persons is not read, and the next night makes one that is.
func TestAGenerationWithoutProfilesIsRebuilt(t *testing.T) {
	c := newCounty(t)
	c.land("police-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"ad_snapshots": adsHead + "s1,u1,2026-05-01T00:00:00Z,oakland,3\n"})
	m := c.build()
	path := filepath.Join(generationPath(c.home, m.Generation), manifestName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	old := bytes.Replace(b, []byte(`"schema": 3`), []byte(`"schema": 1`), 1)
	if err := os.WriteFile(path, old, 0o600); err != nil || bytes.Equal(old, b) {
		t.Fatal(err)
	}
	_, err = Open(ctx, c.home, Options{})
	if problem.ExitCode(err) != problem.Failed || !strings.Contains(err.Error(), "nightly --rebuild") {
		t.Errorf("opened: %v", err)
	}
	if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
		t.Errorf("verify: %+v, %v", v, err)
	}
	if next := c.build(); next.Schema != manifestSchema || next.Content != m.Content {
		t.Errorf("schema %d, content %s", next.Schema, next.Content)
	}
	if got := c.ids(profileRows); got != "police-a u1 1" {
		t.Errorf("profiles: %s", got)
	}
	if err := os.WriteFile(path, bytes.Replace(b, []byte(`"schema": 3`), []byte(`"schema": 4`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadManifest(c.home, m.Generation); err == nil {
		t.Error("a manifest of the future was read")
	}
}

// A row about a profile waits for nobody.
func TestNoProfileIsHeld(t *testing.T) {
	c := newCounty(t)
	c.land("police-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{
		"ad_snapshots": adsHead + "s1,u1,2026-05-01T00:00:00Z,oakland,3\ns1,none,2026-05-01T00:00:00Z,oakland,0\ns1,u1,2026-05-01T00:00:00Z,oakland,3\n"})
	var got []Unsettled
	s := Settling{Home: c.home, This: c.drops[0], Consented: true}
	if err := s.Settle(ctx, func(u Unsettled) error { got = append(got, u); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Code != "duplicate_key" {
		t.Errorf("%+v", got)
	}
}
