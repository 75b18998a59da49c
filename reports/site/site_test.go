package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/render"
)

// digits are the numbers of a text: 12, 71.2, 1,234, 2031.
var digits = regexp.MustCompile(`[0-9]+(?:[.,][0-9]+)*`)

// element is what the tests need of a page: the text by element, attributes.
type element struct {
	name  string
	attrs map[string]string
	path  []string // names and classes of the elements around it
	text  string
}

// parse reads a page as the tree that it is; a page that does not nest is an error.
func parse(t testing.TB, name, page string) []element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "br"}, xml.HTMLEntity
	var stack []*element
	var all []*element
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s does not parse: %v", name, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{name: tok.Name.Local, attrs: map[string]string{}}
			for _, a := range tok.Attr {
				if a.Name.Space != "" {
					a.Name.Local = a.Name.Space + ":" + a.Name.Local
				}
				e.attrs[a.Name.Local] = a.Value
			}
			for _, s := range stack {
				e.path = append(e.path, s.name, "."+s.attrs["class"])
			}
			stack, all = append(stack, e), append(all, e)
		case xml.EndElement:
			if len(stack) == 0 || stack[len(stack)-1].name != tok.Name.Local {
				t.Fatalf("%s: </%s> closes something else", name, tok.Name.Local)
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(tok)
			}
		}
	}
	out := make([]element, len(all))
	for i, e := range all {
		out[i] = *e
	}
	return out
}

// allowed are the numbers that a page may hold: those of its figures as people read them, and what is no figure
// (texts of the catalogue, periods, names of items and entries, prose of the declarations).
func allowed(s Site, reports map[string]report, l *lang) map[string]bool {
	ok := map[string]bool{}
	add := func(text string) {
		for _, n := range digits.FindAllString(text, -1) {
			ok[n] = true
		}
	}
	for _, text := range l.strings {
		add(text)
	}
	for _, m := range s.Measures {
		add(fmt.Sprint(m))
		for _, f := range reports[m.ID].figures {
			add(f.period.String())
			add(l.period(f.period))
			add(strings.Join(f.items, " "))
			add(f.note)
			for _, d := range f.by {
				add(d.Value)
			}
			if f.null {
				continue
			}
			for _, v := range []float64{f.value, f.low, f.high} {
				w := v
				if f.unit == "share" {
					w = 100 * v
					ok[strconv.FormatFloat(w, 'f', 0, 64)] = true
				}
				for _, decimals := range []int{0, 1} {
					if decimals == 0 && f.unit == "share" {
						continue
					}
					if (f.unit == "persons") == (decimals == 0) {
						ok[strconv.FormatFloat(w, 'f', decimals, 64)] = true
					}
				}
			}
		}
		for _, p := range reports[m.ID].privacy {
			for _, v := range []float64{p.MuRelease, p.EpsilonRelease, p.EpsilonLifetime, p.CapEpsilon} {
				add(render.Significant(v))
			}
			add(render.Delta(p.Delta))
			add(fmt.Sprint(p.Entry, render.Odds(p.MuRelease), render.Odds(p.MuLifetime)))
		}
	}
	add(fmt.Sprint(s.Census, s.Logic))
	add(l.date(s.Updated))
	add("SHA256SUMS")
	for _, text := range []string{s.HomeID, s.KeyFingerprint, string(s.Head), s.Name} {
		add(text)
	}
	for _, f := range s.Files {
		add(f.Path)
	}
	return ok
}

// Every number that a reader can see or hear is a released figure, or no figure at all.
func TestEveryNumberWasReleased(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, reports := sample(t, rapid.Uint64().Draw(rt, "seed"))
		for id, r := range reports { // few figures, so that few numbers are allowed
			from := rapid.IntRange(0, len(r.figures)-6).Draw(rt, "from "+id)
			r.figures = r.figures[from : from+6]
			reports[id] = r
		}
		files := built(t, s, reports)
		found := 0
		for name, page := range pages(files) {
			l, err := catalogue(map[bool]string{true: "es", false: "en"}[strings.HasPrefix(name, "es/")])
			if err != nil {
				rt.Fatal(err)
			}
			ok := allowed(s, reports, l)
			for _, e := range parse(t, name, page) {
				if e.name == "style" || e.attrs["class"] == "tick" {
					continue
				}
				for _, n := range digits.FindAllString(e.text, -1) {
					found++
					if !ok[n] {
						rt.Fatalf("%s shows %s in <%s>: %.80s", name, n, e.name, e.text)
					}
				}
			}
		}
		if found < 300 {
			rt.Fatalf("only %d numbers were looked at", found)
		}
	})
}

