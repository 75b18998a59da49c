package intake

import (
	"strings"
	"testing"
)

const goodManifest = `{"schema":1,"partner":"shelter-a","created":"2026-08-01T00:00:00Z","covers":{"from":"2026-01-01","to":"2026-07-31"},"mode":"snapshot",
"files":[{"name":"services.csv","entity":"services","rows":1,"sha256":"00"}],"after":"d0","home":"h1"}`

func TestManifest(t *testing.T) {
	replace := func(old, new string) string {
		if !strings.Contains(goodManifest, old) {
			t.Fatalf("%s is not in the manifest", old)
		}
		return strings.Replace(goodManifest, old, new, 1)
	}
	for _, c := range []struct{ name, text, want string }{
		{"good", goodManifest, ""},
		{"with a BOM", "\ufeff" + goodManifest, ""},
		{"a field of the future", replace(`"mode"`, `"colour":{"a":[1,{"a":2}]},"mode"`), ""},
		{"nothing", "", "the manifest is cut off"},
		{"cut off", goodManifest[:100], "the manifest is not JSON"},
		{"two of them", goodManifest + goodManifest, "the manifest goes on after its end"},
		{"not an object", `[1]`, "the manifest is not a JSON object"},
		{"null", `null`, "the manifest is not a JSON object"},
		{"too large", goodManifest + strings.Repeat(" ", 1<<20), "the manifest is larger than 1 MiB"},
		{"not UTF-8", replace("d0", "\xff"), "the manifest is not UTF-8"},
		{"a field twice", replace(`"mode"`, `"mode":"delta","mode"`), "the manifest has a field twice"},
		{"a field twice, inside", replace(`"rows":1`, `"rows":1,"rows":2`), "the manifest has a field twice"},
		{"nested", replace(`"mode"`, `"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,"mode"`), "the manifest is nested too deeply"},
		{"another case", replace(`"rows"`, `"Rows"`), "files: entry 1: rows is missing or not a whole number"},
		{"negative rows", replace(`"rows":1`, `"rows":-1`), "files: entry 1: rows is negative"},
		{"rows in text", replace(`"rows":1`, `"rows":"1"`), "files: entry 1: rows is missing or not a whole number"},
		{"rows beyond numbers", replace(`"rows":1`, `"rows":1e30`), "files: entry 1: rows is missing or not a whole number"},
		{"schema", replace(`"schema":1`, `"schema":2`), "schema is not 1"},
		{"no partner", replace(`"partner":"shelter-a",`, ``), "partner is missing or not a text"},
		{"created without offset", replace("00:00Z", "00:00"), "created is not a time with its offset, as 2026-07-03T22:00:00-07:00"},
		{"covers backwards", replace(`"from":"2026-01-01"`, `"from":"2026-08-01"`), "covers: from is later than to"},
		{"covers no date", replace(`2026-07-31`, `2026-07-32`), "covers: to is not a date as YYYY-MM-DD"},
		{"mode", replace(`"snapshot"`, `"full"`), "mode is neither snapshot nor delta"},
		{"consent", replace(`"mode"`, `"consent":"asked","mode"`), "consent is not in_force"},
		{"consent attested", replace(`"mode"`, `"consent":"in_force","mode"`), ""},
		{"files no list", replace(`"files":[`, `"files":{"x":[`) + "}", "files is not a list"},
		{"an entry null", replace(`"files":[`, `"files":[null,`), "files: entry 1: it is not an object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, bad := ParseManifest([]byte(c.text))
			note := ""
			if bad != nil {
				note = bad.Note
				want(t, "code", bad.Code, "bad_manifest")
			} else if m.Partner != "shelter-a" || m.Files[0].Rows != 1 || m.Covers.To.String() != "2026-07-31" || m.After != "d0" || m.Home != "h1" || !m.Created.Equal(at(t, "2026-08-01T00:00:00Z")) {
				t.Errorf("read as %+v", m)
			}
			// Cut JSON may be told as cut off or as no JSON, as the decoder sees it.
			if c.name == "cut off" && note == "the manifest is cut off" {
				return
			}
			want(t, "note", note, c.want)
		})
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(goodManifest))
	f.Add([]byte(`{"files":[{"rows":-1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, bad := ParseManifest(b)
		if bad == nil && (m.Partner == "" || m.Covers.From > m.Covers.To || m.Mode != Snapshot && m.Mode != Delta) {
			t.Errorf("accepted %+v", m)
		}
	})
}
