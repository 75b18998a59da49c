package intake

import (
	"encoding/csv"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"heatwatch/etl/leak"
	"heatwatch/models"
)

// The oracle judges a file in the plainest way there is: cut at line ends, one encoding/csv reader per line, one value
// after the other, strings throughout. It shares with the checker only the dictionary, its rules and its reader of instants.

var opaqueKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

type plainVerdict struct {
	accepted []string // line and cells
	reasons  []string // line, column, code
	blank    int
}

func oracle(data string, e models.Entity, limit int, created int64) plainVerdict {
	lines := plainLines(strings.TrimPrefix(data, "\ufeff"))
	header, _ := csv.NewReader(strings.NewReader(lines[0])).Read()
	var v plainVerdict
	for i, line := range lines[1:] {
		if line == "" {
			v.blank++
			continue
		}
		record, err := csv.NewReader(strings.NewReader(line)).Read()
		v.line(i+2, line, record, err, header, e, limit, created)
	}
	return v
}

// line judges one line that was read as one record, or not.
func (v *plainVerdict) line(number int, line string, record []string, err error, header []string, e models.Entity, limit int, created int64) {
	n := strconv.Itoa(number)
	fail := func(column, code string) { v.reasons = append(v.reasons, n+" "+column+" "+code) }
	switch {
	case len(line) > limit:
		fail("", "line_too_long")
	case !utf8.ValidString(line) || strings.Contains(line, "\x00"):
		fail("", "bad_encoding")
	case err != nil:
		fail("", "unclosed_quote")
	case len(record) != len(header):
		fail("", "wrong_field_count")
	case slices.Equal(record, header):
		fail("", "repeated_header")
	default:
		before := len(v.reasons)
		cells := plainRow(e, header, record, created, fail)
		if len(v.reasons) == before {
			v.accepted = append(v.accepted, n+" "+strings.Join(cells, "\x1f"))
		}
	}
}

func (v plainVerdict) all() []string {
	return slices.Concat(v.accepted, v.reasons, []string{fmt.Sprint(v.blank, " blank")})
}

func plainLines(s string) []string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(s, "\n")
	if lines[len(lines)-1] == "" && len(lines) > 1 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func plainRow(e models.Entity, header, record []string, created int64, fail func(column, code string)) (cells []string) {
	values, broken := map[string]models.Value{}, map[string]bool{}
	for k, text := range record {
		c, _ := e.Column(header[k])
		value, code := plainCell(c, text)
		switch { // package leak has tests of its own
		case code == "" && c.Type == models.TypeKey && text != "" && leak.Opaque([]byte(text)) != leak.None:
			value, code = models.Value{}, "leak"
		case code == "bad_key" && leak.Opaque([]byte(text)) != leak.None:
			code = "leak"
		case strings.HasPrefix(code, "bad_") || code == "unknown_code":
			if leak.Misplaced([]byte(text)) != leak.None {
				code = "leak"
			}
		}
		if code != "" {
			fail(c.Name, code)
			broken[c.Name] = true
		}
		values[c.Name] = value
		if text != "" {
			cells = append(cells, fmt.Sprintf("%s=%s", c.Name, text))
		}
	}
	for _, check := range e.Checks() {
		args := []models.Value{}
		for _, name := range check.Columns {
			args = append(args, values[name])
		}
		if !slices.ContainsFunc(check.Columns, func(n string) bool { return broken[n] }) && check.Fails(args) {
			fail(check.Columns[len(check.Columns)-1], check.Name)
		}
	}
	if s := values[e.Start]; s.OK && s.V > created {
		fail(e.Start, "future")
	}
	return cells
}

