package deidentify

import (
	"fmt"
	"strings"
	"testing"

	"heatwatch/etl/link"
	"heatwatch/etl/tokens"
)

const peopleHead = "person_key,first_name,last_name,birth_date,aliases\n"

// linkedAs de-identifies what two agencies know and links it: person numbers by agency and the agency's own number.
func linkedAs(t *testing.T, files map[string]string) (map[string]uint32, map[string]Report) {
	t.Helper()
	var all []link.File
	names, reports := map[string]string{}, map[string]Report{}
	for _, agency := range []string{"shelter-a", "shelter-b"} {
		cfg := configOf(t, kitOf(t, agency, 1), map[string]string{"persons.csv": files[agency]})
		reports[agency] = mustRun(t, cfg)
		own := map[string]string{}
		_, keys := readTable(t, cfg.Kit.Keymaps()+"/"+reports[agency].Drop+".csv")
		for _, k := range keys {
			own[k["pseudonym"]] = k["own_number"]
		}
		for _, row := range rowsOf(t, cfg, "persons") {
			if names[agency+" "+row["person_key"]] != "" {
				continue // intake keeps the first row of a key
			}
			f := link.File{Population: "minors", Partner: agency, PersonKey: row["person_key"], Created: int64(len(reports))}
			f.AddToken(tokens.Column(1), row[tokens.Column(1)])
			all = append(all, f)
			names[agency+" "+row["person_key"]] = agency + " " + own[row["person_key"]]
		}
	}
	out, err := link.Assign(all, link.Known{}, 0, strings.NewReader(strings.Repeat("0123456789abcdef", len(all)+1)))
	if err != nil {
		t.Fatal(err)
	}
	person := map[string]uint32{}
	for _, r := range out.Rows {
		person[names[r.Partner+" "+r.PersonKey]] = r.Person
	}
	return person, reports
}

// The same child, written by two agencies in the scripts and manners that the county's people have.
func TestNamesOfManyPeoples(t *testing.T) {
	a, b := peopleHead, peopleHead
	for i, p := range [][2]string{
		{"Thị Zuzu,Nguyễn", "Thi Zuzu,NGUYEN"},
		{"Zuzú,Quixovez Tralbán", "ZUZU,Quixovez-Tralban"},
		{"Xiaozu,Qixun", "xiaozu,QIXUN"},
		{"زوزو,قكسوفيك", "زُوزُو,قكسوفيك"},
		{"Зузу,Квиксов", "ЗУЗУ,квиксов"},
		{"Zuzu Bavo,O’Tralb", "Zuzu Bavo,OTralb"},
		{"祖祖,奎", "祖祖,奎"},
	} {
		day := fmt.Sprintf("2010-07-%02d", 10+i)
		a += fmt.Sprintf("a%d,%s,%s,\n", i, p[0], day)
		b += fmt.Sprintf("b%d,%s,%s,\n", i, p[1], day)
	}
	person, reports := linkedAs(t, map[string]string{"shelter-a": a, "shelter-b": b})
	for i := range 7 {
		if x, y := person[fmt.Sprintf("shelter-a a%d", i)], person[fmt.Sprintf("shelter-b b%d", i)]; x == 0 || x != y {
			t.Errorf("person %d is %d at one agency and %d at the other", i, x, y)
		}
	}
	if n := reports["shelter-a"].Files[0].Tokens; n != 7 {
		t.Errorf("%d of 7 have tokens", n)
	}
}

// Two hundred aliases fill their slots and no more; the agency is told, and a set is as long as any other.
func TestTwoHundredAliases(t *testing.T) {
	var aliases []string
	for i := range 200 {
		aliases = append(aliases, fmt.Sprintf("Zu%czu Qui%cvik", 'a'+i%26, 'a'+i/26))
	}
	person, reports := linkedAs(t, map[string]string{
		"shelter-a": peopleHead + "1,Bavo,Tralb,2010-07-03," + strings.Join(aliases, ";") + "\n2,Tilomi,Mirelu,2009-05-06,\n",
		"shelter-b": peopleHead + "1,Zuazu,Quiavik,2010-07-03,\n"}) // the first alias
	if person["shelter-a 1"] != person["shelter-b 1"] {
		t.Error("the first alias is not found")
	}
	if n := reports["shelter-a"].Files[0].Overflow; n != 1 {
		t.Errorf("%d persons with more names than slots, want 1", n)
	}
}

// A date of birth that three in ten share, as a system puts it in, is nobody's: whoever has it is linked by nothing that rests on it.
func TestAPlaceholderThatManyShare(t *testing.T) {
	a, b := peopleHead, peopleHead
	for i := range 100 {
		day := fmt.Sprintf("2009-%02d-%02d", 2+i%9, 2+i%25)
		if i < 30 {
			day = "2008-08-08"
		}
		a += fmt.Sprintf("a%d,Maria,Lopez%s,%s,\n", i, letterOf(i), day)
	}
	for i := range 30 {
		b += fmt.Sprintf("b%d,Maria,Gomez%s,2008-08-08,\n", i, letterOf(i))
	}
	person, reports := linkedAs(t, map[string]string{"shelter-a": a, "shelter-b": b})
	if n := reports["shelter-a"].Files[0].Placeholders; n != 30 {
		t.Errorf("%d placeholders are reported, want 30", n)
	}
	of := map[uint32]int{}
	for _, p := range person {
		if of[p]++; of[p] > 1 {
			t.Fatalf("%d files are one person by a placeholder and a first name", of[p])
		}
	}
}

func letterOf(i int) string { return string('a'+rune(i/10)) + string('k'+rune(i%10)) }

// A file in which every row stands five times, and the same child under five numbers, links no two children and merges none.
func TestAFileFullOfDuplicates(t *testing.T) {
	a := peopleHead
	for range 5 {
		a += "1,Zuzu,Quixovik,2010-07-03,\n2,Tilomi,Mirelu,2009-05-06,\n"
	}
	for i := range 5 {
		a += fmt.Sprintf("3%d,Bavo,Tralb,2011-02-04,\n", i)
	}
	person, reports := linkedAs(t, map[string]string{"shelter-a": a, "shelter-b": peopleHead + "1,Zuzu,Quixovik,2010-07-03,\n2,Tilomi,Mirelu,2009-05-06,\n3,Bavo,Tralb,2011-02-04,\n"})
	if person["shelter-a 1"] != person["shelter-b 1"] || person["shelter-a 2"] != person["shelter-b 2"] || person["shelter-a 1"] == person["shelter-a 2"] {
		t.Errorf("%v", person)
	}
	if n := reports["shelter-a"].Files[0].Twins; n != 0 {
		t.Errorf("duplicates are taken for %d twins", n)
	}
}

// Rows of which nothing is known but a number are kept, and are nobody's double.
func TestEmptyNames(t *testing.T) {
	rows := "1,,,,\n2, , ,2010-07-03,\n3,unknown,unknown,,\n4,Baby,Girl,2010-07-03,\n5,-,-,0000-00-00,\n"
	person, reports := linkedAs(t, map[string]string{"shelter-a": peopleHead + rows, "shelter-b": peopleHead + rows})
	of := map[uint32]bool{}
	for _, p := range person {
		of[p] = true
	}
	if len(of) != 10 || reports["shelter-a"].Files[0].Rows != 5 || reports["shelter-a"].Files[0].Tokens > 1 {
		t.Errorf("%d persons of ten files: %+v", len(of), reports["shelter-a"].Files[0])
	}
}
