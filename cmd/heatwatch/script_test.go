package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"heatwatch": func() {
		recordStart()
		main()
	}})
}

// The scripts of testdata are the outside contract of the command line, one theme each. They run the program as a
// process of its own; exit codes, bytes on standard output and files are all that they look at.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":        scriptExits,
			"manifest":     scriptManifest,
			"bytes":        scriptBytes,
			"fill":         scriptFill,
			"flip":         scriptFlip,
			"bomb":         scriptBomb,
			"unzip":        scriptUnzip,
			"listing":      scriptListing,
			"mode":         scriptMode,
			"lines":        scriptLines,
			"json":         scriptJSON,
			"jsonkeys":     scriptJSONKeys,
			"csvcols":      scriptCSVCols,
			"receipt":      scriptReceipt,
			"figure":       scriptFigure,
			"contend":      scriptContend,
			"clear":        scriptClear,
			"everypage":    scriptEveryPage,
			"twopersons":   scriptTwoPersons,
			"releasefiles": scriptReleaseFiles,
			"accounting":   scriptAccounting,
			"reportshape":  scriptReportShape,
			"onlyby":       scriptOnlyBy,
			"refused":      scriptRefused,
			"damage":       scriptDamage,
			"rowsof":       scriptRowsOf,
			"reasons":      scriptReasons,
			"templates":    scriptTemplates,
			"latin1":       scriptLatin1,
			"persons":      scriptPersons,
			"everycommand": scriptEveryCommand,
			"forgets":      scriptForgets,
			"either":       scriptEither,
			"twokeys":      scriptTwoKeys,
			"samefiles":    scriptSameFiles,
			"sealed":       scriptSealed,
			"samecontent":  scriptSameContent,
			"fingerprint":  scriptFingerprint,
			"lie":          scriptLie,
			"sums":         scriptSums,
			"locked":       scriptLocked,
			"renamed":      scriptRenamed,
		},
	})
}

// notices are the lines that may stand before an error: they say what kind of home this is.
var notices = regexp.MustCompile(`not private|demonstration home`)

// scriptExits runs a command and wants this exit code: `exits N command args...`. A failure (1, 2, 3) says what is wrong
// in one line on standard error, and nothing ever prints a stack trace.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", strings.Join(args[1:], " "), err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	stderr := ts.ReadFile("stderr")
	for _, bad := range []string{"goroutine ", "panic:", "runtime error", ".go:"} {
		if strings.Contains(stderr, bad) {
			ts.Fatalf("%s: a stack trace or a place in our source on standard error: %q", strings.Join(args[1:], " "), bad)
		}
	}
	// A refusal may list first what it found, and `check` and `verify` say it in their answer; usage is one line, always.
	var said []string
	for line := range strings.Lines(stderr) {
		if !notices.MatchString(line) && strings.TrimSpace(line) != "" {
			said = append(said, line)
		}
	}
	own := 0
	for _, line := range said {
		if strings.HasPrefix(line, "heatwatch: ") {
			own++
		}
	}
	switch {
	case want == 2 && len(said) != 1:
		ts.Fatalf("%s: an error is one line, this one has %d", strings.Join(args[1:], " "), len(said))
	case want == 1 && args[2] != "verify" && own != 1:
		ts.Fatalf("%s: a failure is one line of error, this one has %d", strings.Join(args[1:], " "), own)
	case want == 3 && args[2] != "check" && args[2] != "verify" && (own != 1 || !strings.HasPrefix(said[len(said)-1], "heatwatch: ")):
		ts.Fatalf("%s: a refusal ends with one line of error, this one has %d", strings.Join(args[1:], " "), own)
	}
}

// scriptManifest writes the manifest.json of a drop folder AREA/PARTNER/incoming/DROP over the extracts that lie in it.
// key=value arguments change what it says: partner, created, mode, after, from, to, home, and for one file (NAME:what=value)
// name, entity, rows, sha256; NAME:skip=yes leaves it out; +NAME adds a file that is not there.
func scriptManifest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: manifest DROP [key=value...]")
	}
	dir := ts.MkAbs(args[0])
	set, extra := map[string]string{
		"partner": filepath.Base(filepath.Dir(filepath.Dir(dir))), "created": "2025-06-01T12:00:00Z",
		"mode": "snapshot", "from": "2024-01-01", "to": "2025-05-31",
	}, []string(nil)
	for _, a := range args[1:] {
		k, v, ok := strings.Cut(a, "=")
		switch {
		case ok:
			set[k] = v
		case strings.HasPrefix(a, "+"):
			extra = append(extra, a[1:])
		default:
			ts.Fatalf("manifest: %q is neither key=value nor +NAME", a)
		}
	}
	type file struct {
		Name   string `json:"name"`
		Entity string `json:"entity"`
		Rows   int    `json:"rows"`
		SHA256 string `json:"sha256"`
	}
	files := []file{}
	entries, err := os.ReadDir(dir)
	ts.Check(err)
	for _, e := range entries {
		if e.Name() == "manifest.json" || e.IsDir() || set[e.Name()+":skip"] != "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		ts.Check(err)
		entity, _, _ := strings.Cut(e.Name(), ".")
		sum := sha256.Sum256(data)
		rows := max(0, bytes.Count(bytes.TrimRight(data, "\r\n"), []byte("\n")))
		if n, ok := set[e.Name()+":rows"]; ok {
			rows, err = strconv.Atoi(n)
			ts.Check(err)
		}
		files = append(files, file{
			cmp.Or(set[e.Name()+":name"], e.Name()), cmp.Or(set[e.Name()+":entity"], entity), rows,
			cmp.Or(set[e.Name()+":sha256"], fmt.Sprintf("%x", sum)),
		})
	}
	for _, name := range extra {
		entity, _, _ := strings.Cut(filepath.Base(name), ".")
		files = append(files, file{name, entity, 1, strings.Repeat("0", 64)})
	}
	doc := map[string]any{
		"schema": 1, "partner": set["partner"], "created": set["created"], "mode": set["mode"],
		"covers": map[string]string{"from": set["from"], "to": set["to"]}, "files": files,
	}
	for _, k := range []string{"after", "home"} {
		if set[k] != "" {
			doc[k] = set[k]
		}
	}
	data, err := json.Marshal(doc)
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "manifest.json"), data, 0o600))
}