// The check above can fail.
func TestAForeignNumberIsFound(t *testing.T) {
	s, reports := sample(t, 3)
	l, _ := catalogue("en")
	ok := allowed(s, reports, l)
	if ok["98765"] || ok["98765.4"] || ok["4711"] {
		t.Error("a number that is in no figure counts as released")
	}
}

// Each figure of a table has its interval, and a figure without a value has a dash and a reason.
func TestEveryFigureHasItsInterval(t *testing.T) {
	s, reports := sample(t, 5)
	rows, nulls := 0, 0
	row := regexp.MustCompile(`<td class="n">([^<]*)</td><td class="n( why)?">([^<]*)<`)
	for name, page := range pages(built(t, s, reports)) {
		if !strings.Contains(name, "measures/") {
			continue
		}
		for _, m := range row.FindAllStringSubmatch(page, -1) {
			rows++
			value, why, interval := html.UnescapeString(m[1]), m[2] != "", m[3]
			if why != (value == "–") {
				t.Errorf("%s: %q stands beside %q", name, value, interval)
			}
			if why {
				nulls++
			} else if len(digits.FindAllString(interval, -1)) != 2 {
				t.Errorf("%s: %q has the interval %q", name, value, interval)
			}
		}
	}
	for name, page := range pages(built(t, s, reports)) {
		if strings.Contains(page, "<small>") {
			t.Errorf("%s has a remark beside a figure that has none", name)
		}
	}
	if rows < 400 || nulls < 8 {
		t.Errorf("%d rows and %d dashes were looked at", rows, nulls)
	}
}

func TestChartsAreNamedAndDescribed(t *testing.T) {
	s, reports := sample(t, 9)
	charts := 0
	for name, page := range pages(built(t, s, reports)) {
		all := parse(t, name, page)
		ids := map[string]string{}
		for _, e := range all {
			if id := e.attrs["id"]; id != "" {
				if _, twice := ids[id]; twice {
					t.Errorf("%s: the id %s stands twice", name, id)
				}
				ids[id] = e.name + " " + strings.TrimSpace(e.text)
			}
		}
		for _, e := range all {
			if e.name != "svg" {
				continue
			}
			charts++
			refs := strings.Fields(e.attrs["aria-labelledby"])
			if e.attrs["role"] != "img" || len(refs) != 2 {
				t.Fatalf("%s: a chart has role %q and %d names", name, e.attrs["role"], len(refs))
			}
			if !strings.HasPrefix(ids[refs[0]], "title ") || !strings.HasPrefix(ids[refs[1]], "desc ") || len(ids[refs[1]]) < 60 {
				t.Errorf("%s: a chart is named %q, %q", name, ids[refs[0]], ids[refs[1]])
			}
		}
	}
	if charts < 20 {
		t.Errorf("only %d charts were looked at", charts)
	}
}

