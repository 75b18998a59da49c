package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chaos is a home under load whose commands are killed, and a model of what it must hold.
type chaos struct {
	processes
	rand  *rand.Rand
	area  string // a copy of everything that was ever uploaded
	drops int
	sent  map[string][]string // keys of persons by agency
	gone  [][2]string         // agency and key of those who were forgotten, or are to be
	night time.Duration       // what a night takes that is left alone
}

var chaosAgencies = []string{"alpha", "beta", "gamma"}

// Commands are killed at random moments while drops keep coming: after each kill the current generation is whole, and in the
// end nothing that was accepted is lost or doubled, nobody who was forgotten is back, and nothing is left lying about.
// TEST_CHAOS says how many are killed (make chaos: 500), TEST_CHAOS_SEED repeats a run.
func TestKilledNightsLoseNothing(t *testing.T) {
	kills, seed := 6, uint64(time.Now().UnixNano())
	if s := os.Getenv("TEST_CHAOS"); s != "" {
		kills = must1(strconv.Atoi(s))
	}
	if s := os.Getenv("TEST_CHAOS_SEED"); s != "" {
		seed = must1(strconv.ParseUint(s, 10, 64))
	}
	t.Logf("TEST_CHAOS_SEED=%d", seed)
	c := &chaos{processes: newProcesses(t, "2024-01-01"), rand: rand.New(rand.NewPCG(seed, 1)), area: t.TempDir(), sent: map[string][]string{}}
	for _, a := range chaosAgencies[1:] {
		c.must("partner", "add", a, "--kind", "shelter")
		c.must("partner", "set", a, "starts_on=2024-01-01")
	}
	c.upload()
	start := time.Now()
	c.must("nightly")
	c.night = time.Since(start)

	killed := 0
	for tries := 0; killed < kills && tries < 4*kills; tries++ {
		for range c.rand.IntN(3) {
			c.upload()
		}
		args := []string{"nightly"}
		switch {
		case c.rand.IntN(6) == 0:
			args = append(args, "--rebuild")
		case c.rand.IntN(6) == 0:
			args = c.forgetOne()
		}
		cmd := c.command(args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(c.rand.Int64N(int64(c.night) * 5 / 4)))
		cmd.Process.Kill()
		if cmd.Wait() != nil && cmd.ProcessState.ExitCode() == -1 {
			killed++
		}
		if code, _, errs := c.run("verify"); code != 0 {
			t.Fatalf("after kill %d of %v: verify exits with %d\n%s", killed, args, code, errs)
		}
	}
	if killed < kills {
		t.Errorf("only %d commands were killed before their end", killed)
	}
	c.settle()
	c.judge()
	t.Logf("%d kills, %d drops, %d persons forgotten", killed, c.drops, len(c.gone))
}

// upload puts one more drop into the area of an agency: some persons, new and known, with an engagement each.
func (c *chaos) upload() {
	a := chaosAgencies[c.rand.IntN(len(chaosAgencies))]
	name := fmt.Sprintf("d%04d", c.drops)
	c.drops++
	persons, engagements := "person_key,token_name_dob\n", "engagement_id,person_key,engaged_at,channel\n"
	used := map[string]bool{}
	for i := range 40 {
		who := c.rand.IntN(60 + 4*c.drops) // the same number is the same child at every agency
		key := fmt.Sprintf("%s-%016d", a, who)
		if used[key] {
			continue
		}
		used[key] = true
		if !slices.Contains(c.sent[a], key) {
			c.sent[a] = append(c.sent[a], key)
		}
		sum := sha256.Sum256(fmt.Append(nil, who))
		persons += key + "," + hex.EncodeToString(sum[:])[:26] + "\n"
		engagements += fmt.Sprintf("e%s-%d,%s,2025-01-02T10:00:00Z,hotline\n", name, i, key)
	}
	mode := "delta"
	if c.rand.IntN(8) == 0 {
		mode = "snapshot"
	}
	dir := filepath.Join(c.area, a, "incoming", name)
	files := []map[string]any{}
	for entity, text := range map[string]string{"persons": persons, "engagements": engagements} {
		c.write(filepath.Join(dir, entity+".csv"), text)
		sum := sha256.Sum256([]byte(text))
		files = append(files, map[string]any{"name": entity + ".csv", "entity": entity, "rows": strings.Count(text, "\n") - 1, "sha256": hex.EncodeToString(sum[:])})
	}
	at := time.Date(2025, 6, 1, 0, c.drops, 0, 0, time.UTC).Format(time.RFC3339)
	c.write(filepath.Join(dir, "manifest.json"), string(must1(json.Marshal(map[string]any{"schema": 1, "partner": a, "created": at, "mode": mode,
		"covers": map[string]string{"from": "2024-01-01", "to": "2025-05-31"}, "files": files}))))
	to := filepath.Join(c.home, "sftp", a, "incoming")
	if err := os.MkdirAll(to, 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(to, ".part"), os.DirFS(dir)); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(to, ".part"), filepath.Join(to, name)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chaos) write(path, text string) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func forgetArgs(who [2]string) []string {
	return []string{"--yes", "forget", "--agency", who[0], "--key", who[1], "--population", "minors"}
}

