package intake

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"heatwatch/models"
)

// RowGroup is how many rows a row group of landing and lake holds.
const RowGroup = 122_880

// output is one column of the landing file.
type output struct {
	name   string
	kind   outputKind
	field  int // position in the header; -1: the file does not have the column
	column int // position in the Parquet schema
}

type outputKind uint8

const (
	outText outputKind = iota
	outCode
	outDate
	outInstant
	outLocalDay // the local date of an instant
	outInt
	outLine
)

// outputs lists the columns of a landing file: the entity's in the order of the dictionary, each instant followed by its
// local date, then the tokens by name, then the line.
func outputs(e models.Entity, fields []field) []output {
	find := func(name string) int {
		return slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	}
	var out []output
	for _, c := range e.Columns {
		at := find(c.Name)
		switch c.Type {
		case models.TypeKey, models.TypeToken:
			out = append(out, output{name: c.Name, kind: outText, field: at})
		case models.TypeCode, models.TypeFlag:
			out = append(out, output{name: c.Name, kind: outCode, field: at})
		case models.TypeDate:
			out = append(out, output{name: c.Name, kind: outDate, field: at})
		case models.TypeDateTime:
			out = append(out, output{name: c.Name, kind: outInstant, field: at},
				output{name: c.Name + "_on", kind: outLocalDay, field: at})
		case models.TypeInt:
			out = append(out, output{name: c.Name, kind: outInt, field: at})
		}
	}
	var tokens []output
	for i, f := range fields {
		if f.slot < 0 {
			tokens = append(tokens, output{name: f.name, kind: outText, field: i})
		}
	}
	slices.SortFunc(tokens, func(a, b output) int { return strings.Compare(a.name, b.name) })
	out = append(out, tokens...)
	out = append(out, output{name: "line", kind: outLine})
	for i := range out {
		out[i].column = i
	}
	return out
}

// orderedGroup is a group whose columns stay in the order given; parquet.Group sorts them.
type orderedGroup struct {
	parquet.Group
	order []string
}

func (g orderedGroup) Fields() []parquet.Field {
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(g.order, a.Name()) - slices.Index(g.order, b.Name())
	})
	return fields
}

func schemaOf(e models.Entity, out []output) *parquet.Schema {
	g := orderedGroup{Group: parquet.Group{}}
	for _, o := range out {
		var n parquet.Node
		switch o.kind {
		case outText:
			n = parquet.Encoded(parquet.String(), &parquet.DeltaLengthByteArray)
		case outCode:
			n = parquet.Encoded(parquet.Uint(8), &parquet.RLEDictionary)
		case outDate, outLocalDay:
			n = parquet.Encoded(parquet.Date(), &parquet.Plain)
		case outInstant:
			n = parquet.Encoded(parquet.TimestampAdjusted(parquet.Microsecond, false), &parquet.Plain)
		case outInt:
			n = parquet.Encoded(parquet.Int(64), &parquet.Plain)
		case outLine:
			n = parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)
		}
		if o.kind != outLine {
			n = parquet.Optional(n)
		}
		g.Group[o.name] = n
		g.order = append(g.order, o.name)
	}
	return parquet.NewSchema(e.Name, g)
}

// landing writes the accepted rows of one file. Rows gather until a row group is full; a worker encodes it, and the
// collector commits row groups in their order.
type landing struct {
	outputs []output
	writer  *parquet.GenericWriter[any]
	zone    *time.Location

	open    []segment // rows of the row group that is being gathered
	rows    int
	pending *rowGroup // handed to the workers
	idle    *rowGroup
}

// segment is some rows of a batch.
type segment struct {
	batch    *batch
	from, to int
}

// rowGroup is a full row group on its way through the workers, who share its columns out among themselves.
type rowGroup struct {
	out      *parquet.ConcurrentRowGroupWriter
	segments []segment
	next     atomic.Int32 // the next output to encode
	done     chan error   // one answer per worker that was asked
}

func newLanding(w io.Writer, p *plan) *landing {
	out := outputs(p.entity, p.fields)
	return &landing{
		outputs: out,
		zone:    p.opts.Location,
		writer: parquet.NewGenericWriter[any](w, schemaOf(p.entity, out),
			parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest, Concurrency: 1}),
			parquet.CreatedBy("heatwatch", "1", ""),
			parquet.PageBufferSize(256<<10),
			parquet.DataPageStatistics(false)),
	}
}

func (l *landing) add(b *batch, encode chan<- encoding, r *run) error {
	for from := 0; from < b.rows; {
		n := min(b.rows-from, RowGroup-l.rows)
		l.open = append(l.open, segment{b, from, from + n})
		b.users++
		l.rows += n
		from += n
		if l.rows == RowGroup {
			if err := l.send(encode, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// send hands the gathered rows to the workers. While they encode, the next row group gathers: there are never more than
// two in memory.
func (l *landing) send(encode chan<- encoding, r *run) error {
	if err := l.commit(r); err != nil {
		return err
	}
	g := l.idle
	if g == nil {
		g = &rowGroup{out: l.writer.BeginRowGroup(), done: make(chan error, r.opts.Workers)}
	}
	g.segments, l.open = l.open, g.segments[:0]
	g.next.Store(0)
	l.rows = 0
	l.pending, l.idle = g, nil
	for range r.opts.Workers {
		encode <- encoding{g, l}
	}
	return nil
}

// commit writes the row group that was handed out, if any, and frees its batches.
func (l *landing) commit(r *run) error {
	g := l.pending
	if g == nil {
		return nil
	}
	for range r.opts.Workers {
		if err := <-g.done; err != nil {
			return fmt.Errorf("encoding landing rows: %w", err)
		}
	}
	if _, err := g.out.Commit(); err != nil {
		return fmt.Errorf("writing landing rows: %w", err)
	}
	for _, s := range g.segments {
		if s.batch.users--; s.batch.users == 0 {
			r.release(s.batch)
		}
	}
	l.pending, l.idle = nil, g
	return nil
}

func (l *landing) close(encode chan<- encoding, r *run) error {
	if l.rows > 0 {
		if err := l.send(encode, r); err != nil {
			return err
		}
	}
	if err := l.commit(r); err != nil {
		return err
	}
	return l.writer.Close()
}
