package site

import (
	"math"
	"strconv"
	"strings"

	"heatwatch/models"
	"heatwatch/reports/render"
)

// A chart is drawn with places along x in hundredths of its width and along y in pixels: it fills any width, from a
// phone to a sheet of paper, while its text keeps its size. There are two forms, both of a point on an interval:
// figures over periods, and figures by group. Nothing is drawn for a figure without a value but a dash.

type chart struct {
	ID          string // unique on its page
	Title, Desc string
	Sub         string // what the heading above it does not say: the period, or the length of the periods
	Height      int
	Ticks       []tick
	Points      []point
	Breaks      []mark
	Bottom      int // y of the lower end
}

// mark is a line across a series, where its definition changed.
type mark struct{ X, Anchor, Text string }

type tick struct {
	X    string
	Y    int
	Text string
}

type point struct {
	Label     text // period or group
	Always    bool // the label, or by group the value, is kept on narrow screens
	Value     string
	ShowValue bool
	Null      bool
	X, X1, X2 string
	Y, Y1, Y2 int
	Top       int // of the interval and its neighbours: the value is written above it
}

const (
	seriesTop, seriesBottom, seriesHeight = 34, 254, 292
	groupRow, groupTop                    = 50, 8 // a dash for a missing figure stands below the axis: it is no value
)

// series draws one statistic over periods of one length, oldest first.
func (l *lang) series(id, title string, figures []figure) chart {
	c := chart{ID: id, Title: title, Height: seriesHeight, Bottom: seriesBottom, Desc: l.describe(figures, func(f figure) string { return l.period(f.period) })}
	s := scaleOf(figures)
	y := func(v float64) int {
		return seriesBottom - int(math.Round(float64(seriesBottom-seriesTop)*s.at(v)))
	}
	for _, v := range s.ticks {
		c.Ticks = append(c.Ticks, tick{Y: y(v), Text: l.tick(figures[0].unit, v, s.step)})
	}
	n := len(figures)
	xs := alongAll(figures)
	for i, f := range figures {
		if changedAt(figures, i) {
			at := (xs[i-1] + xs[i]) / 2
			m := mark{X: percent(at), Anchor: "middle", Text: l.must("measure.changed")}
			if at < 35 {
				m.Anchor = "start"
			} else if at > 75 {
				m.Anchor = "end"
			}
			c.Breaks = append(c.Breaks, m)
		}
		p := point{X: percent(xs[i]), Null: f.null, Value: l.value(f), ShowValue: i == n-1 || n <= 4}
		if !f.null {
			p.Y, p.Y1, p.Y2 = y(f.value), y(f.low), y(f.high)
		}
		c.Points = append(c.Points, p)
	}
	for i := range c.Points {
		c.Points[i].Top = c.Points[i].Y2
		for j := max(0, i-2); j < i && n > 8; j++ {
			if !c.Points[j].Null {
				c.Points[i].Top = min(c.Points[i].Top, c.Points[j].Y2)
			}
		}
	}
	l.labelPeriods(c.Points, figures, xs)
	return c
}

// changedAt tells that the definition of a series changed before its i-th figure.
func changedAt(figures []figure, i int) bool {
	return i > 0 && figures[i].definition != figures[i-1].definition
}

// alongAll are the places of figures along x. Where the definition changed a place is left empty: what stands on its two
// sides is not one series.
func alongAll(figures []figure) []float64 {
	at, n := make([]int, len(figures)), len(figures)
	for i := range figures {
		if i > 0 {
			at[i] = at[i-1] + 1
		}
		if changedAt(figures, i) {
			at[i]++
			n++
		}
	}
	xs := make([]float64, len(figures))
	for i := range xs {
		xs[i] = along(at[i], n)
	}
	return xs
}

// along is the place of the i-th of n points in hundredths of the width; the left is for the scale.
func along(i, n int) float64 { return 15 + 77*(float64(i)+0.5)/float64(n) }

// labelPeriods names as many periods as there is room for, the newest first. Of more than four quarters the first one
// of each year gets the year.
func (l *lang) labelPeriods(points []point, figures []figure, xs []float64) {
	n := len(figures)
	years := n > 4 && figures[0].period.Level() == models.LevelQuarter
	const phone, page = 270.0, 440.0 // pixels that a chart has at least, on a phone and where there is room
	lastPhone, lastPage := math.Inf(1), math.Inf(1)
	for i := n - 1; i >= 0; i-- {
		name := l.period(figures[i].period)
		if years {
			if figures[i].period.Quarters()[0] != figures[i].period.Years()[0].Quarters()[0] {
				continue
			}
			name = figures[i].period.Years()[0].String()
		}
		need := 8*float64(len([]rune(name))) + 8
		at := xs[i]
		if (lastPage-at)*page/100 < need {
			continue
		}
		lastPage = at
		points[i].Label.Text = name
		if points[i].Always = (lastPhone-at)*phone/100 >= need; points[i].Always {
			lastPhone = at
		}
	}
}

