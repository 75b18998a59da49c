package deidentify

import (
	"slices"

	"heatwatch/models"
)

type hmisClient struct {
	id                          string
	first, middle, last, suffix string
	aside, ssn                  string
	born                        models.Date
	exactBirth                  bool // the date was given in full and by the person
	gender, race                string
	runaway, foster, violence   ever
	sexTrade, laborForced       bool
	deleted                     bool
	enrollments                 int
}

// ever is a yes that no later answer takes back: yes, else no, else unknown.
type ever struct{ yes, no bool }

func (e *ever) answer(s string) {
	e.yes = e.yes || s == "1"
	e.no = e.no || s == "0"
}

func (d *hmisData) readClient(r hmisRow) {
	id := r.get("PersonalID")
	if id == "" || !d.roster(id) {
		return
	}
	if d.byID[id] != nil {
		d.rep.skip("Client rows of a PersonalID that stands twice", 1)
		return
	}
	c := &hmisClient{id: id, born: noDate, deleted: r.deleted(), suffix: r.get("NameSuffix"), ssn: r.get("SSN"), race: d.race(r), gender: d.gender(r)}
	d.name(c, r)
	if q := r.get("DOBDataQuality"); q == "1" || q == "2" {
		c.born, c.exactBirth = r.date("DOB"), q == "1"
	}
	if birth := r.get("DOB"); birth != "" && c.born == noDate { // the gate must know it all the same
		c.aside += ";" + birth
	}
	d.byID[id] = c
	d.clients = append(d.clients, c)
}

// name takes the names where they are full names. Partial names, code names and hashes link nothing; the gate knows
// them set aside.
func (d *hmisData) name(c *hmisClient, r hmisRow) {
	first, middle, last := r.get("FirstName"), r.get("MiddleName"), r.get("LastName")
	hashed := isHash(first) || isHash(last)
	d.rep.hashedNames += btoi(hashed)
	d.rep.clearNames += btoi(!hashed && first != "" && last != "")
	q := r.get("NameDataQuality")
	if (q == "1" || q == "") && !hashed {
		c.first, c.middle, c.last = first, middle, last
		return
	}
	c.aside = first + ";" + middle + ";" + last
}

func isHash(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	return !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F')
	})
}

func (d *hmisData) race(r hmisRow) string {
	if r.one("HispanicLatinao") || r.one("HispanicLatinaeo") {
		return "hispanic_latino"
	}
	race := "unknown"
	for column, code := range d.codes.Race {
		switch {
		case !r.one(column):
		case race == "unknown":
			race = code
		default:
			race = "multiracial"
		}
	}
	return race
}

// gender is from the columns of FY2024 where they say something, else from Sex of FY2026.
func (d *hmisData) gender(r hmisRow) string {
	if g := genderOf(r); g != "unknown" {
		return g
	}
	if g := d.codes.Sex[r.get("Sex")]; g != "" {
		return g
	}
	return "unknown"
}

func genderOf(r hmisRow) string {
	n := 0
	for _, c := range []string{"Woman", "Man", "CulturallySpecific", "Questioning", "DifferentIdentity"} {
		n += btoi(r.one(c))
	}
	switch {
	case r.one("Transgender"):
		return "transgender"
	case r.one("NonBinary"):
		return "nonbinary"
	case n >= 2, r.one("CulturallySpecific"), r.one("Questioning"), r.one("DifferentIdentity"):
		return "other"
	case r.one("Woman"):
		return "female"
	case r.one("Man"):
		return "male"
	}
	return "unknown"
}

func (d *hmisData) readGender(r hmisRow) {
	c := d.byID[r.get("PersonalID")]
	if c == nil || r.deleted() {
		return
	}
	if g := genderOf(r); g != "unknown" {
		c.gender = g
	}
}

func (e ever) String() string {
	switch {
	case e.yes:
		return "yes"
	case e.no:
		return "no"
	}
	return "unknown"
}
