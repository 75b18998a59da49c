package deidentify

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"heatwatch/internal/problem"
	"heatwatch/internal/testdir"
)

// export is a small HMIS export: one client at each of three projects.
func export() map[string]string {
	return map[string]string{
		"Export.csv":       "ExportID,ExportDate,CSVVersion,HashStatus,SourceContactLast\n1,02-07-2023 12:00:00,2026 v1.0,1,Plimbo\n",
		"Organization.csv": "OrganizationID,OrganizationName,VictimServiceProvider,DateDeleted\nO1,Tralb House,0,\nO2,Vosk Refuge,1,\n",
		"Project.csv":      "ProjectID,OrganizationID,ProjectName,ProjectType,DateDeleted\nP1,O1,Tralb Shelter,0,\nP2,O2,Vosk Shelter,0,\nP3,O1,Tralb HOPWA,3,\nP4,O1,Tralb Nights,1,\nP5,O1,Youth,0,\n",
		"Funder.csv":       "FunderID,ProjectID,Funder\n1,P3,15\n2,P5,24\n",
		"Client.csv": "PersonalID,FirstName,MiddleName,LastName,NameSuffix,NameDataQuality,SSN,DOB,DOBDataQuality,Sex,Asian,White,DateDeleted,AdditionalRaceEthnicity\n" +
			"C1,Bavo,,Tilomi,,1,219099999,2010-07-03,1,0,1,,,Krastopian\nC2,Neelu,,Krastope,,1,,2009-05-06,1,1,,1,,\nC3,Zuzu,,Grelt,,1,,2009-05-07,2,,1,1,,\nC4,Hib,,Bit,,2,,2009-05-08,1,,,,,\n",
		"Enrollment.csv": "EnrollmentID,PersonalID,ProjectID,EntryDate,HouseholdID,ReferralSource,RunawayYouth,DateDeleted\n" +
			"E1,C1,P1,2023-01-01,H1,2,1,\nE2,C2,P2,2023-01-01,H2,,,\nE3,C3,P3,2023-01-01,H3,,,\nE4,C3,P4,2023-01-01,H3,,,\nE5,C4,P5,2023-02-01,H4,,,\nE6,C1,P1,2023-03-01,H1,,,2023-03-05 10:00:00\n",
		"Exit.csv":          "ExitID,EnrollmentID,ExitDate,Destination,OtherDestination,EarlyExitReason,ExchangeForSex,WorkPlaceViolenceThreats,DateDeleted\nX1,E1,2023-01-09,422,\"with aunt Drelna\",,1,1,\n",
		"Services.csv":      "ServicesID,EnrollmentID,PersonalID,DateProvided,RecordType,TypeProvided,OtherTypeProvided,ReferralOutcome,DateDeleted\nS1,E4,C3,2023-01-02,200,200,,,\nS2,E4,C3,2023-01-03,200,200,,,\nS3,E4,C3,2023-01-05,200,200,,,\nS4,E1,C1,2023-01-02,142,17,,,\nS5,E1,C1,2023-01-02,142,7,with lawyer Wexatt,,\nS6,E1,C1,2023-01-02,161,5,,1,\nS7,E1,C1,2023-01-02,143,1,,,\n",
		"Disabilities.csv":  "DisabilitiesID,PersonalID,DisabilityType\nD1,C1,8\n",
		"Ädrelna-vosk.docx": "Bavo",
	}
}

func hmisOf(t *testing.T, files map[string]string) Config {
	t.Helper()
	return Config{FS: quick(), Kit: kitOf(t, "shelter-a", 1), Raw: folder(t, files), Out: filepath.Join(t.TempDir(), "hmis"), Now: now, From: "hmis-csv", Roster: "all"}
}