// scriptBytes writes a file from text with Go escapes, so that bytes that a txtar cannot hold are seen: bytes FILE 'a\r\n'.
func scriptBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bytes FILE 'text with Go escapes'")
	}
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// scriptFill appends lines to a file: fill FILE N 'text with %d\n', with Go escapes; a '%R' becomes 5 MB of x.
func scriptFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fill FILE N text")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text, err := strconv.Unquote(`"` + args[2] + `"`)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	w := bufio.NewWriter(f)
	for i := range n {
		line := strings.ReplaceAll(text, "%d", strconv.Itoa(i))
		if strings.Contains(line, "%R") {
			line = strings.ReplaceAll(line, "%R", strings.Repeat("x", 5<<20))
		}
		_, err := w.WriteString(line)
		ts.Check(err)
	}
	ts.Check(w.Flush())
	ts.Check(f.Close())
}

// scriptFlip changes one bit of one byte: flip FILE OFFSET, from the end if negative; or flip FILE middle.
func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET|middle")
	}
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	at := len(data) / 2
	if args[1] != "middle" {
		at, err = strconv.Atoi(args[1])
		ts.Check(err)
		if at < 0 {
			at += len(data)
		}
	}
	data[at] ^= 1
	ts.Check(os.Chmod(name, 0o600))
	ts.Check(os.WriteFile(name, data, 0o600))
}

// scriptBomb writes a gzip file of about 3 MB that expands to N gigabytes: bomb FILE N HEADER.
func scriptBomb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: bomb FILE GIGABYTES HEADER")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	// A gzip file may have several members: one is compressed once and repeated.
	member := func(data []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(data)
		ts.Check(err)
		ts.Check(z.Close())
		return b.Bytes()
	}
	row := bytes.Repeat([]byte("9"), 99)
	row = append(row, '\n')
	block := member(bytes.Repeat(row, (64<<20)/len(row)))
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = f.Write(member([]byte(args[2] + "\n")))
	ts.Check(err)
	for range n * 16 {
		_, err = f.Write(block)
		ts.Check(err)
	}
	ts.Check(f.Close())
}

// scriptUnzip compresses or expands with gzip: unzip -z FILE writes FILE.gz and removes FILE.
func scriptUnzip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || args[0] != "-z" {
		ts.Fatalf("usage: unzip -z FILE")
	}
	name := ts.MkAbs(args[1])
	data, err := os.ReadFile(name)
	ts.Check(err)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(data)
	ts.Check(err)
	ts.Check(z.Close())
	ts.Check(os.WriteFile(name+".gz", b.Bytes(), 0o600))
	ts.Check(os.Remove(name))
}

// scriptListing writes everything that a folder shows into FILE: names, modes, sizes, times and contents.
func scriptListing(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: listing FILE DIR...")
	}
	var b strings.Builder
	for _, dir := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.Name() == ".lock" { // says who ran last
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			sum := ""
			if d.Type().IsRegular() {
				data, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				sum = fmt.Sprintf("%x", sha256.Sum256(data))
			}
			fmt.Fprintf(&b, "%s %s %d %s %s\n", name, info.Mode(), info.Size(), info.ModTime().Format(time.RFC3339Nano), sum)
			return nil
		}))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}

// scriptMode wants these permissions: mode 0600 FILE...
func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, pattern := range args[1:] {
		names, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(names) == 0 {
			ts.Fatalf("mode: nothing is called %s", pattern)
		}
		for _, name := range names {
			info, err := os.Stat(name)
			ts.Check(err)
			if got := info.Mode().Perm(); got != fs.FileMode(want) {
				ts.Fatalf("%s has mode %04o, want %04o", name, got, want)
			}
		}
	}
}

// scriptLines wants a number of lines: lines stdout 3.
func scriptLines(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); got != want {
		ts.Fatalf("%s has %d lines, want %d", args[0], got, want)
	}
}

func decode(ts *testscript.TestScript, name string) any {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(name)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		ts.Fatalf("%s is not JSON: %v", name, err)
	}
	if _, err := d.Token(); err != io.EOF {
		ts.Fatalf("%s has something behind its JSON", name)
	}
	return v
}

