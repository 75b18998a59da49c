package render

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/internal/problem"
	"heatwatch/internal/sheet"
	"heatwatch/models"
	"heatwatch/privacy"
)

func period(t testing.TB, s string) models.Period {
	t.Helper()
	p, err := models.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sample is a report as privacy would derive it: a share, a count, a rate, a change and a figure that the plan keeps back.
func sample(t testing.TB) report {
	q := period(t, "2031Q2")
	rows := []row{
		{period: period(t, "2031"), statistic: "share_within_24h", value: 0.71234567, low: 0.6404, high: 0.7811, wide: [2]float64{0.6099, 0.8005}, unit: "share", items: []string{"tes24_q", "heads_q"}, entries: []int{7, 9}},
		{period: q, statistic: "persons", value: 81, low: 70, high: 92, wide: [2]float64{60, 104}, unit: "persons", items: []string{"heads_q"}, entries: []int{4}},
		{period: q, statistic: "share_within_24h", by: "agency_kind=shelter", null: true, unit: "share", note: "too few persons for this level", items: []string{"tes24_by_agency_kind"}, entries: []int{4}},
		{period: q, statistic: "moves_per_1000_days", value: 4.4449, low: 3.02, high: 6, unsampled: "nobody knows", unit: "per_1000_days", items: []string{"plc_moves"}, entries: []int{4}},
		{period: q, statistic: "profiles_change", value: -0.0004, low: -0.1, high: 0.126, wide: [2]float64{-0.3, 0.4}, unit: "change", items: []string{"ads"}, entries: []int{4}},
	}
	for i := range rows {
		rows[i].definition = 1
		rows[i].json = json.RawMessage(`{"period":` + strconv.Quote(rows[i].period.String()) + `}`)
	}
	return report{measure: "time-to-emergency-service", definition: 1, population: "minors", rows: rows,
		privacy: []privacy.Statement{{Entry: 9, Unit: "linked person", MuRelease: 0.31, EpsilonRelease: 1.3371, MuLifetime: 0.8378,
			EpsilonLifetime: 3.9, CapEpsilon: 4, Delta: 1e-6, Mechanism: "gaussian"}}}
}

func written(t testing.TB, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func table(t testing.TB, tbl Table, o Options) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return Write(w, tbl, o) })
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name     string
		terminal bool
		want     Format
	}{{"", true, FormatTable}, {"", false, FormatCSV}, {"json", true, FormatJSON}, {"markdown", false, FormatMarkdown}, {"table", false, FormatTable}} {
		if got, err := Choose(c.name, c.terminal); err != nil || got != c.want {
			t.Errorf("Choose(%q, %v) = %q, %v; want %q", c.name, c.terminal, got, err, c.want)
		}
	}
	if _, err := Choose("xml", true); problem.ExitCode(err) != problem.Usage || !strings.Contains(err.Error(), "table, csv, json, markdown") {
		t.Errorf("an unknown form gives %v", err)
	}
}

func TestOptionsForAPipeArePlain(t *testing.T) {
	o, err := OptionsFor(&bytes.Buffer{}, "", func(string) string { return "" })
	if err != nil || o.Format != FormatCSV || o.Terminal || o.Color {
		t.Errorf("a buffer gets %+v, %v", o, err)
	}
}

// A spreadsheet must not calculate what a partner wrote.
func TestCSVNeutralisesFormulas(t *testing.T) {
	tbl := Table{Columns: Cols("=name", "count#"), Rows: [][]string{{"@SUM(A1)", "-3"}}}
	want := "'=name,count\n'@SUM(A1),-3\n"
	if got := table(t, tbl, Options{Format: FormatCSV}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCSVReadsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cell := rapid.StringMatching(`[a-z0-9 ,;"'.\n-]{0,12}`)
		n := rapid.IntRange(1, 5).Draw(rt, "columns")
		tbl := Table{}
		for i := range n {
			tbl.Columns = append(tbl.Columns, Column{Name: "c" + strconv.Itoa(i)})
		}
		for range rapid.IntRange(0, 5).Draw(rt, "rows") {
			tbl.Rows = append(tbl.Rows, rapid.SliceOfN(cell, n, n).Draw(rt, "row"))
		}
		got, err := csv.NewReader(strings.NewReader(table(t, tbl, Options{Format: FormatCSV}))).ReadAll()
		if n == 1 { // encoding/csv cannot tell an empty single cell from an empty line
			return
		}
		if err != nil || len(got) != len(tbl.Rows)+1 {
			rt.Fatalf("%d records for %d rows: %v", len(got), len(tbl.Rows), err)
		}
		for i, r := range tbl.Rows {
			for j, c := range r {
				if want := sheet.Harmless(c); got[i+1][j] != want {
					rt.Fatalf("cell %d,%d is %q, want %q", i, j, got[i+1][j], want)
				}
			}
		}
	})
}

