package site

import (
	"embed"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/reports/render"
)

//go:embed strings/*.yaml
var catalogues embed.FS

// lang is one language: its texts and how it writes numbers.
type lang struct {
	Code     string
	Tag      string // for the lang attribute
	percent  string
	strings  map[string]string
	fallback map[string]string // English; empty for English itself
	printer  *message.Printer
}

// Known are the languages that have a catalogue.
func Known() []string { return []string{"en", "es"} }

var loaded = sync.OnceValues(func() (map[string]*lang, error) {
	all := map[string]*lang{}
	for _, code := range Known() {
		b, err := catalogues.ReadFile("strings/" + code + ".yaml")
		if err != nil {
			return nil, err
		}
		l := &lang{Code: code, Tag: code, percent: "%", strings: map[string]string{}}
		if err := yaml.UnmarshalWithOptions(b, &l.strings, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("strings/%s.yaml: %w", code, err)
		}
		region := language.MustParse(code + "-US")
		if code == "es" {
			l.percent = "\u00a0%"
		}
		l.printer = message.NewPrinter(region)
		if code != "en" {
			l.fallback = all["en"].strings
		}
		all[code] = l
	}
	return all, nil
})

func catalogue(code string) (*lang, error) {
	all, err := loaded()
	if err != nil {
		return nil, err
	}
	if l, ok := all[code]; ok {
		return l, nil
	}
	return nil, problem.New(problem.Usage, "site.languages", "one of the languages has no texts", "choose from "+strings.Join(Known(), ", "))
}

// text is a piece of prose and, where it is not in the page's language, the language that it is in.
type text struct{ Text, Lang string }

// has reports whether the catalogue knows a key.
func (l *lang) has(key string) bool { _, ok := l.strings[key]; return ok || l.fallback[key] != "" }

// t is the text of a key with its {places} filled in. A missing key is a bug that the tests of the catalogues find.
func (l *lang) t(key string, pairs ...any) (string, error) {
	s, ok := l.strings[key]
	if !ok {
		return "", fmt.Errorf("site: strings/%s.yaml has no %q", l.Code, key)
	}
	return fill(s, pairs...), nil
}

func fill(s string, pairs ...any) string {
	var with []string
	for i := 0; i+1 < len(pairs); i += 2 {
		with = append(with, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return strings.TrimSpace(strings.NewReplacer(with...).Replace(s))
}

// must is t for keys that Go names; the tests render every page in every language.
func (l *lang) must(key string, pairs ...any) string {
	s, err := l.t(key, pairs...)
	if err != nil {
		panic(err)
	}
	return s
}

// own is the page's own text for a key, or the English one given, marked as English.
func (l *lang) own(key, english string) text {
	if s, ok := l.strings[key]; ok {
		return text{Text: fill(s)}
	}
	if l.Code == "en" {
		return text{Text: english}
	}
	return text{Text: english, Lang: "en"}
}

// key finds the key of an entry of a closed list ("objective.1", "objective.2", ...) by its English text.
func (l *lang) key(list, english string) string {
	all := l.fallback
	if l.Code == "en" {
		all = l.strings
	}
	for n := 1; ; n++ {
		key := fmt.Sprintf("%s.%d", list, n)
		if s, ok := all[key]; !ok || s == english {
			return key
		}
	}
}

// label names a value of a dimension, a statistic or a dimension in words.
func (l *lang) label(kind, name string) text {
	words := strings.ReplaceAll(name, "_", " ")
	if words != "" {
		words = upper(words)
	}
	return l.own(kind+"."+name, words)
}

// number writes a value with the digits that its unit gets: 71.2% for a share of 0.7123.
func (l *lang) number(unit string, v float64) string {
	d := render.Decimals(unit)
	s := l.decimal(render.Rounded(unit, v), d)
	if unit == "change" && render.Rounded(unit, v) > 0 {
		s = "+" + s
	}
	if render.Percent(unit) {
		s += l.percent
	}
	return s
}

func (l *lang) decimal(v float64, digits int) string {
	s := l.printer.Sprint(number.Decimal(v, number.MinFractionDigits(digits), number.MaxFractionDigits(digits)))
	return strings.Replace(s, "-", "−", 1)
}

// inHundred writes a share as so many in 100: whole, unless the interval is narrower than a point each way.
func (l *lang) inHundred(f figure, v float64) string {
	digits := 0
	if f.high-f.low < 0.02 {
		digits = 1
	}
	scale := math.Pow10(digits)
	return l.decimal(math.Round(v*100*scale)/scale+0, digits)
}

// period names a period: 2026 Q2, 2026, 2021–2025.
func (l *lang) period(p models.Period) string {
	switch s := p.String(); p.Level() {
	case models.LevelQuarter:
		return l.must("period.quarter", "year", s[:4], "quarter", s[5:])
	case models.LevelSpan:
		return strings.Replace(s, "-", "–", 1)
	default:
		return s
	}
}

// date writes a day in words.
func (l *lang) date(d models.Date) string {
	t := d.Time()
	return l.must("date", "day", t.Day(), "month", l.must(fmt.Sprintf("month.%d", int(t.Month()))), "year", t.Year())
}

// interval is "64.0% to 78.1%", or the reason why there is no figure.
func (l *lang) interval(f figure) string {
	switch {
	case f.null:
		return l.reason(f)
	case f.exact():
		return l.must("interval.exact")
	}
	return l.must("interval.range", "low", l.number(f.unit, f.low), "high", l.number(f.unit, f.high))
}

// reason says why there is no figure.
func (l *lang) reason(f figure) string {
	if f.note == "" {
		return l.must("note.none")
	}
	return l.note(f.note)
}

// notes are the keys of the remarks that privacy puts beside a figure; the English text of each is the remark itself.
var notes = []string{"note.swamps", "note.empty", "note.half", "note.definitions"}

// note is a remark in the page's language; one that the catalogues do not know stays as it is.
func (l *lang) note(remark string) string {
	if remark == "" {
		return ""
	}
	for _, key := range notes {
		if l.strings[key] == remark || l.fallback[key] == remark {
			return l.strings[key]
		}
	}
	return remark
}

// value is the figure or a dash.
func (l *lang) value(f figure) string {
	if f.null {
		return "–"
	}
	return l.number(f.unit, f.value)
}
