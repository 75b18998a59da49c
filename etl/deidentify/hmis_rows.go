package deidentify

import (
	"io"
	"slices"
	"strings"
	"time"

	"heatwatch/models"
)

func lower(s string) string { return strings.ToLower(s) }

// memRecords are rows that an adapter made.
type memRecords struct {
	name string
	head []string
	rows [][]string
	n    int
	buf  [][]byte
}

func (m *memRecords) file() string     { return m.name }
func (m *memRecords) header() []string { return m.head }
func (m *memRecords) Close() error     { return nil }

func (m *memRecords) next() ([][]byte, int, error) {
	if m.n == len(m.rows) {
		return nil, 0, io.EOF
	}
	m.buf = m.buf[:0]
	for _, c := range m.rows[m.n] {
		m.buf = append(m.buf, []byte(c))
	}
	m.n++
	return m.buf, m.n + 1, nil
}

func (m *memRecords) add(cells ...string) { m.rows = append(m.rows, cells) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func (d *hmisData) persons(release string) *memRecords {
	m := &memRecords{name: "Client.csv", head: []string{"person_key", "first_name", "middle_name", "last_name", "suffix", setAside, "birth_date", "ssn",
		"gender", "race_ethnicity", "release", "prior_domestic_violence", "runaway_history", "foster_history", "exploitation", "deleted"}}
	for _, c := range d.clients {
		if c.enrollments == 0 {
			d.rep.skip("clients without an enrolment that may be shared", 1)
			continue
		}
		birth, first, last, aside := "", c.first, c.last, c.aside
		if c.born != noDate {
			birth = c.born.String()
		}
		if !c.exactBirth { // an approximate date gives a year and an age, no token
			first, last, aside = "", "", aside+";"+c.first+";"+c.last
		}
		m.add(c.id, first, c.middle, last, c.suffix, aside, birth, c.ssn, c.gender, c.race, release,
			c.violence.String(), c.runaway.String(), c.foster.String(), exploitation(c), yes(c.deleted))
	}
	return m
}

// exploitation is known where it was answered with yes; a no is no answer about today.
func exploitation(c *hmisClient) string {
	switch {
	case c.sexTrade && c.laborForced:
		return "both"
	case c.sexTrade:
		return "sex"
	case c.laborForced:
		return "labor"
	}
	return ""
}

func (d *hmisData) placements() *memRecords {
	m := &memRecords{name: "Enrollment.csv", head: []string{"placement_id", "person_key", "placement_type", "site_key", "started_on", "ended_on", "exit_reason", "deleted"}}
	for _, e := range d.enrolled {
		p := d.projects[e.project]
		how, ok := d.codes.Placement[p.kind]
		if !ok {
			d.rep.skip("enrolments in projects where nobody lives", 1)
			continue
		}
		for _, f := range p.funders {
			if t := d.codes.PlacementByFunder[f]; t != "" {
				how.Type = t
			}
		}
		stay := func(id string, from, to models.Date, reason string) {
			ended := ""
			if to != noDate {
				ended = to.String()
			}
			if to != noDate && to < from {
				d.rep.skip("stays that end before they begin", 1)
				return
			}
			m.add(id, e.client.id, how.Type, e.project, from.String(), ended, reason, yes(e.deleted))
		}
		switch how.How {
		case "nights":
			runs := runsOf(e.nights)
			for i, run := range runs {
				reason := ""
				if i == len(runs)-1 {
					reason = e.exitReason
				}
				stay(e.id+"/"+run[0].String(), run[0], run[1]+1, reason)
			}
		case "move_in":
			if e.moveIn == noDate {
				d.rep.skip("housing enrolments without a day of moving in", 1)
				continue
			}
			stay(e.id, max(e.moveIn, e.entry), e.exit, e.exitReason)
		default:
			stay(e.id, e.entry, e.exit, e.exitReason)
		}
	}
	return m
}

// runsOf joins consecutive nights: first and last of each run.
func runsOf(nights []models.Date) [][2]models.Date {
	slices.Sort(nights)
	var runs [][2]models.Date
	for _, n := range nights {
		if k := len(runs) - 1; k >= 0 && n <= runs[k][1]+1 {
			runs[k][1] = n
			continue
		}
		runs = append(runs, [2]models.Date{n, n})
	}
	return runs
}

func (d *hmisData) serviceRows(loc *time.Location) *memRecords {
	m := &memRecords{name: "Services.csv", head: []string{"service_id", "person_key", "service_type", "emergency", "started_at", "started_precision", "deleted"}}
	for _, e := range d.enrolled {
		p := d.projects[e.project]
		if !slices.Contains(d.codes.EmergencyProjectTypes, p.kind) {
			continue
		}
		on := e.entry
		if d.codes.Placement[p.kind].How == "nights" {
			if len(e.nights) == 0 {
				continue
			}
			on = slices.Min(e.nights)
		}
		m.add("shelter/"+e.id, e.client.id, "emergency_shelter", "yes", midnight(on, loc), "day", yes(e.deleted))
	}
	for _, s := range d.services {
		what := d.codes.Services[s.kind][s.what]
		if what == "" {
			if s.kind != "161" {
				d.rep.skip(d.whyNoService(s), 1)
			}
			continue
		}
		m.add("service/"+s.id, s.enrollment.client.id, what, "unknown", midnight(s.on, loc), "day", yes(s.deleted))
	}
	return m
}

func (d *hmisData) whyNoService(s hmisService) string {
	switch {
	case slices.Contains(d.codes.Part2[s.kind], s.what):
		return "substance-use services (42 CFR Part 2 asks for a consent of its own)"
	case s.kind == "143" || s.kind == "151":
		return "HOPWA services"
	}
	return "services of other kinds"
}

func (d *hmisData) referrals(loc *time.Location) *memRecords {
	m := &memRecords{name: "Event.csv", head: []string{"referral_id", "person_key", "referred_at", "to_agency_kind", "service_type", "outcome", "deleted"}}
	add := func(id string, e *hmisEnrollment, on models.Date, to hmisReferral, outcome string, deleted bool) {
		m.add(id, e.client.id, midnight(on, loc), to.To, to.Service, outcome, yes(deleted))
	}
	for _, ev := range d.events {
		to, ok := d.codes.Events[ev.what]
		if !ok {
			d.rep.skip("events that are no referrals", 1)
			continue
		}
		add("event/"+ev.id, ev.enrollment, ev.on, to, d.codes.EventOutcome[ev.outcome], ev.deleted)
	}
	for _, s := range d.services {
		if to, ok := d.codes.PathReferrals[s.what]; ok && s.kind == "161" {
			add("path/"+s.id, s.enrollment, s.on, to, d.codes.PathOutcome[s.outcome], s.deleted)
		}
	}
	return m
}

func (d *hmisData) engagements(loc *time.Location) *memRecords {
	m := &memRecords{name: "Enrollment.csv", head: []string{"engagement_id", "person_key", "engaged_at", "channel", "deleted"}}
	for _, e := range d.enrolled {
		channel := d.codes.Channel[e.source]
		if channel == "" {
			channel = "unknown"
		}
		m.add("enrollment/"+e.id, e.client.id, midnight(e.entry, loc), channel, yes(e.deleted))
	}
	return m
}

// midnight writes a day of which no hour is known as the instant at which it begins.
func midnight(d models.Date, loc *time.Location) string {
	return d.In(loc).Format("2006-01-02T15:04:05-07:00")
}
