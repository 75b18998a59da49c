package mechanism

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// offences lists what would let somebody choose the noise: another source of randomness, or an exported variable,
// parameter or field through which one could be passed.
func offences(file *ast.File) []string {
	var found []string
	for _, im := range file.Imports {
		path, _ := strconv.Unquote(im.Path.Value)
		switch path {
		case "errors", "fmt", "math", "github.com/google/differential-privacy/go/v3/noise":
		default:
			found = append(found, "import "+path)
		}
	}
	plain := map[string]bool{"int64": true, "float64": true, "error": true, "Spec": true, "Prepared": true, "bool": true, "string": true}
	ofFields := func(where string, list *ast.FieldList, exportedOnly bool) {
		if list == nil {
			return
		}
		for _, f := range list.List {
			named := len(f.Names) == 0
			for _, n := range f.Names {
				named = named || ast.IsExported(n.Name)
			}
			if id, ok := f.Type.(*ast.Ident); (named || !exportedOnly) && (!ok || !plain[id.Name]) {
				found = append(found, where+" takes something that is not a plain number")
			}
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == "init" {
				found = append(found, "an init function")
			}
			if d.Name.IsExported() {
				ofFields(d.Name.Name, d.Type.Params, false)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					if d.Tok == token.VAR {
						found = append(found, "variable "+s.Names[0].Name)
					}
				case *ast.TypeSpec:
					if st, ok := s.Type.(*ast.StructType); ok && s.Name.IsExported() {
						ofFields(s.Name.Name, st.Fields, true)
					} else if s.Name.IsExported() {
						found = append(found, "type "+s.Name.Name)
					}
				}
			}
		}
	}
	return found
}

func TestNobodyCanChooseTheNoise(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range offences(file) {
			t.Errorf("%s: %s", name, o)
		}
		checked++
	}
	if checked < 3 {
		t.Errorf("only %d files were checked", checked)
	}
}

func TestTheSearchFindsHooks(t *testing.T) {
	for _, source := range []string{
		`import "math/rand"`, `import "math/rand/v2"`, `import "crypto/rand"`, `import "os"`, `import "testing"`,
		`var Rand int64`, `var seed int64`, `func init() {}`,
		`func Draw(r io.Reader) {}`, `func Draw(next func() uint64) {}`, `func (p Prepared) With(n noise.Noise) {}`,
		`type Spec struct { Source func() int64 }`, `type Source interface { Next() uint64 }`,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(offences(file)) == 0 {
			t.Errorf("not found: %s", source)
		}
	}
}