// Nothing is fetched, nothing runs, no style attribute, and each page allows exactly the style sheet that it holds.
func TestPagesAreSealed(t *testing.T) {
	s, reports := sample(t, 11)
	files := built(t, s, reports)
	for name, page := range pages(files) {
		all := parse(t, name, page)
		var css, policy, referrer string
		for _, e := range all {
			switch {
			case e.name == "style":
				css = e.text
			case e.attrs["http-equiv"] == "Content-Security-Policy":
				policy = e.attrs["content"]
			case e.attrs["name"] == "referrer":
				referrer = e.attrs["content"]
			}
			if slices.Contains([]string{"script", "link", "img", "iframe", "object", "base", "form"}, e.name) {
				t.Errorf("%s holds <%s>", name, e.name)
			}
			for a, v := range e.attrs {
				if a == "style" || strings.HasPrefix(a, "on") || a == "src" {
					t.Errorf("%s: <%s> has the attribute %s", name, e.name, a)
				}
				if strings.Contains(v, "://") && v != exitURL {
					t.Errorf("%s: <%s> leads to %s", name, e.name, v)
				}
			}
		}
		h := sha256.Sum256([]byte(css))
		want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(h[:]) + "'; img-src 'self'; base-uri 'none'; form-action 'none'"
		if policy != want || referrer != "no-referrer" {
			t.Errorf("%s: policy %q, want %q; referrer %q", name, policy, want, referrer)
		}
		if strings.Contains(css, "url(") || strings.Contains(css, "@import") {
			t.Errorf("%s: the style sheet loads something", name)
		}
		if len(page) > 100_000 {
			t.Errorf("%s has %d bytes", name, len(page))
		}
	}
}

// Links are relative, stay in the site, and lead somewhere: the folder opens from a disk and below any address.
func TestLinksLeadSomewhere(t *testing.T) {
	s, reports := sample(t, 13)
	files := built(t, s, reports)
	for name, page := range pages(files) {
		ids := map[string]bool{}
		all := parse(t, name, page)
		for _, e := range all {
			ids[e.attrs["id"]] = true
		}
		for _, e := range all {
			href, ok := e.attrs["href"]
			if !ok || href == exitURL {
				continue
			}
			to, fragment, _ := strings.Cut(href, "#")
			if to == "" {
				if !ids[fragment] {
					t.Errorf("%s: #%s is not on the page", name, fragment)
				}
				continue
			}
			target := path.Join(path.Dir(name), to)
			if _, ok := files[target]; !ok || path.IsAbs(to) {
				t.Errorf("%s leads to %s, which is not there", name, href)
			}
		}
	}
}

func TestPagesHaveOneHeadingAndALanguage(t *testing.T) {
	s, reports := sample(t, 15)
	for name, page := range pages(built(t, s, reports)) {
		h1, lang := 0, ""
		for _, e := range parse(t, name, page) {
			if e.name == "h1" {
				h1++
			}
			if e.name == "html" {
				lang = e.attrs["lang"]
			}
		}
		want := "en"
		if strings.HasPrefix(name, "es/") {
			want = "es"
		}
		if h1 != 1 || lang != want {
			t.Errorf("%s: %d h1, language %q", name, h1, lang)
		}
	}
}

// The names of the files follow from plan and settings: other numbers, other nulls, no figures at all, the same files.
func TestFileSetDoesNotDependOnData(t *testing.T) {
	names := func(s Site, r map[string]report) []string { return slices.Sorted(maps.Keys(built(t, s, r))) }
	s, a := sample(t, 1)
	_, b := sample(t, 2)
	for id, r := range b {
		for i := range r.figures {
			r.figures[i].null = !r.figures[i].null
		}
		b[id] = r
	}
	if !slices.Equal(names(s, a), names(s, b)) {
		t.Error("other data, other files")
	}
	empty := map[string]report{}
	if !slices.Equal(names(s, a), names(s, empty)) {
		t.Error("no data, other files")
	}
}

func TestSameInputSameBytes(t *testing.T) {
	s, reports := sample(t, 21)
	a, b := built(t, s, reports), built(t, s, reports)
	for n := range a {
		if !bytes.Equal(a[n], b[n]) {
			t.Errorf("%s differs", n)
		}
	}
}

// What hides behind a null figure is nowhere, in any form, on any page.
func TestNullFiguresShowNothing(t *testing.T) {
	s, reports := sample(t, 23)
	for name, page := range pages(built(t, s, reports)) {
		for _, n := range []string{"98,765", "98765", "87654", "87,654", "109876", "109,876"} {
			if strings.Contains(page, n) {
				t.Errorf("%s shows %s", name, n)
			}
		}
	}
}