func TestJSONKeepsColumnOrderAndTypes(t *testing.T) {
	tbl := Table{Columns: Cols("zebra", "count#", "fresh?", "apple"), Rows: [][]string{{"<a> & b", "3", "true", "012"}, {"x", "", "false", "7"}}}
	want := "{\"schema\":1,\"rows\":[\n" +
		`{"zebra":"<a> & b","count":3,"fresh":true,"apple":"012"},` + "\n" +
		`{"zebra":"x","count":null,"fresh":false,"apple":"7"}` + "\n]}\n"
	if got := table(t, tbl, Options{Format: FormatJSON}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := table(t, Table{Columns: Cols("a")}, Options{Format: FormatJSON}); got != "{\"schema\":1,\"rows\":[]}\n" {
		t.Errorf("no rows give %q", got)
	}
}

func TestMarkdownEscapes(t *testing.T) {
	got := table(t, Table{Columns: Cols("name", "n#"), Rows: [][]string{{"a|b<script>", "10"}}}, Options{Format: FormatMarkdown})
	want := "| name                | n   |\n"
	if strings.Count(strings.ReplaceAll(got, `\|`, ""), "|") != 9 || strings.Contains(got, "<") || !strings.Contains(got, "--: |") {
		t.Errorf("got\n%s(first line like %s)", got, want)
	}
}

// Lines up: every line of a boxed table is equally wide, and a plain one has no blank at an end of line.
func TestTableLinesUp(t *testing.T) {
	tbl := Table{Columns: Cols("partner", "rows#"), Rows: [][]string{{"shelter-a", "7"}, {"señal-ñandú", "123456"}, {"", ""}}}
	boxed := table(t, tbl, Options{Format: FormatTable, Terminal: true})
	var widths []int
	for l := range strings.SplitSeq(strings.TrimRight(boxed, "\n"), "\n") {
		widths = append(widths, len([]rune(l)))
	}
	if slices.Min(widths) != slices.Max(widths) || !strings.Contains(boxed, "│") {
		t.Errorf("boxed lines have widths %v:\n%s", widths, boxed)
	}
	plain := table(t, tbl, Options{Format: FormatTable})
	if strings.ContainsAny(plain, "│─┌|+\x1b") || strings.Contains(plain, " \n") {
		t.Errorf("a table that no terminal reads:\n%s", plain)
	}
	if color := table(t, tbl, Options{Format: FormatTable, Terminal: true, Color: true}); !strings.Contains(color, "\x1b[1m") {
		t.Error("a terminal with colours gets none")
	}
	if color := table(t, tbl, Options{Format: FormatTable, Color: true}); strings.Contains(color, "\x1b") {
		t.Error("colours went into a pipe")
	}
}

func TestTableFitsTheTerminal(t *testing.T) {
	long := strings.Repeat("word ", 40)
	got := table(t, Table{Columns: Cols("name", "note"), Rows: [][]string{{"a", long}}}, Options{Format: FormatTable, Terminal: true, Width: 80})
	for l := range strings.SplitSeq(got, "\n") {
		if n := len([]rune(l)); n > 80 {
			t.Fatalf("a line of %d columns on a terminal of 80:\n%s", n, got)
		}
	}
	if strings.Count(got, "word") != 40 {
		t.Errorf("words were lost:\n%s", got)
	}
}

func TestTableCannotDriveTheTerminal(t *testing.T) {
	got := table(t, Table{Columns: Cols("file"), Rows: [][]string{{"\x1b[2Jx\u202ey\u009bz"}}}, Options{Format: FormatTable})
	if strings.ContainsAny(got, "\x1b\u202e\u009b") {
		t.Errorf("control characters came through: %q", got)
	}
}

func TestWrongRowIsAnError(t *testing.T) {
	if err := Write(io.Discard, Table{Columns: Cols("a", "b"), Rows: [][]string{{"1"}}}, Options{}); err == nil {
		t.Error("a row with a cell too few was written")
	}
}

// The zero figure comes from nowhere: every form refuses it.
func TestUnreleasedFiguresAreRefused(t *testing.T) {
	r := privacy.Report{Measure: "time-to-emergency-service", Figures: make([]privacy.Figure, 1)}
	for _, f := range Formats() {
		var b bytes.Buffer
		if err := Report(&b, r, Text{}, Options{Format: f}); problem.ExitCode(err) != problem.Refused || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes written", f, err, b.Len())
		}
	}
}