// at follows a path such as files[0].reasons[*].code, or rows[partner=alpha].score; a star yields all elements.
func at(ts *testscript.TestScript, v any, path string) []any {
	found := []any{v}
	for _, step := range regexp.MustCompile(`\[[^\]]*\]|[^.\[\]]+`).FindAllString(path, -1) {
		var next []any
		for _, f := range found {
			if inner, ok := strings.CutPrefix(step, "["); ok {
				inner = strings.TrimSuffix(inner, "]")
				list, ok := f.([]any)
				if !ok {
					ts.Fatalf("%s: not a list at %s", path, step)
				}
				if k, want, ok := strings.Cut(inner, "="); ok {
					for _, e := range list {
						if m, ok := e.(map[string]any); ok && fmt.Sprint(m[k]) == want {
							next = append(next, e)
						}
					}
				} else if inner == "*" {
					next = append(next, list...)
				} else {
					i, err := strconv.Atoi(inner)
					ts.Check(err)
					if i < len(list) {
						next = append(next, list[i])
					}
				}
				continue
			}
			m, ok := f.(map[string]any)
			if !ok {
				ts.Fatalf("%s: not an object at %s", path, step)
			}
			if e, ok := m[step]; ok {
				next = append(next, e)
			}
		}
		found = next
	}
	return found
}

// scriptJSON compares what stands at a path with a JSON value (or a bare word): json FILE PATH VALUE. With a star every
// element has to be equal, and there must be one. `! json FILE PATH` wants nothing there. VALUE #n wants n elements.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	found := at(ts, decode(ts, args[0]), args[1])
	if neg {
		if len(args) != 2 || len(found) != 0 {
			ts.Fatalf("%s: there is something at %s", args[0], args[1])
		}
		return
	}
	if n, ok := strings.CutPrefix(args[2], "#"); ok {
		if len(found) == 1 {
			if list, ok := found[0].([]any); ok {
				found = list
			}
		}
		if strconv.Itoa(len(found)) != n {
			ts.Fatalf("%s: %d elements at %s, want %s", args[0], len(found), args[1], n)
		}
		return
	}
	if len(found) == 0 {
		ts.Fatalf("%s: nothing at %s", args[0], args[1])
	}
	for _, f := range found {
		got, err := json.Marshal(f)
		ts.Check(err)
		if s, ok := f.(string); ok && s == args[2] {
			continue
		}
		if n, ok := f.(json.Number); ok {
			a, err1 := n.Float64()
			b, err2 := strconv.ParseFloat(args[2], 64)
			if err1 == nil && err2 == nil && a == b {
				continue
			}
		}
		if string(got) != args[2] {
			ts.Fatalf("%s: %s is %s, want %s", args[0], args[1], got, args[2])
		}
	}
}

// scriptJSONKeys wants exactly these keys in this object (with a star: in each of at least one): jsonkeys FILE PATH a,b,c?
// A key with a question mark may be missing.
func scriptJSONKeys(ts *testscript.TestScript, neg bool, args []string) {
	found := at(ts, decode(ts, args[0]), args[1])
	if len(found) == 0 {
		ts.Fatalf("%s: nothing at %s", args[0], args[1])
	}
	for _, f := range found {
		wantKeys(ts, args[0]+" "+args[1], f, args[2])
	}
}

func wantKeys(ts *testscript.TestScript, where string, v any, want string) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		ts.Fatalf("%s is not an object: %v", where, v)
	}
	left := map[string]bool{}
	for k := range m {
		left[k] = true
	}
	for _, k := range strings.Split(want, ",") {
		k, optional := strings.CutSuffix(k, "?")
		if !left[k] && !optional {
			ts.Fatalf("%s has no %s", where, k)
		}
		delete(left, k)
	}
	for k := range left {
		ts.Fatalf("%s has %s, which the contract does not name", where, k)
	}
	return m
}

// scriptCSVCols wants exactly this header, and as many fields in each line: csvcols FILE a,b,c
func scriptCSVCols(ts *testscript.TestScript, neg bool, args []string) {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	if err != nil || len(rows) == 0 {
		ts.Fatalf("%s is not CSV with a header: %v", args[0], err)
	}
	if got := strings.Join(rows[0], ","); got != args[1] {
		ts.Fatalf("%s has the columns\n%s, want\n%s", args[0], got, args[1])
	}
}

var knownCodes = strings.Fields(`missing_value unknown_code out_of_range bad_int bad_date bad_datetime bad_flag bad_key duplicate_key
	bad_encoding wrong_field_count line_too_long unclosed_quote person_not_sent
	tool_domain outcome_range order settled rearrest_order passed future
	no_header missing_column unlisted_column hash_mismatch row_count_mismatch bad_charset missing_file unlisted_file bad_name
	too_large drop_changed format_not_offered leak no_consent`)