func TestBanners(t *testing.T) {
	s, reports := sample(t, 25)
	for _, c := range []struct{ demo, open bool }{{true, false}, {false, true}, {false, false}, {true, true}} {
		s.Demo, s.NotPrivate = c.demo, c.open
		for name, page := range pages(built(t, s, reports)) {
			l, _ := catalogue(map[bool]string{true: "es", false: "en"}[strings.HasPrefix(name, "es/")])
			page = html.UnescapeString(page)
			if strings.Contains(page, l.must("banner.demo")) != c.demo || strings.Contains(page, l.must("banner.not_private")) != c.open {
				t.Errorf("%s with demo %v and not private %v has the wrong banners", name, c.demo, c.open)
			}
		}
	}
}

// The downloads of a demonstration say so in every file of figures.
func TestDownloadsAreMarked(t *testing.T) {
	s := Site{Demo: true, NotPrivate: true, Measures: []MeasureText{{ID: "placement-stability", Definition: 1, Population: "minors"}}}
	reports, err := open(s)
	if err != nil {
		t.Fatal(err)
	}
	if j := string(reports["placement-stability"].json); !strings.Contains(j, Mark) || !strings.Contains(j, "not private") {
		t.Errorf("the JSON does not say it: %s", j)
	}
}

func TestUnreleasedFiguresAreRefused(t *testing.T) {
	s := Site{Measures: []MeasureText{{ID: "m"}}, Reports: []privacy.Report{{Measure: "m", Figures: make([]privacy.Figure, 1)}}}
	if _, err := open(s); problem.ExitCode(err) != problem.Refused {
		t.Errorf("a figure from nowhere gives %v", err)
	}
}

func TestWrongInputIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Site)
		exit int
	}{
		{"unknown language", func(s *Site) { s.Languages = []string{"en", "tlh"} }, problem.Usage},
		{"no language", func(s *Site) { s.Languages = nil }, problem.Usage},
		{"language twice", func(s *Site) { s.Languages = []string{"en", "en"} }, problem.Usage},
		{"no head", func(s *Site) { s.Head = nil }, problem.Failed},
		{"path out of the site", func(s *Site) { s.Files = []File{{Path: "releases/../../x"}} }, problem.Failed},
		{"path over a page", func(s *Site) { s.Files = []File{{Path: "index.html"}} }, problem.Failed},
		{"two records under one path", func(s *Site) { s.Files = []File{{Path: "releases/a"}, {Path: "releases/a"}} }, problem.Failed},
	} {
		s, reports := sample(t, 1)
		c.do(&s)
		if _, err := build(s, reports); err == nil || problem.ExitCode(err) != c.exit {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Names from outside cannot break out of the page.
func TestNamesAreEscaped(t *testing.T) {
	s, reports := sample(t, 1)
	s.Name, s.KeyFingerprint = `<script>alert(1)</script>`, `"><b>`
	s.Head = []byte("</code></pre><script>x</script>")
	r := reports["placement-stability"]
	for i := range r.figures {
		r.figures[i].items = []string{"<img src=x>"}
		r.figures[i].note = "<i>note</i>"
	}
	for name, page := range pages(built(t, s, reports)) {
		if strings.Contains(page, "<script") || strings.Contains(page, "<img") || strings.Contains(page, "<i>") || strings.Contains(page, "<b>") {
			t.Errorf("%s lets markup through", name)
		}
	}
}

// The answer card takes the year, else the quarter, else the span; it never invents one.
func TestCurrent(t *testing.T) {
	f := func(p string, null bool) figure { return figure{period: period(t, p), null: null} }
	for _, c := range []struct {
		name string
		have []figure
		want string
	}{
		{"a year beats a newer quarter", []figure{f("2031Q2", false), f("2030", false)}, "2030"},
		{"the newest year", []figure{f("2030", false), f("2029", false)}, "2030"},
		{"a quarter with a value beats a year without", []figure{f("2031Q2", false), f("2030", true)}, "2031Q2"},
		{"all null: the newest year", []figure{f("2031Q2", true), f("2030", true)}, "2030"},
		{"nothing", nil, ""},
	} {
		got, ok := current(c.have)
		if (c.want != "") != ok || ok && got.period.String() != c.want {
			t.Errorf("%s: %v, want %s", c.name, got.period, c.want)
		}
	}
}

func TestCataloguesAgree(t *testing.T) {
	en, err := catalogue("en")
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`\{[a-z]+\}`)
	for _, code := range Known() {
		l, err := catalogue(code)
		if err != nil {
			t.Fatal(err)
		}
		for key, text := range en.strings {
			other, ok := l.strings[key]
			if !ok {
				t.Errorf("%s has no %s", code, key)
				continue
			}
			a, b := place.FindAllString(text, -1), place.FindAllString(other, -1)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
				t.Errorf("%s: %s has the places %v, English has %v", code, key, b, a)
			}
		}
		for key := range l.strings {
			if _, ok := en.strings[key]; !ok {
				t.Errorf("%s has %s, which English has not", code, key)
			}
		}
		if (l.strings["language.notice"] == "") != (code == "en") {
			t.Errorf("%s: a translation that nobody reviewed must say so", code)
		}
	}
}

