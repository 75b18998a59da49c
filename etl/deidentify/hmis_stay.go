package deidentify

import (
	"heatwatch/models"
)

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