func plainCell(c models.Column, text string) (models.Value, string) {
	fine := func(n int64) (models.Value, string) { return models.Value{V: n, OK: true}, "" }
	switch {
	case text == "" && c.Required:
		return models.Value{}, "missing_value"
	case text == "":
		return models.Value{}, ""
	}
	switch c.Type {
	case models.TypeKey:
		if opaqueKey.MatchString(text) {
			return fine(0)
		}
		return models.Value{}, "bad_key"
	case models.TypeCode, models.TypeFlag:
		if i := slices.Index(c.Values, text); i >= 0 {
			return fine(int64(i))
		}
		if c.Type == models.TypeFlag {
			return models.Value{}, "bad_flag"
		}
		return models.Value{}, "unknown_code"
	case models.TypeDate:
		if d, err := time.Parse(time.DateOnly, text); err == nil && d.Year() > 0 {
			if d.Year() < 1900 {
				return models.Value{}, "out_of_range"
			}
			return fine(d.Unix() / 86400)
		}
		return models.Value{}, "bad_date"
	case models.TypeDateTime:
		if m, ok := models.ParseDateTime(text); ok { // package time knows neither leap seconds nor instants without seconds
			if y := time.UnixMicro(m).UTC().Year(); y < 1900 {
				return models.Value{}, "out_of_range"
			}
			return fine(m)
		}
		return models.Value{}, "bad_datetime"
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '+' || len(strings.TrimPrefix(text, "-")) > 18 {
		return models.Value{}, "bad_int"
	}
	if n < c.Min || n > c.Max {
		return models.Value{}, "out_of_range"
	}
	return fine(n)
}

// mixed has a column of every type but token.
func mixed(t testing.TB) models.Entity {
	e := entity(t, "services")
	e.Columns = append(slices.Clone(e.Columns), models.Column{Name: "seen_on", Type: models.TypeDate}, models.Column{Name: "units", Type: models.TypeInt, Min: -5, Max: 1000})
	return e
}

// drawCell draws a cell that is mostly good, often quoted, and sometimes one of the things that go wrong.
func drawCell(c models.Column) *rapid.Generator[string] {
	odd := []string{"", "", "\"", "a\"b", "\"a\"b", "\"\"", "\"\"\"\"", "é", "\xff", "\x00", " ", "-", "--1", "+1", "007", "1e3", "99999999999999999999", "Yes", "yes ", "x,y",
		"service_id", "2026-02-30", "2026-13-01", "0000-01-01", "0001-01-01", "9999-12-31", "1899-12-31", "1900-01-01", "2199-12-31", "2200-01-01", "0001-01-01T00:00Z", "9999-12-31T23:59Z", "1899-12-31T23:00-08:00", "2199-12-31T23:59:59-00:01", "2026-1-1", "2026-01-01", "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "2026-01-01T00:00", "2026-01-01T24:00Z", "2026-01-01T00:60Z", "2026-01-01T00:00:60Z",
		"2026-01-01T00:00:00.5Z", "2026-01-01T00:00+25:00", "2026-01-01T00:00:00-08:0", "2026-01-01T00:00:00Zx", strings.Repeat("k", 64), strings.Repeat("k", 65), strings.Repeat("l", 300)}
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 39).Draw(t, "odd") == 0 {
			return rapid.SampledFrom(odd).Draw(t, "what")
		}
		var v string
		switch c.Type {
		case models.TypeKey:
			v = rapid.StringMatching(`[A-Za-z0-9_-]{1,24}`).Draw(t, "key")
		case models.TypeCode, models.TypeFlag:
			v = rapid.SampledFrom(c.Values).Draw(t, "code")
		case models.TypeDate:
			v = time.Unix(rapid.Int64Range(-9e8, 4e9).Draw(t, "day"), 0).UTC().Format(time.DateOnly)
		case models.TypeDateTime:
			zone := time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(t, "zone"))
			layout := rapid.SampledFrom([]string{time.RFC3339, "2006-01-02T15:04Z07:00"}).Draw(t, "layout")
			v = time.Unix(rapid.Int64Range(1.7e9, 1.8e9).Draw(t, "instant"), 0).In(zone).Format(layout)
		default:
			v = strconv.FormatInt(rapid.Int64Range(-6, 1001).Draw(t, "int"), 10)
		}
		if !c.Required && rapid.IntRange(0, 3).Draw(t, "empty") == 0 {
			v = ""
		}
		if rapid.IntRange(0, 3).Draw(t, "quoted") == 0 {
			v = `"` + v + `"`
		}
		return v
	})
}

