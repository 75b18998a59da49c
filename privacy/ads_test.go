package privacy_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/measures/measuretest"
	"heatwatch/reports/measures/schema"
)

// adsCounty is a warehouse of snapshots.
type adsCounty struct {
	t  *testing.T
	db *measuretest.DB
}

// snapshot takes one: profiles from a number on, with so many ads together, of whom as many as need be have two.
func (c adsCounty) snapshot(area, date string, first, profiles, ads int) {
	c.t.Helper()
	c.db.Exec(c.t, fmt.Sprintf(`INSERT INTO people SELECT %[1]d + range, 'profiles', unhex(md5((%[1]d + range)::VARCHAR)), NULL, true FROM range(%[2]d)
WHERE %[1]d + range NOT IN (SELECT person FROM people);
INSERT INTO ad_snapshots BY NAME SELECT 1 AS agency, %[1]d + range AS person, '%[3]s-%[4]s' AS snapshot_id, 'u' || range AS profile_key, TIMESTAMP '%[4]s 15:00' AS window_start,
  DATE '%[4]s' AS window_start_on, code('ad_snapshots.area', '%[3]s') AS area, CASE WHEN range < %[5]d - %[2]d THEN 2 ELSE 1 END AS ads FROM range(%[2]d)`, first, profiles, area, date, ads))
}

// nothing is a snapshot that found nothing.
func (c adsCounty) nothing(area, date string) {
	c.db.Exec(c.t, fmt.Sprintf(`INSERT INTO ad_snapshots BY NAME SELECT 1 AS agency, '%[1]s' AS snapshot_id, 'none' AS profile_key, TIMESTAMP '%[2]s 15:00' AS window_start,
  DATE '%[2]s' AS window_start_on, code('ad_snapshots.area', '%[1]s') AS area, 0 AS ads`, area, date))
}

// TestOnlineAdsAsWorkedOut: the programme's own counts of 2019 and 2020, from rows to figures, in both plans.
func TestOnlineAdsAsWorkedOut(t *testing.T) {
	c := adsCounty{t, measuretest.New(t)}
	c.snapshot("oakland", "2019-10-04", 1, 666, 999)
	c.snapshot("oakland", "2020-10-02", 301, 750, 1165)   // some were there a year before
	c.snapshot("oakland", "2020-11-02", 2000, 900, 900)   // a second one of the quarter is not measured
	c.snapshot("fremont", "2019-08-30", 5000, 4000, 4000) // in the quarter before, and nearer to a year earlier
	c.snapshot("fremont", "2019-12-20", 5000, 2000, 2000)
	c.snapshot("fremont", "2020-10-01", 5000, 5000, 5000)
	c.nothing("hayward", "2020-10-05")
	s := schema.Schema()
	for name, statistics := range map[string][]string{"full": {"profiles", "profiles_change", "ads", "ads_per_profile", "ads_change"},
		"county": {"profiles", "profiles_change", "ads", "ads_change"}} {
		p := plan(t, name, 4)
		due, _ := p.Item("ad_profiles")
		sums := map[models.Period]map[string][]int64{}
		for _, at := range []string{"2019Q3", "2019Q4", "2020Q4"} {
			q := period(t, at)
			all, err := privacy.NewHouse(t, p, s, commitmentKey(t)).Sums(c.db, q, q.Last().AddDays(due.Due), nil, false)
			if err != nil {
				t.Fatal(err)
			}
			sums[q] = map[string][]int64{"ad_calendar": all["ad_calendar"], "ad_profiles": all["ad_profiles"], "ad_ads": all["ad_ads"]}
		}
		figures, err := p.Noiseless(s, "online-ads", period(t, "2020Q4"), sums)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range figures {
			if v, ok := f.Value(); ok {
				got[f.Statistic()+" "+f.ByText()] = math.Round(1e4*v) / 1e4
			}
		}
		want := map[string]float64{}
		for at, values := range map[string]map[string]float64{
			"area=oakland;snapshot=2020-10-02": {"profiles": 750, "ads": 1165, "ads_per_profile": 1.5533, "profiles_change": 0.1261, "ads_change": 0.1662},
			"area=fremont;snapshot=2020-10-01": {"profiles": 5000, "ads": 5000, "ads_per_profile": 1, "profiles_change": 0.25, "ads_change": 0.25},
			"area=hayward;snapshot=2020-10-05": {"profiles": 0, "ads": 0},
		} {
			for st, v := range values {
				if slices.Contains(statistics, st) {
					want[st+" "+at] = v
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: figures\n%v, want\n%v", name, got, want)
		}
	}
}

// A profile in every area, in twelve quarters, with more ads than count, moves what is declared and no more.
func TestOneProfileCannotMoveASnapshot(t *testing.T) {
	c := adsCounty{t, measuretest.New(t)}
	areas := models.Dictionary().Values("ad_snapshots.area")
	first := models.QuarterOf(period(t, "2021Q1").First())
	var quarters []models.Period
	for q := first; len(quarters) < 12; q = q.Next() {
		quarters = append(quarters, q)
		for i, area := range areas {
			c.snapshot(area, q.First().AddDays(7*i).String(), 100*(i+1), 5, 6)
		}
	}
	s, p := schema.Schema(), plan(t, "full", 4)
	due, _ := p.Item("ad_profiles")
	measure := func() (all []map[string][]int64) {
		for _, q := range quarters {
			sums, err := privacy.NewHouse(t, p, s, commitmentKey(t)).Sums(c.db, q, q.Last().AddDays(due.Due), nil, false)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, sums)
		}
		return all
	}
	without := measure()
	c.db.Exec(t, "INSERT INTO people VALUES (9, 'profiles', unhex(md5('9')), NULL, true); INSERT INTO ad_snapshots BY NAME SELECT DISTINCT 1 AS agency, 9 AS person, snapshot_id, 'nine' AS profile_key, window_start, window_start_on, area, 1000 AS ads FROM ad_snapshots")
	with := measure()
	lost := map[string]float64{}
	for i := range quarters {
		for _, id := range []string{"ad_calendar", "ad_profiles", "ad_ads"} {
			it, _ := p.Item(id)
			var moved float64
			for k := range with[i][id] {
				d := float64(with[i][id][k] - without[i][id][k])
				moved += d * d
			}
			if it.Population == privacy.Nobody {
				if moved != 0 {
					t.Errorf("%s: a profile moves the calendar", quarters[i])
				}
				continue
			}
			x := moved / float64(it.Linf*it.Linf) / (it.Sigma * it.Sigma)
			if x > it.Mu2()*(1+1e-9) {
				t.Errorf("%s: a profile moves %s by mu^2 %v, declared is %v", quarters[i], id, x, it.Mu2())
			}
			lost[id] += x
		}
	}
	for _, id := range []string{"ad_profiles", "ad_ads"} {
		if it, _ := p.Item(id); math.Abs(lost[id]/it.Lifetime()-1) > 1e-9 {
			t.Errorf("%s: in its life the profile moves mu^2 %v, declared is %v", id, lost[id], it.Lifetime())
		}
	}
}
