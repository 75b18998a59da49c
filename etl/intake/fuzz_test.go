package intake

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"heatwatch/models"
)

// A million inputs of each by `make fuzz`; every test run takes the seeds.

const goodService = "s1,p1,legal,no,2026-07-03T22:00-07:00,3,2026-07-03\n"

// seeds are the bodies of files that went wrong somewhere, for us or for others.
var seeds = []string{
	"", "\n", "\r", "\r\n", goodService, strings.TrimSpace(goodService), strings.ReplaceAll(goodService, "\n", "\r\n") + goodService, strings.ReplaceAll(goodService+goodService, "\n", "\r"),
	"\"s1\",\"p1\",\"legal\",\"no\",\"2026-07-03T22:00:00Z\",\"-5\",\"2024-02-29\"\n", "\"s1,p1,legal,no,2026-07-03T22:00Z,,\n" + goodService, "s1,p1,legal,no,2026-07-03T22:00Z,,\"\n" + goodService,
	"s1,p1,\"le\ngal\",no,2026-07-03T22:00Z,,\n" + goodService, "s1,p1,\"le\"\"gal\",no,2026-07-03T22:00Z,,\n", "s1,p1,le\"gal,no,2026-07-03T22:00Z,,\n", "s1,p1,\"legal\"x,no,2026-07-03T22:00Z,,\n", "\"\"\"\"\n", "\"\n\"\n\"\n",
	"\"s1;,p1,legal,no,2026-07-03T22:00Z,,\n", "s1,p1,\"legal;,no,2026-07-03T22:00Z,,\n", "s1,p1,legal,no,\"2026-07-03T22:00Z;,,\n",
	"s1,p1,legal,no,2026-07-03T22:00Z,,,\n", "s1,p1\n", ",,,,,,\n", "   \n", "\x1a", "s1,p1,legal,no,2026-07-03T22:00Z,5,\xff\n" + goodService, "s1,p\x00,legal,no,2026-07-03T22:00Z,,\n", "s1,p1,l\xed\xa0\x80,no,2026-07-03T22:00Z,,\n",
	"s1,p1,LEGAL,Y,2026-07-03T22:00,+5,1/2/2026\n", "s1,p1, legal,no ,46145.9,1e3,46024\n", "s1,p1,legal,no,2026-07-03 00:00:00Z,,\r0", "s1,p1,legal,no,0001-01-01T00:00Z,-6,9999-12-31\n", "s1,p1,legal,no,2026-07-03T24:00Z,1001,2026-02-29\n",
	",,,0,,0000000000000000000,", // found: a number of 19 digits is none, whatever its value
	"s1,p1,legal,no,2026-07-03T22:00:60Z,0,1900-02-29\n", "s1,p1,legal,no,2026-07-03T22:00:00.123456789Z,007,2000-02-29\n", "s1,p1,legal,no,2026-07-03T22:00+23:59,-0,2199-12-31\n", "s1,p1,legal,no,2027-01-01T00:00:01Z,,\n",
	"=1+1,@x,+y,-z,\t,\r,\n", "\u200fs1,p1,l\u0435gal,no,2026-07-03T22:00Z,,\n", "service_id,person_key,service_type,emergency,started_at,units,seen_on\n" + goodService,
	strings.Repeat("k", 64) + ",p1,legal,no,2026-07-03T22:00Z,,\n", strings.Repeat("k", 65) + ",p1,legal,no,2026-07-03T22:00Z,,\n", strings.Repeat("x", 400) + "\n" + goodService, strings.Repeat(",", 300) + "\n", "\"" + strings.Repeat("\"\"", 150) + "\n" + goodService,
}

// The accepted rows, and the reasons against the others, are those of encoding/csv and of rules written down as plainly as
// they go, whatever bytes stand below the header.
func FuzzRows(f *testing.F) {
	columns := []string{"service_id", "person_key", "service_type", "emergency", "started_at", "units", "seen_on"}
	for i, s := range seeds {
		f.Add(s, uint16(i))
	}
	e := mixed(f)
	created := at(f, "2027-01-01T00:00:00Z")
	f.Fuzz(func(t *testing.T, body string, shape uint16) {
		n := 0 // the order in which the seeds are written
		if shape >= 0x8000 {
			n = int(shape) % len(columns)
		}
		names := slices.Concat(columns[n:], columns[:n])
		limit := 100 + int(shape)%700
		o := Options{Created: created, Workers: 1 + int(shape)%2, Limits: Limits{Line: limit}, block: 2*limit + 2}
		compare(t, e, strings.Join(names, ",")+"\n"+body, o)
	})
}

// A header can be anything. What is said of it is the tables' matter; here it must not crash, and rows must add up.
func FuzzCheckFile(f *testing.F) {
	header := strings.Join([]string{"service_id", "person_key", "service_type", "emergency", "started_at", "units", "seen_on"}, ",")
	for i, s := range seeds {
		f.Add(header+"\n"+s, uint16(i))
	}
	for _, s := range []string{"", "\ufeff", "\ufeff" + header, strings.ReplaceAll(header, ",", ";"), "\"" + header, header + ",", "," + header, header + "," + header, strings.ToUpper(header), "PAR1", "PK\x03\x04", "\x1f\x8b",
		"\xff\xfes\x00", "s\x00e\x00", header + "\r\r" + goodService, "person_key\nperson_key\n"} {
		f.Add(s, uint16(len(s)))
	}
	e := mixed(f)
	persons := entity(f, "persons")
	created := at(f, "2027-01-01T00:00:00Z")
	f.Fuzz(func(t *testing.T, text string, shape uint16) {
		limit := 100 + int(shape)%700
		o := Options{Created: created, Workers: 1 + int(shape)%2, Limits: Limits{Line: limit}, block: 2*limit + 2}
		for _, e := range []models.Entity{e, persons} {
			r := checkRaw(t, e, text, o)
			if r.Refused && (len(r.Reasons) == 0 || r.Accepted > 0) || int64(len(r.rejects)) < r.Quarantined {
				t.Errorf("%q: %s", text, summary(r.FileResult))
			}
		}
	})
}

// wholeFile is the other oracle: one encoding/csv reader over the whole file, as everybody else would read it. Where a
// quote is open at a line end, and there alone, we part from it: that line costs itself, and reading begins again behind it.
func wholeFile(data string, e models.Entity, limit int, created int64) plainVerdict {
	lines := plainLines(strings.TrimPrefix(data, "\ufeff"))
	header, _ := csv.NewReader(strings.NewReader(lines[0])).Read()
	var v plainVerdict
	for at := 1; at < len(lines); {
		r := csv.NewReader(strings.NewReader(strings.Join(lines[at:], "\n") + "\n"))
		r.FieldsPerRecord = -1
		from := int64(0)
		for {
			record, err := r.Read()
			if errors.Is(err, io.EOF) {
				v.blank += len(lines) - at
				return v
			}
			for lines[at] == "" { // which encoding/csv passes over
				v.blank++
				at++
				from++
			}
			line := lines[at]
			at++
			if from += int64(len(line)) + 1; from < r.InputOffset() {
				v.line(at, line, nil, csv.ErrQuote, header, e, limit, created)
				break
			}
			v.line(at, line, record, err, header, e, limit, created)
		}
	}
	return v
}
