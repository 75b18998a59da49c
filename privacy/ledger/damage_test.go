package ledger

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// Every changed byte of every file is noticed, by Verify without any key from elsewhere.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	h, _ := three(t)
	for _, name := range []string{fileName(1), fileName(2), fileName(3), HeadFile} {
		path := filepath.Join(h.dir, name)
		good := mustRead(t, path)
		pick := rand.New(rand.NewPCG(7, uint64(len(name)))) // in short mode a tenth of the offsets
		for i := range good {
			if testing.Short() && pick.IntN(10) != 0 {
				continue
			}
			for _, bit := range []byte{1, 0x20} {
				bad := bytes.Clone(good)
				bad[i] ^= bit
				write(t, path, bad)
				if _, err := Verify(h.dir, ""); problem.ExitCode(err) != problem.Refused {
					t.Fatalf("%s: byte %d changed from %q to %q: %v", name, i, good[i], bad[i], err)
				}
			}
			if i%5 != 0 {
				continue
			}
			write(t, path, append(bytes.Clone(good[:i]), good[i+1:]...))
			if _, err := Verify(h.dir, ""); problem.ExitCode(err) != problem.Refused {
				t.Fatalf("%s: byte %d taken out: %v", name, i, err)
			}
		}
		write(t, path, append(bytes.Clone(good), '\n'))
		if _, err := Verify(h.dir, ""); problem.ExitCode(err) != problem.Refused {
			t.Errorf("%s: a line end was added: %v", name, err)
		}
		write(t, path, good)
	}
	h.mustVerify(t)
}

// Base64 has bits that do not count; a head that differs in them is another file.
func TestBitsOfTheHeadThatDoNotCount(t *testing.T) {
	h, _ := three(t)
	path := filepath.Join(h.dir, HeadFile)
	good := string(mustRead(t, path))
	end := strings.LastIndex(good, "=")
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		bad := good[:end-1] + string(c) + good[end:]
		if bad == good {
			continue
		}
		write(t, path, []byte(bad))
		if _, err := Verify(h.dir, ""); problem.ExitCode(err) != problem.Refused {
			t.Errorf("the last digit of the signature became %c: %v", c, err)
		}
	}
}

