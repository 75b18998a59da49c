package schema_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures/schema"
)

var update = flag.Bool("update", false, "write the tables of docs/choosing-epsilon.md anew")

// A page on which an office decides must not show last year's figures: its tables are what `plan` says today.
func TestChoosingEpsilonShowsThePlan(t *testing.T) {
	const page = "../../../docs/choosing-epsilon.md"
	const begin, end = "-update` -->\n", "<!-- tables end -->"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the page has lost the marks around its tables")
	}
	now := choosing(t)
	if *update {
		if err := os.WriteFile(page, []byte(head+begin+now+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != now {
		t.Errorf("the tables are not what the plan says: run the test with -update; now:\n%s", now)
	}
}

type chosen struct{ words, period, item, statistic string }

var choices = []chosen{
	{"persons who entered, a quarter", "2026Q1", "heads_q", "persons"},
	{"share helped within 24 hours, a quarter", "2026Q1", "tes24_q", "share_within_24h"},
	{"the same, a year", "2026", "tes24_q", "share_within_24h"},
	{"the same, a year, by age band", "2026", "tes24_by_age_band", "share_within_24h"},
	{"share helped within 72 hours, a year", "2026", "tes_curve", "share_within_72h"},
	{"share with two or fewer placements, a year", "2026", "plc_two", "share_two_or_fewer"},
	{"moves per 1,000 days in care, a year", "2026", "plc_moves", "moves_per_1000_days"},
	{"share within 24 hours, five years, by channel", "2026-2030", "tes24_by_channel", "share_within_24h"},
}

// choosing writes one table per county size, one column per epsilon.
func choosing(t *testing.T) string {
	text, _ := privacy.EmbeddedPlan("county")
	s := schema.Schema()
	epsilons := []float64{2, 4, 6}
	var b strings.Builder
	for _, persons := range []float64{300, 80} {
		fmt.Fprintf(&b, "\n**%.0f new persons a year**, 95 %% range either way\n\n| figure | epsilon 2 | epsilon 4 | epsilon 6 |\n|---|---|---|---|\n", persons)
		for _, c := range choices {
			fmt.Fprintf(&b, "| %s |", c.words)
			for _, e := range epsilons {
				p, err := privacy.ParsePlan(text, "county", s, e, 1e-6)
				if err != nil {
					t.Fatal(err)
				}
				period, err := models.ParsePeriod(c.period)
				if err != nil {
					t.Fatal(err)
				}
				n := persons * math.Max(1, float64(len(period.Years())))
				if period.Level() == models.LevelQuarter {
					n = persons / 4
				}
				rows, err := p.Planned(s, period, n, func(privacy.Item, models.Period) string { return "" })
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, " %s |", c.cell(t, rows))
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n")
	return b.String()
}

func (c chosen) cell(t *testing.T, rows []privacy.PlannedFigure) string {
	for _, r := range rows {
		if r.Item != c.item || r.Statistic != c.statistic {
			continue
		}
		text := fmt.Sprintf("± %.0f", r.HalfWidth)
		switch {
		case strings.HasPrefix(c.statistic, "share"):
			text = fmt.Sprintf("± %.1f points", 100*r.HalfWidth)
		case strings.HasSuffix(c.statistic, "days"):
			text = fmt.Sprintf("± %.1f", r.HalfWidth)
		}
		if !r.Published {
			text += ", withheld"
		}
		return text
	}
	t.Fatalf("the plan has no %s of %s", c.statistic, c.item)
	return ""
}