func TestHMISRulesOfTheGate(t *testing.T) {
	cfg := hmisOf(t, export())
	r := mustRun(t, cfg)
	out := legible(t, cfg.Out)
	for _, planted := range []string{"Bavo", "Tilomi", "219099999", "2010-07-03", "Krastopian", "Drelna", "Wexatt", "Vosk", "Tralb", "Plimbo", "H1"} {
		if strings.Contains(out, planted) || strings.Contains(r.Text(), planted) {
			t.Errorf("%q is in the drop or the report", planted)
		}
	}
	persons := rowsOf(t, cfg, "persons")
	wantTally(t, persons, "race_ethnicity", "asian 1, multiracial 1, unknown 1") // C2 is at a victim service provider only
	if f := r.Files[0]; f.Tokens != 1 {
		t.Errorf("%d persons can be linked: only C1 has a name", f.Tokens)
	}
	if persons[0]["exploitation"] != "both" || persons[0]["runaway_history"] != "yes" || persons[1]["birth_year"] != "2009" {
		t.Errorf("persons: %v", persons)
	}
	wantTally(t, rowsOf(t, cfg, "placements"), "placement_type", "emergency_shelter 4, transitional_housing 1")
	wantTally(t, rowsOf(t, cfg, "placements"), "deleted", " 4, yes 1")
	wantTally(t, rowsOf(t, cfg, "placements"), "exit_reason", " 4, reunified 1")
	wantTally(t, rowsOf(t, cfg, "placements"), "ended_on", " 2, 2023-01-04 1, 2023-01-06 1, 2023-01-09 1")
	wantTally(t, rowsOf(t, cfg, "services"), "service_type", "emergency_shelter 4, legal 1")
	wantTally(t, rowsOf(t, cfg, "referrals"), "service_type", "education 1")
	for what, n := range map[string]int{"enrolments in projects of victim service providers": 1, "enrolments in HOPWA projects": 1, "HOPWA services": 1,
		"substance-use services (42 CFR Part 2 asks for a consent of its own)": 1, "clients without an enrolment that may be shared": 1} {
		if r.HMIS.Skipped[what] != n {
			t.Errorf("%s: %d, want %d", what, r.HMIS.Skipped[what], n)
		}
	}
}

func TestHMISRoster(t *testing.T) {
	for name, text := range map[string]string{"lines": "C1\nC9\n", "a column": "Name,PersonalID\nx,C1\ny,C9\n", "one column with a name": "personalid\r\nC1\r\nC9\r\n"} {
		t.Run(name, func(t *testing.T) {
			cfg := hmisOf(t, export())
			cfg.Roster = filepath.Join(folder(t, map[string]string{"roster.csv": text}), "roster.csv")
			r := mustRun(t, cfg)
			wantTally(t, rowsOf(t, cfg, "persons"), "release", "signed 1")
			if r.HMIS.Skipped["numbers of the roster that the export does not have"] != 1 {
				t.Errorf("skipped: %v", r.HMIS.Skipped)
			}
			if _, err := os.Lstat(filepath.Join(cfg.Out, "engagements.csv")); err == nil {
				t.Error("engagements nobody asked for")
			}
		})
	}
	for name, text := range map[string]string{"empty": "\n", "two columns without a name": "C1,x\n"} {
		cfg := hmisOf(t, export())
		cfg.Roster = filepath.Join(folder(t, map[string]string{"roster.csv": text}), "roster.csv")
		t.Run(name, func(t *testing.T) { mustFail(t, cfg, problem.Usage, "roster") })
	}
}

func TestHMISHashedNames(t *testing.T) {
	files := export()
	files["Client.csv"] = strings.NewReplacer("Bavo", strings.Repeat("0a", 32), "Tilomi", strings.Repeat("1b", 32)).Replace(files["Client.csv"])
	files["Export.csv"] = strings.Replace(files["Export.csv"], "v1.0,1", "v1.0,2", 1)
	cfg := hmisOf(t, files)
	r := mustRun(t, cfg)
	if rowsOf(t, cfg, "persons")[0]["token_name_dob"] != "" {
		t.Error("a token was made of hashes")
	}
	if len(r.Warnings) != 1 {
		t.Errorf("warnings: %q", r.Warnings)
	}
}

func TestHMISNeedsItsFiles(t *testing.T) {
	for _, name := range []string{"Organization.csv", "Project.csv", "Client.csv", "Enrollment.csv"} {
		files := export()
		delete(files, name)
		mustFail(t, hmisOf(t, files), problem.Failed, name)
	}
	files := export()
	files["Organization.csv"] = "OrganizationID,OrganizationName\nO1,x\n" // it does not say who serves victims
	mustFail(t, hmisOf(t, files), problem.Failed, "VictimServiceProvider")
}

