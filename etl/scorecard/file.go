package scorecard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"heatwatch/etl/intake"
	"heatwatch/models"
)

// JSONName and TextName are the two forms of a card in the partner's receipts. No drop may have that name.
const (
	JSONName = intake.ScorecardName + ".json"
	TextName = intake.ScorecardName + ".txt"
)

// file is the form for programs. Shares are 0 to 1 with three decimals, null where there is nothing to judge.
type file struct {
	Schema       int           `json:"schema"`
	Partner      string        `json:"partner"`
	Date         models.Date   `json:"date"`
	State        string        `json:"state"`
	Promise      string        `json:"promise"`
	LastDrop     string        `json:"last_drop"`
	LastCreated  *models.Date  `json:"last_created"`
	NextDue      *models.Date  `json:"next_due"`
	Fresh        bool          `json:"fresh"`
	Score        *float64      `json:"score"`
	Validity     *float64      `json:"validity"`
	Completeness *float64      `json:"completeness"`
	Uniqueness   *float64      `json:"uniqueness"`
	Consistency  *float64      `json:"consistency"`
	Timeliness   timeliness    `json:"timeliness"`
	Least        []leastColumn `json:"least_complete"`
	Drops        []dropLine    `json:"drops"`
	FixFirst     []Fix         `json:"fix_first"`
}

type timeliness struct {
	InTime int `json:"in_time"`
	Of     int `json:"of"`
	Delay  int `json:"median_delay_days"`
}

type leastColumn struct {
	Column string  `json:"column"`
	Share  float64 `json:"share"`
}

type dropLine struct {
	Drop        string      `json:"drop"`
	Created     models.Date `json:"created"`
	State       string      `json:"state"`
	Accepted    int64       `json:"accepted"`
	Quarantined int64       `json:"quarantined"`
}

// least is how many columns are named.
const least = 5

// Files are both forms of a partner's card.
func Files(s Subject) (asJSON, text []byte, err error) {
	c, err := Of(s)
	if err != nil {
		return nil, nil, err
	}
	f := s.file(c)
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	return append(b, '\n'), f.text(c), nil
}

func (s Subject) file(c Card) file {
	f := file{Schema: 1, Partner: s.Partner, Date: s.Today, State: c.State, Promise: s.Agreement.Freshness, Fresh: c.Fresh,
		Timeliness: timeliness{c.InTime, len(c.Taken), c.Delay}, Least: []leastColumn{}, Drops: []dropLine{}, FixFirst: []Fix{}}
	if c.Last != nil {
		f.LastDrop, f.LastCreated, f.NextDue = c.Last.Name, &c.Created, &c.Due
	}
	if c.Scored {
		score := math.Round(c.Score()*10) / 10
		f.Score, f.Validity, f.Completeness = &score, share(c.Valid), share(c.Known)
		f.Uniqueness, f.Consistency = share(c.Unique), share(c.Consistent)
	}
	for _, x := range c.Columns[:min(least, len(c.Columns))] {
		if x.Known < 1 {
			f.Least = append(f.Least, leastColumn{x.Name, *share(x.Known)})
		}
	}
	for _, d := range slices.Backward(c.Taken) {
		a, q := rows(d)
		f.Drops = append(f.Drops, dropLine{d.Name, s.day(d.Created), d.State, a, q})
	}
	f.FixFirst = append(f.FixFirst, c.Fixes()...)
	return f
}

// share rounds down: what is not whole never reads 1.
func share(v float64) *float64 {
	v = math.Floor(v*1000+1e-9) / 1000
	return &v
}

// text is for the clerk: first whether anything is to be done.
func (f file) text(c Card) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Scorecard of %s, %s\n\n", f.Partner, f.Date)
	b.WriteString(f.says(c) + "\n")
	if len(f.FixFirst) > 0 {
		b.WriteString("\nFix first:\n")
		for i, x := range f.FixFirst {
			fmt.Fprintf(&b, "  %d. %s\n     %s\n", i+1, x.where(len(c.Taken)), x.Remedy)
		}
	}
	if f.Score != nil {
		fmt.Fprintf(&b, "\nYour last drop, %s: %.1f of 100 points\n", f.LastDrop, *f.Score)
		for _, l := range []struct {
			name, says string
			share      float64
		}{
			{"valid", "of the rows were taken", *f.Validity},
			{"complete", "of the cells on which figures rest say something", *f.Completeness},
			{"unique", "of the rows do not repeat a key of their file", *f.Uniqueness},
			{"consistent", "rows a day, compared with what your drops usually have", *f.Consistency},
		} {
			fmt.Fprintf(&b, "  %-11s %6s  %s\n", l.name, percent(l.share), l.says)
		}
		fmt.Fprintf(&b, "  %-11s %6s  of your last drops came in time; the usual delay is %s after the days covered\n", "timely",
			fmt.Sprintf("%d/%d", f.Timeliness.InTime, f.Timeliness.Of), days(f.Timeliness.Delay))
	}
	if len(f.Least) > 0 {
		b.WriteString("\nThese columns say least:\n")
		for _, l := range f.Least {
			fmt.Fprintf(&b, "  %-34s %6s filled in\n", l.Column, percent(l.Share))
		}
	}
	if len(f.Drops) > 0 {
		b.WriteString("\nYour last drops:\n")
		for _, d := range f.Drops {
			fmt.Fprintf(&b, "  %s  %-8s  %s: %d rows taken, %d put aside\n", d.Created, d.State, d.Drop, d.Accepted, d.Quarantined)
		}
	}
	return b.Bytes()
}

// says is the state in a sentence, with what to do.
func (f file) says(c Card) string {
	switch f.State {
	case NotExpected:
		return "Nothing is expected of you: the agreement is not in force."
	case Never:
		return fmt.Sprintf("Nothing has come from you so far. You agreed to send %s.", f.Promise)
	case Refused:
		return fmt.Sprintf("Your newest drop, %s, was refused: nothing of it was taken. Correct it and send it under a new name.", c.RefusedLast.Name)
	case Late:
		return fmt.Sprintf("You are late. You agreed to send %s; your last drop is of %s, the next was due on %s. Please send one.", f.Promise, f.LastCreated, f.NextDue)
	case Empty:
		return fmt.Sprintf("Your last drop, %s, holds not one row. If you had nothing to report, all is well; else check your export. The next is due on %s.", f.LastDrop, f.NextDue)
	}
	return fmt.Sprintf("Your data is up to date. The next drop is due on %s.", f.NextDue)
}

func (x Fix) where(taken int) string {
	var b strings.Builder
	b.WriteString(x.Code)
	if x.Column != "" {
		b.WriteString(" in " + x.Column)
	}
	if x.File != "" {
		b.WriteString(", " + x.File)
	}
	switch {
	case x.Whole && x.File == "":
		b.WriteString(": concerns the whole drop")
	case x.Whole:
		fmt.Fprintf(&b, ": the whole file was refused, %s", plural(x.Rows, "row"))
	default:
		fmt.Fprintf(&b, ": %s", plural(x.Rows, "row"))
	}
	if x.Drops > 1 {
		fmt.Fprintf(&b, "; in %d of your last %d drops", x.Drops, taken)
	}
	return b.String()
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", share*100) }
func days(n int) string            { return plural(int64(n), "day") }

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
