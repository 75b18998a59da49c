package tokens

import (
	"strings"
)

// Person is what is known about who somebody is, as it was typed. Every part may be empty.
type Person struct {
	First, Middle, Last string
	Aliases             []string // "First Last" each, or one name alone
	Birth               string
	Number              string // social security number, or its last four digits
	Phone               string
	Postal, Locality    string
}

// Facts are a person's parts as they are compared.
type Facts struct {
	First, Last Name
	Seconds     []Full // further names, in the order in which they get slots
	Birth       Birth
	Number      string // whole
	Last4       string
	Phone       string
	Place       string
	// Twin: the batch has another person of this last name and birth date. Then neither alone says who it is.
	Twin bool
}

// Full is a further name.
type Full struct{ First, Last Name }

// Read folds a person. lastYear is the latest possible year of birth.
func Read(p Person, lastYear int) Facts {
	f := Facts{First: ParseFirst(p.First), Last: ParseLast(p.Last), Birth: ParseBirth(p.Birth, lastYear),
		Number: ParseNumber(p.Number), Last4: ParseLast4(p.Number), Phone: ParsePhone(p.Phone)}
	if f.Place = ParsePostal(p.Postal); f.Place == "" {
		f.Place = ParseLocality(p.Locality)
	}
	seen := map[string]bool{f.First.joined() + "|" + f.Last.joined(): true}
	add := func(first, last Name) {
		k := first.joined() + "|" + last.joined()
		if (len(first) > 0 || len(last) > 0) && !seen[k] {
			seen[k] = true
			f.Seconds = append(f.Seconds, Full{first, last})
		}
	}
	for _, a := range p.Aliases {
		add(readAlias(a, f.Last))
	}
	if len(f.Last) > 1 { // either half of a double surname may be used alone
		add(f.First, f.Last[:1])
		add(f.First, f.Last[len(f.Last)-1:])
	}
	if len(f.First) > 1 {
		add(f.First[:1], f.Last)
	}
	if m := ParseFirst(p.Middle); len(m) > 0 { // who goes by a middle name
		add(m, f.Last)
	}
	return f
}

// readAlias takes an alias apart: "Last, First", "First Last", or a first name alone, which goes with the last name.
func readAlias(s string, own Name) (first, last Name) {
	if l, f, ok := strings.Cut(s, ","); ok {
		return ParseFirst(f), ParseLast(l)
	}
	w := strings.Fields(s)
	if len(w) < 2 {
		return ParseFirst(s), own
	}
	return ParseFirst(strings.Join(w[:len(w)-1], " ")), ParseLast(w[len(w)-1])
}
