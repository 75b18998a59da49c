package agree

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"heatwatch/fixtures/oracle"
	"heatwatch/models"
	"heatwatch/reports/measures/measuretest"
)

// county is one small county: what the oracle knows of it. Persons of several counties lie in one database, so each has
// numbers and partners of its own.
type county struct {
	oracle.County
	partners []string // in byte order of names
	kinds    []string
	persons  []oracle.Person
	accused  []oracle.Accused
	public   oracle.Public
}

// draw is a source of choices with the county that it makes.
type draw struct {
	*rapid.T
	c  *county
	id int // of the next row
}

func (d *draw) n(low, high int) int {
	if low == high {
		return low
	}
	return rapid.IntRange(low, high).Draw(d.T, "")
}

// in says yes so many times of a hundred.
func (d *draw) in(percent int) bool { return d.n(1, 100) <= percent }

func pick[T any](d *draw, all []T) T { return all[d.n(0, len(all)-1)] }

func (d *draw) key() string {
	d.id++
	return fmt.Sprintf("k%03d", d.n(0, 9)*100+d.id%100) + fmt.Sprint(d.id)
}

func (d *draw) partner() string { return pick(d, d.c.partners) }

// code is a value of the dictionary's column, at times missing.
func (d *draw) code(column string, missing int) string {
	if d.in(missing) {
		return ""
	}
	return pick(d, models.Dictionary().Values(column))
}

func (d *draw) flag() string { return pick(d, []string{"yes", "yes", "no", "unknown", ""}) }

// The hard days: ends of quarters and years, leap day, nights in which clocks change.
var hardDays = []string{"2023-12-31", "2024-01-01", "2024-02-29", "2024-03-10", "2024-03-31", "2024-04-01", "2024-11-03", "2024-12-31", "2025-01-01", "2025-03-09", "2025-03-31", "2025-04-01", "2025-06-30",
	"2025-11-02", "2025-12-31", "2026-01-01"}

// hardOffsets are days after entry at which windows open and close.
var hardOffsets = []int{-31, -30, -8, -7, -3, -2, -1, 0, 0, 0, 1, 1, 2, 3, 4, 7, 8, 14, 15, 29, 30, 31, 32, 45, 46, 60, 89, 90, 91, 104, 119, 120, 121, 180, 181, 270, 359, 363, 364, 365, 366, 379, 380}

// hardMinutes are minutes of a day near which the hour, the day or the clock changes.
var hardMinutes = []int{0, 0, 1, 30, 59, 60, 90, 119, 120, 121, 150, 179, 180, 600, 659, 660, 661, 720, 1320, 1380, 1438, 1439}

func date(s string) models.Date {
	d, ok := models.ParseDate(s)
	if !ok {
		panic("agree: " + s + " is no date")
	}
	return d
}

// day is some day of 2024 and 2025, hard ones often.
func (d *draw) day() models.Date {
	if d.in(40) {
		return date(pick(d, hardDays))
	}
	return date("2024-01-01").AddDays(d.n(-20, 750))
}

// near is a day near another one.
func (d *draw) near(on models.Date) models.Date {
	if d.in(60) {
		return on.AddDays(pick(d, hardOffsets))
	}
	return on.AddDays(d.n(-40, 420))
}

// at is an instant of a local day, to the microsecond at times.
func (d *draw) at(on models.Date) int64 {
	y, m, day := on.Time().Date()
	minute := d.n(0, 1439)
	if d.in(50) {
		minute = pick(d, hardMinutes)
	}
	at := time.Date(y, m, day, 0, minute, 0, 0, d.c.Zone).UnixMicro()
	switch d.n(0, 9) {
	case 0:
		at += 59_999_000 // 23:59:59.999 of a last minute
	case 1:
		at++
	}
	return at
}

// after is an instant at, or a hair beyond, some number of hours after another one.
func (d *draw) after(at int64) int64 {
	hours := pick(d, []int{-2, -3, 0, 1, 4, 12, 24, 48, 72, 168, 720})
	return at + int64(hours)*3_600_000_000 + int64(d.n(-1, 1))*pick(d, []int64{0, 1, 1, 60_000_000})
}

