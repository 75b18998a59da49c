package agree

import (
	"context"
	"crypto/md5"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"testing"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"heatwatch/models"
	"heatwatch/reports/measures/measuretest"
)

// Numbers of persons say the county: 1,000 each, minors first, then accused persons, then profiles.
const (
	perCounty     = 1000
	firstAccused  = 500
	firstProfile  = 700
	partnersEach  = 10
	noPersonAtAll = -1
)

// base are entities whose rows are about nobody in a county that one could tell by a person, or of which a county's first
// counts: they are loaded with the county's number and shown through a view, one county at a time.
var base = []string{"resources", "ad_snapshots"}

// table collects rows of a relation.
type table struct {
	columns []string
	rows    [][]driver.Value
}

type loader struct {
	t      *testing.T
	zone   *time.Location
	tables map[string]*table
}

// fresh makes a database with nothing in it but the relations.
func fresh(t *testing.T) *measuretest.DB {
	d := measuretest.New(t)
	d.Exec(t, "CREATE TEMP TABLE shown (county BIGINT); INSERT INTO shown VALUES (-1)")
	for _, name := range base {
		d.Exec(t, fmt.Sprintf("ALTER TABLE %[1]s RENAME TO all_%[1]s; ALTER TABLE all_%[1]s ADD COLUMN county BIGINT; CREATE TEMP VIEW %[1]s AS SELECT * EXCLUDE (county) FROM all_%[1]s SEMI JOIN shown USING (county)", name))
	}
	return d
}

// tableOf is the relation that an entity's rows are loaded into.
func tableOf(entity string) string {
	if slices.Contains(base, entity) {
		return "all_" + entity
	}
	return entity
}