// scriptReceipt checks the shape of a receipt, and what must hold in each:
// receipt FILE [STATE [NAME rows accepted quarantined [code@line,line code:column@line ...]] [; ...] [drop: code ...]]
func scriptReceipt(ts *testscript.TestScript, neg bool, args []string) {
	doc := wantKeys(ts, args[0], decode(ts, args[0]), "schema,partner,drop,state,files,reasons")
	whole := func(where string, v any) int {
		n, ok := v.(json.Number)
		if !ok {
			ts.Fatalf("%s is not a number: %v", where, v)
		}
		i, err := strconv.Atoi(n.String())
		if err != nil || i < 0 {
			ts.Fatalf("%s is not a whole number: %v", where, v)
		}
		return i
	}
	if fmt.Sprint(doc["schema"]) != "1" {
		ts.Fatalf("%s: schema %v", args[0], doc["schema"])
	}
	if rel := strings.Split(filepath.ToSlash(ts.MkAbs(args[0])), "/receipts/"); len(rel) == 2 {
		if p, d := filepath.Base(rel[0]), strings.TrimSuffix(rel[1], ".json"); doc["partner"] != p || doc["drop"] != d {
			ts.Fatalf("%s is a receipt of %v %v", args[0], doc["partner"], doc["drop"])
		}
		text := strings.TrimSuffix(ts.MkAbs(args[0]), ".json") + ".txt"
		if info, err := os.Stat(text); err != nil || info.Size() == 0 {
			ts.Fatalf("%s has no text beside it", args[0])
		}
	}
	if regexp.MustCompile(`\d\d:\d\d:\d\d`).MatchString(ts.ReadFile(args[0])) {
		ts.Fatalf("%s carries a time of day", args[0])
	}
	reasons := func(where string, v any) (out []string) {
		list, ok := v.([]any)
		if !ok {
			ts.Fatalf("%s: reasons is not a list", where)
		}
		for _, r := range list {
			m := wantKeys(ts, where+" reasons", r, "code,column?,count,lines?,file?,note?")
			code, _ := m["code"].(string)
			if !slices.Contains(knownCodes, code) {
				ts.Logf("%s: code %q is not named by the contract (more may be added)", where, code)
			}
			count := whole(where+" count", m["count"])
			if count < 1 {
				ts.Fatalf("%s: reason %s counts %d", where, code, count)
			}
			s := code
			if c, ok := m["column"].(string); ok && c != "" {
				s += ":" + c
			}
			if l, ok := m["lines"].([]any); ok && len(l) > 0 {
				var at []string
				last := 1
				for _, n := range l {
					i := whole(where+" lines", n)
					if i < last {
						ts.Fatalf("%s: lines of %s are out of order or before the first row: %v", where, code, l)
					}
					last = i
					at = append(at, strconv.Itoa(i))
				}
				if len(l) > count {
					ts.Fatalf("%s: %s has more lines than it counts", where, code)
				}
				s += "@" + strings.Join(at, ",")
			}
			out = append(out, s)
		}
		slices.Sort(out)
		return out
	}
	var got []string
	list, ok := doc["files"].([]any)
	if !ok {
		ts.Fatalf("%s: files is not a list", args[0])
	}
	clean, taken := true, 0
	for _, f := range list {
		m := wantKeys(ts, args[0]+" files", f, "name,entity,rows,accepted,quarantined,reasons,refused?,blank?,warnings?")
		where := fmt.Sprintf("%s %v", args[0], m["name"])
		rows, accepted, quarantined := whole(where, m["rows"]), whole(where, m["accepted"]), whole(where, m["quarantined"])
		if accepted+quarantined > rows {
			ts.Fatalf("%s: %d rows are fewer than %d accepted and %d quarantined", where, rows, accepted, quarantined)
		}
		rs := reasons(where, m["reasons"])
		if quarantined > 0 || len(rs) > 0 {
			clean = false
		}
		if quarantined > 0 && len(rs) == 0 {
			ts.Fatalf("%s: %d rows were quarantined and nobody says why", where, quarantined)
		}
		taken += accepted
		got = append(got, strings.TrimSpace(fmt.Sprintf("%v %d %d %d %s", m["name"], rows, accepted, quarantined, strings.Join(rs, " "))))
	}
	slices.Sort(got)
	drop := reasons(args[0], doc["reasons"])
	if len(drop) > 0 {
		got = append(got, "drop: "+strings.Join(drop, " "))
	}
	state := doc["state"]
	if (state == "accepted") != (clean && len(drop) == 0) {
		ts.Fatalf("%s: state %v, with reasons %v", args[0], state, got)
	}
	if state == "refused" && taken > 0 {
		ts.Fatalf("%s: refused, and %d rows accepted", args[0], taken)
	}
	want := strings.Split(strings.Join(args[min(2, len(args)):], " "), " ; ")
	if len(args) < 3 {
		want = nil
	}
	if len(args) > 1 && state != args[1] || (want != nil && !slices.Equal(got, want)) {
		ts.Fatalf("%s\n got %v %s\nwant %s %s", args[0], state, strings.Join(got, "\n    "), args[1], strings.Join(want, "\n    "))
	}
}

// scriptFigure wants the value of one figure of a report in JSON: figure FILE PERIOD STATISTIC key=value;... VALUE [TOLERANCE]
func scriptFigure(ts *testscript.TestScript, neg bool, args []string) {
	by := map[string]any{}
	for _, kv := range strings.FieldsFunc(args[3], func(r rune) bool { return r == ';' }) {
		if k, v, ok := strings.Cut(kv, "="); ok {
			by[k] = v
		}
	}
	var found []map[string]any
	for _, f := range at(ts, decode(ts, args[0]), "figures[*]") {
		m := f.(map[string]any)
		if m["period"] == args[1] && m["statistic"] == args[2] && reflect.DeepEqual(m["by"], by) {
			found = append(found, m)
		}
	}
	if neg {
		if len(found) > 0 {
			ts.Fatalf("there is a figure %s", strings.Join(args, " "))
		}
		return
	}
	if len(found) != 1 {
		ts.Fatalf("%d figures %s, want 1", len(found), strings.Join(args[1:4], " "))
	}
	got := found[0]["value"]
	if args[4] == "null" {
		if got != nil || found[0]["low"] != nil || found[0]["high"] != nil || found[0]["note"] == nil {
			ts.Fatalf("%v is not null with a note", found[0])
		}
		return
	}
	want, err := strconv.ParseFloat(args[4], 64)
	ts.Check(err)
	tolerance := 0.005
	if len(args) > 5 {
		tolerance, err = strconv.ParseFloat(args[5], 64)
		ts.Check(err)
	}
	n, ok := got.(json.Number)
	if !ok {
		ts.Fatalf("%s is %v, want %v", strings.Join(args[1:4], " "), got, want)
	}
	v, err := n.Float64()
	ts.Check(err)
	if math.Abs(v-want) > tolerance {
		ts.Fatalf("%s is %v, want %v within %v", strings.Join(args[1:4], " "), v, want, tolerance)
	}
}