func drawCounty(t *rapid.T, number int) *county {
	c := &county{County: oracle.County{Kind: map[string]string{}, Covers: map[string]map[string]models.Date{}, Zone: measuretest.Zone()}}
	d := &draw{T: t, c: c}
	for i := range d.n(2, 6) {
		name := fmt.Sprintf("a%05d-%d", number, i)
		kind := pick(d, []string{"shelter", "shelter", "law_enforcement", "health_care", "child_welfare", "advocacy"})
		c.partners, c.kinds = append(c.partners, name), append(c.kinds, kind)
		c.Kind[name] = kind
		c.Covers[name] = map[string]models.Date{}
		until := date("2028-12-31")
		if d.in(35) { // one that stopped reporting
			until = d.day()
		}
		for _, e := range models.Dictionary().Entities {
			c.Covers[name][e.Name] = until.AddDays(d.n(0, 3))
		}
	}
	for range d.n(10, 60) {
		c.persons = append(c.persons, d.person())
	}
	for range d.n(0, 12) {
		c.accused = append(c.accused, d.accusedPerson())
	}
	d.publicLife()
	if number%public == 0 {
		d.publicFacts()
	}
	return c
}

func (d *draw) person() oracle.Person {
	var p oracle.Person
	on := d.day()
	for _, partner := range d.c.partners {
		if d.in(60) {
			p.Files = append(p.Files, d.file(partner))
		}
	}
	if d.in(90) {
		at := d.at(on)
		for i := range d.n(1, 4) {
			e := oracle.Engagement{Agency: d.partner(), ID: d.key(), At: at, Channel: d.code("engagements.channel", 0), Setting: d.code("engagements.setting", 20)}
			if d.in(75) {
				e.Age, e.HasAge = pick(d, []int{0, 11, 12, 13, 14, 15, 16, 17, 18, 25}), true
			}
			p.Engagements = append(p.Engagements, e)
			if i == 0 && d.in(50) {
				at += pick(d, []int64{0, 1, 3_599_999_999, 3_600_000_000})
			} else {
				at = d.at(d.near(on))
			}
		}
	}
	entry := d.at(on)
	if len(p.Engagements) > 0 {
		entry = p.Engagements[0].At
	}
	d.services(&p, on, entry)
	d.stays(&p, on)
	for range d.few(14) {
		p.Contacts = append(p.Contacts, oracle.Contact{Agency: d.partner(), ID: d.key(), On: d.near(on), Type: d.code("case_contacts.contact_type", 0),
			AgenciesPresent: d.n(0, 3), Plan: d.flag()})
	}
	for range d.few(6) {
		a := oracle.Assessment{Agency: d.partner(), ID: d.key(), On: d.near(on), Tool: "cse_it", Domain: "screening", Score: pick(d, []int{0, 3, 4, 8, 9, 23})}
		if d.in(65) {
			a.Tool, a.Domain, a.Score = "outcome_scale", pick(d, []string{"safety", "safety", "self_sufficiency", "well_being", "independence"}), d.n(1, 5)
		}
		p.Assessments = append(p.Assessments, a)
	}
	for range d.few(5) {
		r := oracle.Referral{Agency: d.partner(), ID: d.key(), At: d.at(d.near(on)), Kind: pick(d, d.c.kinds), Type: pick(d, []string{"emergency_shelter", "medical_exam", "legal"}),
			Outcome: d.code("referrals.outcome", 25)}
		p.Referrals = append(p.Referrals, r)
		if d.in(50) {
			p.Services = append(p.Services, oracle.Service{Agency: d.partner(), ID: d.key(), Type: r.Type, Emergency: "no", At: d.after(r.At), Day: d.in(25)})
		}
		if d.in(25) {
			p.Placements = append(p.Placements, oracle.Placement{Agency: d.partner(), ID: d.key(), Type: "emergency_shelter",
				Start: models.LocalDate(r.At, d.c.Zone).AddDays(d.n(-1, 8)), Open: true})
		}
	}
	for range d.few(2) {
		p.Arrests = append(p.Arrests, oracle.Arrest{Agency: d.partner(), ID: d.key(), At: d.at(d.near(on)), Role: "victim",
			Offense: pick(d, []string{"solicitation", "loitering", "other"}), Disposition: d.code("arrests.disposition", 30)})
	}
	for range d.few(2) {
		l := oracle.LaborIntake{Agency: d.partner(), ID: d.key(), On: d.near(on), Flags: map[string]string{}, Industry: d.code("labor_intakes.industry", 20)}
		e, _ := models.Dictionary().Entity("labor_intakes")
		most := d.flag()
		for _, col := range e.Columns {
			if col.Type == models.TypeFlag && col.Name != "deleted" {
				l.Flags[col.Name] = most
				if d.in(40) {
					l.Flags[col.Name] = d.flag()
				}
			}
		}
		p.LaborIntakes = append(p.LaborIntakes, l)
	}
	return p
}

// few is mostly none or one, at times as many as most.
func (d *draw) few(most int) int {
	if d.in(55) {
		return 0
	}
	return d.n(1, most)
}

