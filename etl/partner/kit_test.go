package partner

import (
	"bytes"
	"crypto/dsa" //lint:ignore SA1019 the test shows that such a key is refused
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
	"heatwatch/internal/problem"
)

func publicKey(t testing.TB) []byte {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return line(t, pub)
}

func line(t testing.TB, pub any) []byte {
	t.Helper()
	k, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return ssh.MarshalAuthorizedKey(k)
}

// counting is a reader of known bytes, to see where they go.
type counting struct{ n byte }

func (c *counting) Read(b []byte) (int, error) {
	c.n++
	for i := range b {
		b[i] = c.n
	}
	return len(b), nil
}

func homeKeys(t testing.TB) Keys {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := MakeHomeKeys(durable.OS(), dir, &counting{}); err != nil {
		t.Fatal(err)
	}
	k, err := HomeKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestHomeKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := MakeHomeKeys(durable.OS(), dir, &counting{}); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"master", "linkage", "selection", "commitment", "register"} {
		path := filepath.Join(dir, name+".key")
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v %v", name, info, err)
		}
		b, _ := os.ReadFile(path)
		if want := strings.Repeat(fmt.Sprintf("%02x", i+1), KeySize) + "\n"; string(b) != want {
			t.Errorf("%s holds %q", name, b)
		}
	}
	k, err := HomeKeys(dir)
	if err != nil || k.Register.Bytes()[0] != 5 || k.Master.Bytes()[0] != 1 {
		t.Fatalf("%v", err)
	}
	wantProblem(t, MakeHomeKeys(durable.OS(), dir, rand.Reader), problem.Usage, "master.key", "never replaced")

	path := filepath.Join(dir, "linkage.key")
	os.Chmod(path, 0o640)
	_, err = HomeKeys(dir)
	wantProblem(t, err, problem.Usage, "linkage.key", "chmod 600")
	os.Chmod(path, 0o600)
	for name, text := range map[string]string{"short": "00ff\n", "no key": "hello there\n", "empty": ""} {
		os.WriteFile(path, []byte(text), 0o600)
		_, err = HomeKeys(dir)
		wantProblem(t, err, problem.Usage, "linkage.key")
		if strings.Contains(err.Error(), "hello") {
			t.Errorf("%s: the message quotes the file", name)
		}
	}
	os.Remove(path)
	_, err = HomeKeys(dir)
	wantProblem(t, err, problem.Usage, "linkage.key", "missing")
}

func TestHomeKeysNeedRandomness(t *testing.T) {
	wantProblem(t, MakeHomeKeys(durable.OS(), t.TempDir(), strings.NewReader("short")), problem.Failed, "random")
}

func TestSecretsCannotBePrinted(t *testing.T) {
	k := homeKeys(t)
	kit := NewKit(k, []int{1}, sealTo, "home", false, "shelter-a", Default("shelter", 20000), "a:1", "UTC", "")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k.Master, "keys", k, "kit", kit)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k.Master, "keys", k, "kit", kit)
	all := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		all += fmt.Sprintf(verb, k.Master) + fmt.Sprintf(verb, k) + fmt.Sprintf(verb, &kit)
	}
	for _, s := range []Secret{k.Master, k.Linkage, kit.AgencyKey} {
		b := s.Bytes()
		for _, shown := range []string{s.hex(), string(b), fmt.Sprint(b[:4]), fmt.Sprintf("%#v", b[:2])[7:15]} {
			if strings.Contains(all, shown) {
				t.Errorf("a key shows: %q", shown)
			}
		}
	}
	if _, err := json.Marshal(k); err == nil {
		t.Error("keys were marshalled")
	}
	if (Secret{}).Bytes() != nil {
		t.Error("the zero secret has bytes")
	}
}

