package site

import (
	"strings"
	"testing"
	"testing/fstest"

	"heatwatch/privacy"
)

const someCSV = `measure,period,statistic,by,value,low,high,confidence,unit,items,entries,note
m,2024Q1,persons,,63,51,75,0.95,persons,n,2,
m,2024,persons,,298,274,322,0.95,persons,n,2;3;4;5,
m,2024,persons,kind=other,,,,0.95,persons,k,6,too few
`

const someJSON = `{"schema":1,"notice":"x","measure":"m","figures":[
{"period":"2024Q1","statistic":"persons","by":{},"value":63,"low":51,"high":75,"entries":[2]},
{"period":"2024","statistic":"persons","by":{"kind":"other"},"value":null,"low":null,"high":null,"entries":[6],"note":"too few"}
],"privacy":[{"entry":2,"mu_release":0.31}]}
`

func TestAChangedFigureIsNamed(t *testing.T) {
	all := []int{2, 3, 4, 5, 6}
	for _, c := range []struct {
		name, old, new string
		json           bool
		entry          int
		have           []int
		says           string // "" if nothing is wrong
		missing        int
	}{
		{name: "as it was"},
		{name: "as it was", json: true},
		{name: "a value", old: ",63,", new: ",64,", says: "data/m.csv: 2024Q1 persons: the site says value 64, the release files give value 63"},
		{name: "low", old: ",274,", new: ",284,", says: "2024 persons: the site says low 284"},
		{name: "high", old: ",322,", new: ",312,", says: "the site says high 312"},
		{name: "another spelling", old: ",63,", new: ",63.0,", says: "value 63.0"},
		{name: "a withheld figure", old: "other,,,", new: "other,4,1,7", says: "2024 persons kind=other: the site says value 4"},
		{name: "unit", old: "0.95,persons,n,2,", new: "0.95,share,n,2,", says: "unit share"},
		{name: "entries of a figure", old: "n,2,\n", new: "n,3,\n", says: "entries 3"},
		{name: "hidden from its entry", old: "n,2,\n", new: "n,3,\n", entry: 2, says: "2024Q1 persons: the figure is not published"},
		{name: "note", old: "too few", new: "many", says: "note many"},
		{name: "a figure more", old: "m,2024,persons,,", new: "m,2023,persons,,9,1,20,0.95,persons,n,2,\nm,2024,persons,,", says: "2023 persons: no release file gives this figure"},
		{name: "a figure twice", old: "m,2024,persons,,", new: "m,2024Q1,persons,,63,51,75,0.95,persons,n,2,\nm,2024,persons,,", says: "there twice"},
		{name: "a figure less", old: "m,2024Q1,persons,,63,51,75,0.95,persons,n,2,\n", says: "2024Q1 persons: the figure is not published"},
		{name: "another column", old: "value,low", new: "worth,low", says: "cannot be read"},
		{name: "a column twice", old: "note\n", new: "value\n", says: "cannot be read"},
		{name: "no table", old: "m,2024Q1", new: "m,\"2024Q1", says: "cannot be read"},
		{name: "another entry's figure is not looked at", old: ",63,", new: ",64,", entry: 6},
		{name: "a sum over files that are not here", old: "m,2024,persons,,298", new: "m,2023,persons,,298", have: []int{2, 6}, entry: 2, says: "2024 persons: the figure is not published", missing: 1},
		{name: "a value", json: true, old: `"value":63`, new: `"value":64`, says: "data/m.json: 2024Q1 persons: the site says value 64, the release files give value 63"},
		{name: "a withheld figure", json: true, old: `"value":null`, new: `"value":3`, says: "2024 persons kind=other: the site says value 3"},
		{name: "a key twice", json: true, old: `"value":63`, new: `"value":64,"value":63`, says: "cannot be read"},
		{name: "a key more", json: true, old: `"value":63`, new: `"value":63,"sure":true`, says: "2024Q1 persons: the site says"},
		{name: "a key less", json: true, old: `,"note":"too few"`, says: "leaves something out"},
		{name: "what it cost", json: true, old: "0.31", new: "0.13", says: `privacy [{"entry":2,"mu_release":0.13}]`},
		{name: "the mark of a demonstration", json: true, old: `"notice":"x",`, says: "the site says"},
		{name: "cut off", json: true, old: "]}\n", says: "cannot be read"},
	} {
		file, text := "data/m.csv", someCSV
		if c.json {
			file, text = "data/m.json", someJSON
		}
		t.Run(file+" "+c.name, func(t *testing.T) {
			changed := strings.Replace(text, c.old, c.new, 1)
			if c.says != "" && changed == text {
				t.Fatal("nothing was changed")
			}
			k := checker{measure: "m", file: file, entry: c.entry, have: c.have}
			if k.have == nil {
				k.have = all
			}
			if c.json {
				k.compareJSON([]byte(changed), []byte(text))
			} else {
				k.compareCSV([]byte(changed), []byte(text))
			}
			var said []string
			for _, err := range k.wrong {
				said = append(said, err.Error())
			}
			switch got := strings.Join(said, "\n"); {
			case c.says == "" && got != "", !strings.Contains(got, c.says):
				t.Errorf("said %q, want %q", got, c.says)
			case k.missing != c.missing:
				t.Errorf("%d rest on other files, want %d", k.missing, c.missing)
			}
		})
	}
}

func TestTheFilesOfFiguresAreAllThere(t *testing.T) {
	s := Site{Reports: []privacy.Report{{Schema: 1, Measure: "m", Definition: 1, Population: "minors"}}}
	out, err := open(Site{Reports: s.Reports, Measures: []MeasureText{{ID: "m"}}})
	if err != nil {
		t.Fatal(err)
	}
	whole := func() fstest.MapFS {
		return fstest.MapFS{"data/m.csv": {Data: out["m"].csv}, "data/m.json": {Data: out["m"].json}}
	}
	for name, c := range map[string]struct {
		change func(fstest.MapFS)
		says   string
	}{
		"whole":      {func(fstest.MapFS) {}, ""},
		"one gone":   {func(f fstest.MapFS) { delete(f, "data/m.json") }, "data/m.json: the file of figures is missing"},
		"a stranger": {func(f fstest.MapFS) { f["data/x.csv"] = &fstest.MapFile{Data: []byte("x")} }, "data/x.csv: no measure of this program"},
	} {
		f := whole()
		c.change(f)
		wrong, _, err := CheckData(f, s, 0, nil)
		if err != nil || (len(wrong) == 0) != (c.says == "") || len(wrong) > 0 && !strings.Contains(wrong[0].Error(), c.says) {
			t.Errorf("%s: %v, %v; want %q", name, wrong, err, c.says)
		}
	}
}