func zipOf(t *testing.T, add func(*zip.Writer)) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add(z)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "export.zip")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestZipIsNotTrusted(t *testing.T) {
	put := func(z *zip.Writer, name, text string) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	whole := func(z *zip.Writer, prefix string) {
		for name, text := range export() {
			put(z, prefix+name, text)
		}
	}
	tight := archiveLimits{files: 20, file: 3 << 20, total: 4 << 20, ratio: 200}
	for _, c := range []struct {
		name string
		add  func(*zip.Writer)
		want string // "" passes
	}{
		{"as exported", func(z *zip.Writer) { whole(z, "") }, ""},
		{"in one folder", func(z *zip.Writer) { whole(z, "export/") }, ""},
		{"packed on a Mac", func(z *zip.Writer) { whole(z, ""); put(z, "__MACOSX/._Client.csv", "x") }, ""},
		{"a way out", func(z *zip.Writer) { whole(z, ""); put(z, "../Client.csv", "x") }, "leads out"},
		{"a rooted name", func(z *zip.Writer) { put(z, "/etc/passwd", "x") }, "leads out"},
		{"a way out for Windows", func(z *zip.Writer) { put(z, `..\Client.csv`, "x") }, "leads out"},
		{"two clients", func(z *zip.Writer) { whole(z, ""); put(z, "CLIENT.CSV", "x") }, "same name"},
		{"two folders", func(z *zip.Writer) { whole(z, "a/"); put(z, "b/readme.txt", "x") }, "several folders"},
		{"too many", func(z *zip.Writer) {
			for i := range 21 {
				put(z, strings.Repeat("x", i+1)+".csv", "")
			}
		}, "more than"},
		{"too large", func(z *zip.Writer) { put(z, "Client.csv", strings.Repeat("0123456789abcdef", 1<<18)) }, "too many bytes"},
		{"a bomb", func(z *zip.Writer) { put(z, "Client.csv", strings.Repeat("0", 2<<20)) }, "too tightly"},
		{"a link", func(z *zip.Writer) {
			h := &zip.FileHeader{Name: "Client.csv"}
			h.SetMode(fs.ModeSymlink | 0o777)
			w, _ := z.CreateHeader(h)
			w.Write([]byte("/etc/passwd"))
		}, "link"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := openArchive(zipOf(t, c.add), tight)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer a.close()
				rows := 0
				if _, err := a.each("Client", func(hmisRow) { rows++ }); err != nil || rows != 4 {
					t.Errorf("%d rows, %v", rows, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A file that unpacks to more than the archive says is cut off.
func TestZipThatLiesAboutASize(t *testing.T) {
	path := zipOf(t, func(z *zip.Writer) {
		h := &zip.FileHeader{Name: "Client.csv", Method: zip.Store, UncompressedSize64: 4, CompressedSize64: 100}
		w, err := z.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(bytes.Repeat([]byte("PersonalID"), 10))
	})
	a, err := openArchive(path, hmisLimits)
	if err != nil {
		return // refused even earlier
	}
	defer a.close()
	if _, err := a.each("Client", func(hmisRow) {}); err == nil {
		t.Error("nobody noticed")
	}
}

// Hundreds of small exports with something wrong: each is taken or refused with a problem, and none brings the program down.
func TestHMISMalformed(t *testing.T) {
	zipped := testdir.Shared(t, "data", "hmis", "hmis_malformed_and_edge_greenriver.zip")
	z, err := zip.OpenReader(zipped)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	base, dirs := t.TempDir(), map[string]bool{}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".csv") {
			continue
		}
		dir := filepath.Join(base, filepath.Dir(f.Name))
		dirs[dir] = true
		os.MkdirAll(dir, 0o700)
		b, err := fs.ReadFile(z, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(f.Name) == "Organization.csv" { // most leave open who serves victims, which ends all there
			b = regexp.MustCompile(`(?m)^([^,\n]+,[^,\n]*),,`).ReplaceAll(b, []byte("$1,0,"))
		}
		os.WriteFile(filepath.Join(dir, filepath.Base(f.Name)), b, 0o600)
	}
	made, refused := 0, 0
	for dir := range dirs {
		cfg := Config{FS: quick(), Kit: kitOf(t, "shelter-a", 1), Raw: dir, Out: filepath.Join(t.TempDir(), "hmis"), Now: now, From: "hmis-csv", Roster: "all", Engagements: "enrollment"}
		_, err := Run(context.Background(), cfg)
		var p *problem.Problem
		switch {
		case err == nil:
			made++
		case errors.As(err, &p) && p.Exit != problem.Refused:
			refused++
			t.Logf("%s: %v", strings.TrimPrefix(dir, base), err)
		default:
			t.Errorf("%s: %v", strings.TrimPrefix(dir, base), err)
		}
	}
	t.Logf("%d drops made, %d exports refused", made, refused)
	if made < 15 {
		t.Errorf("only %d drops made of %d exports", made, len(dirs))
	}
}