func TestAgencyKeysDiffer(t *testing.T) {
	k := homeKeys(t)
	a, b := k.AgencyKey("shelter-a"), k.AgencyKey("shelter-b")
	if bytes.Equal(a.Bytes(), b.Bytes()) || bytes.Equal(a.Bytes(), k.Master.Bytes()) {
		t.Error("keys are not derived apart")
	}
	if !bytes.Equal(a.Bytes(), k.AgencyKey("shelter-a").Bytes()) {
		t.Error("a kit that is made again must hold the same key")
	}
	// a vector: the derivation is a promise for as long as the home lives
	if got, want := hex.EncodeToString(a.Bytes()), "712d22e1cc2bbc957eac873decd23ba9094f6e8c4c8fc642ebde42cb674bb37a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAuthorizedKeys(t *testing.T) {
	fs, dir := durable.OS(), t.TempDir()
	if err := Add(fs, dir, "shelter-a", Default("shelter", 20000)); err != nil {
		t.Fatal(err)
	}
	if keys, err := AuthorizedKeys(dir, "shelter-a", time.UTC); err != nil || len(keys) != 0 {
		t.Errorf("%v, %v", keys, err)
	}
	first := publicKey(t)
	print, err := AddKey(fs, dir, "shelter-a", append(bytes.TrimSpace(bytes.Clone(first)), " me@here\r\n"...), Ends{})
	if err != nil || !strings.HasPrefix(print, "SHA256:") {
		t.Fatalf("%q, %v", print, err)
	}
	AddKey(fs, dir, "shelter-a", first, Ends{}) // again
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if _, err := AddKey(fs, dir, "shelter-a", line(t, &ec.PublicKey), Ends{}); err != nil {
		t.Fatal(err)
	}
	keys, err := AuthorizedKeys(dir, "shelter-a", time.UTC)
	if err != nil || len(keys) != 2 || ssh.FingerprintSHA256(keys[0]) != print {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	if b, _ := os.ReadFile(keysPath(dir, "shelter-a")); bytes.Contains(b, []byte("me@here")) {
		t.Error("the comment, which may name a person, was kept")
	}

	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no weak keys:", err)
	}
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	var d dsa.PrivateKey
	dsa.GenerateParameters(&d.Parameters, rand.Reader, dsa.L1024N160)
	dsa.GenerateKey(&d, rand.Reader)
	for name, c := range map[string]struct {
		pub  []byte
		word string
	}{
		"a private key": {pem.EncodeToMemory(block), "private"},
		"nonsense":      {[]byte("hello"), "no OpenSSH public key"},
		"options":       {append([]byte(`command="sh" `), first...), "options"},
		"two keys":      {append(bytes.Clone(first), publicKey(t)...), "more than one"},
		"short RSA":     {line(t, &weak.PublicKey), "2048"},
		"DSA":           {line(t, &d.PublicKey), "ssh-dss"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := AddKey(fs, dir, "shelter-a", c.pub, Ends{})
			wantProblem(t, err, problem.Usage, c.word)
		})
	}
	_, err = AddKey(fs, dir, "shelter-b", first, Ends{})
	wantProblem(t, err, problem.Usage, "shelter-b")
	if keys, _ := AuthorizedKeys(dir, "shelter-a", time.UTC); len(keys) != 2 {
		t.Errorf("%d keys after refusals", len(keys))
	}
	os.WriteFile(keysPath(dir, "shelter-a"), []byte("garbage\n"), 0o600)
	_, err = AuthorizedKeys(dir, "shelter-a", time.UTC)
	wantProblem(t, err, problem.Usage, "no public key")
}

// A new key and the old one overlap; options that somebody wrote by hand stay.
func TestKeysOverlapAndEnd(t *testing.T) {
	fs, dir := durable.OS(), t.TempDir()
	if err := Add(fs, dir, "shelter-a", Default("shelter", 20000)); err != nil {
		t.Fatal(err)
	}
	a, b, c := publicKey(t), publicKey(t), publicKey(t)
	early, late := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC), time.Date(2026, 12, 15, 8, 0, 0, 0, time.UTC)
	if err := os.WriteFile(keysPath(dir, "shelter-a"), append([]byte(`from="192.0.2.0/24" `), a...), 0o600); err != nil {
		t.Fatal(err)
	}
	add := func(pub []byte, e Ends) {
		t.Helper()
		if _, err := AddKey(fs, dir, "shelter-a", pub, e); err != nil {
			t.Fatal(err)
		}
	}
	want := func(until ...time.Time) {
		t.Helper()
		keys, err := AuthorizedKeys(dir, "shelter-a", time.UTC)
		if err != nil || len(keys) != len(until) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for i, k := range keys {
			if !k.Until.Equal(until[i]) {
				t.Errorf("key %d ends at %v, want %v", i, k.Until, until[i])
			}
		}
	}
	never := time.Time{}
	add(b, Ends{New: late})
	want(never, late)
	add(c, Ends{Old: early}) // both old ones end
	want(early, early, never)
	add(c, Ends{Old: late}) // an earlier end stays
	want(early, early, never)
	add(a, Ends{}) // a key that is added again opens again
	want(never, early, never)
	text, _ := os.ReadFile(keysPath(dir, "shelter-a"))
	if !strings.HasPrefix(string(text), `from="192.0.2.0/24" ssh-ed25519 `) || !strings.Contains(string(text), "\nexpiry-time=\"20261201080000Z\" ssh-ed25519 ") {
		t.Errorf("the file holds\n%s", text)
	}
}

func kit(t testing.TB) Kit {
	t.Helper()
	return NewKit(homeKeys(t), []int{1}, sealTo, "home-1", true, "shelter-a", Default("shelter", date(t, "2026-01-01")), "sftp.example.org:2022", "America/Los_Angeles", string(publicKey(t)))
}