// forgetOne asks for somebody to be forgotten whom the first drop brought.
func (c *chaos) forgetOne() []string {
	a := chaosAgencies[c.rand.IntN(len(chaosAgencies))]
	if len(c.sent[a]) == 0 {
		return []string{"nightly"}
	}
	who := [2]string{a, c.sent[a][c.rand.IntN(len(c.sent[a]))]}
	if !slices.Contains(c.gone, who) {
		c.gone = append(c.gone, who)
	}
	return forgetArgs(who)
}

// settle lets everything come to its end.
func (c *chaos) settle() {
	c.t.Helper()
	for range 2 {
		c.must("nightly")
	}
	for _, who := range c.gone {
		c.must(forgetArgs(who)...)
	}
	if out := c.must("nightly", "--format", "json"); !strings.Contains(out, `"changed":false`) {
		c.t.Errorf("another night changes something: %s", out)
	}
}

func (p processes) content() string {
	p.t.Helper()
	var v struct{ Lake struct{ Content string } }
	if err := json.Unmarshal([]byte(p.must("verify", "--format", "json")), &v); err != nil {
		p.t.Fatal(err)
	}
	return v.Lake.Content
}

// judge compares the home with one that got everything at once and was never killed.
func (c *chaos) judge() {
	c.t.Helper()
	still := newProcesses(c.t, "2024-01-01")
	for _, a := range chaosAgencies[1:] {
		still.must("partner", "add", a, "--kind", "shelter")
		still.must("partner", "set", a, "starts_on=2024-01-01")
	}
	still.must("nightly", "--from", c.area)
	for _, who := range c.gone {
		still.must(forgetArgs(who)...)
	}
	if a, b := c.content(), still.content(); a != b {
		c.t.Error("the lake holds other rows than that of a home that was never killed")
	}
	keys := func(p processes) (all []string) {
		for line := range strings.Lines(p.must("link", "dump", "--format", "csv")) {
			f := strings.Split(line, ",")
			all = append(all, f[0]+" "+f[1])
		}
		return all
	}
	// A file that a later snapshot leaves out keeps its person where a night saw it; the other home never saw it.
	linked := keys(c.processes)
	for _, k := range keys(still) {
		if !slices.Contains(linked, k) {
			c.t.Error("a file has lost its person")
		}
	}
	for _, who := range c.gone {
		if slices.Contains(linked, who[0]+" "+who[1]) {
			c.t.Error("somebody who was forgotten is linked again")
		}
	}
	receipts := must1(filepath.Glob(filepath.Join(c.home, "sftp", "*", "receipts", "*.json")))
	drops := 0
	for _, path := range receipts {
		if strings.HasPrefix(filepath.Base(path), "d") {
			drops++
		}
	}
	if drops != c.drops {
		c.t.Errorf("%d receipts for %d drops", drops, c.drops)
	}
	for _, pattern := range []string{".staging/*", "erasures/under-way", "landing/*/.taking-*", "sftp/*/incoming/*", "sftp/*/incoming/.*", "lake/generations/gone-*", "*/.tmp-*", "landing/*/*/.tmp-*", "landing/*/*/*.erasing", "sftp/*/receipts/.tmp-*"} {
		if left := must1(filepath.Glob(filepath.Join(c.home, pattern))); len(left) > 0 {
			c.t.Errorf("left lying about: %v", left)
		}
	}
}