func drawFile(t *rapid.T, e models.Entity) string {
	columns := rapid.Permutation(e.Columns).Draw(t, "order")
	columns = slices.DeleteFunc(slices.Clone(columns), func(c models.Column) bool { return !c.Required && rapid.IntRange(0, 2).Draw(t, "drop") == 0 })
	end := rapid.SampledFrom([]string{"\n", "\r\n", "\r", "\n", "mixed"}).Draw(t, "end")
	var b strings.Builder
	line := func(s string) {
		e := end
		if end == "mixed" {
			e = rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "this end")
		}
		b.WriteString(s + e)
	}
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	line(strings.Join(names, ","))
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		var cells []string
		for _, c := range columns {
			cells = append(cells, drawCell(c).Draw(t, c.Name))
		}
		switch rapid.IntRange(0, 30).Draw(t, "fate") {
		case 0:
			line("")
		case 1:
			line(strings.Join(cells[1:], ","))
		case 2:
			line(strings.Repeat(strings.Join(cells, ","), 12))
		case 3:
			line(strings.Join(names, ","))
		default:
			line(strings.Join(cells, ","))
		}
	}
	s := b.String()
	if rapid.Bool().Draw(t, "cut") {
		s = strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
	}
	return s
}

// Small blocks and a small line limit bring every line near a block's end.
func TestSameAsOracle(t *testing.T) {
	e := mixed(t)
	created := at(t, "2027-01-01T00:00:00Z")
	rapid.Check(t, func(r *rapid.T) {
		text := drawFile(r, e)
		limit := rapid.IntRange(400, 900).Draw(r, "limit")
		o := Options{Created: created, Workers: rapid.IntRange(1, 3).Draw(r, "workers"), Limits: Limits{Line: limit}, block: 2*limit + rapid.IntRange(2, 50).Draw(r, "block")}
		compare(r, e, text, o)
	})
}

func compare(t tester, e models.Entity, text string, o Options) {
	t.Helper()
	got := checkText(t, e, text, o)
	if got.Refused {
		t.Fatalf("refused: %v", got.Reasons)
	}
	exp := oracle(text, e, o.filled().Limits.Line, o.Created.UnixMicro())
	whole := wholeFile(text, e, o.filled().Limits.Line, o.Created.UnixMicro())
	want(t, fmt.Sprintf("what encoding/csv reads in one go of %q", text), strings.Join(whole.all(), "\n"), strings.Join(exp.all(), "\n"))
	var reasons []string
	for _, r := range got.rejects { // "line@offset column code (class)"
		line, rest, _ := strings.Cut(r, "@")
		_, rest, _ = strings.Cut(rest, " ")
		what, _, _ := strings.Cut(rest, " (")
		reasons = append(reasons, line+" "+what)
	}
	sort.Strings(reasons)
	sort.Strings(exp.reasons)
	want(t, fmt.Sprintf("reasons of %q", text), strings.Join(reasons, "\n"), strings.Join(exp.reasons, "\n"))
	var lines, plain []string
	for _, r := range got.rows {
		lines = append(lines, r[strings.LastIndex(r, " line=")+6:])
	}
	for _, r := range exp.accepted {
		n, _, _ := strings.Cut(r, " ")
		plain = append(plain, n)
	}
	want(t, fmt.Sprintf("accepted lines of %q", text), strings.Join(lines, " "), strings.Join(plain, " "))
	if int(got.Blank) != exp.blank {
		t.Errorf("%d blank, want %d", got.Blank, exp.blank)
	}
	compareCells(t, e, got.rows, exp.accepted)
}

