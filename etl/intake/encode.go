package intake

import (
	"time"

	"github.com/parquet-go/parquet-go"
)

// encoding asks a worker to encode columns of a row group until none is left.
type encoding struct {
	*rowGroup
	landing *landing
}

// encoder is what a worker needs to turn batches into parquet-go's values; it costs some 100 KB and lives as long as the
// worker.
type encoder struct {
	values []parquet.Value
	codes  [nullCode + 1]parquet.Value
	days   [dayCacheSize]parquet.Value
	zone   zoneCache
}

// chunk is how many values are handed to a column at once: enough to pay for the call, few enough to stay in cache.
const chunk = 1024

// dayCacheSize is a power of two; days are found by their low bits.
const dayCacheSize = 1 << 12

func newEncoder(loc *time.Location) *encoder {
	e := &encoder{values: make([]parquet.Value, chunk), zone: zoneCache{loc: loc}}
	for i := range nullCode { // the last one stays null
		e.codes[i] = present(parquet.Int32Value(int32(i)))
	}
	for i := range e.days {
		e.days[i] = present(parquet.Int32Value(int32(i)))
	}
	return e
}

// present marks a value of an optional column as being there.
func present(v parquet.Value) parquet.Value {
	v.SetDefinitionLevel(1)
	return v
}

func (e *encoder) run(job encoding) {
	columns := job.out.ColumnWriters()
	for {
		i := int(job.next.Add(1)) - 1
		if i >= len(job.landing.outputs) {
			job.done <- nil
			return
		}
		if err := e.column(columns[i], job.landing.outputs[i], job.segments); err != nil {
			job.done <- err
			return
		}
	}
}

func (e *encoder) column(w *parquet.ColumnWriter, o output, segments []segment) error {
	for _, s := range segments {
		for from := s.from; from < s.to; {
			to := min(from+chunk, s.to)
			values := e.values[:to-from]
			e.fill(values, o, s.batch, from)
			if _, err := w.WriteRowValues(values); err != nil {
				return err
			}
			from = to
		}
	}
	return w.Flush()
}

// fill turns the cells of one column from row from on into values.
func (e *encoder) fill(values []parquet.Value, o output, b *batch, from int) {
	to := from + len(values)
	if o.kind == outLine {
		for i, n := range b.lines[from:to] {
			values[i] = parquet.Int64Value(b.base + int64(n))
		}
		return
	}
	if o.field < 0 {
		clear(values) // the zero value is null
		return
	}
	c := &b.columns[o.field]
	switch o.kind {
	case outText:
		start := uint32(0)
		if from > 0 {
			start = c.ends[from-1]
		}
		for i, end := range c.ends[from:to] {
			values[i] = parquet.Value{}
			if end != start {
				values[i] = parquet.ByteArrayValue(c.text[start:end])
				values[i].SetDefinitionLevel(1)
			}
			start = end
		}
	case outCode:
		for i, v := range c.codes[from:to] {
			values[i] = e.codes[v]
		}
	case outDate:
		for i, v := range c.days[from:to] {
			values[i] = parquet.Value{}
			if v != null32 {
				e.day(&values[i], v)
			}
		}
	case outLocalDay:
		for i, v := range c.ints[from:to] {
			values[i] = parquet.Value{}
			if v != null64 {
				e.day(&values[i], e.zone.day(v))
			}
		}
	default:
		for i, v := range c.ints[from:to] {
			values[i] = parquet.Value{}
			if v != null64 {
				values[i] = parquet.Int64Value(v)
				values[i].SetDefinitionLevel(1)
			}
		}
	}
}

// day makes the value of a day, or finds it: days repeat.
func (e *encoder) day(v *parquet.Value, day int32) {
	known := &e.days[uint32(day)%dayCacheSize]
	if known.Int32() != day {
		*known = present(parquet.Int32Value(day))
	}
	*v = *known
}

// zoneCache finds local dates without asking the zone's table for every row: it remembers a span of constant offset for
// each stretch of some 100 days, by the low bits of the stretch's number.
type zoneCache struct {
	loc   *time.Location
	spans [64]zoneSpan
}

type zoneSpan struct {
	from, to, offset int64 // microseconds
}

func (z *zoneCache) day(micros int64) int32 {
	s := &z.spans[uint64(micros)>>43%64]
	if micros < s.from || micros >= s.to {
		*s = zoneAt(micros, z.loc)
	}
	return int32(floorDiv(micros+s.offset, 86400_000_000))
}

func zoneAt(micros int64, loc *time.Location) zoneSpan {
	t := time.UnixMicro(micros).In(loc)
	_, seconds := t.Zone()
	s := zoneSpan{-1 << 62, 1 << 62, int64(seconds) * 1_000_000}
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		s.from = start.UnixMicro()
	}
	if !end.IsZero() {
		s.to = end.UnixMicro()
	}
	return s
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
