package intake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"heatwatch/models"
)

// ctx is for tests that cancel nothing.
var ctx = context.Background()

// tester is what helpers need of testing.TB; rapid's T has it too.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

func entity(t testing.TB, name string) models.Entity {
	t.Helper()
	e, ok := models.Dictionary().Entity(name)
	if !ok {
		t.Fatalf("no entity %s", name)
	}
	return e
}

func pacific(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Skip("no time zones on this machine")
	}
	return loc
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// summary says a verdict in one line per reason.
func summary(r FileResult) string {
	var b strings.Builder
	if r.Refused {
		b.WriteString("refused")
	} else {
		fmt.Fprintf(&b, "%d = %d + %d + %d", r.Rows, r.Accepted, r.Quarantined, r.Blank)
	}
	for _, x := range r.Reasons {
		fmt.Fprintf(&b, "\n%s", x.Code)
		if x.Column != "" {
			fmt.Fprintf(&b, " %s", x.Column)
		}
		if !r.Refused {
			fmt.Fprintf(&b, " %d %v", x.Count, x.Lines)
		}
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "\nwarning %s %d", w.Code, w.Count)
	}
	return b.String()
}

// checked is a verdict with what landed and what was rejected.
type checked struct {
	FileResult
	rows    []string
	rejects []string
	parquet []byte
}

func checkText(t tester, e models.Entity, text string, o Options) checked {
	t.Helper()
	c := checkRaw(t, e, text, o)
	if !c.Refused {
		c.rows = readLanding(t, c.parquet)
		if int64(len(c.rows)) != c.Accepted {
			t.Errorf("%d rows landed, %d were accepted", len(c.rows), c.Accepted)
		}
	}
	return c
}

// checkRaw is checkText without reading back what landed.
func checkRaw(t tester, e models.Entity, text string, o Options) checked {
	t.Helper()
	var c checked
	var b bytes.Buffer
	o.Landing = &b
	o.Rejects = func(r Reject) error {
		c.rejects = append(c.rejects, fmt.Sprintf("%d@%d %s %s (%s)", r.Line, r.Offset, r.Column, r.Code, r.Class))
		return nil
	}
	var err error
	if c.FileResult, err = CheckFile(ctx, strings.NewReader(text), e, o); err != nil {
		t.Fatal(err)
	}
	if c.Rows != c.Accepted+c.Quarantined+c.Blank {
		t.Errorf("rows %d are not accepted %d + quarantined %d + blank %d", c.Rows, c.Accepted, c.Quarantined, c.Blank)
	}
	if !c.Refused {
		c.parquet = b.Bytes()
	}
	return c
}

// readLanding returns the rows of a landing file as "column=number or text ...", nulls left out.
func readLanding(t tester, data []byte) (rows []string) {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("reading back what landed: %v", err)
	}
	names := f.Schema().Columns()
	buf := make([]parquet.Row, 64)
	for _, g := range f.RowGroups() {
		r := g.Rows()
		for {
			n, err := r.ReadRows(buf)
			for _, row := range buf[:n] {
				var parts []string
				for _, v := range row {
					if !v.IsNull() {
						parts = append(parts, names[v.Column()][0]+"="+valueText(v))
					}
				}
				rows = append(rows, strings.Join(parts, " "))
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
	}
	return rows
}

func valueText(v parquet.Value) string {
	switch v.Kind() {
	case parquet.Int32:
		return strconv.Itoa(int(v.Int32()))
	case parquet.Int64:
		return strconv.FormatInt(v.Int64(), 10)
	}
	return string(v.ByteArray())
}

func want(t tester, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}