// compareCells compares what landed with the texts that the oracle accepted, value by value.
func compareCells(t tester, e models.Entity, rows, accepted []string) {
	t.Helper()
	for i := range min(len(rows), len(accepted)) {
		landed := map[string]string{}
		for _, cell := range strings.Fields(rows[i]) {
			k, v, _ := strings.Cut(cell, "=")
			landed[k] = v
		}
		delete(landed, "line")
		_, cells, _ := strings.Cut(accepted[i], " ")
		for _, cell := range strings.FieldsFunc(cells, func(r rune) bool { return r == '\x1f' }) {
			k, text, _ := strings.Cut(cell, "=")
			c, _ := e.Column(k)
			v, _ := plainCell(c, text)
			exp := strconv.FormatInt(v.V, 10)
			if c.Type == models.TypeKey {
				exp = text
			}
			if landed[k] != exp {
				t.Errorf("row %d: %s landed as %q, want %q", i, k, landed[k], exp)
			}
			if c.Type == models.TypeDateTime {
				day := strconv.FormatInt(floorDiv(v.V, 86400_000_000), 10)
				if landed[k+"_on"] != day {
					t.Errorf("row %d: %s_on landed as %q, want %q", i, k, landed[k+"_on"], day)
				}
				delete(landed, k+"_on")
			}
			delete(landed, k)
		}
		if len(landed) > 0 {
			t.Errorf("row %d: cells from nowhere: %v", i, landed)
		}
	}
}

// The quick readers of dates and instants are shortcuts of the dictionary's own: never another answer, never another end.
func TestQuickDates(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(drawCell(models.Column{Type: models.TypeDate}), drawCell(models.Column{Type: models.TypeDateTime}),
			rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-6][0-9](:[0-6][0-9])?(Z|[+-][0-2][0-9]:[0-6][0-9]))?`),
			rapid.StringMatching(`[ -~]{0,26}`)).Draw(r, "text")
		text = strings.Trim(text, `"`)
		b := []byte(text + "," + strings.Repeat("\n", padding))
		if d, ok := quickDate(b, 0); ok {
			m, fine := models.ParseDate(text[:10])
			if !fine || int32(m) != d {
				r.Errorf("%q: quick %d, models %d %v", text, d, m, fine)
			}
		} else if m, fine := models.ParseDate(text); fine {
			r.Errorf("%q: quick refuses, models says %d", text, m)
		}
		q, end, ok := quickInstant(b, 0)
		m, fine := models.ParseDateTime(text)
		if accepted := ok && end == len(text); accepted != fine || accepted && q != m {
			r.Errorf("%q: quick %d %v to %d, models %d %v", text, q, ok, end, m, fine)
		}
	})
}

func TestCodeTables(t *testing.T) {
	hard := []string{"aaaaaaaaX-middle-one-aaaaaaaa", "aaaaaaaaX-middle-two-aaaaaaaa", "a", "b", ""} // no hash of ends tells the first two apart
	lists := [][]string{hard[:4]}
	for _, e := range models.Dictionary().Entities {
		for _, c := range e.Columns {
			if len(c.Values) > 0 {
				lists = append(lists, c.Values)
			}
		}
	}
	for _, values := range lists {
		table := newCodeTable(values)
		for i, v := range values {
			for text, exp := range map[string]int{v: i, v + "x": -1, v[:len(v)-1]: slices.Index(values, v[:len(v)-1])} {
				b := []byte("::" + text + "," + strings.Repeat("\n", padding))
				if got := table.find(b, 2, 2+len(text)); got != exp {
					t.Errorf("%v: %q is %d, want %d", values, text, got, exp)
				}
			}
		}
	}
}

// Lines around the size of a block, where a CR may be the last byte of one block and its LF the first of the next.
func TestLinesAroundABlock(t *testing.T) {
	e := entity(t, "services")
	row := "s1,p1,legal,no,2026-07-03T22:00Z,,"
	for n := 170; n <= 280; n++ {
		for _, end := range []string{"\n", "\r\n", "\r"} {
			text := strings.TrimSpace(serviceHeader) + end + row + end + strings.Repeat("x", n) + end + end + row + end
			compare(t, e, text, Options{Created: at(t, "2027-01-01T00:00:00Z"), Workers: 1, Limits: Limits{Line: 100}, block: 202})
		}
	}
}