// groups draws one statistic of one period, a row for each group in the order of the plan.
func (l *lang) groups(id, title string, figures []figure) chart {
	c := chart{ID: id, Title: title, Desc: l.describe(figures, func(f figure) string { return l.group(f).Text })}
	s := scaleOf(figures)
	x := func(v float64) string { return percent(2 + 96*s.at(v)) }
	for i, f := range figures {
		top := groupTop + i*groupRow
		p := point{Label: l.group(f), Null: f.null, Value: l.value(f), Y1: top + 14, Y: top + 31}
		name := []rune(p.Label.Text)
		p.Always = len(name) <= 24 // beside a longer one there is no room for the value on a phone
		if len(name) > 34 {
			p.Label.Text = string(name[:33]) + "…" // whole in description and table
		}
		if !f.null {
			p.X, p.X1, p.X2 = x(f.value), x(f.low), x(f.high)
		}
		c.Points = append(c.Points, p)
	}
	c.Bottom = groupTop + len(figures)*groupRow
	c.Height = c.Bottom + 24
	for i, v := range s.ticks {
		t := tick{X: x(v), Text: l.tick(figures[0].unit, v, s.step)}
		if i%2 == 1 && len(s.ticks) > 4 { // room on narrow screens
			t.Text = ""
		}
		c.Ticks = append(c.Ticks, t)
	}
	return c
}

// Anchor keeps the first and the last label inside the picture.
func (c chart) Anchor(i int) string {
	switch i {
	case 0:
		return "start"
	case len(c.Ticks) - 1:
		return "end"
	}
	return "middle"
}

// group names where in a breakdown a figure stands.
func (l *lang) group(f figure) text {
	var names []string
	var out text
	for _, d := range f.by {
		t := l.value_(d.Key, d.Value)
		names = append(names, t.Text)
		out.Lang = t.Lang
	}
	out.Text = strings.Join(names, " · ")
	return out
}

// value_ names a value of a dimension. Bands of ages and dates stand for themselves.
func (l *lang) value_(dimension, value string) text {
	if value != "" && value[0] >= '0' && value[0] <= '9' {
		return text{Text: strings.Replace(value, "-", "–", 1)}
	}
	if l.has("value." + dimension + "." + value) {
		return l.label("value."+dimension, value)
	}
	return l.label("value", value)
}

// describe says in words what a chart shows: the newest eight figures, and that there are more.
func (l *lang) describe(figures []figure, name func(figure) string) string {
	var parts []string
	rest := 0
	if len(figures) > 20 {
		rest = len(figures) - 8
		figures = figures[rest:]
	}
	for i, f := range figures {
		if changedAt(figures, i) {
			parts = append(parts, l.must("measure.changed_row", "n", f.definition))
		}
		if f.null {
			parts = append(parts, l.must("measure.point_null", "label", name(f), "reason", l.reason(f)))
			continue
		}
		parts = append(parts, l.must("measure.point", "label", name(f), "value", l.value(f), "interval", l.interval(f)))
	}
	if rest > 0 {
		parts = append(parts, l.must("measure.desc_more", "n", rest))
	}
	return l.must("measure.desc", "figures", strings.Join(parts, "; "))
}

// scale maps values to 0..1. It begins at zero unless something is below, and ends at a round number.
type scale struct {
	from, to, step float64
	ticks          []float64
}

func scaleOf(figures []figure) scale {
	low, high := 0.0, 0.0
	for _, f := range figures {
		if !f.null {
			low, high = min(low, f.low, f.value), max(high, f.high, f.value)
		}
	}
	if high == low {
		high = low + 1
	}
	step := niceStep((high - low) / 4)
	s := scale{from: math.Floor(low/step+1e-9) * step, to: math.Ceil(high/step-1e-9) * step, step: step}
	if len(figures) > 0 && figures[0].unit == "share" {
		s.to = min(s.to, 1)
		if high > 0.5 {
			s = scale{from: 0, to: 1, step: 0.25}
		}
	}
	for i := 0; ; i++ {
		v := s.from + float64(i)*s.step
		if v > s.to+s.step/1e6 {
			return s
		}
		s.ticks = append(s.ticks, v)
	}
}

// niceStep is the next of 1, 2, 5, 10, 20, 50, ...
func niceStep(v float64) float64 {
	base := math.Pow10(int(math.Floor(math.Log10(v))))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*base >= v*(1-1e-9) {
			return m * base
		}
	}
	return 10 * base
}

func (s scale) at(v float64) float64 { return (v - s.from) / (s.to - s.from) }

// tick writes a number of the axis with as many digits as its step needs.
func (l *lang) tick(unit string, v, step float64) string {
	suffix := ""
	if render.Percent(unit) {
		v, step, suffix = v*100, step*100, l.percent
	}
	digits := 0
	if step < 1 {
		digits = int(math.Ceil(-math.Log10(step) - 1e-9))
	}
	scale := math.Pow10(digits)
	return l.decimal(math.Round(v*scale)/scale+0, digits) + suffix
}

// percent is a place along x with one decimal: the same on every machine.
func percent(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) + "%" }