// load replaces everything in the database by these counties.
func load(t *testing.T, d *measuretest.DB, counties []*county) {
	t.Helper()
	l := loader{t: t, zone: measuretest.Zone(), tables: map[string]*table{}}
	names := []string{"agencies", "coverage", "people"}
	for _, e := range models.Dictionary().Entities {
		names = append(names, tableOf(e.Name))
	}
	for _, name := range names {
		d.Exec(t, "DELETE FROM "+name)
		rows, err := d.Query("SELECT column_name FROM duckdb_columns() WHERE table_name = '" + name + "' ORDER BY column_index")
		if err != nil {
			t.Fatal(err)
		}
		l.tables[name] = &table{columns: scan(t, rows)}
	}
	for i, c := range counties {
		l.county(i, c)
	}
	conn, err := d.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, name := range names {
		err := conn.Raw(func(c any) error {
			a, err := duckdb.NewAppenderFromConn(c.(driver.Conn), "", name)
			if err != nil {
				return err
			}
			for _, r := range l.tables[name].rows {
				if err := a.AppendRow(r...); err != nil {
					return fmt.Errorf("%v: %w", r, err)
				}
			}
			return a.Close()
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func scan(t *testing.T, rows *sql.Rows) []string {
	t.Helper()
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// cells are the values of one row by column.
type cells map[string]any

func (l loader) add(name string, row cells) {
	tb := l.tables[name]
	values := make([]driver.Value, len(tb.columns))
	for i, c := range tb.columns {
		values[i] = row[c]
	}
	tb.rows = append(tb.rows, values)
}

// row adds a row of an entity: codes by name, dates and instants as they are, empty is missing.
func (l loader) row(entity, partner string, agency, person int, row cells) {
	l.t.Helper()
	e, _ := models.Dictionary().Entity(entity)
	out := cells{"agency": uint16(agency)}
	if person != noPersonAtAll {
		out["person"] = uint32(person)
		out["person_key"] = fmt.Sprint("p", person)
	}
	for name, v := range row {
		if name == "county" {
			out[name] = v
			continue
		}
		col, ok := e.Column(name)
		if !ok {
			l.t.Fatalf("%s has no column %s", entity, name)
		}
		switch x := v.(type) {
		case nil:
		case models.Date:
			out[name] = x.Time()
		case int64:
			if col.Type != models.TypeDateTime {
				out[name] = x
				continue
			}
			out[name] = time.UnixMicro(x).UTC()
			out[name+"_on"] = models.LocalDate(x, l.zone).Time()
		case int:
			out[name] = int64(x)
		case string:
			switch {
			case x == "":
			case col.Type == models.TypeCode || col.Type == models.TypeFlag:
				i := slices.Index(col.Values, x)
				if i < 0 {
					l.t.Fatalf("%s.%s is no code %s", entity, name, x)
				}
				out[name] = uint8(i)
			default:
				out[name] = x
			}
		}
	}
	l.add(tableOf(entity), out)
}

// when is the value if it is there.
func when[T any](there bool, v T) any {
	if !there {
		return nil
	}
	return v
}

func (l loader) people(number int, population string) {
	id := md5.Sum([]byte(fmt.Sprint(number)))
	l.add("people", cells{"person": uint32(number), "population": population, "pseudonym": id[:], "measured": true})
}

func (l loader) county(i int, c *county) {
	agency := map[string]int{}
	for k, name := range c.partners {
		agency[name] = i*partnersEach + k
		l.add("agencies", cells{"agency": uint16(agency[name]), "name": name, "kind": c.Kind[name]})
		for entity, to := range c.Covers[name] {
			l.add("coverage", cells{"agency": uint16(agency[name]), "entity": entity, "covers_from": date("2000-01-01").Time(), "covers_to": to.Time()})
		}
	}
	row := func(entity, partner string, person int, r cells) { l.row(entity, partner, agency[partner], person, r) }
	for k, p := range c.persons {
		n := i*perCounty + 1 + k
		l.people(n, "minors")
		for _, f := range p.Files {
			r := cells{"gender": f.Gender, "race_ethnicity": f.RaceEthnicity, "home_area": f.HomeArea, "recruited_by": f.RecruitedBy, "recruited_at": f.RecruitedAt,
				"exploitation": f.Exploitation, "birth_year": when(f.BirthYear != 0, f.BirthYear), "age_exploitation_began": when(f.HasAgeBegan, f.AgeBegan)}
			for name, v := range f.Flags {
				r[name] = v
			}
			row("persons", f.Agency, n, r)
		}
		for _, e := range p.Engagements {
			row("engagements", e.Agency, n, cells{"engagement_id": e.ID, "engaged_at": e.At, "age": when(e.HasAge, e.Age), "channel": e.Channel, "setting": e.Setting})
		}
		for _, s := range p.Services {
			r := cells{"service_id": s.ID, "service_type": s.Type, "emergency": s.Emergency, "started_at": s.At, "started_precision": when(s.Day, "day"), "ended_at": when(s.HasEnd, s.EndedAt), "program": s.Program}
			row("services", s.Agency, n, r)
		}
		for _, s := range p.Placements {
			row("placements", s.Agency, n, cells{"placement_id": s.ID, "placement_type": s.Type, "site_key": s.Site, "started_on": s.Start, "ended_on": when(!s.Open, s.End), "exit_reason": s.Exit})
		}
		for _, x := range p.Contacts {
			row("case_contacts", x.Agency, n, cells{"contact_id": x.ID, "contact_on": x.On, "contact_type": x.Type, "agencies_present": when(x.AgenciesPresent > 0, x.AgenciesPresent), "plan_in_place": x.Plan})
		}
		for _, a := range p.Assessments {
			row("assessments", a.Agency, n, cells{"assessment_id": a.ID, "assessed_on": a.On, "tool": a.Tool, "domain": a.Domain, "score": a.Score})
		}
		for _, r := range p.Referrals {
			row("referrals", r.Agency, n, cells{"referral_id": r.ID, "referred_at": r.At, "to_agency_kind": r.Kind, "service_type": r.Type, "outcome": r.Outcome})
		}
		for _, a := range p.Arrests {
			row("arrests", a.Agency, n, cells{"arrest_id": a.ID, "arrested_at": a.At, "party_role": a.Role, "offense": a.Offense, "disposition": a.Disposition})
		}
		for _, x := range p.LaborIntakes {
			r := cells{"intake_id": x.ID, "interviewed_on": x.On, "industry": x.Industry}
			for name, v := range x.Flags {
				r[name] = v
			}
			row("labor_intakes", x.Agency, n, r)
		}
	}
	for k, a := range c.accused {
		n := i*perCounty + firstAccused + k
		l.people(n, "accused")
		for _, x := range a.Arrests {
			row("arrests", x.Agency, n, cells{"arrest_id": x.ID, "arrested_at": x.At, "party_role": x.Role, "offense": x.Offense, "disposition": x.Disposition})
		}
		for _, x := range a.Prosecutions {
			row("prosecutions", x.Agency, n, cells{"case_id": x.ID, "party_role": x.Role, "charge": x.Charge, "filed_on": x.Filed, "disposition": x.Disposition, "disposed_on": when(x.HasDisposed, x.Disposed)})
		}
		for _, x := range a.Programs {
			row("purchaser_programs", x.Agency, n, cells{"enrollment_id": x.ID, "enrolled_on": x.Enrolled, "completed_on": when(x.HasCompleted, x.Completed), "rearrested_on": when(x.HasRearrested, x.Rearrested)})
		}
	}
	l.publicLife(i, c, row)
}

func (l loader) publicLife(i int, c *county, row func(entity, partner string, person int, r cells)) {
	here := int64(i)
	for _, x := range c.public.Trainings {
		row("trainings", x.Agency, noPersonAtAll, cells{"training_id": x.ID, "held_on": x.On, "audience": x.Audience, "attendees": x.Attendees,
			"minutes": when(x.HasMinutes, x.Minutes), "certified": when(x.HasCertified, x.Certified)})
	}
	for _, x := range c.public.Outreach {
		row("outreach_events", x.Agency, noPersonAtAll, cells{"event_id": x.ID, "held_on": x.On, "event_type": x.Type, "language": x.Language, "attendees": x.Attendees})
	}
	for _, x := range c.public.Pledges {
		row("pledges", x.Agency, noPersonAtAll, cells{"pledged_on": x.On, "language": x.Language, "pledges": x.Pledges})
	}
	for _, x := range c.public.Resources {
		row("resources", x.Agency, noPersonAtAll, cells{"county": here, "resource_id": x.ID, "resource_type": x.Type, "program": x.Program, "effective_on": x.Effective, "quantity": x.Quantity})
	}
	profiles := map[string]int{}
	for _, x := range c.public.Ads {
		n := noPersonAtAll
		if x.Profile != "none" {
			key := x.Agency + "/" + x.Profile
			if _, ok := profiles[key]; !ok {
				profiles[key] = i*perCounty + firstProfile + len(profiles)
				l.people(profiles[key], "profiles")
			}
			n = profiles[key]
		}
		row("ad_snapshots", x.Agency, n, cells{"county": here, "snapshot_id": x.Snapshot, "profile_key": x.Profile, "window_start": x.Start, "area": x.Area, "ads": x.Ads})
	}
}
