package intake

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"heatwatch/models"
)

const serviceHeader = "service_id,person_key,service_type,emergency,started_at,ended_at,program\n"

func TestVerdicts(t *testing.T) {
	long := strings.Repeat("x", 5<<20)
	fine := "s1,p1,legal,no,2026-07-03T22:00-07:00,,\n"
	for _, c := range []struct {
		name   string
		entity string // services unless set
		text   string
		want   string
	}{
		{name: "nothing at all", text: "", want: "refused\nno_header"},
		{name: "a BOM and nothing else", text: "\ufeff", want: "refused\nno_header"},
		{name: "a blank first line", text: "\n" + serviceHeader, want: "refused\nno_header"},
		{name: "data without a header", text: fine, want: "refused\nno_header"},
		{name: "a header alone is a file of no rows", text: serviceHeader, want: "0 = 0 + 0 + 0"},
		{name: "a header without its line end", text: strings.TrimSpace(serviceHeader), want: "0 = 0 + 0 + 0"},
		{name: "one row", text: serviceHeader + fine, want: "1 = 1 + 0 + 0"},
		{name: "no line end at the end", text: serviceHeader + strings.TrimSpace(fine), want: "1 = 1 + 0 + 0"},
		{name: "BOM", text: "\ufeff" + serviceHeader + fine, want: "1 = 1 + 0 + 0"},
		{name: "CRLF", text: strings.ReplaceAll(serviceHeader+fine+fine, "\n", "\r\n"), want: "2 = 2 + 0 + 0"},
		{name: "CR alone", text: strings.ReplaceAll(serviceHeader+fine+fine, "\n", "\r"), want: "2 = 2 + 0 + 0"},
		{name: "mixed line ends and blank lines", text: serviceHeader + fine + "\r\n\n\r" + strings.TrimSpace(fine) + "\r\n" + fine, want: "6 = 3 + 0 + 3"},
		{name: "another order of columns, quoted", text: "\"started_at\",service_type,emergency,\"person_key\",service_id\n\"2026-07-03T22:00-07:00\",\"legal\",no,\"p1\",s1\n", want: "1 = 1 + 0 + 0"},
		{name: "UTF-16", text: "\xff\xfes\x00e\x00r\x00\n\x00", want: "refused\nbad_charset"},
		{name: "UTF-16, big end first", text: "\xfe\xff\x00s", want: "refused\nbad_charset"},
		{name: "UTF-16 without a BOM", text: "s\x00e\x00r\x00\r\x00\n\x00", want: "refused\nbad_charset"},
		{name: "Latin-1 in the header", text: "service_id,caf\xe9\n", want: "refused\nbad_charset"},
		{name: "missing columns", text: "service_id,person_key,emergency\n", want: "refused\nmissing_column service_type\nmissing_column started_at"},
		{name: "an unlisted column is named", text: "home_address," + serviceHeader, want: "refused\nunlisted_column home_address"},
		{name: "unless its name could be a value", text: "Bavo Tilomi," + serviceHeader, want: "refused\nunlisted_column column 1"},
		{name: "a column twice", text: "person_key," + serviceHeader, want: "refused\nunlisted_column person_key"},
		{name: "tokens are for persons only", text: "token_name_dob," + serviceHeader, want: "refused\nunlisted_column token_name_dob"},
		{name: "a column that the agreement does not list", text: strings.Replace(serviceHeader, "program", "started_precision", 1), want: "refused\nunlisted_column started_precision"},
		{name: "too many columns", text: strings.Repeat("x,", 1000) + serviceHeader, want: "refused\ntoo_large"},
		{name: "a header that does not end", text: strings.Repeat("x", 3<<20), want: "refused\nno_header"},
		{name: "missing value", text: serviceHeader + ",p1,legal,no,2026-07-03T22:00-07:00,,\n" + fine, want: "2 = 1 + 1 + 0\nmissing_value service_id 1 [2]"},
		{name: "unknown code, and another case", text: serviceHeader + "s1,p1,shelter,no,2026-07-03T22:00-07:00,,\ns2,p1,Legal,no,2026-07-03T22:00-07:00,,\n", want: "2 = 0 + 2 + 0\nunknown_code service_type 2 [2 3]"},
		{name: "flag", text: serviceHeader + "s1,p1,legal,Y,2026-07-03T22:00-07:00,,\n", want: "1 = 0 + 1 + 0\nbad_flag emergency 1 [2]"},
		{name: "an instant without its offset", text: serviceHeader + "s1,p1,legal,no,2026-07-03T22:00,,\n", want: "1 = 0 + 1 + 0\nbad_datetime started_at 1 [2]"},
		{name: "a key with a space", text: serviceHeader + "s 1,p1,legal,no,2026-07-03T22:00Z,,\n", want: "1 = 0 + 1 + 0\nbad_key service_id 1 [2]"},
		{name: "a key of 65 characters", text: serviceHeader + strings.Repeat("k", 65) + ",p1,legal,no,2026-07-03T22:00Z,,\n", want: "1 = 0 + 1 + 0\nbad_key service_id 1 [2]"},
		{name: "all reasons of a row count, the row counts once", text: serviceHeader + ",p1,none,Y,2026-07-03T22:00Z,,\n", want: "1 = 0 + 1 + 0\nbad_flag emergency 1 [2]\nmissing_value service_id 1 [2]\nunknown_code service_type 1 [2]"},
		{name: "order", text: serviceHeader + "s1,p1,legal,no,2026-07-03T22:00Z,2026-07-03T21:59Z,\n", want: "1 = 0 + 1 + 0\norder ended_at 1 [2]"},
		{name: "future is later than created", text: serviceHeader + "s1,p1,legal,no,2026-08-01T00:00:01Z,,\ns2,p1,legal,no,2026-08-01T00:00:00Z,2027-01-01T00:00Z,\n", want: "2 = 1 + 1 + 0\nfuture started_at 1 [2]"},
		{name: "too few and too many fields", text: serviceHeader + "s1,p1\n" + strings.TrimSpace(fine) + ",\n" + fine, want: "3 = 1 + 2 + 0\nwrong_field_count 2 [2 3]"},
		{name: "an invalid byte costs its row", text: serviceHeader + "s1,p\xff,legal,no,2026-07-03T22:00Z,,\n" + fine, want: "2 = 1 + 1 + 0\nbad_encoding 1 [2]"},
		{name: "a NUL costs its row", text: serviceHeader + "s1,p\x00,legal,no,2026-07-03T22:00Z,,\n" + fine, want: "2 = 1 + 1 + 0\nbad_encoding 1 [2]"},
		{name: "an unclosed quote costs its row", text: serviceHeader + fine + "\"s1,p1,legal,no,2026-07-03T22:00Z,,\n" + fine + "s1,p1,legal,no,2026-07-03T22:00Z,,\"\n" + fine, want: "5 = 3 + 2 + 0\nunclosed_quote 2 [3 5]"},
		{name: "a quote where none may stand", text: serviceHeader + "s\"1,p1,legal,no,2026-07-03T22:00Z,,\n\"s1\"x,p1,legal,no,2026-07-03T22:00Z,,\n", want: "2 = 0 + 2 + 0\nunclosed_quote 2 [2 3]"},
		{name: "a doubled quote is text", text: serviceHeader + "\"s\"\"1\",p1,legal,no,2026-07-03T22:00Z,,\n", want: "1 = 0 + 1 + 0\nbad_key service_id 1 [2]"},
		{name: "a line of 5 MB costs itself", text: serviceHeader + fine + long + "\n" + fine, want: "3 = 2 + 1 + 0\nline_too_long 1 [3]"},
		{name: "a line of 5 MB at the end", text: serviceHeader + fine + long, want: "2 = 1 + 1 + 0\nline_too_long 1 [3]"},
		{name: "a line just too long", text: serviceHeader + long[:1<<20+1] + "\n" + fine, want: "2 = 1 + 1 + 0\nline_too_long 1 [2]"},
		{name: "a line just not too long", text: serviceHeader + long[:1<<20] + "\n" + fine, want: "2 = 1 + 1 + 0\nwrong_field_count 1 [2]"},
		{name: "an emergency of more than 90 days", text: serviceHeader + "s1,p1,emergency_shelter,yes,2026-01-01T00:00Z,2026-05-01T00:00Z,\n", want: "1 = 1 + 0 + 0\nwarning long 1"},
		{name: "far outside covers", text: serviceHeader + "s1,p1,legal,no,2024-01-01T00:00Z,,\n", want: "1 = 1 + 0 + 0\nwarning coverage 1"},
		{name: "a day that does not exist", entity: "placements", text: "placement_id,person_key,placement_type,started_on\na,p,group_home,2026-02-29\nb,p,group_home,2024-02-29\nc,p,group_home,2026-7-1\n", want: "3 = 1 + 2 + 0\nbad_date started_on 2 [2 4]\nwarning coverage 1"},
		{name: "future of a day is the local day", entity: "placements", text: "placement_id,person_key,placement_type,started_on\na,p,group_home,2026-07-31\nb,p,group_home,2026-08-01\n", want: "2 = 1 + 1 + 0\nfuture started_on 1 [3]"},
		{name: "numbers", entity: "trainings", text: "training_id,held_on,audience,attendees,certified\na,2026-07-01,other,5001,\nb,2026-07-01,other,1e3,\nc,2026-07-01,other,-1,\nd,2026-07-01,other,12,13\ne,2026-07-01,other,12345678901234567890,\nf,2026-07-01,other,12,12\n",
			want: "6 = 1 + 5 + 0\nbad_int attendees 2 [3 6]\nout_of_range attendees 2 [2 4]\npassed certified 1 [5]"},
		{name: "tool and domain", entity: "assessments", text: "assessment_id,person_key,assessed_on,tool,domain,score\na,p,2026-07-01,cse_it,safety,3\nb,p,2026-07-01,outcome_scale,safety,7\nc,p,2026-07-01,outcome_scale,safety,24\n",
			want: "3 = 0 + 3 + 0\nout_of_range score 1 [4]\noutcome_range score 1 [3]\ntool_domain domain 1 [2]"},
		{name: "tokens", entity: "persons", text: "person_key,token_name_dob\np1,0123456789abcdefghijkl\np2,0123456789abcdefghijk\np3,\n", want: "3 = 2 + 1 + 0\nbad_key token_name_dob 1 [3]"},
		{name: "none is no profile", entity: "ad_snapshots", text: "snapshot_id,profile_key,window_start,area,ads\ns,none,2026-07-01T00:00Z,oakland,0\n", want: "1 = 1 + 0 + 0"},
		{name: "a minor arrested", entity: "arrests", text: "arrest_id,person_key,arrested_at,party_role,offense\na,p,2026-07-01T00:00Z,victim,loitering\n", want: "1 = 1 + 0 + 0\nwarning minor_arrested 1\nwarning repealed 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := c.entity
			if name == "" {
				name = "services"
			}
			o := Options{Created: at(t, "2026-08-01T00:00:00Z"), Location: pacific(t), Covers: Covers{day(t, "2026-01-01"), day(t, "2026-07-31")},
				Allowed: func(column string) bool { return column != "started_precision" }}
			want(t, "verdict", summary(checkText(t, entity(t, name), c.text, o).FileResult), c.want)
		})
	}
}