func (d *draw) file(partner string) oracle.File {
	f := oracle.File{Agency: partner, Gender: pick(d, []string{"female", "male", "unknown", ""}), RaceEthnicity: pick(d, []string{"black", "white", "asian", "unknown", ""}),
		HomeArea: d.code("persons.home_area", 20), RecruitedBy: pick(d, []string{"family", "gang", "other", "unknown", ""}), RecruitedAt: pick(d, []string{"internet", "school", "unknown", ""}),
		Exploitation: d.code("persons.exploitation", 20), Flags: map[string]string{}}
	if d.in(70) {
		f.BirthYear = pick(d, []int{2006, 2007, 2008, 2012})
	}
	if d.in(70) {
		f.AgeBegan, f.HasAgeBegan = pick(d, []int{0, 11, 12, 14, 15, 17, 18, 99}), true
	}
	e, _ := models.Dictionary().Entity("persons")
	for _, col := range e.Columns {
		if col.Type == models.TypeFlag && col.Name != "deleted" {
			f.Flags[col.Name] = d.flag()
		}
	}
	return f
}

func (d *draw) services(p *oracle.Person, on models.Date, entry int64) {
	for range d.few(8) {
		s := oracle.Service{Agency: d.partner(), ID: d.key(), Type: pick(d, []string{"medical_exam", "crisis_counseling", "legal", "housing"}), Emergency: pick(d, []string{"yes", "yes", "no", "unknown"}),
			Day: d.in(25), Program: pick(d, []string{"", "none", "spa", "yap"})}
		if d.in(50) {
			s.At = d.after(entry)
		} else {
			s.At = d.at(d.near(on))
		}
		if d.in(40) {
			s.EndedAt, s.HasEnd = s.At+int64(d.n(0, 100))*3_600_000_000, true
		}
		p.Services = append(p.Services, s)
		if d.in(20) { // another agency's row of the same service
			twin := s
			twin.Agency, twin.ID, twin.Emergency, twin.Day = d.partner(), d.key(), pick(d, []string{"yes", "no"}), d.in(50)
			p.Services = append(p.Services, twin)
		}
	}
	for range d.few(4) { // case management, weeks and months of it
		s := oracle.Service{Agency: d.partner(), ID: d.key(), Type: "case_management", Emergency: "no", At: d.at(d.near(on)), Day: d.in(50)}
		if d.in(70) {
			s.EndedAt, s.HasEnd = s.At+int64(pick(d, []int{0, 28, 29, 30, 31, 59, 60, 90, 200, 400}))*86_400_000_000, true
		}
		p.Services = append(p.Services, s)
		from := models.LocalDate(s.At, d.c.Zone)
		for range d.n(0, 5) {
			p.Contacts = append(p.Contacts, oracle.Contact{Agency: d.partner(), ID: d.key(), On: from.AddDays(pick(d, []int{0, 1, 15, 29, 30, 31, 59, 60, 89, 90})), Type: d.code("case_contacts.contact_type", 0),
				AgenciesPresent: d.n(0, 3), Plan: d.flag()})
		}
	}
}

func (d *draw) stays(p *oracle.Person, on models.Date) {
	n := d.few(8)
	if d.in(1) {
		n = 400
	}
	for range n {
		s := oracle.Placement{Agency: d.partner(), ID: d.key(), Type: d.code("placements.placement_type", 0), Start: d.near(on), Exit: d.code("placements.exit_reason", 30)}
		if d.in(50) {
			s.Type = pick(d, []string{"group_home", "group_home", "emergency_shelter", "runaway"})
		}
		s.End = s.Start.AddDays(pick(d, []int{0, 0, 1, 2, 7, 8, 9, 30, 60, 89, 90, 180, 400}))
		if len(p.Placements) > 0 && d.in(50) { // one that follows, or overlaps, the one before
			before := p.Placements[len(p.Placements)-1]
			s.Start = before.End.AddDays(pick(d, []int{-3, -1, 0, 0, 1, 2, 14, 15}))
			if before.Open {
				s.Start = before.Start.AddDays(d.n(0, 40))
			}
			s.End = s.Start.AddDays(d.n(0, 40))
			if d.in(60) {
				s.Type = before.Type
			}
		}
		if d.in(60) {
			s.Site = pick(d, []string{"s1", "s2"})
		}
		s.Open = d.in(20)
		if s.Open {
			s.End, s.Exit = 0, ""
		}
		p.Placements = append(p.Placements, s)
	}
}

