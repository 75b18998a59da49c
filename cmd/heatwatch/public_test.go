package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// C5: a public hash covers public content only. Two copies of one fresh home take in the same drops, but that one person is
// missing in the second. What they make public may differ in noise, in signatures, and in commitments, which need the
// home's key; and nothing public holds a plain hash of anything protected.
func TestPublicFilesDoNotDependOnOnePerson(t *testing.T) {
	r := newRig(t)
	r.run(0, "init", "--demo")
	r.run(0, "partner", "add", "alpha", "--kind", "shelter")
	r.run(0, "partner", "set", "alpha", "starts_on=2021-01-01")
	other := newRig(t)
	if out, err := exec.Command("cp", "-a", r.home(), other.home()).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for x, persons := range map[*rig]int{r: 9, other: 8} {
		x.dropOf(persons)
		x.run(0, "nightly", "--from", filepath.Join(x.dir, "area"))
		x.run(0, "release", "2024Q1")
		x.run(0, "release", "2024")
		x.run(0, "publish", "--out", filepath.Join(x.dir, "site"))
	}
	a, b := r.public(), other.public()
	if !slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))) {
		t.Fatalf("other files:\n%v\n%v", slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
	}
	compared := 0
	for name, x := range a {
		ma, okA := masked(t, name, x)
		mb, okB := masked(t, name, b[name])
		if okA != okB || !bytes.Equal(ma, mb) {
			t.Errorf("%s depends on one person in more than noise, signatures and commitments:\n%s\n%s", name, ma, mb)
		}
		if okA {
			compared++
		}
	}
	if compared < 12 { // twice four entries and three release files, heads
		t.Errorf("only %d files were compared", compared)
	}
	for _, x := range []*rig{r, other} {
		secrets := x.protected()
		if len(secrets) < 60 {
			t.Errorf("only %d hashes of protected content were looked for", len(secrets))
		}
		for name, data := range x.public() {
			for s, of := range secrets {
				if bytes.Contains(data, []byte(s)) {
					t.Errorf("%s holds a plain hash that %s is protected by: %s", name, of, s)
				}
			}
		}
	}
}

// dropOf makes a drop of so many persons, each with an engagement, a service and a placement.
func (r *rig) dropOf(persons int) {
	r.t.Helper()
	dir := filepath.Join(r.dir, "area", "alpha", "incoming", "d1")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	files := map[string]string{
		"persons.csv": "person_key,birth_year,gender\n", "engagements.csv": "engagement_id,person_key,engaged_at,channel\n",
		"services.csv": "service_id,person_key,service_type,emergency,started_at\n",
	}
	for p := range persons {
		day := fmt.Sprintf("2024-0%d-%02d", p%3+1, p+3)
		files["persons.csv"] += fmt.Sprintf("p%d,%d,female\n", p, 2008+p%5)
		files["engagements.csv"] += fmt.Sprintf("e%d,p%d,%sT10:00:00-08:00,hotline\n", p, p, day)
		files["services.csv"] += fmt.Sprintf("s%d,p%d,emergency_shelter,yes,%sT12:00:00-08:00\n", p, p, day)
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o600); err != nil {
			r.t.Fatal(err)
		}
		list = append(list, fmt.Sprintf(`{"name":%q,"entity":%q,"rows":%d,"sha256":"%x"}`, name, strings.TrimSuffix(name, ".csv"), persons, sha256.Sum256([]byte(files[name]))))
	}
	manifest := fmt.Sprintf(`{"schema":1,"partner":"alpha","created":"2025-06-01T12:00:00Z","mode":"snapshot","covers":{"from":"2024-01-01","to":"2025-05-31"},"files":[%s]}`, strings.Join(list, ","))
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(manifest), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// public reads what anybody may see, with mode and time beside the bytes of what is published.
func (r *rig) public() map[string][]byte {
	all := map[string][]byte{}
	for _, dir := range []string{"site", "home/ledger", "home/releases"} {
		err := filepath.WalkDir(filepath.Join(r.dir, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			rel, _ := filepath.Rel(r.dir, path)
			if dir == "site" {
				info, err := d.Info()
				if err != nil {
					return err
				}
				rel += fmt.Sprint(" ", info.Mode(), " ", info.ModTime().UTC())
			}
			all[rel] = b
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	return all
}

// masked blanks what may differ; ok is false for files that are made of figures (pages, downloads, their sums) or are no
// public content (the place of the home).
func masked(t *testing.T, name string, b []byte) (out []byte, ok bool) {
	t.Helper()
	path, _, _ := strings.Cut(name, " ")
	blank := func(pattern, with string) {
		next := regexp.MustCompile(pattern).ReplaceAll(b, []byte(with))
		if bytes.Equal(next, b) {
			t.Errorf("%s: nothing to blank at %s", name, pattern)
		}
		b = next
	}
	switch {
	case strings.Contains(path, "releases/"):
		blank(`"raw":-?[0-9]+,"estimate":[-0-9.e+]+,"presented":-?[0-9]+`, `"noise"`)
		blank(`"signature":"[0-9a-f]{128}"`, `"signature":""`)
	case strings.HasSuffix(path, "head.note"):
		blank(`(?m)^[0-9a-f]{64}$`, "hash")
		blank(`(?m)^(— \S+) \S+$`, "$1")
	case regexp.MustCompile(`ledger/[0-9]{6}\.json$`).MatchString(path):
		if !strings.HasSuffix(path, "000001.json") { // the first entry is that of the home before it was copied
			blank(`"hmac": "[0-9a-f]{64}"`, `"hmac": ""`)
			blank(`"signature": "[0-9a-f]{128}"`, `"signature": ""`)
			if !strings.HasSuffix(path, "000002.json") {
				blank(`"prev": "[0-9a-f]{64}"`, `"prev": ""`)
			}
		}
	default:
		return nil, false
	}
	return b, true
}

// protected are hashes of every protected file of the home, whole and line by line, and every hash that stands in one, such as
// those of drops and generations.
func (r *rig) protected() map[string]string {
	all := map[string]string{}
	add := func(of string, b []byte) {
		m, s, x, y := md5.Sum(b), sha1.Sum(b), sha256.Sum256(b), sha512.Sum512(b)
		for _, h := range [][]byte{m[:], s[:], x[:], y[:]} {
			all[hex.EncodeToString(h)] = of
			all[base64.StdEncoding.EncodeToString(h)] = of
			all[base64.RawURLEncoding.EncodeToString(h)] = of
		}
	}
	head := struct {
		Home string `json:"home"`
	}{}
	first, err := os.ReadFile(filepath.Join(r.home(), "ledger", "000001.json"))
	if err == nil {
		err = json.Unmarshal(first, &head)
	}
	if err != nil || head.Home == "" {
		r.t.Fatal(err)
	}
	hashes := regexp.MustCompile(`\b[0-9a-f]{32,128}\b`)
	for _, dir := range []string{"home/landing", "home/lake", "home/register", "home/quarantine", "home/keys", "area"} {
		err := filepath.WalkDir(filepath.Join(r.dir, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil || len(b) == 0 || filepath.Base(path) == "ledger.pub" {
				return err
			}
			rel, _ := filepath.Rel(r.dir, path)
			add(rel, b)
			for line := range bytes.Lines(b) {
				if line = bytes.TrimRight(line, "\r\n"); len(line) > 1 && filepath.Ext(path) != ".parquet" {
					add(rel, line)
				}
			}
			for _, h := range hashes.FindAll(b, -1) {
				if string(h) != head.Home {
					all[string(h)] = rel
				}
			}
			return nil
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	return all
}
