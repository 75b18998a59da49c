package models

import (
	"fmt"
	"strconv"
)

// Period is a quarter ("2026Q3"), a year ("2026") or a span of years ("2021-2025") of the calendar.
type Period struct {
	from, to int // years
	quarter  int // 1 to 4, or 0
}

// The levels at which a plan measures.
const (
	LevelQuarter = "quarter"
	LevelYear    = "year"
	LevelSpan    = "span"
)

// ParsePeriod reads 2026Q3, 2026 or 2021-2025.
func ParsePeriod(s string) (Period, error) {
	bad := fmt.Errorf("%q is no period: write a quarter (2026Q3), a year (2026) or a span of years (2021-2025)", clip(s))
	year := func(t string) (int, bool) {
		n, err := strconv.Atoi(t)
		return n, err == nil && len(t) == 4 && n >= 1900 && n <= 2999
	}
	switch {
	case len(s) == 4:
		if y, ok := year(s); ok {
			return Period{from: y, to: y}, nil
		}
	case len(s) == 6 && s[4] == 'Q' && s[5] >= '1' && s[5] <= '4':
		if y, ok := year(s[:4]); ok {
			return Period{from: y, to: y, quarter: int(s[5] - '0')}, nil
		}
	case len(s) == 9 && s[4] == '-':
		a, ok1 := year(s[:4])
		b, ok2 := year(s[5:])
		if ok1 && ok2 && a < b {
			return Period{from: a, to: b}, nil
		}
	}
	return Period{}, bad
}

func clip(s string) string {
	if len(s) > 20 {
		return s[:20] + "..."
	}
	return s
}

// YearPeriod is the calendar year y.
func YearPeriod(y int) Period { return Period{from: y, to: y} }

// SpanOf is the years from a to b, or the year itself where they are the same.
func SpanOf(a, b int) Period { return Period{from: a, to: b} }

// QuarterOf is the quarter that holds the date.
func QuarterOf(d Date) Period {
	t := d.Time()
	return Period{from: t.Year(), to: t.Year(), quarter: (int(t.Month())-1)/3 + 1}
}

// YearOf is the year that holds the date.
func YearOf(d Date) Period { return YearPeriod(d.Year()) }

// Level is quarter, year or span.
func (p Period) Level() string {
	switch {
	case p.quarter > 0:
		return LevelQuarter
	case p.from == p.to:
		return LevelYear
	}
	return LevelSpan
}

// First is the period's first day.
func (p Period) First() Date {
	if p.quarter > 0 {
		return fromCivil(p.from, 3*p.quarter-2, 1)
	}
	return fromCivil(p.from, 1, 1)
}

// Last is the period's last day.
func (p Period) Last() Date { return p.next().First() - 1 }

func (p Period) next() Period {
	switch p.quarter {
	case 0:
		return Period{from: p.to + 1, to: p.to + 1}
	case 4:
		return Period{from: p.from + 1, to: p.from + 1, quarter: 1}
	}
	return Period{from: p.from, to: p.to, quarter: p.quarter + 1}
}

// Next is the period of the same length that follows.
func (p Period) Next() Period {
	if p.Level() == LevelSpan {
		return Period{from: p.to + 1, to: 2*p.to - p.from + 1}
	}
	return p.next()
}

// Quarters are the period's quarters in order.
func (p Period) Quarters() []Period {
	if p.quarter > 0 {
		return []Period{p}
	}
	var all []Period
	for y := p.from; y <= p.to; y++ {
		for q := 1; q <= 4; q++ {
			all = append(all, Period{from: y, to: y, quarter: q})
		}
	}
	return all
}

// Years are the period's calendar years in order.
func (p Period) Years() []Period {
	var all []Period
	for y := p.from; y <= p.to; y++ {
		all = append(all, YearPeriod(y))
	}
	return all
}

// Before orders periods by first day, then by length.
func (p Period) Before(o Period) bool {
	if p.First() != o.First() {
		return p.First() < o.First()
	}
	return p.Last() < o.Last()
}

func (p Period) String() string {
	switch p.Level() {
	case LevelQuarter:
		return fmt.Sprintf("%04dQ%d", p.from, p.quarter)
	case LevelYear:
		return fmt.Sprintf("%04d", p.from)
	}
	return fmt.Sprintf("%04d-%04d", p.from, p.to)
}

// MarshalText writes the period as the command line takes it.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the period as the command line takes it.
func (p *Period) UnmarshalText(b []byte) error {
	v, err := ParsePeriod(string(b))
	if err == nil {
		*p = v
	}
	return err
}
