package privacy

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"heatwatch/models"
)

// Figure is one published number with its interval. Only this package makes one, from recorded releases; the zero
// Figure is refused by everything that renders.
type Figure struct{ f *figure }

type figure struct {
	measure    string
	definition int // that its measurements followed
	today      int // the measure's own
	population string
	period     models.Period
	statistic  string
	by         []Dim
	value      float64
	low, high  float64
	null       bool
	unit, note string
	items      []string
	entries    []int

	dimension         string  // that of the breakdown
	wideLow, wideHigh float64 // noise and sampling
	unsampled         string  // why that interval is not there
}

// Dim is one dimension of a breakdown with the figure's place in it.
type Dim struct{ Key, Value string }

// Confidence is the confidence of every interval.
const Confidence = 0.95

// Valid reports whether this package made the figure.
func (f Figure) Valid() bool { return f.f != nil }

// Measure is the id of the measure.
func (f Figure) Measure() string { return f.f.measure }

// Definition is the version of the measure's definition that the figure's measurements followed; where it was changed
// between them, the newest.
func (f Figure) Definition() int { return f.f.definition }

// Superseded tells that the measure has another definition today: the figure is not of one series with newer ones.
func (f Figure) Superseded() bool { return f.f.definition != f.f.today }

// Population is whose figure it is.
func (f Figure) Population() string { return f.f.population }

// PublicFact tells that the figure is about no person, and exact.
func (f Figure) PublicFact() bool { return f.f.population == Nobody }

// Period is the cohort's, or the activity's.
func (f Figure) Period() models.Period { return f.f.period }

// Statistic is the name of the statistic, as in the specification.
func (f Figure) Statistic() string { return f.f.statistic }

// By says where in a breakdown the figure stands; empty for a total.
func (f Figure) By() []Dim { return slices.Clone(f.f.by) }

// Placed tells whether the figure stands at one value of a dimension, alone or with others.
func (f Figure) Placed(dimension string) bool {
	return slices.ContainsFunc(f.f.by, func(d Dim) bool { return d.Key == dimension })
}

// Dimension is the name of the dimension that the figure is a breakdown by, or "" for a total.
func (f Figure) Dimension() string { return f.f.dimension }

// ByText writes the place as key=value;key=value.
func (f Figure) ByText() string {
	var parts []string
	for _, d := range f.f.by {
		parts = append(parts, d.Key+"="+d.Value)
	}
	return strings.Join(parts, ";")
}

// Value is the figure; ok is false where the plan says that noise swamps it.
func (f Figure) Value() (v float64, ok bool) { return f.f.value, !f.f.null }

// Low is the lower end of the interval from the noise only (0 where there is no value).
func (f Figure) Low() float64 { return f.f.low }

// High is the upper end of that interval (0 where there is no value).
func (f Figure) High() float64 { return f.f.high }

// Sampled is the interval from noise and sampling; ok is false where there is none, and Unsampled says why.
func (f Figure) Sampled() (low, high float64, ok bool) {
	if f.f.null || f.f.unsampled != "" {
		return 0, 0, false
	}
	return f.f.wideLow, f.f.wideHigh, true
}

// Unsampled says why a figure that has a value has no interval from noise and sampling.
func (f Figure) Unsampled() string { return f.f.unsampled }

// Unit is share, persons, hours, nights, per_1000_days and so on.
func (f Figure) Unit() string { return f.f.unit }

// Note says why there is no value, or what to mind.
func (f Figure) Note() string { return f.f.note }

// Items are the items of the release plan that the figure is computed from.
func (f Figure) Items() []string { return slices.Clone(f.f.items) }

// Entries are the ledger entries of those measurements.
func (f Figure) Entries() []int { return slices.Clone(f.f.entries) }

// MarshalJSON writes the figure as the command contract shapes it.
func (f Figure) MarshalJSON() ([]byte, error) {
	if f.f == nil {
		return nil, errors.New("privacy: a figure that was never released cannot be written")
	}
	by := json.RawMessage("{}")
	if len(f.f.by) > 0 {
		var b strings.Builder
		for i, d := range f.f.by {
			k, _ := json.Marshal(d.Key)
			v, _ := json.Marshal(d.Value)
			b.WriteString(string("{,"[min(i, 1)]) + string(k) + ":" + string(v))
		}
		by = json.RawMessage(b.String() + "}")
	}
	out := struct {
		Period     string          `json:"period"`
		Definition int             `json:"definition,omitempty"` // only where it is not the report's
		Statistic  string          `json:"statistic"`
		By         json.RawMessage `json:"by"`
		Value      *float64        `json:"value"`
		Low        *float64        `json:"low"`
		High       *float64        `json:"high"`
		Confidence float64         `json:"confidence"`
		Unit       string          `json:"unit"`
		Items      []string        `json:"items"`
		Entries    []int           `json:"entries"`
		Note       string          `json:"note,omitempty"`
		Sampled    *sampledJSON    `json:"noise_and_sampling,omitempty"`
	}{Period: f.f.period.String(), Statistic: f.f.statistic, By: by, Confidence: Confidence,
		Unit: f.f.unit, Items: f.f.items, Entries: f.f.entries, Note: f.f.note}
	if f.Superseded() {
		out.Definition = f.f.definition
	}
	if !f.f.null {
		out.Value, out.Low, out.High = &f.f.value, &f.f.low, &f.f.high
		out.Sampled = &sampledJSON{Note: f.f.unsampled}
		if low, high, ok := f.Sampled(); ok {
			out.Sampled.Low, out.Sampled.High = &low, &high
		}
	}
	return json.Marshal(out)
}

// sampledJSON is the second interval of a figure, or the reason why there is none.
type sampledJSON struct {
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
	Note string   `json:"note,omitempty"`
}

// Statement says what one release cost a person, at most.
type Statement struct {
	Entry           int     `json:"entry"`
	Unit            string  `json:"unit"`
	MuRelease       float64 `json:"mu_release"`
	EpsilonRelease  float64 `json:"epsilon_release"`
	MuLifetime      float64 `json:"mu_lifetime"`
	EpsilonLifetime float64 `json:"epsilon_lifetime"`
	CapEpsilon      float64 `json:"cap_epsilon"`
	Delta           float64 `json:"delta"`
	Mechanism       string  `json:"mechanism"`
	Population      string  `json:"-"`
}

// Report is what is known of one measure.
type Report struct {
	Schema     int         `json:"schema"`
	Measure    string      `json:"measure"`
	Definition int         `json:"definition"`
	Population string      `json:"population"`
	Figures    []Figure    `json:"figures"`
	Privacy    []Statement `json:"privacy"`
}
