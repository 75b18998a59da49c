package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptFingerprint puts the fingerprint of a verdict into a variable: fingerprint FILE NAME
func scriptFingerprint(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[1], fmt.Sprint(at(ts, decode(ts, args[0]), "key")[0]))
}

// scriptLie changes the first place of a text in lone/copy.json and wants the copy to be refused, alone and beside its
// ledger: lie OLD NEW
func scriptLie(ts *testscript.TestScript, neg bool, args []string) {
	whole := ts.ReadFile("lone/copy.json")
	changed := strings.Replace(whole, args[0], args[1], 1)
	if changed == whole {
		ts.Fatalf("there is no %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("lone/lie.json"), []byte(changed), 0o600))
	scriptExits(ts, false, []string{"3", "heatwatch", "verify", "--release", "lone/lie.json"})
	scriptExits(ts, false, []string{"3", "heatwatch", "verify", "--release", "lone/lie.json", "--ledger", "elsewhere/ledger"})
}

// scriptSums writes SHA256SUMS of a site again, as whoever changes a site would: sums DIR
func scriptSums(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	var b strings.Builder
	ts.Check(filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "SHA256SUMS" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		rel, err := filepath.Rel(dir, name)
		b.WriteString(hex.EncodeToString(sum[:]) + "  " + filepath.ToSlash(rel) + "\n")
		return err
	}))
	ts.Check(os.Chmod(filepath.Join(dir, "SHA256SUMS"), 0o600))
	ts.Check(os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()), 0o600))
}
