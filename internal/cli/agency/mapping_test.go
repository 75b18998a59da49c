package agency

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"github.com/xuri/excelize/v2"
	"golang.org/x/crypto/ssh"

	"heatwatch/etl/partner"
	"heatwatch/internal/cli"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// kitFolder is an agency's kit whose agreement names no column but those given of services, and all of the other entities.
func kitFolder(t *testing.T, services ...string) string {
	t.Helper()
	secret := func(fill byte) partner.Secret {
		s, err := partner.NewSecret(bytes.Repeat([]byte{fill}, partner.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	start, _ := models.ParseDate("2020-01-01")
	a := partner.Default("shelter", start)
	a.Columns["services"] = partner.ColumnRule{Names: services}
	k := partner.NewKit(partner.Keys{Master: secret(1), Linkage: secret(2)}, []int{1}, id.Recipient().String(), "home-a", true, "shelter-a", a, "127.0.0.1:2022", "America/Los_Angeles", string(ssh.MarshalAuthorizedKey(host)))
	dir := filepath.Join(t.TempDir(), "kit")
	if err := partner.WriteKit(durable.OS(), dir, k); err != nil {
		t.Fatal(err)
	}
	return dir
}

// heatwatch runs the command as both binaries have it.
func heatwatch(args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	app := cli.New([]string{"HEATWATCH_NOW=2026-08-01T12:00:00-07:00"}, strings.NewReader(""), &stdout, &stderr, time.Now)
	root := &cobra.Command{Use: "heatwatch"}
	root.AddCommand(Deidentify(app))
	code = app.Run(context.Background(), root, args)
	return code, stdout.String(), stderr.String()
}

func exports(t *testing.T, files map[string]string) string {
	t.Helper()
	f := excelize.NewFile()
	f.SetSheetName("Sheet1", "Bavo Tilomi") // a sheet for a client
	f.SetSheetRow("Bavo Tilomi", "A1", &[]any{"seen", "by"})
	f.NewSheet("Services")
	f.SetSheetRow("Services", "A1", &[]any{"ID", "Client ID", "Service", "Urgent?", "Start date", "Program", "Worker"})
	f.SetSheetRow("Services", "A2", &[]any{1, 4711, "Legal", "y", 46206.5, "Quixovik", "Mirelu"})
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"Book.xlsx": b.String(), "Clients.csv": "Client ID;First name;DOB;Sex;219-09-9999\n4711;Bavo;06.05.2011;F;saw Mirelu at 7 Zubav St\n4712;Tilomi;03.02.2010;M;\n", "scan.pdf": "x"} {
		if _, ok := files[name]; !ok {
			os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
		}
	}
	for name, text := range files {
		os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
	}
	return dir
}

func TestInitProposesAMapping(t *testing.T) {
	kit, raw := kitFolder(t, "service_id", "person_key", "service_type", "emergency", "started_at"), exports(t, nil)
	code, out, errs := heatwatch("deidentify", "init", "--kit", kit, raw)
	if code != 0 {
		t.Fatal(code, errs)
	}
	path := filepath.Join(kit, "mapping.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Book.xlsx: fits no kind of record", "Book.xlsx, sheet 2: services", "Clients.csv: persons, utf-8, separated by semicolons", "scan.pdf: not read", "Xxxx | Xxxxxx", "99.99.9999 | 99.99.9999", "9999 | 9999",
		"first_name, becomes tokens and stays with you", "program, which your agreement does not name: stays with you", "column 5 (its name is not shown)", "values that are no code of program: 1.", "day and month could be the other way round", "then run deidentify\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	for _, value := range []string{"Bavo", "Tilomi", "Mirelu", "Quixovik", "Zubav", "4711", "4712", "2011", "219", "46206"} {
		if strings.Contains(out+errs, value) {
			t.Errorf("%s is shown:\n%s", value, out)
		}
		if strings.Contains(string(text), value) {
			t.Errorf("%s is in the mapping:\n%s", value, text)
		}
	}
	if st, _ := os.Stat(path); st.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read the mapping: %v", st.Mode())
	}
}

func TestInitKeepsAMapping(t *testing.T) {
	kit, raw := kitFolder(t), exports(t, nil)
	path := filepath.Join(kit, "mapping.yaml")
	os.WriteFile(path, []byte("schema: 1\n"), 0o600)
	if code, out, errs := heatwatch("deidentify", "init", "--kit", kit, raw); code != problem.Usage || !strings.Contains(errs, "there is a mapping already") || out != "" {
		t.Errorf("%d %s%s", code, out, errs)
	}
	if b, _ := os.ReadFile(path); string(b) != "schema: 1\n" {
		t.Error("the mapping was replaced")
	}
	if code, _, errs := heatwatch("deidentify", "init", "--kit", kit, raw, "--yes"); code != 0 {
		t.Error(code, errs)
	}
	if b, _ := os.ReadFile(path); string(b) == "schema: 1\n" {
		t.Error("the mapping was not replaced")
	}
	other := filepath.Join(t.TempDir(), "m.yaml")
	if code, out, _ := heatwatch("deidentify", "init", "--kit", kit, raw, "--out", other); code != 0 || !strings.Contains(out, "then run deidentify --mapping "+other) {
		t.Errorf("%d %s", code, out)
	}
	if code, out, _ := heatwatch("deidentify", "init", "--kit", kit, exports(t, map[string]string{"persons.csv": "id,sex\n"}), "--yes"); code != 0 || !strings.Contains(out, "then run deidentify --mapping "+path) {
		t.Errorf("nothing says that the mapping of the kit does not hold there: %d %s", code, out)
	}
}

func TestInitFindsNothing(t *testing.T) {
	kit := kitFolder(t)
	raw := t.TempDir()
	os.WriteFile(filepath.Join(raw, "a.csv"), []byte("Bavo,Tilomi\n"), 0o600)
	for _, dir := range []string{raw, filepath.Join(raw, "none")} {
		if code, out, errs := heatwatch("deidentify", "init", "--kit", kit, dir); code != problem.Usage || strings.Contains(out+errs, "Bavo") {
			t.Errorf("%d %s%s", code, out, errs)
		}
	}
	if _, err := os.Stat(filepath.Join(kit, "mapping.yaml")); err == nil {
		t.Error("a mapping was written")
	}
}

func TestDeidentifyByAMapping(t *testing.T) {
	kit := kitFolder(t, "service_id", "person_key", "service_type", "emergency", "started_at")
	raw := exports(t, map[string]string{"Book.xlsx": "not a workbook"})
	drops := t.TempDir()
	if code, _, errs := heatwatch("deidentify", "init", "--kit", kit, raw); code != 0 {
		t.Fatal(code, errs)
	}
	code, out, errs := heatwatch("deidentify", "--kit", kit, raw, "--out", filepath.Join(drops, "one"))
	if code != 0 || !strings.Contains(errs, "persons.csv: 2 rows") || strings.Contains(out+errs, "Bavo") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	os.WriteFile(wrong, []byte(`{schema: 1, files: [{file: Clients.csv, entity: persons, charset: utf-8, separator: ";", columns: {"Client ID": person_key, "First name": gender}}]}`), 0o600)
	code, out, errs = heatwatch("deidentify", "--kit", kit, "--mapping", wrong, raw, "--out", filepath.Join(drops, "two"))
	if code != problem.Refused || !strings.Contains(errs, "Clients.csv:2: column gender: unknown_code") || strings.Contains(out+errs, "Bavo") {
		t.Errorf("a name was mapped to a code: %d\n%s%s", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(drops, "two")); err == nil {
		t.Error("a refused run left its drop")
	}
	code, _, errs = heatwatch("deidentify", "--kit", kit, "--mapping", wrong, "--from", "hmis-csv", "--roster", "all", raw, "--out", filepath.Join(drops, "three"))
	if code != problem.Usage || !strings.Contains(errs, "--mapping") {
		t.Errorf("%d %s", code, errs)
	}
}