// resigned changes an entry and signs it with the home's own key: what somebody can do who has everything.
func (h warehouse) resigned(t *testing.T, number int, change func(*Entry)) {
	t.Helper()
	e, err := Parse(mustRead(t, filepath.Join(h.dir, fileName(number))))
	if err != nil {
		t.Fatal(err)
	}
	change(&e)
	s, err := loadSigner(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign(e.signed())
	if err != nil {
		t.Fatal(err)
	}
	e.Signature = hex.EncodeToString(sig)
	write(t, filepath.Join(h.dir, fileName(e.Number)), e.Bytes())
}

func TestDamage(t *testing.T) {
	for _, d := range []struct {
		name string
		do   func(t *testing.T, h warehouse)
	}{
		{"last entry taken away", func(t *testing.T, h warehouse) { remove(t, h, fileName(3)) }},
		{"last two taken away", func(t *testing.T, h warehouse) { remove(t, h, fileName(3)); remove(t, h, fileName(2)) }},
		{"all entries taken away", func(t *testing.T, h warehouse) {
			for n := 1; n <= 3; n++ {
				remove(t, h, fileName(n))
			}
		}},
		{"entry in the middle taken away", func(t *testing.T, h warehouse) { remove(t, h, fileName(2)) }},
		{"first entry taken away", func(t *testing.T, h warehouse) { remove(t, h, fileName(1)) }},
		{"head taken away", func(t *testing.T, h warehouse) { remove(t, h, HeadFile) }},
		{"two entries swapped", func(t *testing.T, h warehouse) {
			two, three := mustRead(t, filepath.Join(h.dir, fileName(2))), mustRead(t, filepath.Join(h.dir, fileName(3)))
			write(t, filepath.Join(h.dir, fileName(2)), three)
			write(t, filepath.Join(h.dir, fileName(3)), two)
		}},
		{"an entry twice", func(t *testing.T, h warehouse) {
			write(t, filepath.Join(h.dir, fileName(4)), mustRead(t, filepath.Join(h.dir, fileName(3))))
		}},
		{"a name that is nearly right", func(t *testing.T, h warehouse) { write(t, filepath.Join(h.dir, "0000004.json"), []byte("{}")) }},
		{"a gap behind the last", func(t *testing.T, h warehouse) {
			write(t, filepath.Join(h.dir, fileName(5)), mustRead(t, filepath.Join(h.dir, fileName(3))))
		}},
		{"an entry is a symbolic link", func(t *testing.T, h warehouse) {
			path := filepath.Join(h.dir, fileName(3))
			elsewhere := filepath.Join(h.root, "elsewhere.json")
			write(t, elsewhere, mustRead(t, path))
			remove(t, h, fileName(3))
			if err := os.Symlink(elsewhere, path); err != nil {
				t.Fatal(err)
			}
		}},
		{"an empty entry", func(t *testing.T, h warehouse) { write(t, filepath.Join(h.dir, fileName(3)), nil) }},
		{"an entry of another home", func(t *testing.T, h warehouse) {
			other, _ := three(t)
			write(t, filepath.Join(h.dir, fileName(3)), mustRead(t, filepath.Join(other.dir, fileName(3))))
		}},
		{"a head of another home", func(t *testing.T, h warehouse) {
			other, _ := three(t)
			write(t, filepath.Join(h.dir, HeadFile), mustRead(t, filepath.Join(other.dir, HeadFile)))
		}},
		{"a line added to the head that looks like a signature", func(t *testing.T, h warehouse) {
			path := filepath.Join(h.dir, HeadFile)
			write(t, path, append(mustRead(t, path), []byte("— evaluator.example AAAAAAAAAAAA\n")...))
		}},
		{"a whole ledger of another home", func(t *testing.T, h warehouse) {
			other, _ := three(t)
			for _, n := range []string{fileName(1), fileName(2), fileName(3), HeadFile} {
				write(t, filepath.Join(h.dir, n), mustRead(t, filepath.Join(other.dir, n)))
			}
		}},
		{"a re-signed entry in the middle", func(t *testing.T, h warehouse) {
			h.resigned(t, 2, func(e *Entry) { e.Date = "2026-11-22" })
		}},
		{"a re-signed last entry", func(t *testing.T, h warehouse) {
			h.resigned(t, 3, func(e *Entry) { e.Date = "2026-11-22" })
		}},
		{"a re-signed cap", func(t *testing.T, h warehouse) {
			h.resigned(t, 1, func(e *Entry) { e.Init.Populations[0].CapMu2 = 1 })
		}},
		{"an appended, signed entry over the cap", func(t *testing.T, h warehouse) {
			h.resigned(t, 3, func(e *Entry) {
				e.Prev, e.Number = e.Hash(), 4
				it := item("dear", "2026Q3", 1)
				e.Release.Period, e.Release.Items, e.Release.Losses = "2026Q3", []Item{it}, []Loss{{"minors", it.Mu2, it.Mu2 * 2}}
			})
		}},
		{"an appended, signed entry that measures again", func(t *testing.T, h warehouse) {
			h.resigned(t, 3, func(e *Entry) { e.Prev, e.Number = e.Hash(), 4 })
		}},
		{"an entry with a wrong prev, signed", func(t *testing.T, h warehouse) {
			h.resigned(t, 3, func(e *Entry) { e.Prev = CellsHash("x"); e.Number = 4 })
		}},
		{"a last entry signed by another key", func(t *testing.T, h warehouse) {
			other, _ := three(t)
			e, err := Parse(mustRead(t, filepath.Join(h.dir, fileName(3))))
			if err != nil {
				t.Fatal(err)
			}
			s, err := loadSigner(other.keys)
			if err != nil {
				t.Fatal(err)
			}
			sig, err := s.Sign(e.signed())
			if err != nil {
				t.Fatal(err)
			}
			e.Signature = hex.EncodeToString(sig)
			write(t, filepath.Join(h.dir, fileName(3)), e.Bytes())
		}},
		{"an entry that is a folder", func(t *testing.T, h warehouse) {
			remove(t, h, fileName(3))
			if err := os.Mkdir(filepath.Join(h.dir, fileName(3)), 0o755); err != nil {
				t.Fatal(err)
			}
		}},
		{"an entry that is a pipe", func(t *testing.T, h warehouse) {
			remove(t, h, fileName(3))
			if err := exec.Command("mkfifo", filepath.Join(h.dir, fileName(3))).Run(); err != nil {
				t.Skip("no mkfifo: ", err)
			}
		}},
		{"a file added that sorts first", func(t *testing.T, h warehouse) { write(t, filepath.Join(h.dir, "000000.json"), []byte("{}")) }},
		{"a copy of an entry beside it", func(t *testing.T, h warehouse) {
			write(t, filepath.Join(h.dir, "000003 (1).json"), mustRead(t, filepath.Join(h.dir, fileName(3))))
		}},
		{"an entry without a date's order, signed", func(t *testing.T, h warehouse) {
			h.resigned(t, 3, func(e *Entry) {
				e.Prev, e.Number, e.Date = e.Hash(), 4, "2026-11-22"
				e.Release.Period, e.Release.Items[0].Period = "2026Q3", "2026Q3"
			})
		}},
		{"an unsigned entry", func(t *testing.T, h warehouse) {
			e, err := Parse(mustRead(t, filepath.Join(h.dir, fileName(3))))
			if err != nil {
				t.Fatal(err)
			}
			e.Prev, e.Number, e.Signature = e.Hash(), 4, strings.Repeat("0", 128)
			e.Release.Period, e.Release.Items[0].Period = "2026Q3", "2026Q3"
			write(t, filepath.Join(h.dir, fileName(4)), e.Bytes())
		}},
	} {
		t.Run(d.name, func(t *testing.T) {
			h, l := three(t)
			d.do(t, h)
			_, err := Open(durable.OS(), h.dir, h.keys)
			wantExit(t, problem.Refused, err)
			if d.name == "a whole ledger of another home" { // only a key from elsewhere tells
				_, err := Verify(h.dir, l.PublicKey())
				wantExit(t, problem.Refused, err)
				return
			}
			_, err = Verify(h.dir, "")
			wantExit(t, problem.Refused, err)
			_, err = l.Append(t.Context(), release(t, l, item("later", "2026Q4", 6)))
			wantExit(t, problem.Refused, err)
		})
	}
}

// Entries taken away from the end are noticed by the head that is left; with a head of that day nothing inside notices, and
// every witness since does.
func TestTruncatedAtEveryEntry(t *testing.T) {
	const n = 6
	h := emptyHome(t)
	l := h.create(t)
	heads := map[int][]byte{1: mustRead(t, filepath.Join(h.dir, HeadFile))}
	for q := 2; q <= n; q++ {
		mustAppend(t, l, release(t, l, item("a", quarter(q), 6)))
		heads[q] = mustRead(t, filepath.Join(h.dir, HeadFile))
	}
	for keep := 1; keep < n; keep++ {
		cut := h.copyTo(t, t.TempDir())
		for e := keep + 1; e <= n; e++ {
			remove(t, cut, fileName(e))
		}
		_, err := Open(durable.OS(), cut.dir, cut.keys)
		wantExit(t, problem.Refused, err)
		write(t, filepath.Join(cut.dir, HeadFile), heads[keep])
		if r := cut.mustVerify(t); r.Entries != keep {
			t.Errorf("%+v", r)
		}
		back := cut.open(t)
		for e, head := range heads {
			want := Same
			if e < keep {
				want = Behind
			} else if e > keep {
				want = Ahead
			}
			if got, err := back.Compare(head); err != nil || got != want {
				t.Errorf("cut after %d, the witness of %d entries: %v, %v", keep, e, got, err)
			}
		}
		remove(t, cut, HeadFile)
		if _, err := Open(durable.OS(), cut.dir, cut.keys); keep > 1 {
			wantExit(t, problem.Refused, err)
		}
		for e := range keep { // a file cut off in the middle
			other := h.copyTo(t, t.TempDir())
			path := filepath.Join(other.dir, fileName(e+1))
			b := mustRead(t, path)
			write(t, path, b[:len(b)*keep/n])
			_, err := Open(durable.OS(), other.dir, other.keys)
			wantExit(t, problem.Refused, err)
		}
	}
}

// An entry that may not be read refuses; it does not count as absent.
func TestAnEntryThatMayNotBeRead(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	h, _ := three(t)
	if err := os.Chmod(filepath.Join(h.dir, fileName(3)), 0); err != nil {
		t.Fatal(err)
	}
	_, err := Open(durable.OS(), h.dir, h.keys)
	wantExit(t, problem.Refused, err)
}

func remove(t *testing.T, h warehouse, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(h.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// A head that lags is what a crash leaves, and what restoring an old head alone does; it hides nothing.
func TestALaggingHeadIsAcceptedAndReplaced(t *testing.T) {
	h := emptyHome(t)
	l := h.create(t)
	old := mustRead(t, filepath.Join(h.dir, HeadFile))
	mustAppend(t, l, release(t, l, item("a", "2026Q1", 6)))
	write(t, filepath.Join(h.dir, HeadFile), old)
	if r := h.mustVerify(t); r.Entries != 2 || r.Lag != 1 {
		t.Errorf("%+v", r)
	}
	l = h.open(t)
	if l.Position().Entries != 2 {
		t.Error("the entry does not count")
	}
	_, err := l.Append(t.Context(), release(t, l, item("a", "2026Q1", 6)))
	wantExit(t, problem.Refused, err)
	if r := h.mustVerify(t); r.Lag != 0 {
		t.Error("the next append did not replace the head")
	}
}

// Restoring everything cannot be noticed from inside. This test is here to say so, and what notices it.
func TestACompleteRestoreIsNoticedByAWitnessOnly(t *testing.T) {
	h := emptyHome(t)
	l := h.create(t)
	mustAppend(t, l, release(t, l, item("a", "2026Q1", 6)))
	backup := h.copyTo(t, t.TempDir())
	mustAppend(t, l, release(t, l, item("a", "2026Q2", 6)))
	witness, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	restored := backup.open(t)
	if r := backup.mustVerify(t); r.Entries != 2 {
		t.Errorf("%+v", r)
	}
	relation, err := restored.Compare(witness)
	if err != nil || relation != Ahead {
		t.Errorf("%v, %v", relation, err)
	}
	wantExit(t, problem.Refused, relation.Problem("head.note"))
}

func TestWitnesses(t *testing.T) {
	h, l := three(t)
	older, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	clone := h.copyTo(t, t.TempDir()).open(t)
	mustAppend(t, l, release(t, l, item("a", "2026Q3", 6)))
	same, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(same, mustRead(t, filepath.Join(h.dir, HeadFile))) {
		t.Error("the witness is not the stored head")
	}
	mustAppend(t, clone, release(t, clone, item("b", "2026Q3", 6)))
	fork, err := clone.Head()
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, clone, release(t, clone, item("b", "2026Q4", 6)))
	longFork, err := clone.Head()
	if err != nil {
		t.Fatal(err)
	}
	_, stranger := three(t)
	foreign, err := stranger.Head()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		witness []byte
		want    Relation
		exit    int
	}{
		{"same", same, Same, 0}, {"behind", older, Behind, 3}, {"fork", fork, Fork, 3}, {"longer fork", longFork, Ahead, 3}, {"other home", foreign, OtherHome, 3},
	} {
		got, err := l.Compare(c.witness)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
		wantExit(t, c.exit, got.Problem(c.name))
	}
	if head, err := VerifyHead(same, l.PublicKey()); err != nil || head != l.Position() {
		t.Errorf("%+v, %v", head, err)
	}
	// The fork sees the same from its side.
	if got, err := clone.Compare(same); err != nil || got != Fork {
		t.Errorf("%v, %v", got, err)
	}
	forged := bytes.Replace(same, []byte("\n4\n"), []byte("\n5\n"), 1)
	for name, bad := range map[string][]byte{
		"changed number": forged, "empty": nil, "text": []byte("hello\n"), "without signature": same[:bytes.Index(same, []byte("\n\n"))+2],
	} {
		_, err := l.Compare(bad)
		wantExit(t, problem.Refused, err)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	countersigned := append(bytes.Clone(same), []byte("— evaluator.example AAAAAAAAAAAA\n")...)
	if got, err := l.Compare(countersigned); err != nil || got != Same {
		t.Errorf("a countersigned head: %v, %v", got, err)
	}
}

func TestVerifyNeedsNoKeys(t *testing.T) {
	h, l := three(t)
	if err := os.RemoveAll(h.keys); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(h.dir, l.PublicKey())
	if err != nil || r.Fingerprint != Fingerprint(l.PublicKey()) || len(r.Fingerprint) != 64 {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = Open(durable.OS(), h.dir, h.keys)
	wantExit(t, problem.Refused, err)
}

func TestKeyFilesThatDoNotFit(t *testing.T) {
	for _, name := range []string{signingKeyFile, publicKeyFile} {
		h, _ := three(t)
		other, _ := three(t)
		write(t, filepath.Join(h.keys, name), mustRead(t, filepath.Join(other.keys, name)))
		l, err := Open(durable.OS(), h.dir, h.keys)
		if name == signingKeyFile {
			if err != nil {
				t.Fatal(err) // reading needs the public key only
			}
			_, err = l.Append(t.Context(), release(t, l, item("a", "2026Q3", 6)))
			wantExit(t, problem.Refused, err)
			_, err = l.Head()
		}
		wantExit(t, problem.Refused, err)
	}
}

func TestPublicKeyHasOneSpelling(t *testing.T) {
	_, l := three(t)
	key := l.PublicKey()
	for i := range key {
		for _, bit := range []byte{1, 2, 0x20} {
			bad := []byte(key)
			bad[i] ^= bit
			if _, home, err := verifierFor(string(bad)); err == nil {
				t.Errorf("byte %d of the key changed: accepted as a key of %s", i, home)
			}
		}
	}
	if _, _, err := verifierFor(key); err != nil {
		t.Fatal(err)
	}
}

// Two homes have two ids, two keys, and cannot read each other.
func TestTwoHomesNeverMeet(t *testing.T) {
	a, b := emptyHome(t).create(t), emptyHome(t).create(t)
	if a.Home() == b.Home() || a.PublicKey() == b.PublicKey() {
		t.Error("two homes share an id or a key")
	}
	if len(a.Home()) != 32 {
		t.Errorf("home %q", a.Home())
	}
}
