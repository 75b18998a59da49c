package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// rigOverSFTP is a home with one agency that can log in with the key.
func rigOverSFTP(t *testing.T, partner string) (r *rig, address, key string) {
	t.Helper()
	needsSFTP(t)
	address = freeAddress(t)
	r = newRig(t, "HEATWATCH_SFTP_LISTEN="+address, "HEATWATCH_HEALTH_LISTEN="+freeAddress(t))
	r.now = time.Now()
	r.run(0, "init")
	r.run(0, "partner", "add", partner, "--kind", "shelter")
	r.run(0, "partner", "set", partner, "starts_on=2024-01-01")
	r.run(0, "partner", "kit", partner, "--out", filepath.Join(r.dir, "kits", partner))
	key = r.newKey()
	r.run(0, "partner", "key", partner, key+".pub")
	return r, address, key
}

// receiptCodes are the state and all reasons of a receipt.
func receiptCodes(t *testing.T, receipt []byte) (state string, codes []string) {
	t.Helper()
	type reason struct{ Code string }
	var got struct {
		State   string
		Files   []struct{ Reasons []reason }
		Reasons []reason
	}
	if err := json.Unmarshal(receipt, &got); err != nil {
		t.Fatal(err)
	}
	all := got.Reasons
	for _, f := range got.Files {
		all = append(all, f.Reasons...)
	}
	for _, x := range all {
		codes = append(codes, x.Code)
	}
	return got.State, codes
}