// scriptContend runs a command four times at once: whoever finds the lock held exits with 1 and names the process that
// holds it, in one line; somebody does, and somebody gets through. contend command args...
func scriptContend(ts *testscript.TestScript, neg bool, args []string) {
	strict := args[0] == "-strict"
	if strict {
		args = args[1:]
	}
	path := filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], args[0])
	var runs []*exec.Cmd
	var said []*bytes.Buffer
	var pids []string
	for range 4 {
		c, b := exec.Command(path, args[1:]...), new(bytes.Buffer)
		c.Dir, c.Stderr = ts.MkAbs("."), b
		c.Env = []string{"HEATWATCH_HOME=" + ts.Getenv("HEATWATCH_HOME"), "PATH=" + ts.Getenv("PATH"), "HOME=/nowhere", "TMPDIR=" + ts.Getenv("TMPDIR")}
		ts.Check(c.Start())
		runs, said, pids = append(runs, c), append(said, b), append(pids, strconv.Itoa(c.Process.Pid))
	}
	refused, through := 0, 0
	for i, c := range runs {
		err := c.Wait()
		var exit *exec.ExitError
		switch {
		case err == nil:
			through++
		case !errors.As(err, &exit) || exit.ExitCode() != 1:
			ts.Fatalf("%s: %v\n%s", args[0], err, said[i])
		default:
			refused++
			if !strict && strings.Contains(said[i].String(), "locked by another run") && strings.Count(said[i].String(), "\n") == 1 {
				continue // dev_lock.txtar
			}
			if !regexp.MustCompile(`\b(`+strings.Join(slices.Delete(slices.Clone(pids), i, i+1), "|")+`)\b`).MatchString(said[i].String()) || strings.Count(said[i].String(), "\n") != 1 {
				ts.Fatalf("the lock is held by one of %v, and %s says: %s", pids, pids[i], said[i])
			}
		}
	}
	if refused == 0 || through == 0 {
		ts.Fatalf("%d got through, %d found the lock held", through, refused)
	}
}

// scriptClear wants that no byte of any file below a folder (nor a name there) spells one of the words, in any case:
// clear DIR WORD...
func scriptClear(ts *testscript.TestScript, neg bool, args []string) {
	seen := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		seen++
		low := bytes.ToLower(append(data, name[len(ts.MkAbs(args[0])):]...))
		for _, word := range args[1:] {
			if bytes.Contains(low, []byte(strings.ToLower(word))) {
				ts.Fatalf("%s holds %q", name, word)
			}
		}
		return nil
	}))
	ts.Logf("%d files", seen)
}

// scriptEither wants a match on standard output or standard error.
func scriptEither(ts *testscript.TestScript, neg bool, args []string) {
	if !regexp.MustCompile("(?m)" + args[0]).MatchString(ts.ReadFile("stdout") + ts.ReadFile("stderr")) {
		ts.Fatalf("neither standard output nor standard error says %q", args[0])
	}
}

// scriptTwoKeys wants that one number of the agency has different pseudonyms in persons and in accused_persons, and the
// same one in all rows of one entity: twokeys KEYMAP NUMBER
func scriptTwoKeys(ts *testscript.TestScript, neg bool, args []string) {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	got := map[string]map[string]bool{}
	for _, r := range rows[1:] {
		if r[1] == args[1] {
			if got[r[0]] == nil {
				got[r[0]] = map[string]bool{}
			}
			got[r[0]][r[2]] = true
		}
	}
	if len(got["persons"]) != 1 || len(got["accused_persons"]) != 1 || reflect.DeepEqual(got["persons"], got["accused_persons"]) {
		ts.Fatalf("%s is %v", args[1], got)
	}
}

// scriptForgets forgets by hand the only person whom an agency asks to forget: forgets AGENCY.
func scriptForgets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: forgets AGENCY")
	}
	scriptExits(ts, false, []string{"0", "heatwatch", "forget", "--requested", "--dry-run", "--format", "csv"})
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile("stdout"))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != args[0] {
		ts.Fatalf("%v, want one request of %s: %v", rows, args[0], err)
	}
	scriptExits(ts, false, []string{"0", "heatwatch", "forget", "--agency", args[0], "--population", rows[1][2], "--key", rows[1][3], "--yes"})
}

// scriptSealed writes a backup to the recipient that stands in a file: sealed RECIPIENT FILE.
func scriptSealed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sealed RECIPIENT FILE")
	}
	scriptExits(ts, false, []string{"0", "heatwatch", "backup", "--to", args[1], "--recipient", strings.TrimSpace(ts.ReadFile(args[0]))})
}

// scriptSameFiles wants the same files, state and reasons in two receipts.
func scriptSameFiles(ts *testscript.TestScript, neg bool, args []string) {
	a, b := decode(ts, args[0]).(map[string]any), decode(ts, args[1]).(map[string]any)
	for _, k := range []string{"state", "files", "reasons"} {
		if !reflect.DeepEqual(a[k], b[k]) {
			ts.Fatalf("%s differs:\n%v\n%v", k, a[k], b[k])
		}
	}
}

