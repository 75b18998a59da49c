package privacy

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
)

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Two homes with the same keys and ledger, one with a person less: whoever knows everybody else must learn nothing from
// the manifest (C5).
func TestTheManifestIsTheSameWithAndWithoutAPerson(t *testing.T) {
	with, without := newLake(t), newLake(t)
	with.county40(t)
	without.county40(t)
	without.exec(t, "DELETE FROM engagements WHERE person = 7; DELETE FROM people WHERE person = 7")
	h := newHome(t, with)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	other := h.at(dir)
	other.lake = without
	for _, period := range []string{"2025Q1", "2025"} {
		a, b := h.must(t, period, "2027-06-01"), other.must(t, period, "2027-06-01")
		if len(a) != len(b) || len(a) == 0 {
			t.Fatalf("%d and %d files", len(a), len(b))
		}
		for i := range a {
			if a[i].Manifest == nil || jsonOf(t, a[i].Manifest) != jsonOf(t, b[i].Manifest) {
				t.Errorf("%s: the manifests differ:\n%s\n%s", period, jsonOf(t, a[i].Manifest), jsonOf(t, b[i].Manifest))
			}
		}
	}
}

// Every name in a manifest is known: a new one has to be judged by C5 and C24 first.
func TestTheManifestHoldsNothingElse(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	f := newHome(t, l).must(t, "2025Q1", "2025-06-01")[0]
	var doc any
	if err := json.Unmarshal([]byte(jsonOf(t, f.Manifest)), &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				seen[k] = true
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(doc)
	want := strings.Fields(`code cap definition delta delta_per_draw dictionary draws encoding epsilon epsilon_cap epsilon_lifetime epsilon_release hash item items key
		l0 l0_from lifetime linf linf_from linkage measure mu2 mu2_cap mu2_lifetime mu2_release name participations plan population populations sd sigma text unit vector version`)
	for _, k := range slices.Sorted(maps.Keys(seen)) {
		if !slices.Contains(want, k) {
			t.Errorf("the manifest says %q, which nobody has judged", k)
		}
	}
}

func TestTheManifestIsMadeOfPublicThingsOnly(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	r := h.releaser(t, durable.OS(), "2030-01-01") // another day, and no lake at all
	r.Open = nil
	again, err := r.manifest(f.Entry)
	if err != nil || jsonOf(t, again) != jsonOf(t, f.Manifest) {
		t.Errorf("the manifest of the entry is now %s, %v; recorded was %s", jsonOf(t, again), err, jsonOf(t, f.Manifest))
	}
	if f.Manifest.Code != "unknown" {
		t.Errorf("a build that says nothing is called %q", f.Manifest.Code)
	}
}

// sign makes a file as a lying publisher would: consistent on the outside, with the home's own signature.
func (h home) sign(t testing.TB, f ReleaseFile) ReleaseFile {
	t.Helper()
	r := h.releaser(t, durable.OS(), "2030-01-01")
	var err error
	if f.Signature, err = r.Ledger.Sign(ofRelease, f.signed()); err != nil {
		t.Fatal(err)
	}
	out, err := parseRelease(f.encode(), "lie.json")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (h home) ledger(t testing.TB) *ledger.Ledger {
	return h.releaser(t, durable.OS(), "2030-01-01").Ledger
}

// deep copies a file, so that a lie changes one only.
func deep(t testing.TB, f ReleaseFile) ReleaseFile {
	t.Helper()
	out, err := parseRelease(bytes.Clone(f.Bytes()), f.path)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func both(f ReleaseFile, change func(m *Measurement, it *ManifestItem)) {
	for i := range f.Measurements {
		change(&f.Measurements[i], &f.Manifest.Items[i])
	}
}

func TestTheAuditFindsEveryLie(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	h.must(t, "2025", "2027-06-01")
	book := h.ledger(t)

	for _, c := range []struct {
		name string
		lie  func(f *ReleaseFile)
		says string
		only bool // the ledger alone shows it
	}{
		{name: "less noise than was booked", lie: func(f *ReleaseFile) {
			both(*f, func(m *Measurement, it *ManifestItem) { m.Sd /= 2; it.Sd = m.Sd })
		}, says: "mu2 is"},
		{name: "the noise of the manifest alone", lie: func(f *ReleaseFile) { f.Manifest.Items[0].Sd++ }, says: "something else than the measurement"},
		{name: "a larger noise, consistently", lie: func(f *ReleaseFile) {
			both(*f, func(m *Measurement, it *ManifestItem) {
				m.Sd *= 2
				it.Sd = m.Sd
				cost, _ := accountant.Item{L0: m.L0, Linf: m.Linf, Sd: m.Sd}.Loss()
				it.Mu2, m.Mu2 = cost, float64(cost)/float64(accountant.Unit)
			})
		}, says: "the plan asks for"},
		{name: "mu2 of an item, for readers", lie: func(f *ReleaseFile) { f.Measurements[0].Mu2 *= 0.999 }, says: "mu2 is"},
		{name: "mu2 of an item, in units", lie: func(f *ReleaseFile) { f.Manifest.Items[0].Mu2-- }, says: "its bounds and noise give"},
		{name: "a smaller bound", lie: func(f *ReleaseFile) { f.Manifest.Items[0].L0 = 2 }, says: "something else"},
		{name: "the bounds' source", lie: func(f *ReleaseFile) { f.Manifest.Items[0].LinfFrom = "definition 9 of m" }, says: "come from elsewhere"},
		{name: "the definition", lie: func(f *ReleaseFile) {
			_, linf := boundsOf(Item{Measure: "m"}, 2, "small", 1)
			f.Manifest.Items[0].Definition, f.Manifest.Items[0].LinfFrom = 2, linf
		}, says: "booked another one", only: true},
		{name: "participations", lie: func(f *ReleaseFile) { f.Manifest.Items[0].Participations = 4 }, says: "not what its plan measures"},
		{name: "sigma", lie: func(f *ReleaseFile) { f.Manifest.Items[0].Sigma = 5.5 }, says: "not what its plan measures"},
		{name: "the vector", lie: func(f *ReleaseFile) { f.Manifest.Items[0].Vector = "m.yes" }, says: "not what its plan measures"},
		{name: "an item left out", lie: func(f *ReleaseFile) { f.Manifest.Items = f.Manifest.Items[:1] }, says: "the manifest has 1 items"},
		{name: "the release's sum", lie: func(f *ReleaseFile) { f.Manifest.Populations[0].Mu2Release-- }, says: "the items add up to"},
		{name: "a lifetime below the release", lie: func(f *ReleaseFile) { f.Manifest.Populations[0].Mu2Lifetime = 1 }, says: "below the release's own"},
		{name: "a lifetime above the cap", lie: func(f *ReleaseFile) { f.Manifest.Populations[0].Mu2Cap = f.Manifest.Populations[0].Mu2Lifetime - 1 }, says: "above the cap"},
		{name: "a smaller lifetime, consistently", lie: func(f *ReleaseFile) {
			p := &f.Manifest.Populations[0]
			p.Mu2Lifetime += 5
			p.EpsilonLifetime, _ = p.Mu2Lifetime.Epsilon(1e-6)
		}, says: "losses are not those", only: true},
		{name: "epsilon of the release", lie: func(f *ReleaseFile) { f.Manifest.Populations[0].EpsilonRelease *= 0.9 }, says: "epsilon_release is"},
		{name: "epsilon of the lifetime", lie: func(f *ReleaseFile) { f.Manifest.Populations[0].EpsilonLifetime *= 1.1 }, says: "epsilon_lifetime is"},
		{name: "epsilon of the cap", lie: func(f *ReleaseFile) { f.Manifest.Populations[0].EpsilonCap = 3 }, says: "epsilon_cap is"},
		{name: "a larger cap, consistently", lie: func(f *ReleaseFile) {
			p := &f.Manifest.Populations[0]
			p.EpsilonCap = 6
			p.Mu2Cap, _ = accountant.CapFor(6, 1e-6)
		}, says: "cap is not the ledger's", only: true},
		{name: "the unit", lie: func(f *ReleaseFile) { f.Manifest.Populations[0].Unit = "event" }, says: "not the ledger's", only: true},
		{name: "a population left out", lie: func(f *ReleaseFile) { f.Manifest.Populations = nil }, says: "each population"},
		{name: "a population more", lie: func(f *ReleaseFile) {
			more := f.Manifest.Populations[0]
			more.Population = "nobody"
			f.Manifest.Populations = append(f.Manifest.Populations, more)
		}, says: "each population"},
		{name: "a bound that no plan can have", lie: func(f *ReleaseFile) {
			m, it := &f.Measurements[0], &f.Manifest.Items[0]
			m.L0, it.L0 = 1<<23, 1<<23
			it.Mu2, _ = accountant.Item{L0: m.L0, Linf: m.Linf, Sd: m.Sd}.Loss()
			m.Mu2 = float64(it.Mu2) / float64(accountant.Unit)
		}, says: "out of range"},
		{name: "delta", lie: func(f *ReleaseFile) { f.Manifest.Delta = 1e-3 }, says: "epsilon_release is"},
		{name: "delta of a draw", lie: func(f *ReleaseFile) { f.Manifest.DeltaPerDraw = 0 }, says: "per draw"},
		{name: "the plan's text", lie: func(f *ReleaseFile) {
			f.Manifest.Plan.Text = strings.Replace(f.Manifest.Plan.Text, "sigma: 6", "sigma: 7", 1)
		}, says: "the plan's text"},
		{name: "the plan's name", lie: func(f *ReleaseFile) { f.Manifest.Plan.Version = 2 }, says: "the plan's text"},
		{name: "the epsilon that the plan is scaled to", lie: func(f *ReleaseFile) { f.Manifest.Plan.Epsilon = 2 }, says: "not what its plan measures"},
		{name: "the due date", lie: func(f *ReleaseFile) { f.Due++ }, says: "does not measure item heads of 2025Q1 on 2025-05-15"},
		{name: "another period", lie: func(f *ReleaseFile) { f.Measurements[0].Period = parse(t, "2025Q2") }, says: "another period"},
		{name: "a variance above the noise's", lie: func(f *ReleaseFile) { f.Measurements[0].Covariance.Matrix[0][0] *= 1.1 }, says: "covariance"},
		{name: "a covariance of other cells", lie: func(f *ReleaseFile) { f.Measurements[0].Covariance.Cells[0] = 1 }, says: "covariance"},
		{name: "no covariance", lie: func(f *ReleaseFile) { f.Measurements[0].Covariance = Covariance{} }, says: "covariance"},
		{name: "an estimate beyond all sums", lie: func(f *ReleaseFile) { f.Measurements[0].Cells[0].Estimate = 1e300 }, says: "impossible number"},
		{name: "fewer than no persons", lie: func(f *ReleaseFile) { f.Measurements[0].Cells[0].Presented = -1 }, says: "impossible number"},
		{name: "no noise", lie: func(f *ReleaseFile) { f.Measurements[0].Sd = 0 }, says: "no finite cost"},
		{name: "another entry", lie: func(f *ReleaseFile) { f.Entry = 3 }, says: "ledger entry 3", only: true},
		{name: "an entry that is no release", lie: func(f *ReleaseFile) { f.Entry = 1 }, says: "no release in entry 1", only: true},
		{name: "demonstration", lie: func(f *ReleaseFile) { f.Demo = true }, says: "demonstration", only: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := deep(t, f)
			c.lie(&g)
			g = h.sign(t, g)
			found := g.Audit(h.s)
			alone := len(found.Problems)
			if alone == 0 { // else the command stops here
				found.Add(g.AuditEntry(book, h.s))
			}
			if (alone == 0) != c.only {
				t.Errorf("the file alone shows %v", found.Problems[:alone])
			}
			if !slices.ContainsFunc(found.Problems, func(err error) bool {
				return strings.Contains(err.Error(), c.says) && problem.ExitCode(err) == problem.Refused
			}) {
				t.Errorf("found %v, want %q", found.Problems, c.says)
			}
		})
	}

	whole := f.Audit(h.s)
	whole.Add(f.AuditEntry(book, h.s))
	if len(whole.Problems)+len(whole.Unchecked) > 0 {
		t.Errorf("a true file: %v, not checked %v", whole.Problems, whole.Unchecked)
	}
	if err := f.SignedBy(f.Manifest.Key); err != nil {
		t.Error(err)
	}
	f.Manifest.Items[0].Participations++ // no one signed this
	wantExit(t, f.SignedBy(f.Manifest.Key), problem.Refused, "signed by another key")
}

// Another home's ledger is told apart by the key, before anything else.
func TestTheLedgerOfAnotherHomeIsNotTheFiles(t *testing.T) {
	l := newLake(t)
	h, other := newHome(t, l), newHome(t, l)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	other.must(t, "2025Q1", "2025-06-01")
	found := f.AuditEntry(other.ledger(t), h.s)
	if len(found.Problems) != 1 || !strings.Contains(found.Problems[0].Error(), "another home") {
		t.Errorf("found %v", found.Problems)
	}
}

// A file of before manifests existed reads on, and says what it lacks.
func TestAFileWithoutManifestStillReads(t *testing.T) {
	l := newLake(t)
	l.county40(t)
	h := newHome(t, l)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	f.Manifest = nil
	f = h.sign(t, f)
	if strings.Contains(string(f.Bytes()), "manifest") {
		t.Fatal("the file still has one")
	}
	found := f.Audit(h.s)
	found.Add(f.AuditEntry(h.ledger(t), h.s))
	if len(found.Problems) > 0 || len(found.Unchecked) != 1 {
		t.Errorf("%v, not checked %v", found.Problems, found.Unchecked)
	}
	if figures, err := h.p.Figures(h.s, []ReleaseFile{f}, "m", nil); err != nil || len(figures) == 0 {
		t.Errorf("%d figures, %v", len(figures), err)
	}
}

// A program whose definitions have moved on says so: it neither complains nor pretends.
func TestAnOlderDefinitionIsNotCheckedByAnother(t *testing.T) {
	l := newLake(t)
	h := newHome(t, l)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	newer := smallSchema()
	newer.Measures["m"] = MeasureInfo{Definition: 2, Population: "minors"}
	found := f.Audit(newer)
	found.Add(f.AuditEntry(h.ledger(t), newer))
	if len(found.Problems) > 0 || len(found.Unchecked) != len(f.Measurements) || !strings.Contains(found.Unchecked[0], "definition 1 of m, this program has definition 2") {
		t.Errorf("%v, not checked %v", found.Problems, found.Unchecked)
	}
}

func TestReadRelease(t *testing.T) {
	l := newLake(t)
	h := newHome(t, l)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := string(f.Bytes())
	if _, err := ReadRelease(put("2.json", []byte(good))); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]string{
		"truncated": good[:len(good)/2], "no end": strings.TrimSuffix(good, "\n"), "empty": "", "not JSON": "\x00\x01",
		"NaN": strings.Replace(good, `"sd":6`, `"sd":NaN`, 1), "infinity": strings.Replace(good, `"sd":6`, `"sd":1e999`, 1),
		"a key twice": strings.Replace(good, `"entry":2`, `"entry":2,"entry":2`, 1), "a key in another case": strings.Replace(good, `"entry":2`, `"Entry":2`, 1),
		"a stranger": strings.Replace(good, `"entry":2`, `"entry":2,"x":1`, 1), "something behind": good + "{}\n", "another number form": strings.Replace(good, `"sd":6`, `"sd":6.0`, 1),
		"a stranger in the manifest": strings.Replace(good, `"delta":`, `"made_at":"x","delta":`, 1), "schema 2": strings.Replace(good, `"schema":1`, `"schema":2`, 1),
	} {
		if b == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := ReadRelease(put("bad.json", []byte(b))); problem.ExitCode(err) != problem.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	big := put("big.json", nil)
	if err := os.Truncate(big, 1<<30); err != nil {
		t.Fatal(err)
	}
	_, err := ReadRelease(big)
	wantExit(t, err, problem.Refused, "too large")
	for _, path := range []string{dir, filepath.Join(dir, "nowhere.json"), "/dev/zero", filepath.Join(dir, "2.json", "x")} {
		if _, err := ReadRelease(path); problem.ExitCode(err) != problem.Usage {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Whatever numbers a signed file holds, checking it ends with findings or figures, never with a crash.
func TestTheAuditTakesAnyNumbers(t *testing.T) {
	l := newLake(t)
	h := newHome(t, l)
	f := h.must(t, "2025Q1", "2025-06-01")[0]
	numbers := rapid.OneOf(rapid.Float64Range(-10, 10), rapid.Float64Range(-1e308, 1e308), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.MaxFloat64, 5e-324, 1 << 53}))
	whole := rapid.OneOf(rapid.Int64Range(-2, 3), rapid.Int64())
	rapid.Check(t, func(rt *rapid.T) {
		g := deep(t, f)
		for i := range g.Measurements {
			m := &g.Measurements[i]
			if rapid.Bool().Draw(rt, "sd") {
				m.Sd = numbers.Draw(rt, "sd")
			}
			if rapid.Bool().Draw(rt, "bounds") {
				m.L0, m.Linf = whole.Draw(rt, "l0"), whole.Draw(rt, "linf")
			}
			for j := range m.Cells {
				m.Cells[j].Raw, m.Cells[j].Estimate, m.Cells[j].Presented = whole.Draw(rt, "raw"), numbers.Draw(rt, "estimate"), whole.Draw(rt, "presented")
			}
			g.Manifest.Items[i].Mu2 = accountant.Mu2(whole.Draw(rt, "mu2"))
			g.Manifest.Items[i].Sd, g.Manifest.Items[i].L0, g.Manifest.Items[i].Linf = m.Sd, m.L0, m.Linf
		}
		p := &g.Manifest.Populations[0]
		p.Mu2Lifetime, p.Mu2Cap, p.EpsilonCap = accountant.Mu2(whole.Draw(rt, "life")), accountant.Mu2(whole.Draw(rt, "cap")), numbers.Draw(rt, "epsilon")
		g.Manifest.Delta, g.Manifest.Plan.Epsilon = numbers.Draw(rt, "delta"), numbers.Draw(rt, "plan epsilon")
		g.Entry, g.Due = int(whole.Draw(rt, "entry")), models.Date(rapid.Int32Range(0, 40000).Draw(rt, "due"))
		if found := g.Audit(h.s); len(found.Problems) > 0 {
			return
		}
		if figures, err := h.p.Figures(h.s, []ReleaseFile{g}, "m", nil); err == nil {
			for _, f := range figures {
				if _, err := json.Marshal(f); err != nil {
					rt.Fatalf("a figure that cannot be written: %v", err)
				}
			}
		}
	})
}
