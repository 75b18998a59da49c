package nightly

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"heatwatch/etl/intake"
	"heatwatch/etl/kept"
	"heatwatch/etl/lake"
	"heatwatch/etl/link"
	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

// forgetting is a county of two nights in which a1 of one shelter and b1 of another, who are one person, are to be forgotten.
func forgetting(t testing.TB) (*county, Config) {
	c := newCounty(t, storyPartners...)
	c.tell(c.home.SFTP())
	key, err := kept.HomeKey(durable.OS(), c.home.Keys())
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.config()
	cfg.Keeping = &key
	if _, err := Run(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.home.Forgetting(), []byte("2026-07-02\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.ask("shelter-a", `{"population":"minors","pseudonym":"a1"},{"population":"accused","pseudonym":"a1"}`)
	c.ask("shelter-b", `{"population":"minors","pseudonym":"b1"}`)
	cfg.Gone = func() (Forgotten, error) {
		return Forgotten{
			Key: func(partner string, p intake.Person) bool {
				return p.Population == "minors" && (partner == "shelter-a" && p.Key == "a1" || partner == "shelter-b" && p.Key == "b1")
			},
			Token: func(population, column, value string) bool { return false },
			Bury:  func(context.Context, []link.File) error { return errors.New("nobody came again") },
		}, nil
	}
	return c, cfg
}

// ask lays what an agency asks to be forgotten beside its first drop.
func (c *county) ask(partner, requests string) {
	c.Helper()
	drops, err := intake.Drops(c.home.Landing(), partner)
	if err != nil || len(drops) == 0 {
		c.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.home.Landing(), partner, drops[0].Name, "forget.json"), []byte(`{"schema":1,"requests":[`+requests+`]}`), 0o600); err != nil {
		c.Fatal(err)
	}
}

// left is where the two files still are.
func (c *county) left(cfg Config) (where []string) {
	c.Helper()
	gone, _ := cfg.Gone()
	rows, err := lake.Whole(c.home)
	if err != nil {
		c.Fatal(err)
	}
	for _, r := range rows {
		if gone.Key(r.Partner, intake.Person{Population: r.Population, Key: r.PersonKey}) {
			where = append(where, "crosswalk")
		}
	}
	for _, p := range storyPartners {
		drops, err := intake.Drops(c.home.Landing(), p)
		if err != nil {
			c.Fatal(err)
		}
		for _, d := range drops {
			err := intake.Owners(c.home.Landing(), d, func(x intake.Person) error {
				if gone.Key(p, x) {
					where = append(where, p+"/"+d.Name)
				}
				return nil
			})
			if err != nil {
				c.Fatal(err)
			}
		}
	}
	asked, err := intake.ForgetRequests(c.home.Landing())
	if err != nil {
		c.Fatal(err)
	}
	others := 0
	for _, r := range asked {
		if gone.Key(r.Partner, intake.Person{Population: r.Population, Key: r.Pseudonym}) {
			where = append(where, "requests of "+r.Partner)
		} else {
			others++
		}
	}
	if others != 1 {
		where = append(where, "somebody else's request was lost")
	}
	for _, pattern := range []string{"landing/*/*/.tmp-*", "landing/*/*/*.erasing", "lake/generations/gone-*", ".staging/lake-*"} {
		found, err := filepath.Glob(filepath.Join(c.home.Dir, pattern))
		if err != nil {
			c.Fatal(err)
		}
		where = append(where, found...)
	}
	return where
}

// An erasure that fails at any operation is finished by the next night, which ends where an undisturbed one does.
func TestForgetMayBeCutOffAnywhere(t *testing.T) {
	c, cfg := forgetting(t)
	if len(c.left(cfg)) < 5 {
		t.Fatalf("the two files are only in %v", c.left(cfg))
	}
	disk, err := durabletest.NewCrash(c.home.Dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg.FS = disk
	e, err := Forget(ctx, cfg)
	if err != nil || e.Rows == 0 || e.Drops < 2 || !slices.Equal(e.Generations, []int{1}) {
		t.Fatalf("%+v %v", e, err)
	}
	if left := c.left(cfg); len(left) > 0 {
		t.Errorf("still in %v", left)
	}
	raws, err := filepath.Glob(filepath.Join(c.home.Landing(), "*", "*", "raw.key"))
	if err != nil || len(raws) == 0 {
		t.Errorf("no upload of others is kept any more: %v", err)
	}
	want, all := c.content(), disk.Seen()
	t.Logf("%d operations", all)
	for kind, at := range map[string]func(int) *durabletest.Fault{"not done": durabletest.FailAt, "done": durabletest.DoneAt} {
		for _, n := range points(all) {
			t.Run(fmt.Sprint(kind, " ", n), func(t *testing.T) {
				c, cfg := forgetting(t)
				disk := at(n)
				cut := cfg
				cut.FS = disk
				if _, err := Forget(ctx, cut); !disk.Fired() {
					t.Skip("there is no such operation")
				} else if err == nil {
					t.Error("an operation failed and nobody noticed")
				}
				c.content() // the lake is whole
				s, err := Run(ctx, cfg)
				if err != nil || len(s.Notes) != 1 {
					t.Fatalf("the next night: %v, %v", s.Notes, err)
				}
				if left := c.left(cfg); len(left) > 0 || c.content() != want {
					t.Errorf("still in %v, or other rows", left)
				}
				if s, err := Run(ctx, cfg); err != nil || s.News() || len(s.Notes) > 0 {
					t.Errorf("the night after it still had something to do: %+v %v", s, err)
				}
			})
		}
	}
}