// scriptSameContent wants the same lake content in two answers of verify --format json.
func scriptSameContent(ts *testscript.TestScript, neg bool, args []string) {
	a, b := at(ts, decode(ts, args[0]), "lake.content"), at(ts, decode(ts, args[1]), "lake.content")
	if len(a) != 1 || !reflect.DeepEqual(a, b) || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(fmt.Sprint(a[0])) {
		ts.Fatalf("content is %v and %v", a, b)
	}
}

// scriptPersons wants this number of linked persons in link dump --format json.
func scriptPersons(ts *testscript.TestScript, neg bool, args []string) {
	got := map[string]bool{}
	for _, p := range at(ts, decode(ts, args[0]), "rows[*].person") {
		got[fmt.Sprint(p)] = true
	}
	if strconv.Itoa(len(got)) != args[1] {
		ts.Fatalf("%d linked persons, want %s", len(got), args[1])
	}
}

// scriptEveryCommand walks the tree of commands as a reader does, by their --help: everycommand
func scriptEveryCommand(ts *testscript.TestScript, neg bool, args []string) {
	var bad []string
	var walk func(path []string)
	walk = func(path []string) {
		name := strings.Join(path, " ")
		if err := ts.Exec("heatwatch", append(slices.Clone(path), "--help")...); err != nil {
			ts.Fatalf("%s --help: %v", name, err)
		}
		help := ts.ReadFile("stdout")
		if !strings.Contains(help, "\nExamples:\n  heatwatch ") {
			bad = append(bad, name+" (no example)")
		}
		if !strings.Contains(help, "--yes") {
			bad = append(bad, name+" (no --yes)")
		}
		if ts.ReadFile("stderr") != "" {
			bad = append(bad, name+" (help on standard error)")
		}
		_, list, _ := strings.Cut(help, "\nAvailable Commands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		for line := range strings.Lines(list) {
			if f := strings.Fields(line); len(f) > 1 && f[0] != "help" && f[0] != "completion" {
				walk(append(slices.Clone(path), f[0]))
			}
		}
	}
	walk(nil)
	if len(bad) > 0 {
		ts.Fatalf("--help of %s", strings.Join(bad, ", "))
	}
}

// scriptReleaseFiles wants FILE to be the JSON array of the release files in DIR, in entry order, one entry per due date.
func scriptReleaseFiles(ts *testscript.TestScript, neg bool, args []string) {
	got := at(ts, decode(ts, args[0]), "[*]")
	names, err := filepath.Glob(filepath.Join(ts.MkAbs(args[1]), "*.json"))
	ts.Check(err)
	if len(got) == 0 || len(got) != len(names) {
		ts.Fatalf("%d releases were printed, %d files are there", len(got), len(names))
	}
	last := 0
	for _, r := range got {
		entry, err := strconv.Atoi(fmt.Sprint(r.(map[string]any)["entry"]))
		ts.Check(err)
		if entry <= last {
			ts.Fatalf("entry %d comes after %d", entry, last)
		}
		last = entry
		if file := decode(ts, filepath.Join(args[1], strconv.Itoa(entry)+".json")); !reflect.DeepEqual(file, r) {
			ts.Fatalf("entry %d is printed otherwise than it is recorded", entry)
		}
	}
}

func num(ts *testscript.TestScript, v any) float64 {
	n, ok := v.(json.Number)
	if !ok {
		ts.Fatalf("%v is no number", v)
	}
	f, err := n.Float64()
	ts.Check(err)
	return f
}

// scriptAccounting recomputes from a release what anyone can: mu2 = l0 (linf / sd)^2; presented are whole numbers, none below
// zero; breakdowns of one vector add up to the same, estimates as well as presented; covariances are symmetrical, and no
// estimate has more noise than its raw number.
func scriptAccounting(ts *testscript.TestScript, neg bool, args []string) {
	compared := 0
	for _, f := range at(ts, decode(ts, args[0]), "[*]") {
		sums := map[string][2]float64{} // by vector and answer, of one entry
		for _, v := range f.(map[string]any)["measurements"].([]any) {
			m := v.(map[string]any)
			l0, linf, sd, mu2 := num(ts, m["l0"]), num(ts, m["linf"]), num(ts, m["sd"]), num(ts, m["mu2"])
			if want := l0 * linf * linf / (sd * sd); math.Abs(mu2-want) > 1e-6*want {
				ts.Fatalf("%v: mu2 %v, l0 (linf/sd)^2 is %v", m["item"], mu2, want)
			}
			own := map[string][2]float64{}
			for _, c := range m["cells"].([]any) {
				c := c.(map[string]any)
				raw, estimate, presented := num(ts, c["raw"]), num(ts, c["estimate"]), num(ts, c["presented"])
				if raw != math.Trunc(raw) || presented != math.Trunc(presented) || presented < 0 {
					ts.Fatalf("%v: raw %v, presented %v", m["item"], raw, presented)
				}
				key := fmt.Sprint(m["vector"], c["cell"].(map[string]any)["answer"])
				own[key] = [2]float64{own[key][0] + estimate, own[key][1] + presented}
			}
			for key, sum := range own {
				if other, ok := sums[key]; ok {
					compared++
					if math.Abs(sum[0]-other[0]) > 1e-6 || sum[1] != other[1] {
						ts.Fatalf("%v: %s adds up to %v, elsewhere to %v", m["item"], key, sum, other)
					}
				}
				sums[key] = sum
			}
			cov := m["covariance"].(map[string]any)
			matrix := cov["matrix"].([]any)
			if len(matrix) != len(cov["cells"].([]any)) || len(matrix) != len(m["cells"].([]any)) {
				ts.Fatalf("%v: the matrix is not as wide as its list of cells", m["item"])
			}
			for i, row := range matrix {
				for j, x := range row.([]any) {
					if x != matrix[j].([]any)[i] {
						ts.Fatalf("%v: covariance is not symmetrical", m["item"])
					}
				}
				if v := num(ts, row.([]any)[i]); !(v >= 0 && v <= 1.01*(sd*sd+1.0/12)) {
					ts.Fatalf("%v: variance %v, sd %v", m["item"], v, sd)
				}
			}
		}
	}
	if compared < 5 {
		ts.Fatalf("only %d sums were compared", compared)
	}
}