func TestNothingReleasedYetIsAnEmptyList(t *testing.T) {
	r := privacy.Report{Schema: 1, Measure: "placement-stability", Definition: 1, Population: "minors"}
	got := written(t, func(w io.Writer) error { return Report(w, r, Text{}, Options{Format: FormatJSON}) })
	if want := `{"schema":1,"measure":"placement-stability","definition":1,"population":"minors","figures":[],"privacy":[]}` + "\n"; got != want {
		t.Errorf("got %s", got)
	}
	got = written(t, func(w io.Writer) error { return Report(w, r, Text{}, Options{Format: FormatCSV}) })
	if want := "measure,period,statistic,by,value,low,high,confidence,unit,items,entries,note\n"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestReportCSV(t *testing.T) {
	got := written(t, func(w io.Writer) error { return sample(t).write(w, Text{}, Options{Format: FormatCSV}) })
	want := `measure,period,statistic,by,value,low,high,confidence,unit,items,entries,note
time-to-emergency-service,2031,share_within_24h,,0.71234567,0.6404,0.7811,0.95,share,tes24_q;heads_q,7;9,
time-to-emergency-service,2031Q2,persons,,81,70,92,0.95,persons,heads_q,4,
time-to-emergency-service,2031Q2,share_within_24h,agency_kind=shelter,,,,0.95,share,tes24_by_agency_kind,4,too few persons for this level
time-to-emergency-service,2031Q2,moves_per_1000_days,,4.4449,3.02,6,0.95,per_1000_days,plc_moves,4,
time-to-emergency-service,2031Q2,profiles_change,,-0.0004,-0.1,0.126,0.95,change,ads,4,
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	marked := written(t, func(w io.Writer) error { return sample(t).write(w, Text{Mark: "demo"}, Options{Format: FormatCSV}) })
	if strings.Count(marked, "demo\n") != 5 || !strings.Contains(marked, "level; demo\n") {
		t.Errorf("the mark is missing:\n%s", marked)
	}
}

func TestReportJSONIsOneObject(t *testing.T) {
	got := written(t, func(w io.Writer) error { return sample(t).write(w, Text{Mark: `"demo"`}, Options{Format: FormatJSON}) })
	var back struct {
		Schema  int
		Notice  string
		Figures []json.RawMessage
		Privacy []privacy.Statement
	}
	if err := json.Unmarshal([]byte(got), &back); err != nil || len(back.Figures) != 5 || back.Privacy[0].Entry != 9 || back.Notice != `"demo"` {
		t.Errorf("%v: %s", err, got)
	}
}

func TestReportTable(t *testing.T) {
	text := Text{Title: "Emergency services", Denominator: "Everybody in the cohort.", Statistics: []StatisticText{{"share_within_24h", "share of persons"}, {"median_hours", "is not shown here"}}, Notices: []string{"Demonstration."}}
	got := written(t, func(w io.Writer) error { return sample(t).write(w, text, Options{Format: FormatTable}) })
	for _, want := range []string{"Demonstration.", "71.2 % (64.0 to 78.1)", "61.0 to 80.1", privacy.NoiseOnlySays[:40], "moves_per_1000_days has none: nobody knows.", "81 (70 to 92)", "4.4 (3.0 to 6.0)", "0.0 % (-10.0 to +12.6)",
		"–", "too few persons for this level", "Who is counted: Everybody in the cohort.", "What each figure says: share_within_24h = share of persons.", "epsilon 1.34", "57 of 100", "67 of 100", "Ledger entries: 4, 7, 9"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if i, j := strings.Index(got, "2031Q2"), strings.Index(got, "2031 "); strings.Count(got, "2031Q2") != 1 || i < j {
		t.Errorf("periods are not grouped in the order of time:\n%s", got)
	}
	t.Log("\n" + got)
	t.Log("\n" + written(t, func(w io.Writer) error { return sample(t).write(w, text, Options{Format: FormatMarkdown}) }))
	t.Log("\n" + written(t, func(w io.Writer) error {
		return sample(t).write(w, text, Options{Format: FormatTable, Terminal: true, Width: 90})
	}))
}

// A null figure is a dash everywhere and a number nowhere, whatever value hides behind it.
func TestNullIsNeverANumber(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := sample(t)
		secret := rapid.Float64Range(3000, 9999).Draw(rt, "hidden")
		r.rows = []row{{period: period(t, "2031"), statistic: "s", value: secret, low: secret, high: secret, null: true, unit: "persons", note: "why", json: json.RawMessage("{}")}}
		for _, f := range Formats() {
			got := written(t, func(w io.Writer) error { return r.write(w, Text{}, Options{Format: f}) })
			if strings.Contains(got, strconv.FormatFloat(secret, 'f', -1, 64)) || strings.Contains(got, Number("persons", secret)) {
				rt.Fatalf("%s shows it:\n%s", f, got)
			}
		}
	})
}

// The odds of site and commands agree with the normal table, and are never understated.
func TestOdds(t *testing.T) {
	for _, c := range []struct {
		mu   float64
		want int
	}{{0, 50}, {0.2, 54}, {0.31, 57}, {0.8378, 67}, {4, 98}, {40, 100}} {
		if got := Odds(c.mu); got != c.want {
			t.Errorf("Odds(%v) = %d, want %d", c.mu, got, c.want)
		}
	}
	if got := Significant(1.3371); got != "1.34" {
		t.Errorf("Significant(1.3371) = %s", got)
	}
	if s := (privacy.Statement{CapEpsilon: 11}); !strings.Contains(PrivacyLine(s), NotPrivate) {
		t.Error("a cap above 10 is not called not private")
	}
}
