package deidentify

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/problem"
	"heatwatch/internal/testdir"
	"heatwatch/models"
)

func hmisConfig(t *testing.T, file string) Config {
	t.Helper()
	return Config{FS: quick(), Kit: kitOf(t, "shelter-a", 1), Raw: testdir.Shared(t, "data", "hmis", file), Out: filepath.Join(t.TempDir(), "hmis"),
		Now: now, From: "hmis-csv", Roster: "all", Engagements: "enrollment"}
}

func tally(rows []map[string]string, column string) string {
	n := map[string]int{}
	for _, r := range rows {
		n[r[column]]++
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, n[k]))
	}
	return strings.Join(parts, ", ")
}

func wantTally(t *testing.T, rows []map[string]string, column, want string) {
	t.Helper()
	if got := tally(rows, column); got != want {
		t.Errorf("%s:\n got %s\nwant %s", column, got, want)
	}
}

// The golden samples of HMIS CSV, whole: counts found independently of this program.
func TestHMISGolden(t *testing.T) {
	for _, file := range []string{"hmis_fy2026_greenriver_out.zip", "hmis_fy2024_greenriver_in.zip"} {
		t.Run(file, func(t *testing.T) {
			cfg := hmisConfig(t, file)
			r := mustRun(t, cfg)
			persons, placements := rowsOf(t, cfg, "persons"), rowsOf(t, cfg, "placements")
			services, referrals, engagements := rowsOf(t, cfg, "services"), rowsOf(t, cfg, "referrals"), rowsOf(t, cfg, "engagements")
			for entity, n := range map[string][2]int{"persons": {len(persons), 514}, "placements": {len(placements), 2418},
				"services": {len(services), 328}, "referrals": {len(referrals), 10}, "engagements": {len(engagements), 574}} {
				if n[0] != n[1] {
					t.Errorf("%s: %d rows, want %d", entity, n[0], n[1])
				}
			}
			wantTally(t, persons, "gender", "female 232, male 274, nonbinary 4, transgender 4")
			wantTally(t, persons, "race_ethnicity", "american_indian_alaska_native 10, asian 1, black 166, multiracial 30, unknown 7, white 300")
			wantTally(t, persons, "foster_history", "no 32, unknown 479, yes 3")
			wantTally(t, persons, "runaway_history", "unknown 514")
			wantTally(t, persons, "prior_domestic_violence", "no 272, unknown 80, yes 162")
			wantTally(t, persons, "exploitation", " 514")
			wantTally(t, persons, "release", "not_required 514")
			young, old := 0, 0
			for _, p := range persons {
				young += btoi(p["birth_year"] >= "1990")
				old += btoi(p["birth_year"] != "" && p["birth_year"] < "1990")
			}
			if young != 243 || old != 270 { // 271, of whom one has a date of birth of quality 9
				t.Errorf("birth years: %d from 1990 on, %d before; want 243 and 270", young, old)
			}
			// ES entry to exit 164 and bed nights 2,097; the others have one type each
			wantTally(t, placements, "placement_type", "emergency_shelter 2261, permanent_rental 46, supportive_housing 26, transitional_housing 85")
			wantPlacements(t, cfg, placements)
			wantTally(t, services, "service_type", "emergency_shelter 328")
			wantTally(t, services, "emergency", "yes 328")
			wantTally(t, services, "started_precision", "day 328")
			wantTally(t, referrals, "outcome", "connected 9, declined 1")
			wantTally(t, referrals, "service_type", "emergency_shelter 1, housing 9")
			wantTally(t, engagements, "channel", "family 7, hospital 1, law_enforcement_referral 1, provider_referral 3, school_referral 12, self_referral 12, unknown 538")
			under := 0
			for _, e := range engagements {
				under += btoi(len(e["age"]) == 1 || e["age"] >= "10" && e["age"] < "18")
			}
			if under != 108 {
				t.Errorf("%d engagements under 18, want 108", under)
			}
			wantExits(t, r.HMIS)
			if e := r.HMIS.Elements["HealthAndDV"]; e.Read != 3 || e.All < 8 || !strings.Contains(r.Text(), fmt.Sprintf("HealthAndDV 3 of %d", e.All)) {
				t.Errorf("columns of HealthAndDV: %+v\n%s", e, r.Text())
			}
			if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "HashStatus 3") {
				t.Errorf("the hash status lies, and the warnings are %q", r.Warnings)
			}
		})
	}
}