var units = strings.Split("share,persons,hours,nights,per_1000_days,points,per_month,days,attendances,pledges,profiles,ads,ads_per_profile,person_hours,change,quantity", ",")

// scriptReportShape checks the types of a report in JSON, that intervals hold their value, and that null has a note.
func scriptReportShape(ts *testscript.TestScript, neg bool, args []string) {
	doc := decode(ts, args[0])
	entries := map[string]bool{}
	for _, e := range at(ts, doc, "privacy[*].entry") {
		entries[fmt.Sprint(e)] = true
	}
	values := 0
	for _, v := range at(ts, doc, "figures[*]") {
		f := v.(map[string]any)
		if _, ok := f["by"].(map[string]any); !ok {
			ts.Fatalf("by is no object in %v", f)
		}
		if u, _ := f["unit"].(string); !slices.Contains(units, u) {
			ts.Fatalf("%v has the unit %v", f["statistic"], f["unit"])
		}
		if num(ts, f["confidence"]) != 0.95 {
			ts.Fatalf("%v has the confidence %v", f["statistic"], f["confidence"])
		}
		if items, ok := f["items"].([]any); !ok || len(items) == 0 {
			ts.Fatalf("%v names no item", f)
		}
		for _, e := range f["entries"].([]any) {
			if !entries[fmt.Sprint(e)] {
				ts.Fatalf("entry %v of %v is not in the list of privacy", e, f["statistic"])
			}
		}
		if f["value"] == nil {
			if f["low"] != nil || f["high"] != nil || f["note"] == nil || f["note"] == "" {
				ts.Fatalf("null without a note: %v", f)
			}
			continue
		}
		values++
		value, low, high := num(ts, f["value"]), num(ts, f["low"]), num(ts, f["high"])
		if low > value || value > high {
			ts.Fatalf("%v is outside its own interval", f)
		}
		if f["unit"] == "share" && (low < 0 || high > 1) {
			ts.Fatalf("a share outside 0 to 1: %v", f)
		}
	}
	ts.Logf("%d figures have a value", values)
}

// scriptOnlyBy wants every figure of a report to be by this dimension, and one at least.
func scriptOnlyBy(ts *testscript.TestScript, neg bool, args []string) {
	found := at(ts, decode(ts, args[0]), "figures[*].by")
	if len(found) == 0 {
		ts.Fatalf("no figures")
	}
	for _, by := range found {
		if m := by.(map[string]any); len(m) != 1 || m[args[1]] == nil {
			ts.Fatalf("a figure by %v", m)
		}
	}
}

// scriptRefused wants every command that reads the ledger to refuse with exit 3, and to change nothing.
func scriptRefused(ts *testscript.TestScript, neg bool, args []string) {
	scriptListing(ts, false, []string{"listing.before", "home"})
	for _, c := range []string{"budget verify", "release 2024Q1", "release 2024Q2", "verify", "budget", "report time-to-emergency-service", "publish --out site", "witness --out w.note", "release --due"} {
		scriptExits(ts, false, append([]string{"3", "heatwatch"}, strings.Fields(c)...))
	}
	scriptListing(ts, false, []string{"listing.after", "home"})
	if ts.ReadFile("listing.before") != ts.ReadFile("listing.after") {
		ts.Fatalf("a home that was refused has changed")
	}
}

// scriptLocked wants a home to be locked: nothing is measured, published or amended, whatever witness agrees; reading works and
// says so; and nothing changes: locked HOME
func scriptLocked(ts *testscript.TestScript, neg bool, args []string) {
	home := "--home=" + args[0]
	scriptListing(ts, false, []string{"listing.before", args[0]})
	scriptExits(ts, false, []string{"0", "heatwatch", home, "witness", "--out", "locked.note"})
	for _, c := range []string{"release 2023Q4 --witness locked.note", "release 2023 --witness locked.note", "publish --out locked.site", "budget amend --reason x --epsilon 7"} {
		scriptExits(ts, false, append([]string{"3", "heatwatch", home}, strings.Fields(c)...))
		if !regexp.MustCompile(`copied, or restored.*ledger import --site`).MatchString(ts.ReadFile("stderr")) {
			ts.Fatalf("%s does not say that the home is locked: %s", c, ts.ReadFile("stderr"))
		}
	}
	for _, c := range []string{"budget", "verify", "budget verify", "status"} {
		scriptExits(ts, false, append([]string{"0", "heatwatch", home}, strings.Fields(c)...))
		if !strings.Contains(ts.ReadFile("stderr"), "locked") {
			ts.Fatalf("%s does not say that the home is locked", c)
		}
	}
	for _, c := range []string{"release 2024Q1", "report time-to-emergency-service", "plan 2024Q1"} {
		scriptExits(ts, false, append([]string{"0", "heatwatch", home}, strings.Fields(c)...))
	}
	scriptListing(ts, false, []string{"listing.after", args[0]})
	if ts.ReadFile("listing.before") != ts.ReadFile("listing.after") {
		ts.Fatalf("a locked home has changed")
	}
}