// A remark is translated where the catalogue knows it, and stays where not.
func TestRemarks(t *testing.T) {
	for _, c := range []struct{ lang, remark, want string }{
		{"en", "", ""}, {"es", "", ""}, {"en", "anything", "anything"}, {"es", "fewer than half were reached", "se llegó a menos de la mitad"},
		{"en", "fewer than half were reached", "fewer than half were reached"},
	} {
		l, _ := catalogue(c.lang)
		if got := l.note(c.remark); got != c.want {
			t.Errorf("%s: %q becomes %q, want %q", c.lang, c.remark, got, c.want)
		}
	}
}

// The codes of the dictionary that pages break down by have names.
func TestCatalogueNamesTheDictionary(t *testing.T) {
	en, _ := catalogue("en")
	d := models.Dictionary()
	for _, column := range []string{"persons.gender", "persons.race_ethnicity", "engagements.channel", "placements.placement_type", "persons.home_area", "persons.recruited_by",
		"persons.recruited_at", "persons.exploitation", "engagements.setting", "services.service_type", "services.program", "placements.exit_reason", "labor_intakes.industry",
		"arrests.party_role", "arrests.offense", "prosecutions.charge", "trainings.audience", "outreach_events.event_type", "pledges.language", "ad_snapshots.area", "resources.resource_type"} {
		values := d.Values(column)
		if len(values) == 0 {
			t.Errorf("the dictionary has no %s", column)
		}
		for _, v := range append(values, d.List("agency_kind")...) {
			_, name, _ := strings.Cut(column, ".")
			if !en.has("value."+v) && !en.has("value."+name+"."+v) {
				t.Errorf("no name for %s", v)
			}
		}
	}
}

func TestNumbersOfEachLanguage(t *testing.T) {
	for _, c := range []struct {
		lang, unit string
		v          float64
		want       string
	}{
		{"en", "share", 0.71234, "71.2%"}, {"es", "share", 0.71234, "71.2\u00a0%"}, {"en", "persons", 12345, "12,345"}, {"en", "change", 0.126, "+12.6%"},
		{"en", "change", -0.126, "−12.6%"}, {"en", "change", -0.00001, "0.0%"}, {"en", "points", -0.3, "−0.30"}, {"en", "hours", 2.25, "2.3"},
	} {
		l, _ := catalogue(c.lang)
		if got := l.number(c.unit, c.v); got != c.want {
			t.Errorf("%s %s %v is %q, want %q", c.lang, c.unit, c.v, got, c.want)
		}
	}
}

// A scale holds every interval, and its ticks are round.
func TestScaleHoldsEverything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all []figure
		for range rapid.IntRange(1, 6).Draw(rt, "n") {
			v := rapid.Float64Range(-1000, 1e6).Draw(rt, "v")
			h := rapid.Float64Range(0, 1000).Draw(rt, "half")
			all = append(all, figure{value: v, low: v - h, high: v + h, unit: "hours"})
		}
		s := scaleOf(all)
		for _, f := range all {
			for _, v := range []float64{f.low, f.value, f.high} {
				if at := s.at(v); at < -1e-6 || at > 1+1e-6 {
					rt.Fatalf("%v stands at %v on %v", v, at, s)
				}
			}
		}
		if n := len(s.ticks); n < 2 || n > 8 {
			rt.Fatalf("%d ticks", n)
		}
	})
}