func TestKitReadsBack(t *testing.T) {
	out := filepath.Join(t.TempDir(), "kits", "shelter-a")
	want := kit(t)
	if err := WriteKit(durable.OS(), out, want); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kit.json", "agreement.yaml", "known_hosts", "README.txt"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if info, _ := os.Stat(out); info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v", info.Mode())
	}
	got, err := LoadKit(out)
	want.Dir = out
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	readme, _ := os.ReadFile(filepath.Join(out, "README.txt"))
	for _, w := range []string{"deidentify --kit", "sftp -P 2022", "shelter-a@sftp.example.org", "manifest.json"} {
		if !strings.Contains(string(readme), w) {
			t.Errorf("README.txt does not say %q", w)
		}
	}
	wantProblem(t, WriteKit(durable.OS(), out, want), problem.Usage, "already")

	// the host key is what an SSH client would check
	check, err := knownhosts.New(filepath.Join(out, "known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, _, _ := ssh.ParseAuthorizedKey([]byte(want.HostKey))
	other, _, _, _, _ := ssh.ParseAuthorizedKey(publicKey(t))
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2022}
	if err := check("sftp.example.org:2022", addr, key); err != nil {
		t.Error(err)
	}
	if err := check("sftp.example.org:2022", addr, other); err == nil {
		t.Error("another host key was taken")
	}
}

func TestKitWords(t *testing.T) {
	for sharing, want := range map[string]string{SharingToken: "", SharingConsented: "consent in force only", SharingAggregate: "no records about persons"} {
		k := kit(t)
		k.Agreement.Sharing = sharing
		out := t.TempDir()
		if err := WriteKit(durable.OS(), out, k); err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(filepath.Join(out, "README.txt"))
		for _, w := range []string{"consent in force only", "no records about persons"} {
			if strings.Contains(string(b), w) != (w == want) {
				t.Errorf("%s: README.txt and %q", sharing, w)
			}
		}
	}
}

func TestKitIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Kit){
		"no port":     func(k *Kit) { k.Address = "sftp.example.org" },
		"an option":   func(k *Kit) { k.Address = "-oProxyCommand=x:22" },
		"no timezone": func(k *Kit) { k.Timezone = "" },
		"a moon":      func(k *Kit) { k.Timezone = "Moon/Tycho" },
		"no host key": func(k *Kit) { k.HostKey = "" },
	} {
		t.Run(name, func(t *testing.T) {
			k, out := kit(t), filepath.Join(t.TempDir(), "kit")
			change(&k)
			if err := WriteKit(durable.OS(), out, k); problem.ExitCode(err) == 0 {
				t.Error("written")
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("something was written")
			}
		})
	}
	for name, c := range map[string]struct {
		do   func(dir string)
		word string
	}{
		"no kit":           {func(d string) { os.Remove(filepath.Join(d, "kit.json")) }, "no kit"},
		"readable by all":  {func(d string) { os.Chmod(filepath.Join(d, "kit.json"), 0o644) }, "chmod 600"},
		"no JSON":          {func(d string) { os.WriteFile(filepath.Join(d, "kit.json"), []byte("x"), 0o600) }, "damaged"},
		"no key":           {func(d string) { replaceIn(d, `"agency_key": "`, `"agency_key": "zz`) }, "damaged"},
		"another schema":   {func(d string) { replaceIn(d, `"schema": 2`, `"schema": 9`) }, "later kind"},
		"of before":        {func(d string) { replaceIn(d, `"schema": 2`, `"schema": 1`) }, "older than this program"},
		"an unknown field": {func(d string) { replaceIn(d, `"schema": 2`, `"schema": 2, "x": 2`) }, "damaged"},
		"no agreement":     {func(d string) { os.Remove(filepath.Join(d, "agreement.yaml")) }, "agreement is missing"},
		"a bad agreement":  {func(d string) { os.WriteFile(filepath.Join(d, "agreement.yaml"), []byte("x: 1\n"), 0o600) }, "agreement.yaml:1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			if err := WriteKit(durable.OS(), out, kit(t)); err != nil {
				t.Fatal(err)
			}
			c.do(out)
			_, err := LoadKit(out)
			wantProblem(t, err, problem.Usage, c.word)
		})
	}
}

func replaceIn(dir, old, new string) {
	path := filepath.Join(dir, "kit.json")
	b, _ := os.ReadFile(path)
	os.WriteFile(path, bytes.Replace(b, []byte(old), []byte(new), 1), 0o600)
}

// A kit that was cut off is no kit, and writing it again completes it.
func TestKitEveryOperationFailsOnce(t *testing.T) {
	k := kit(t)
	for n := 1; ; n++ {
		out := filepath.Join(t.TempDir(), "kit")
		disk := durabletest.FailAt(n)
		err := WriteKit(disk, out, k)
		if !disk.Fired() {
			if err != nil || n < 10 {
				t.Fatalf("%d operations, %v", n-1, err)
			}
			return
		}
		if err == nil {
			t.Errorf("operation %d failed and nobody noticed", n)
		}
		if _, err := os.Stat(filepath.Join(out, "kit.json")); err != nil {
			if err := WriteKit(durable.OS(), out, k); err != nil {
				t.Errorf("operation %d: the second try: %v", n, err)
			}
		}
		if _, err := LoadKit(out); err != nil {
			t.Errorf("operation %d: %v", n, err)
		}
	}
}

// sealTo is a recipient whose key nobody has.
const sealTo = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"
