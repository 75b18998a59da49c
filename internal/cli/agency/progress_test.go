package agency

import (
	"bytes"
	"testing"
	"time"

	"heatwatch/etl/intake"
)

func TestProgressLine(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	p := &progressLine{w: &out, clock: func() time.Time { return now }}
	for _, c := range []struct {
		after       time.Duration
		rows, bad   int64
		want, clear string
	}{
		{0, 1_234_567, 34, "\rservices.csv: 1.2 M rows, 34 quarantined so far", ""},
		{100 * time.Millisecond, 2_000_000, 34, "", ""}, // too soon to be read
		{100 * time.Millisecond, 12_345, 7, "\rservices.csv: 12 k rows, 7 quarantined so far  ", ""},
	} {
		out.Reset()
		now = now.Add(c.after)
		p.show(intake.Progress{File: "services.csv", Rows: c.rows, Quarantined: c.bad})
		if out.String() != c.want {
			t.Errorf("%d rows: %q, want %q", c.rows, out.String(), c.want)
		}
	}
	out.Reset()
	p.clear()
	if got, want := out.String(), "\r                                             \r"; got != want {
		t.Errorf("cleared by %q, want %q", got, want)
	}
	out.Reset()
	(&progressLine{w: &out}).clear()
	if out.Len() > 0 {
		t.Errorf("nothing stood there, and %q was written", out.String())
	}
}