func (d *draw) accusedPerson() oracle.Accused {
	var a oracle.Accused
	on := d.day()
	for range d.few(3) {
		a.Arrests = append(a.Arrests, oracle.Arrest{Agency: d.partner(), ID: d.key(), At: d.at(d.near(on)), Role: pick(d, []string{"exploiter", "purchaser"}),
			Offense: pick(d, []string{"trafficking", "purchase"}), Disposition: d.code("arrests.disposition", 30)})
	}
	for range d.few(3) {
		x := oracle.Prosecution{Agency: d.partner(), ID: d.key(), Role: pick(d, []string{"exploiter", "purchaser"}), Charge: pick(d, []string{"trafficking", "labor_trafficking", "purchase", "other"}),
			Filed: d.near(on), Disposition: d.code("prosecutions.disposition", 30)}
		if x.Disposition != "" && x.Disposition != "pending" && d.in(80) {
			x.Disposed, x.HasDisposed = x.Filed.AddDays(pick(d, []int{0, 1, 30, 31, 60, 61, 90, 180, 365, 366, 730, 1460, 1461, 2000})), true
			if d.in(30) {
				x.Filed = d.day().AddDays(-2000)
				x.Disposed = d.day()
			}
		}
		a.Prosecutions = append(a.Prosecutions, x)
	}
	for range d.few(3) {
		x := oracle.Enrollment{Agency: d.partner(), ID: d.key(), Enrolled: d.near(on)}
		if d.in(60) {
			x.Completed, x.HasCompleted = x.Enrolled.AddDays(pick(d, []int{0, 1, 179, 180, 181, 400})), true
		}
		if d.in(40) {
			x.Rearrested, x.HasRearrested = x.Enrolled.AddDays(pick(d, []int{0, 1, 364, 365, 366})), true
		}
		a.Programs = append(a.Programs, x)
	}
	return a
}

func (d *draw) publicLife() {
	p := &d.c.public
	for range d.n(0, 8) {
		t := oracle.Training{Agency: d.partner(), ID: d.key(), On: d.day(), Audience: pick(d, []string{"judges", "educators", "other"}), Attendees: pick(d, []int{0, 1, 30, 5000})}
		if d.in(70) {
			t.Minutes, t.HasMinutes = pick(d, []int{0, 45, 90, 1440, 1441, 4800}), true
		}
		if d.in(60) {
			t.Certified, t.HasCertified = d.n(0, t.Attendees), true
		}
		p.Trainings = append(p.Trainings, t)
	}
	for range d.n(0, 6) {
		p.Outreach = append(p.Outreach, oracle.Event{Agency: d.partner(), ID: d.key(), On: d.day(), Type: d.code("outreach_events.event_type", 0), Language: d.code("outreach_events.language", 30), Attendees: pick(d, []int{0, 7, 100_000})})
	}
	taken := map[string]bool{}
	for range d.n(0, 6) {
		x := oracle.Pledge{Agency: d.partner(), On: d.day(), Language: d.code("pledges.language", 0), Pledges: d.n(0, 50)}
		if key := x.Agency + x.On.String() + x.Language; !taken[key] {
			taken[key] = true
			p.Pledges = append(p.Pledges, x)
		}
	}
}

// public is how many counties there are to one with resources and snapshots: these are about a county as a whole, so they are asked of
// one after the other.
const public = 5

func (d *draw) publicFacts() {
	p := &d.c.public
	for range d.n(0, 6) {
		p.Resources = append(p.Resources, oracle.Resource{Agency: d.partner(), ID: d.key(), Type: pick(d, []string{"residential_beds", "grant_awarded"}), Program: pick(d, []string{"", "spa", "none"}),
			Effective: d.day(), Quantity: pick(d, []int64{-1_000_000_000, -2, 0, 3, 1_000_000_000})})
	}
	d.snapshots()
}

// snapshots are at most one of an area in a quarter; profiles come back, and one is in a single area of a night.
func (d *draw) snapshots() {
	p := &d.c.public
	days := []string{"2023-10-03", "2024-01-05", "2024-04-03", "2024-07-02", "2024-10-04", "2025-01-03", "2025-04-02", "2025-07-01", "2025-10-02"}
	partner := d.partner()
	for _, day := range days {
		if !d.in(60) {
			continue
		}
		start, seen := d.at(date(day)), map[string]bool{}
		for _, area := range []string{"oakland", "fremont"} {
			if !d.in(70) {
				continue
			}
			id, found := d.key(), 0
			for range d.n(0, 5) {
				profile := fmt.Sprintf("u%d", d.n(0, 7))
				if !seen[profile] {
					seen[profile] = true
					found++
					p.Ads = append(p.Ads, oracle.Ad{Agency: partner, Snapshot: id, Profile: profile, Start: start, Area: area, Ads: pick(d, []int{1, 2, 9, 10, 11, 1000})})
				}
			}
			if found == 0 {
				p.Ads = append(p.Ads, oracle.Ad{Agency: partner, Snapshot: id, Profile: "none", Start: start, Area: area})
			}
		}
	}
}
