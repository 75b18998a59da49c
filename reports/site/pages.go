package site

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"path"
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/render"
)

//go:embed templates/*.html templates/style.css
var templates embed.FS

// exitURL is where the exit link leads: the only address outside the site, and nothing is loaded from it.
const exitURL = "https://www.weather.gov/"

// builder makes the pages of one language.
type builder struct {
	site    Site
	reports map[string]report
	lang    *lang
	langs   []*lang
	dir     string // "" or "es/"
}

// page is what every template gets.
type page struct {
	Site
	Lang    *lang
	Path    string // below the language's folder
	Root    string // "" or "../": from the page to the root of the site
	Home    string // from the page to the language's folder
	Title   string
	CSS     template.CSS
	Policy  template.HTMLAttr
	Exit    string
	Others  []otherLang
	Data    any
	Updated string
}

type otherLang struct{ Tag, Name, Href string }

// Here is the mark of the current page in the navigation.
func (p page) Here(name string) bool { return p.Path == name }

// pages renders all pages of the language into files.
func (b builder) pages(files map[string][]byte) error {
	type job struct {
		path, template, title string
		data                  any
	}
	jobs := []job{
		{"index.html", "index", b.lang.must("index.title"), b.index()},
		{"programme.html", "programme", b.lang.must("programme.title"), b.programme()},
		{"privacy.html", "privacy", b.lang.must("privacy.title"), b.privacy()},
		{"downloads.html", "downloads", b.lang.must("downloads.title"), b.measures()},
		{"verify.html", "verify", b.lang.must("verify.title"), nil},
		{"help.html", "help", b.lang.must("help.title"), nil},
	}
	for _, m := range b.site.Measures {
		v := b.measure(m)
		jobs = append(jobs, job{"measures/" + m.ID + ".html", "measure", v.Question.Text, v})
	}
	css, policy, err := stylesheet()
	if err != nil {
		return err
	}
	for _, j := range jobs {
		t, err := b.template(j.template)
		if err != nil {
			return err
		}
		p := page{Site: b.site, Lang: b.lang, Path: j.path, Home: strings.Repeat("../", strings.Count(j.path, "/")), Title: j.title,
			CSS: css, Policy: policy, Exit: exitURL, Data: j.data}
		p.Root = strings.Repeat("../", strings.Count(b.dir+j.path, "/"))
		if b.site.Updated != 0 {
			p.Updated = b.lang.date(b.site.Updated)
		}
		for _, l := range b.langs {
			if l != b.lang {
				p.Others = append(p.Others, otherLang{l.Tag, l.must("language.name"), p.Root + b.folderOf(l) + j.path})
			}
		}
		var out bytes.Buffer
		if err := t.ExecuteTemplate(&out, "page", p); err != nil {
			return err
		}
		files[b.dir+j.path] = out.Bytes()
	}
	return nil
}

func (b builder) folderOf(l *lang) string {
	if l == b.langs[0] {
		return ""
	}
	return l.Code + "/"
}

func (b builder) template(name string) (*template.Template, error) {
	return template.New(name).Funcs(template.FuncMap{
		"t":     b.lang.t,
		"list":  func(key string) []string { return strings.Split(b.lang.must(key), "\n") },
		"odds":  render.Odds,
		"sig":   render.Significant,
		"delta": render.Delta,
	}).ParseFS(templates, "templates/page.html", "templates/chart.html", "templates/"+name+".html")
}

// stylesheet is the one style sheet and the policy that allows it and nothing else.
func stylesheet() (template.CSS, template.HTMLAttr, error) {
	css, err := templates.ReadFile("templates/style.css")
	if err != nil {
		return "", "", err
	}
	h := sha256.Sum256(css)
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(h[:]) + "'; img-src 'self'; base-uri 'none'; form-action 'none'"
	return template.CSS(css), template.HTMLAttr(`content="` + policy + `"`), nil
}

// answer is the headline figure of a measure in words.
type answer struct {
	Question text
	Big      string // 71 in 100, or a number
	Sentence text
	Interval string
	Period   string
	Missing  string // why there is none
	Grouped  bool   // there is none for all: figures stand by group only
	Cannot   []string
}