func wantPlacements(t *testing.T, cfg Config, placements []map[string]string) {
	t.Helper()
	open, zero := 0, 0
	people := map[string]bool{}
	for _, p := range placements {
		people[p["person_key"]] = true
		open += btoi(p["ended_on"] == "")
		zero += btoi(p["ended_on"] == p["started_on"])
	}
	if len(people) != 428 || open != 77 || zero != 28 {
		t.Errorf("%d persons, %d open stays, %d without a night; want 428, 77, 28", len(people), open, zero)
	}
	// Under 18 at the start needs the birth dates, which only the agency can join: through the keymap.
	_, keys := readTable(t, filepath.Join(cfg.Kit.Keymaps(), "hmis.csv"))
	own := map[string]string{}
	for _, k := range keys {
		if k["entity"] == "persons" {
			own[k["pseudonym"]] = k["own_number"]
		}
	}
	a, err := openArchive(cfg.Raw, hmisLimits)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	born := map[string]models.Date{}
	if _, err := a.each("Client", func(r hmisRow) { born[r.get("PersonalID")] = r.date("DOB") }); err != nil {
		t.Fatal(err)
	}
	minors, rows := map[string]bool{}, 0
	for _, p := range placements {
		start, _ := models.ParseDate(p["started_on"])
		b, ok := born[own[p["person_key"]]]
		if !ok {
			t.Fatal("a placement's person is not in the keymap")
		}
		if completedYears(b, start) < 18 {
			rows++
			minors[p["person_key"]] = true
		}
	}
	if rows != 461 || len(minors) != 65 {
		t.Errorf("under 18 at the start: %d rows of %d persons, want 461 of 65", rows, len(minors))
	}
}

func wantExits(t *testing.T, h *HMISReport) {
	t.Helper()
	got := maps.Clone(h.ExitReasons)
	got["permanent_housing"] += got["reunified"] // code 422 is one or the other by age
	delete(got, "reunified")
	want := map[string]int{"permanent_housing": 172, "other": 142, "unknown": 74, "placement_change": 40, "detained": 19}
	if !maps.Equal(got, want) {
		t.Errorf("exits %v, want %v", got, want)
	}
	if n := h.Skipped["housing enrolments without a day of moving in"]; n != 6 {
		t.Errorf("%d without a day of moving in, want 6", n)
	}
	if n := h.Skipped["enrolments in projects where nobody lives"]; n != 83 {
		t.Errorf("%d enrolments in other projects, want 83", n)
	}
}

// FY2026 took gender out of the standard; without the vendor's extra file only Sex is left, and this sample has none.
func TestHMISGenderWithoutTheExtraFile(t *testing.T) {
	cfg := hmisConfig(t, "hmis_fy2026_greenriver_out.zip")
	cfg.Raw = unpack(t, cfg.Raw)
	if err := os.Remove(filepath.Join(cfg.Raw, "CustomGender.csv")); err != nil {
		t.Fatal(err)
	}
	mustRun(t, cfg)
	wantTally(t, rowsOf(t, cfg, "persons"), "gender", "unknown 514")
}

// Nothing clear of the samples reaches any byte of the drop.
func TestHMISNothingClearLeaves(t *testing.T) {
	cfg := hmisConfig(t, "hmis_fy2026_greenriver_out.zip")
	mustRun(t, cfg)
	out := strings.ToLower(legible(t, cfg.Out))
	a, err := openArchive(cfg.Raw, hmisLimits)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	planted := 0
	_, err = a.each("Client", func(r hmisRow) {
		for _, c := range []string{"FirstName", "LastName", "SSN"} {
			v := strings.ToLower(r.get(c))
			if len(v) < 6 {
				continue
			}
			planted++
			if strings.Contains(out, v) {
				t.Errorf("a %s is in the drop", c)
			}
		}
	})
	if err != nil || planted < 1000 {
		t.Fatalf("only %d values looked for (%v): the test proves nothing", planted, err)
	}
}

func TestHMISWithoutRosterOnlyCounts(t *testing.T) {
	cfg := hmisConfig(t, "hmis_fy2026_greenriver_out.zip")
	cfg.Roster = ""
	r := mustFail(t, cfg, problem.Usage, "roster")
	if r.HMIS == nil || r.HMIS.Counts["persons"] != 514 || !strings.Contains(r.Text(), "persons: 514 rows") {
		t.Errorf("no counts: %s", r.Text())
	}
}

func unpack(t *testing.T, file string) string {
	t.Helper()
	a, err := openArchive(file, hmisLimits)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	dir := t.TempDir()
	for name := range a.open {
		proper, _ := hmisFile(name)
		copyOut(t, a, name, filepath.Join(dir, proper+".csv"))
	}
	return dir
}