func day(t testing.TB, s string) models.Date {
	t.Helper()
	d, ok := models.ParseDate(s)
	if !ok {
		t.Fatal(s)
	}
	return d
}

func TestLandedValues(t *testing.T) {
	text := "deleted,token_b,token_a,release_until,person_key,birth_year,gender\n" +
		"no,0123456789abcdefghijkl,,2026-02-01,p1,1999,unknown\n" +
		",,,,p2,,\n"
	got := checkText(t, entity(t, "persons"), text, Options{})
	want(t, "rows", strings.Join(got.rows, "\n"), "person_key=p1 birth_year=1999 gender=5 release_until=20485 deleted=1 token_b=0123456789abcdefghijkl line=2\nperson_key=p2 line=3")

	// 06:59 UTC is the day before at the Pacific in summer; in winter 07:59 is.
	text = "arrest_id,person_key,arrested_at,party_role,offense\n" +
		"a,p,2026-07-02T06:59:00Z,victim,other\nb,p,2026-07-02T07:00:00Z,victim,other\nc,p,2026-01-02T07:59:59.5Z,victim,other\nd,p,1969-12-31T23:59:59Z,victim,other\n"
	got = checkText(t, entity(t, "arrests"), text, Options{Location: pacific(t)})
	for i, wanted := range []string{
		"arrested_at=1782975540000000 arrested_at_on=20635", "arrested_at=1782975600000000 arrested_at_on=20636",
		"arrested_at=1767340799500000 arrested_at_on=20454", "arrested_at=-1000000 arrested_at_on=-1"} {
		if !strings.Contains(got.rows[i], wanted) {
			t.Errorf("row %d is %s, want it to hold %s", i, got.rows[i], wanted)
		}
	}
}

