package deidentify

import (
	"slices"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// hmisData is what is kept of an export: people of the roster, with their enrolments in projects that may share.
type hmisData struct {
	codes    *hmisCodes
	roster   func(id string) bool
	rep      *HMISReport
	projects map[string]*hmisProject
	clients  []*hmisClient
	byID     map[string]*hmisClient
	enrolled []*hmisEnrollment
	byEnrol  map[string]*hmisEnrollment
	services []hmisService
	events   []hmisEvent
}

type hmisProject struct {
	kind    string // ProjectType
	funders []string
	refused string // why nothing of the project may leave, or ""
}

type hmisClient struct {
	id                          string
	first, middle, last, suffix string
	aliases, ssn                string
	born                        models.Date
	exactBirth                  bool // the date was given in full and by the person
	gender, race                string
	runaway, foster, violence   ever
	sexTrade, laborForced       bool
	deleted                     bool
	enrollments                 int
}

type hmisEnrollment struct {
	id, project, source string
	client              *hmisClient
	entry, moveIn       models.Date
	nights              []models.Date
	exited              bool
	exit                models.Date
	exitReason          string
	deleted             bool
}

type hmisService struct {
	id, kind, what, outcome string
	enrollment              *hmisEnrollment
	on                      models.Date
	deleted                 bool
}

type hmisEvent struct {
	id, what, outcome string
	enrollment        *hmisEnrollment
	on                models.Date
	deleted           bool
}

// ever is a yes that no later answer takes back: yes, else no, else unknown.
type ever struct{ yes, no bool }

func (e *ever) answer(s string) {
	e.yes = e.yes || s == "1"
	e.no = e.no || s == "0"
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

// read goes through the files in the order in which they refer to each other.
func (d *hmisData) read(a *archive) error {
	for _, name := range []string{"Organization", "Project", "Client", "Enrollment"} {
		if a.open[lower(name)] == nil {
			return problem.New(problem.Failed, name+".csv", "the export lacks this file", "export all files of the HMIS CSV format")
		}
	}
	organizations := map[string]string{} // VictimServiceProvider by organisation
	steps := []struct {
		file string
		do   func(hmisRow)
	}{
		{"Export", d.readExport},
		{"Organization", func(r hmisRow) {
			if !r.deleted() {
				organizations[r.get("OrganizationID")] = r.get("VictimServiceProvider")
			}
		}},
		{"Project", func(r hmisRow) { d.readProject(r, organizations) }},
		{"Funder", d.readFunder},
		{"Client", d.readClient},
		{"CustomGender", d.readGender},
		{"Enrollment", d.readEnrollment},
		{"Exit", d.readExit},
		{"HealthAndDV", d.readHealth},
		{"Services", d.readService},
		{"Event", d.readEvent},
	}
	for _, s := range steps {
		bad, err := a.each(s.file, s.do)
		if err != nil {
			return err
		}
		if bad > 0 {
			d.rep.skip(s.file+" rows with more or fewer fields than the header", bad)
		}
	}
	return nil
}

func (d *hmisData) readExport(r hmisRow) {
	d.rep.Version = r.get("CSVVersion")
	if !plainVersion(d.rep.Version) {
		d.rep.Version = ""
	}
	d.rep.hashStatus = r.get("HashStatus")
}

// plainVersion keeps anything but digits, dots, spaces and a v out of the report.
func plainVersion(s string) bool {
	return len(s) <= 20 && !slices.ContainsFunc([]rune(s), func(r rune) bool {
		return !(r >= '0' && r <= '9' || r == '.' || r == ' ' || r == 'v')
	})
}

func (d *hmisData) readProject(r hmisRow, organizations map[string]string) {
	p := &hmisProject{kind: r.get("ProjectType")}
	victims, known := organizations[r.get("OrganizationID")]
	switch {
	case r.deleted():
		p.refused = "deleted projects"
	case !known:
		p.refused = "projects of an organisation that the export does not list"
	case victims == "1":
		p.refused = "projects of victim service providers"
	case victims != "0":
		p.refused = "projects of an organisation that does not say whether it serves victims"
	}
	d.projects[r.get("ProjectID")] = p
}

func (d *hmisData) readFunder(r hmisRow) {
	p := d.projects[r.get("ProjectID")]
	if p == nil || r.deleted() {
		return
	}
	f := r.get("Funder")
	p.funders = append(p.funders, f)
	if p.refused == "" && slices.Contains(d.codes.RefusedFunders, f) {
		p.refused = "HOPWA projects"
	}
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
		c.aliases += ";" + birth
	}
	d.byID[id] = c
	d.clients = append(d.clients, c)
}

// name takes the names where they are full names. Partial names, code names and hashes link nothing; the gate knows
// them as aliases.
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
	c.aliases = first + ";" + middle + ";" + last
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

func (d *hmisData) readEnrollment(r hmisRow) {
	c := d.byID[r.get("PersonalID")]
	if c == nil {
		return
	}
	p := d.projects[r.get("ProjectID")]
	switch {
	case p == nil:
		d.rep.skip("enrolments in a project that the export does not list", 1)
		return
	case p.refused != "":
		d.rep.skip("enrolments in "+p.refused, 1)
		return
	}
	e := &hmisEnrollment{id: r.get("EnrollmentID"), project: r.get("ProjectID"), source: r.get("ReferralSource"), client: c,
		entry: r.date("EntryDate"), moveIn: r.date("MoveInDate"), exit: noDate, deleted: r.deleted() || c.deleted}
	switch {
	case e.id == "" || d.byEnrol[e.id] != nil:
		d.rep.skip("enrolments without a number of their own", 1)
		return
	case e.entry == noDate:
		d.rep.skip("enrolments without a readable EntryDate", 1)
		return
	}
	d.byEnrol[e.id] = e
	d.enrolled = append(d.enrolled, e)
	c.enrollments++
	if !e.deleted {
		c.runaway.answer(r.get("RunawayYouth"))
		c.foster.answer(r.get("FormerWardChildWelfare"))
	}
}

func (d *hmisData) readExit(r hmisRow) {
	e := d.byEnrol[r.get("EnrollmentID")]
	if e == nil || r.deleted() || e.exited {
		return
	}
	e.exited, e.exit = true, r.date("ExitDate")
	e.exitReason = d.exitReason(e, r.get("Destination"), r.get("EarlyExitReason"))
	d.rep.ExitReasons[e.exitReason]++
	c := e.client
	c.sexTrade = c.sexTrade || r.one("ExchangeForSex") || r.one("AskedOrForcedToExchangeForSex")
	c.laborForced = c.laborForced || r.one("WorkplaceViolenceThreats") || r.one("WorkplacePromiseDifference") || r.one("CoercedToContinueWork")
}

func (d *hmisData) exitReason(e *hmisEnrollment, destination, early string) string {
	minor := e.client.born != noDate && e.exit != noDate && completedYears(e.client.born, e.exit) < 18
	if minor && early == "6" {
		return "ran_away"
	}
	reason, ok := d.codes.ExitReason[destination]
	switch {
	case !ok:
		return "other"
	case reason == "reunified" && !minor:
		return "permanent_housing"
	}
	return reason
}

func (d *hmisData) readHealth(r hmisRow) {
	if e := d.byEnrol[r.get("EnrollmentID")]; e != nil && !r.deleted() && !e.deleted {
		e.client.violence.answer(r.get("DomesticViolenceSurvivor"))
	}
}

func (d *hmisData) readService(r hmisRow) {
	e := d.byEnrol[r.get("EnrollmentID")]
	if e == nil {
		return
	}
	on, kind := r.date("DateProvided"), r.get("RecordType")
	if on == noDate {
		d.rep.skip("services without a readable DateProvided", 1)
		return
	}
	if kind == "200" {
		if !r.deleted() {
			e.nights = append(e.nights, on)
		}
		return
	}
	d.services = append(d.services, hmisService{r.get("ServicesID"), kind, r.get("TypeProvided"), r.get("ReferralOutcome"), e, on, r.deleted() || e.deleted})
}

func (d *hmisData) readEvent(r hmisRow) {
	e := d.byEnrol[r.get("EnrollmentID")]
	if e == nil {
		return
	}
	on := r.date("EventDate")
	if on == noDate {
		d.rep.skip("events without a readable EventDate", 1)
		return
	}
	d.events = append(d.events, hmisEvent{r.get("EventID"), r.get("Event"), r.get("ReferralResult"), e, on, r.deleted() || e.deleted})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
