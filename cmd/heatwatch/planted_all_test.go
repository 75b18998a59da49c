package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every kind that intake's own tests plant, and that a client can send, goes through real sftp sessions into serve, and its receipt
// names what intake's tests find in it (make planted). CI sends those of TestPlantedFaultsThroughSFTP.
func TestEveryPlantedKindThroughSFTP(t *testing.T) {
	if os.Getenv("TEST_PLANTED") == "" {
		t.Skip("make planted")
	}
	kinds := t.TempDir()
	plant := exec.Command("go", "test", "../../etl/intake", "-run", "Planted", "-count", "1")
	plant.Env = append(os.Environ(), "TEST_PLANTED="+kinds)
	if out, err := plant.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r, address, key := rigOverSFTP(t, "shelter-a")
	type kind struct {
		Kind  string
		Codes []string
	}
	sent := map[string]kind{}
	var put, get strings.Builder
	for _, path := range must1(filepath.Glob(filepath.Join(kinds, "*.json"))) {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		var k kind
		if err := json.Unmarshal(must1(os.ReadFile(path)), &k); err != nil {
			t.Fatal(err)
		}
		sent[name] = k
		fmt.Fprintf(&put, "mkdir incoming/%s\n", name)
		last := ""
		for _, e := range must1(os.ReadDir(filepath.Join(kinds, name))) {
			line := fmt.Sprintf("put %s incoming/%s/\n", filepath.Join(kinds, name, e.Name()), name)
			if e.Name() == "manifest.json" {
				last = line
				continue
			}
			put.WriteString(line)
		}
		put.WriteString(last)
		fmt.Fprintf(&get, "-get receipts/%s.json\n-get receipts/%s.txt\n", name, name)
	}
	if len(sent) < 60 {
		t.Fatalf("only %d kinds can be sent", len(sent))
	}
	said, stop := r.serve()
	defer stop()
	r.sftp(address, key, "shelter-a", put.String(), said)
	r.run(4, "nightly")
	r.sftp(address, key, "shelter-a", get.String(), said)
	for name, k := range sent {
		b, err := os.ReadFile(filepath.Join(r.dir, name+".json"))
		if err != nil {
			t.Errorf("%s has no receipt", k.Kind)
			continue
		}
		_, codes := receiptCodes(t, b)
		text := string(must1(os.ReadFile(filepath.Join(r.dir, name+".txt"))))
		for _, want := range k.Codes {
			if !slices.Contains(codes, want) || !strings.Contains(text, want) {
				t.Errorf("%s: the receipt names %v, want %s", k.Kind, codes, want)
			}
		}
		if len(k.Codes) == 0 {
			t.Logf("%s is no fault", k.Kind)
		}
	}
	t.Logf("%d kinds went through SFTP", len(sent))
}