// A line of many fields is counted no further than to see that they are too many; what is wrong behind them still shows.
func TestManyFieldsAreNotKept(t *testing.T) {
	values, ok := splitRecord([]byte(strings.Repeat(",", 100_000)), nil, 8)
	if len(values) != 8 || !ok {
		t.Errorf("%d values are kept, %v", len(values), ok)
	}
	if _, ok := splitRecord([]byte(strings.Repeat(",", 100_000)+`"`), nil, 8); ok {
		t.Error("an open quote behind them was not seen")
	}
}

// A reject says where a value stands and what kind it is, and never the value.
func TestRejectsHoldNoValue(t *testing.T) {
	secret := "Bavo Tilomi"
	text := serviceHeader + "\ns1,p1," + secret + ",7,,,\n" + secret + "," + secret + "\n\"" + secret + "\n"
	got := checkText(t, entity(t, "services"), text, Options{})
	all := strings.Join(got.rejects, "\n")
	want(t, "rejects", all, "3@74 service_type unknown_code (text, 11 characters)\n3@74 emergency bad_flag (digits, 1 character)\n"+
		"3@74 started_at missing_value (empty)\n4@97  wrong_field_count ()\n5@121  unclosed_quote ()")
	jsonFile, txt, err := Receipt(Drop{Partner: "shelter-a", Name: "d1", State: Partial, Files: []DropFile{{FileResult: got.FileResult}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{[]byte(all), jsonFile, txt} {
		if bytes.Contains(b, []byte("Tilomi")) {
			t.Errorf("a value of a row got out: %s", b)
		}
	}
}

// big is a file of several row groups and blocks, with bad rows and unequal lines.
func big(rows int) string {
	var b strings.Builder
	b.WriteString(serviceHeader)
	for i := range rows {
		switch {
		case i%1009 == 5:
			fmt.Fprintf(&b, "s%d,\"p1,legal,no,2026-07-03T22:00-07:00,,\n", i)
		case i%997 == 3:
			b.WriteString("\r\n")
		default:
			fmt.Fprintf(&b, "s%d,p%d,legal,no,2026-07-03T22:00-07:00,,%s\n", i, i%977, []string{"", "other", "girls_court"}[i%3])
		}
	}
	return b.String()
}

func TestWorkersDoNotShow(t *testing.T) {
	text := big(300_000)
	o := Options{Created: at(t, "2026-08-01T00:00:00Z"), Workers: 1}
	one := checkText(t, entity(t, "services"), text, o)
	if one.Accepted < 2*RowGroup || one.Quarantined == 0 || one.Blank == 0 {
		t.Fatalf("the file shows nothing: %s", summary(one.FileResult))
	}
	for _, workers := range []int{2, 5} {
		o.Workers = workers
		many := checkRaw(t, entity(t, "services"), text, o)
		want(t, "verdict", summary(many.FileResult), summary(one.FileResult))
		if !bytes.Equal(many.parquet, one.parquet) {
			t.Errorf("%d workers make other bytes than one", workers)
		}
		if strings.Join(many.rejects, "\n") != strings.Join(one.rejects, "\n") {
			t.Errorf("%d workers list other rejects than one", workers)
		}
	}
}
