package deidentify

import (
	"slices"

	"heatwatch/internal/problem"
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

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
