package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"heatwatch/models"
)

// ManifestName is the file that completes a drop.
const ManifestName = "manifest.json"

// maxManifest and maxDepth bound what reading a manifest can cost.
const (
	maxManifest = 1 << 20
	maxDepth    = 16
)

// Manifest says what a drop holds. It is uploaded last.
type Manifest struct {
	Schema  int
	Partner string
	Created time.Time
	Covers  Covers
	Mode    string // snapshot or delta
	Files   []ManifestFile
	After   string // the drop that must be applied before this one; may be empty
	Home    string // id of the home that the kit came from; may be empty
	Consent string // InForce: the agency attests that every person in it agreed; may be empty
	Forget  string // SHA-256 of ForgetName; empty: nobody is to be forgotten
}

// InForce is what an agency attests that may send persons with consent in force alone.
const InForce = "in_force"

// The two modes of a drop.
const (
	Snapshot = "snapshot" // restates everything of each entity that it lists
	Delta    = "delta"    // inserts or replaces by key
)

// ManifestFile is one file as its sender describes it. Nothing of it is true before it was checked.
type ManifestFile struct {
	Name   string
	Entity string
	Rows   int64
	SHA256 string
}

// DropReason is a reason against a whole drop.
type DropReason = Reason

// ParseManifest reads a manifest. Fields that it does not know are passed over, so that newer senders can talk to older
// warehouses; whatever it does know must be right. Names and hashes of files are judged later, file by file.
func ParseManifest(b []byte) (Manifest, *DropReason) {
	m, err := parseManifest(b)
	if err != nil {
		return Manifest{}, &DropReason{Code: "bad_manifest", Count: 1, Lines: []int64{}, Note: err.Error()}
	}
	return m, nil
}

// parseManifest's errors go into receipts: they never quote the manifest.
func parseManifest(b []byte) (Manifest, error) {
	m := Manifest{}
	switch {
	case len(b) > maxManifest:
		return m, errors.New("the manifest is larger than 1 MiB")
	case !utf8.Valid(b):
		return m, errors.New("the manifest is not UTF-8")
	}
	b = bytes.TrimPrefix(b, []byte{0xef, 0xbb, 0xbf})
	if err := plainJSON(b); err != nil {
		return m, err
	}
	top, err := object(b)
	if err != nil {
		return m, errors.New("the manifest is not a JSON object")
	}
	schema, err := top.integer("schema")
	if err != nil {
		return m, err
	}
	if schema != 1 {
		return m, errors.New("schema is not 1")
	}
	m.Schema = 1
	if m.Partner, err = top.text("partner", true); err != nil {
		return m, err
	}
	created, err := top.text("created", true)
	if err != nil {
		return m, err
	}
	micros, ok := models.ParseDateTime(created)
	if !ok {
		return m, errors.New("created is not a time with its offset, as 2026-07-03T22:00:00-07:00")
	}
	m.Created = time.UnixMicro(micros).UTC()
	if m.Covers, err = covers(top["covers"]); err != nil {
		return m, err
	}
	if m.Mode, err = top.text("mode", true); err != nil {
		return m, err
	}
	if m.Mode != Snapshot && m.Mode != Delta {
		return m, errors.New("mode is neither snapshot nor delta")
	}
	if m.After, err = top.text("after", false); err != nil {
		return m, err
	}
	if m.Home, err = top.text("home", false); err != nil {
		return m, err
	}
	if m.Consent, err = top.text("consent", false); err != nil {
		return m, err
	}
	if m.Consent != "" && m.Consent != InForce {
		return m, errors.New("consent is not in_force")
	}
	if m.Forget, err = forgetHash(top["forget"]); err != nil {
		return m, err
	}
	m.Files, err = manifestFiles(top["files"])
	return m, err
}

func covers(b json.RawMessage) (Covers, error) {
	o, err := object(b)
	if err != nil {
		return Covers{}, errors.New("covers is not an object with from and to")
	}
	var c Covers
	for _, end := range []struct {
		name string
		to   *models.Date
	}{{"from", &c.From}, {"to", &c.To}} {
		s, err := o.text(end.name, true)
		if err != nil {
			return c, fmt.Errorf("covers: %w", err)
		}
		d, ok := models.ParseDate(s)
		if !ok {
			return c, fmt.Errorf("covers: %s is not a date as YYYY-MM-DD", end.name)
		}
		*end.to = d
	}
	if c.From > c.To {
		return c, errors.New("covers: from is later than to")
	}
	return c, nil
}

func manifestFiles(b json.RawMessage) ([]ManifestFile, error) {
	var list []json.RawMessage
	if len(b) == 0 || b[0] != '[' || json.Unmarshal(b, &list) != nil {
		return nil, errors.New("files is not a list")
	}
	files := make([]ManifestFile, 0, len(list))
	for i, raw := range list {
		f, err := manifestFile(raw)
		if err != nil {
			return nil, fmt.Errorf("files: entry %d: %w", i+1, err)
		}
		files = append(files, f)
	}
	return files, nil
}

func manifestFile(b json.RawMessage) (f ManifestFile, err error) {
	o, err := object(b)
	if err != nil {
		return f, errors.New("it is not an object")
	}
	if f.Name, err = o.text("name", true); err != nil {
		return f, err
	}
	if f.Entity, err = o.text("entity", true); err != nil {
		return f, err
	}
	if f.SHA256, err = o.text("sha256", true); err != nil {
		return f, err
	}
	if f.Rows, err = o.integer("rows"); err != nil {
		return f, err
	}
	if f.Rows < 0 {
		return f, errors.New("rows is negative")
	}
	return f, nil
}

// fieldsOf is a JSON object by the exact names of its fields: encoding/json's structs would take "Rows" for "rows", and
// two readers of one manifest might then disagree.
type fieldsOf map[string]json.RawMessage

func object(b json.RawMessage) (fieldsOf, error) {
	var o fieldsOf
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errors.New("null")
	}
	return o, nil
}

func (o fieldsOf) text(name string, required bool) (string, error) {
	b, ok := o[name]
	if !ok && !required {
		return "", nil
	}
	var s string
	if !ok || b[0] != '"' || json.Unmarshal(b, &s) != nil {
		return "", fmt.Errorf("%s is missing or not a text", name)
	}
	if required && s == "" || len(s) > 255 {
		return "", fmt.Errorf("%s is empty or longer than 255 bytes", name)
	}
	return s, nil
}

func (o fieldsOf) integer(name string) (int64, error) {
	n, err := strconv.ParseInt(string(o[name]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is missing or not a whole number", name)
	}
	return n, nil
}

// plainJSON refuses what two readers could understand differently: a name that comes twice in one object, and text after
// the end; and deep nesting, which could only be an attack.
func plainJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var open []map[string]bool // one per open object; nil for a list
	name := false              // the next text is the name of a field
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return errors.New("the manifest is cut off")
		}
		if err != nil {
			return errors.New("the manifest is not JSON")
		}
		switch v := t.(type) {
		case json.Delim:
			switch v {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			if len(open) > maxDepth {
				return errors.New("the manifest is nested too deeply")
			}
			name = v == '{' || len(open) > 0 && open[len(open)-1] != nil
		case string:
			if name {
				seen := open[len(open)-1]
				if seen[v] {
					return errors.New("the manifest has a field twice")
				}
				seen[v] = true
				name = false
				continue
			}
			name = len(open) > 0 && open[len(open)-1] != nil
		default:
			name = len(open) > 0 && open[len(open)-1] != nil
		}
		if len(open) == 0 {
			break
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the manifest goes on after its end")
	}
	return nil
}
