package privacy

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

func TestTheZeroFigureIsWrittenNowhere(t *testing.T) {
	var zero Figure
	if zero.Valid() {
		t.Error("the zero figure is valid")
	}
	for _, v := range []any{zero, []Figure{zero}, map[string]Figure{"a": zero}, Report{Figures: []Figure{zero}}, &zero} {
		if b, err := json.Marshal(v); err == nil {
			t.Errorf("%T was written as %s", v, b)
		}
	}
	//lint:ignore SA9005 that nothing can be read into a figure is what is tested
	if err := json.Unmarshal([]byte(`{"value": 3}`), &zero); err == nil && zero.Valid() {
		t.Error("a figure was read from JSON")
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(zero); err == nil {
		t.Error("a figure was written as gob")
	}
}

func TestSumsPrintNothing(t *testing.T) {
	const secret = 918273645
	type inside struct {
		Name string
		Sums Sums
		own  Sums
	}
	s := sumsOf([]int64{secret, 17})
	values := []any{s, &s, inside{"x", s, s}, []Sums{s}, map[string]Sums{"a": s}, draw{sums: s}, &draw{sums: s}}
	leaks := func(how, text string) {
		if strings.Contains(text, "918273645") || strings.Contains(text, fmt.Sprintf("%x", secret)) || strings.Contains(text, fmt.Sprintf("%b", secret)) || strings.Contains(text, fmt.Sprintf("%o", secret)) {
			t.Errorf("%s: %s", how, text)
		}
	}
	for _, v := range values {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %b %o %c %U %e %g %t %T") {
			leaks(verb, fmt.Sprintf(verb, v))
		}
		leaks("Sprint", fmt.Sprint(v))
		leaks("error", fmt.Errorf("failed with %v", v).Error())
		var b bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
			slog.New(h).Info("sums", "sums", v)
		}
		leaks("slog", b.String())
	}
	for how, err := range map[string]error{
		"json":       func() error { _, err := json.Marshal(s); return err }(),
		"json field": func() error { _, err := json.Marshal(inside{"x", s, s}); return err }(),
		"gob":        gob.NewEncoder(&bytes.Buffer{}).Encode(s),
		"gob field":  gob.NewEncoder(&bytes.Buffer{}).Encode(inside{"x", s, s}),
		"xml":        func() error { _, err := xml.Marshal(s); return err }(),
		"text":       func() error { _, err := s.MarshalText(); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: exact sums were written", how)
		}
	}
}

// TestNoDoorForChanceOrSums: nothing exported takes a source of randomness, a seed or a mechanism, or hands out exact sums.
func TestNoDoorForChanceOrSums(t *testing.T) {
	fset := token.NewFileSet()
	//lint:ignore SA1019 the folder holds one package and no build tags
	pkgs, err := parser.ParseDir(fset, ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := func(n ast.Node) string {
		var b bytes.Buffer
		if err := printer.Fprint(&b, fset, n); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	chance := regexp.MustCompile(`\brand\.|io\.Reader|(?i:\bseed)|mechanism\.|\bSource\b`)
	exact := regexp.MustCompile(`\bSums\b|\bdraw\b`)
	functions, fields := 0, 0
	for _, pkg := range pkgs {
		for name, f := range pkg.Files {
			for _, imp := range f.Imports {
				if strings.Contains(imp.Path.Value, "math/rand") {
					t.Errorf("%s imports %s: noise comes from the library alone", name, imp.Path.Value)
				}
			}
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if !d.Name.IsExported() {
						continue
					}
					if d.Recv != nil && text(d.Recv.List[0].Type) == "Sums" {
						continue // its methods print nothing: TestSumsPrintNothing
					}
					functions++
					if params := text(d.Type); chance.MatchString(params) || exact.MatchString(params) {
						t.Errorf("%s: %s %s", name, d.Name.Name, params)
					}
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						ts, ok := spec.(*ast.TypeSpec)
						if !ok || !ts.Name.IsExported() {
							if vs, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
								for _, n := range vs.Names {
									if n.IsExported() {
										t.Errorf("%s: %s can be changed from outside", name, n.Name)
									}
								}
							}
							continue
						}
						st, ok := ts.Type.(*ast.StructType)
						if !ok {
							continue
						}
						for _, field := range st.Fields.List {
							for _, n := range field.Names {
								if !n.IsExported() {
									continue
								}
								fields++
								if typ := text(field.Type); chance.MatchString(typ) || exact.MatchString(typ) {
									t.Errorf("%s: field %s.%s is a %s", name, ts.Name.Name, n.Name, typ)
								}
							}
						}
					}
				}
			}
		}
	}
	if functions < 20 || fields < 50 {
		t.Errorf("only %d functions and %d fields were looked at", functions, fields)
	}
}
