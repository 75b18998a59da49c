package lake

import (
	"errors"
	"slices"
	"testing"

	"heatwatch/etl/link"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
)

func crosswalk(t testing.TB, h home.Home) (all []string) {
	t.Helper()
	rows, err := Whole(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		all = append(all, r.Partner+" "+r.PersonKey)
	}
	return all
}

// As many persons come as go: what is carried from night to night is written anew all the same. A file that has a person
// already keeps it, also where it shares a token with somebody who was forgotten; a new one with that token gets none.
func TestEraseAndSuppress(t *testing.T) {
	c := newCounty(t)
	persons := func(lines string) map[string]string {
		return map[string]string{"persons": "person_key,token_name_dob\n" + lines}
	}
	c.land("a", "d1", "2026-06-01T08:00:00Z", "snapshot", persons("p1,"+token("A")+"\np2,"+token("B")+"\np3,"+token("B")+"\n"))
	c.land("b", "d1", "2026-06-01T08:00:00Z", "snapshot", persons("q1,"+token("B")+"\n"))
	c.build()
	traces, err := TracesOf(c.home, 1)
	if err != nil || len(traces.Pseudonym) != 16 || len(traces.Tokens) != 1 {
		t.Fatalf("%d bytes, %d tokens: %v", len(traces.Pseudonym), len(traces.Tokens), err)
	}

	// p2 and q1 are one person, who is forgotten; p3, with the same token, is a person of its own. In landing the rows have gone.
	gone := func(f link.File) bool {
		if f.Partner == "a" && f.PersonKey == "p2" || f.Partner == "b" && f.PersonKey == "q1" {
			return true
		}
		return slices.ContainsFunc(f.Tokens, func(x link.Token) bool { return x.Value == token("B") })
	}
	c.drops = nil
	c.land("a", "d1", "2026-06-01T08:00:00Z", "snapshot", persons("p1,"+token("A")+"\np3,"+token("B")+"\n"))
	c.land("b", "d1", "2026-06-01T08:00:00Z", "snapshot", persons(""))
	for i := range c.drops {
		c.drops[i].Erasures = 1
	}
	c.land("c", "d1", "2026-06-02T08:00:00Z", "snapshot", persons("r1,"+token("C")+"\nr2,"+token("B")+"\n"))
	cfg := c.config()
	cfg.Suppress, cfg.Erase = gone, true
	before, err := Holders(c.home, func(r link.Row) bool { return r.PersonKey == "q1" })
	if err != nil || !slices.Equal(before, []int{1}) {
		t.Errorf("held by %v: %v", before, err)
	}
	if _, _, err := Build(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if got, want := crosswalk(t, c.home), []string{"a p1", "a p3", "c r1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s := c.session()
	if got := query(t, s, "SELECT count(*), count(DISTINCT pseudonym) FROM people"); got != "3 3" {
		t.Errorf("people: %s", got)
	}
	if got := query(t, s, "SELECT string_agg(person_key, ' ' ORDER BY person_key) FROM persons"); got != "p1 p3 r1" {
		t.Errorf("persons: %s", got)
	}
	if t2, err := TracesOf(c.home, 1); err != nil || string(t2.Pseudonym) != string(traces.Pseudonym) {
		t.Error("somebody else has another pseudonym now")
	}
	if t2, err := TracesOf(c.home, 2); err != nil || t2.Pseudonym != nil || t2.Tokens != nil {
		t.Errorf("traces of who was forgotten: %v", err)
	}

	// The generation before goes, but not under a reader.
	old, err := Open(ctx, c.home, Options{Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	if held, err := Remove(c.home, durable.OS(), before); err != nil || !slices.Equal(held, before) {
		t.Errorf("held %v: %v", held, err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if held, err := Remove(c.home, durable.OS(), before); err != nil || len(held) > 0 {
		t.Errorf("held %v: %v", held, err)
	}
	if _, err := Remove(c.home, durable.OS(), []int{2}); err == nil {
		t.Error("the current generation was removed")
	}
	if all, err := Generations(c.home); err != nil || !slices.Equal(all, []int{2}) {
		t.Errorf("%v %v", all, errors.Join(err))
	}
}