func (b builder) answer(m MeasureText, r report) answer {
	l := b.lang
	a := answer{Question: l.own("q."+m.ID, m.Title)}
	if l.has("cannot." + m.ID) {
		a.Cannot = strings.Split(l.must("cannot."+m.ID), "\n")
	}
	name := headline(m, r)
	f, ok := current(only(r.figures, name, ""))
	switch {
	case !ok && len(r.figures) > 0:
		a.Missing, a.Grouped = l.must("answer.grouped"), true
		return a
	case !ok:
		a.Missing = l.must("index.none")
		return a
	case f.null:
		a.Missing = l.must("card.none", "reason", l.reason(f))
		a.Period = l.must("card.period", "period", l.period(f.period))
		return a
	}
	a.Period = l.must("card.period", "period", l.period(f.period))
	label := b.statistic(m, name)
	switch {
	case f.unit == "share":
		n := l.inHundred(f, f.value)
		a.Big = l.must("answer.share", "value", n)
		a.Sentence = text{Text: l.must("answer.sentence_share", "label", label.Text, "value", n), Lang: label.Lang}
		if l.has("a." + m.ID) {
			a.Sentence = text{Text: l.must("a."+m.ID, "value", n)}
		}
		a.Interval = l.must("answer.interval_share", "low", l.inHundred(f, f.low), "high", l.inHundred(f, f.high))
	default:
		a.Big = l.value(f)
		a.Sentence = text{Text: l.must("answer.sentence_other", "label", label.Text, "value", l.value(f)), Lang: label.Lang}
		a.Interval = l.must("answer.interval_other", "low", l.number(f.unit, f.low), "high", l.number(f.unit, f.high))
	}
	if f.exact() {
		a.Interval = l.must("answer.exact")
	}
	return a
}

// statistic names a statistic: the catalogue's words for this measure, else for any, else the declaration's, else its name.
func (b builder) statistic(m MeasureText, name string) text {
	for _, key := range []string{"statistic." + m.ID + "." + name, "statistic." + name} {
		if t, ok := b.lang.strings[key]; ok {
			return text{Text: t}
		}
	}
	for _, s := range m.Statistics {
		if s.Name == name && s.Says != "" {
			return b.lang.own("statistic."+name, upper(s.Says))
		}
	}
	return b.lang.label("statistic", name)
}

type card struct {
	answer
	ID, Href string
	Chart    *chart
}

func (b builder) index() []card {
	var cards []card
	for _, m := range b.site.Measures {
		r := b.reports[m.ID]
		c := card{answer: b.answer(m, r), ID: m.ID, Href: "measures/" + m.ID + ".html"}
		name := headline(m, r)
		if all := b.drawn(only(r.figures, name, "")); len(all) > 0 {
			ch := b.lang.series(m.ID, b.lang.must("measure.chart_over_time", "statistic", b.statistic(m, name).Text,
				"level", b.lang.must("level."+all[0].period.Level())), all)
			c.Chart = &ch
		}
		cards = append(cards, c)
	}
	return cards
}

// drawn is the series that a chart shows: the finest level at which the plan publishes something.
func (b builder) drawn(totals []figure) []figure {
	for _, level := range []string{models.LevelQuarter, models.LevelYear, models.LevelSpan} {
		all := inTime(ofLevel(totals, level))
		if slices.ContainsFunc(all, func(f figure) bool { return !f.null }) {
			return all
		}
	}
	return nil
}

type link struct{ ID, Text, Lang string }

func (b builder) measures() []link {
	var all []link
	for _, m := range b.site.Measures {
		q := b.lang.own("q."+m.ID, m.Title)
		all = append(all, link{m.ID, q.Text, q.Lang})
	}
	return all
}

type statementRow struct {
	privacy.Statement
	Population, What text
}

type privacyView struct {
	Rows  []statementRow
	Worst []worst
}

type worst struct {
	Population text
	N          int
}

// privacy collects what each release cost, once for each population and entry.
func (b builder) privacy() privacyView {
	type id struct {
		population string
		entry      int
	}
	seen := map[id]bool{}
	mu := map[string]float64{}
	var order []string
	var v privacyView
	for _, m := range b.site.Measures {
		for _, s := range b.reports[m.ID].privacy {
			population := cmp.Or(s.Population, m.Population)
			if !slices.Contains(order, population) {
				order = append(order, population)
			}
			mu[population] = max(mu[population], s.MuLifetime)
			if k := (id{population, s.Entry}); !seen[k] {
				seen[k] = true
				v.Rows = append(v.Rows, statementRow{s, b.lang.label("population", population), b.unit(s.Unit)})
			}
		}
	}
	slices.SortStableFunc(v.Rows, func(a, b statementRow) int { return a.Entry - b.Entry })
	for _, p := range order {
		v.Worst = append(v.Worst, worst{b.lang.label("population", p), render.Odds(mu[p])})
	}
	return v
}

func (b builder) unit(name string) text {
	return b.lang.own("unit."+strings.ReplaceAll(name, " ", "_"), name)
}

// entry is a ledger entry with a link to its public record, if the site holds one.
type entry struct {
	N    int
	Href string
}

func (b builder) entries(numbers []int, root string) []entry {
	var out []entry
	for _, n := range numbers {
		e := entry{N: n}
		for _, f := range b.site.Files {
			if f.Entry == n && strings.HasPrefix(f.Path, "releases/") {
				e.Href = root + path.Clean(f.Path)
			}
		}
		out = append(out, e)
	}
	return out
}