// scriptRenamed gives an item of a plan another name wherever it stands: renamed FILE OLD NEW
func scriptRenamed(ts *testscript.TestScript, neg bool, args []string) {
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	after := regexp.MustCompile(`\b`+args[1]+`\b`).ReplaceAll(b, []byte(args[2]))
	if bytes.Equal(b, after) {
		ts.Fatalf("%s does not name %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(name, after, 0o644))
}

// scriptDamage flips a bit in the middle of the biggest file below a folder.
func scriptDamage(ts *testscript.TestScript, neg bool, args []string) {
	var biggest string
	var size int64
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			biggest, size = name, info.Size()
		}
		return err
	}))
	ts.Logf("damaged %s", biggest)
	scriptFlip(ts, false, []string{biggest, "middle"})
}

// scriptRowsOf wants these columns of a command that prints rows, in CSV, in JSON, and in the two forms for readers:
// rowsof COLUMNS command...
func scriptRowsOf(ts *testscript.TestScript, neg bool, args []string) {
	command := append([]string{"0", "heatwatch"}, args[1:]...)
	scriptExits(ts, false, append(slices.Clone(command), "--format", "csv"))
	scriptCSVCols(ts, false, []string{"stdout", args[0]})
	n, err := csv.NewReader(strings.NewReader(ts.ReadFile("stdout"))).ReadAll()
	ts.Check(err)
	scriptExits(ts, false, append(slices.Clone(command), "--format", "json"))
	doc := wantKeys(ts, strings.Join(args[1:], " "), decode(ts, "stdout"), "schema,rows")
	if fmt.Sprint(doc["schema"]) != "1" {
		ts.Fatalf("schema %v", doc["schema"])
	}
	rows, ok := doc["rows"].([]any)
	if !ok || len(rows) != len(n)-1 {
		ts.Fatalf("%d rows in CSV, %v in JSON", len(n)-1, doc["rows"])
	}
	for _, r := range rows {
		wantKeys(ts, strings.Join(args[1:], " "), r, args[0])
	}
	for _, format := range []string{"table", "markdown"} {
		scriptExits(ts, false, append(slices.Clone(command), "--format", format))
		if ts.ReadFile("stdout") == "" {
			ts.Fatalf("nothing in the form %s", format)
		}
	}
}

// scriptReasons wants every code of the contract in dictionary --reasons --format json, with a meaning and a remedy.
func scriptReasons(ts *testscript.TestScript, neg bool, args []string) {
	seen := map[string]bool{}
	for _, v := range at(ts, decode(ts, args[0]), "rows[*]") {
		m := wantKeys(ts, "reasons", v, "code,scope,meaning,remedy")
		for _, k := range []string{"code", "scope", "meaning", "remedy"} {
			if s, _ := m[k].(string); s == "" {
				ts.Fatalf("%v has no %s", m["code"], k)
			}
		}
		if seen[m["code"].(string)] {
			ts.Logf("%v stands there twice", m["code"])
		}
		seen[m["code"].(string)] = true
	}
	for _, c := range knownCodes {
		if !seen[c] {
			ts.Fatalf("%s is not explained", c)
		}
	}
}

// scriptTemplates wants one CSV template per entity, whose header is taken by check.
func scriptTemplates(ts *testscript.TestScript, neg bool, args []string) {
	names, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.csv"))
	ts.Check(err)
	if len(names) != 17 {
		ts.Fatalf("%d templates, want 17", len(names))
	}
}

// scriptTwoPersons wants two keys of link dump --format json to be two persons: twopersons FILE KEY KEY
func scriptTwoPersons(ts *testscript.TestScript, neg bool, args []string) {
	doc := decode(ts, args[0])
	a, b := at(ts, doc, "rows[person_key="+args[1]+"].person"), at(ts, doc, "rows[person_key="+args[2]+"].person")
	if len(a) != 1 || len(b) != 1 || fmt.Sprint(a[0]) == fmt.Sprint(b[0]) {
		ts.Fatalf("%s is person %v, %s is %v", args[1], a, args[2], b)
	}
}

// scriptEveryPage wants a match in every HTML file below a folder: everypage DIR PATTERN
func scriptEveryPage(ts *testscript.TestScript, neg bool, args []string) {
	want, pages := regexp.MustCompile(args[1]), 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".html" {
			return err
		}
		pages++
		data, err := os.ReadFile(name)
		if err == nil && !want.Match(data) {
			ts.Fatalf("%s does not say %s", name, args[1])
		}
		return err
	}))
	if pages == 0 {
		ts.Fatalf("no pages")
	}
}

// scriptLatin1 makes a file Windows-1252, with an accent for each tilde: latin1 FILE
func scriptLatin1(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, bytes.ReplaceAll(b, []byte("~"), []byte{0xe1}), 0o600))
}