// A drop of each kind of fault goes through a real sftp session into serve; the receipt that is fetched the same way names it.
func TestPlantedFaultsThroughSFTP(t *testing.T) {
	r, address, key := rigOverSFTP(t, "alpha")

	const head, good = "engagement_id,person_key,engaged_at,age,channel\n", "e0,p1,2025-01-02T10:00:00-08:00,15,hotline\n"
	row := func(engagedAt, age, channel string) string {
		return head + good + "e1,p1," + engagedAt + "," + age + "," + channel + "\n"
	}
	packed := func(text string, cut int) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
		return string(b.Bytes()[:b.Len()-cut])
	}
	type fault struct {
		file, text string
		change     func(m map[string]any)
		code       string
	}
	file := func(what string, value any) func(map[string]any) {
		return func(m map[string]any) { m["files"].([]any)[1].(map[string]any)[what] = value }
	}
	faults := map[string]fault{
		"header-missing":    {text: good + good, code: "no_header"},
		"semicolons":        {text: strings.ReplaceAll(head+good, ",", ";"), code: "no_header"},
		"column-missing":    {text: "engagement_id,person_key,engaged_at\ne1,p1,2025-01-02T10:00:00-08:00\n", code: "missing_column"},
		"column-unlisted":   {text: strings.Replace(head, "channel", "channel,home_address", 1), code: "unlisted_column"},
		"header-twice":      {text: head + head + good, code: "repeated_header"},
		"utf-16":            {text: "\xff\xfee\x00n\x00", code: "bad_charset"},
		"workbook":          {text: "PK\x03\x04" + strings.Repeat("x", 100), code: "format_not_offered"},
		"gzip-cut":          {file: "engagements.csv.gz", text: packed(head+good, 6), code: "format_not_offered"},
		"excel-serial":      {text: row("45659.5", "15", "hotline"), code: "bad_datetime"},
		"american-date":     {text: row("1/2/2025 10:00", "15", "hotline"), code: "bad_datetime"},
		"no-offset":         {text: row("2025-01-02T10:00:00", "15", "hotline"), code: "bad_datetime"},
		"year-0001":         {text: row("0001-01-02T10:00:00Z", "15", "hotline"), code: "out_of_range"},
		"future":            {text: row("2040-01-02T10:00:00Z", "15", "hotline"), code: "future"},
		"negative-age":      {text: row("2025-01-02T10:00:00Z", "-1", "hotline"), code: "out_of_range"},
		"thousands":         {text: row("2025-01-02T10:00:00Z", "1'000", "hotline"), code: "bad_int"},
		"code-in-capitals":  {text: row("2025-01-02T10:00:00Z", "15", "Hotline"), code: "unknown_code"},
		"look-alike":        {text: row("2025-01-02T10:00:00Z", "15", "h\u043etline"), code: "unknown_code"},
		"value-missing":     {text: row("", "15", "hotline"), code: "missing_value"},
		"trailing-comma":    {text: head + good + "e1,p1,2025-01-02T10:00:00Z,15,hotline,\n", code: "wrong_field_count"},
		"open-quote":        {text: head + "\"e1,p1,2025-01-02T10:00:00Z,15,hotline\n" + good, code: "unclosed_quote"},
		"nul":               {text: row("2025-01-02T10:00:00Z", "15", "hot\x00line"), code: "bad_encoding"},
		"key-twice":         {text: head + good + good, code: "duplicate_key"},
		"person-not-sent":   {text: head + "e1,p9,2025-01-02T10:00:00Z,15,hotline\n", code: "person_not_sent"},
		"hash":              {text: head + good, change: file("sha256", strings.Repeat("0", 64)), code: "hash_mismatch"},
		"rows":              {text: head + good, change: file("rows", 7), code: "row_count_mismatch"},
		"file-missing":      {text: "", code: "missing_file"},
		"another-partner":   {text: head + good, change: func(m map[string]any) { m["partner"] = "beta" }, code: "wrong_partner"},
		"clock-ahead":       {text: head + good, change: func(m map[string]any) { m["created"] = "2199-01-01T00:00:00Z" }, code: "clock_ahead"},
		"manifest-negative": {text: head + good, change: file("rows", -1), code: "bad_manifest"},
	}
	var batch strings.Builder
	for i, name := range slices.Sorted(maps.Keys(faults)) {
		f := faults[name]
		if f.file == "" {
			f.file = "engagements.csv"
		}
		dir := filepath.Join(r.dir, "out", name)
		texts := [][2]string{{"persons.csv", "person_key\np1\n"}, {f.file, f.text}}
		var files []any
		for _, x := range texts {
			sum := sha256.Sum256([]byte(x[1]))
			entity, _, _ := strings.Cut(x[0], ".")
			files = append(files, map[string]any{"name": x[0], "entity": entity, "rows": max(strings.Count(x[1], "\n")-1, 0), "sha256": hex.EncodeToString(sum[:])})
		}
		m := map[string]any{"schema": 1, "partner": "alpha", "created": fmt.Sprintf("2025-06-01T12:%02d:00Z", i), "mode": "snapshot",
			"covers": map[string]string{"from": "2024-01-01", "to": "2025-05-31"}, "files": files}
		if f.change != nil {
			f.change(m)
		}
		texts = append(texts, [2]string{"manifest.json", string(must1(json.Marshal(m)))})
		fmt.Fprintf(&batch, "mkdir incoming/%s\n", name)
		for _, x := range texts {
			if name == "file-missing" && x[0] == f.file {
				continue
			}
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, x[0]), []byte(x[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&batch, "put %s incoming/%s/\n", filepath.Join(dir, x[0]), name)
		}
	}
	said, stop := r.serve()
	defer stop()
	r.sftp(address, key, "alpha", batch.String(), said)
	r.run(4, "nightly")
	var fetch strings.Builder
	for name := range faults {
		fmt.Fprintf(&fetch, "get receipts/%s.json\nget receipts/%s.txt\n", name, name)
	}
	r.sftp(address, key, "alpha", fetch.String(), said)
	for name, f := range faults {
		state, codes := receiptCodes(t, must1(os.ReadFile(filepath.Join(r.dir, name+".json"))))
		if state == "accepted" || !slices.Equal(slices.Compact(codes), []string{f.code}) {
			t.Errorf("%s: %s, %v, want %s", name, state, codes, f.code)
		}
		if text := string(must1(os.ReadFile(filepath.Join(r.dir, name+".txt")))); !strings.Contains(text, f.code) || !strings.Contains(text, "what to do") {
			t.Errorf("%s: the text names no %s with what to do", name, f.code)
		}
	}
	// Nothing of it is left in the area: what was taken is kept sealed, what leaked or was refused is recorded.
	if left := must1(filepath.Glob(filepath.Join(r.home(), "sftp", "alpha", "incoming", "*"))); len(left) > 0 {
		t.Errorf("%d uploads are still in the area", len(left))
	}
}
