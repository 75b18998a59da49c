package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"heatwatch/etl/scan"
	"heatwatch/etl/trace"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy/ledger"
)

// erasure is the receipt of one erasure. It names the person by a keyed hash alone, and says nothing of how much there was.
type erasure struct {
	Schema     int    `json:"schema"`
	Home       string `json:"home"`
	Date       string `json:"date"`
	Person     string `json:"person"`          // HMAC under the home's commitment key
	Entry      int    `json:"entry,omitempty"` // of the ledger; none before the first release
	Files      int    `json:"files_scanned"`
	Containers int    `json:"containers_opened"`
	Found      int    `json:"found"`
	Controls   string `json:"controls"`
}

type signedErasure struct {
	Receipt   json.RawMessage `json:"receipt"`
	Signature string          `json:"signature"` // over the bytes of receipt, by the home's ledger key
}

const erasureKind = "erasure receipt 1"

// erasureReceipt writes the receipt under the next number.
func (h *house) erasureReceipt(f trace.Trace, entry int, seen scan.Result) (string, error) {
	commit, err := ledger.LoadCommitmentKey(h.Keys())
	if err != nil {
		return "", err
	}
	who := f.Files[0] // the file that was named, so that whoever asked can ask for it again
	text, err := json.Marshal(erasure{Schema: 1, Home: h.ledger.Home(), Date: h.today().String(), Entry: entry,
		Person: commit.Commit("forgotten person", []byte(who.Population+"\x00"+who.Partner+"\x00"+who.PersonKey)).HMAC,
		Files:  seen.Files, Containers: seen.Containers, Found: len(seen.Found), Controls: "found"})
	if err != nil {
		return "", err
	}
	sig, err := h.ledger.Sign(erasureKind, text)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(signedErasure{text, sig})
	if err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		path := filepath.Join(h.Erasures(), fmt.Sprintf("%06d.json", n))
		err := durable.Create(h.fs, path, append(b, '\n'), 0o444)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		return path, err
	}
}

// checkErasures verifies the receipts of erasures with the home's public key.
func (h *house) checkErasures() error {
	list, err := filepath.Glob(filepath.Join(h.Erasures(), "*.json"))
	if err != nil {
		return err
	}
	slices.Sort(list)
	for _, path := range list {
		b, err := os.ReadFile(path)
		if err != nil {
			return problem.Wrap(err, problem.Failed, path, "the receipt of an erasure cannot be read", "check the permissions")
		}
		var s signedErasure
		if json.Unmarshal(b, &s) == nil && ledger.VerifySignature(h.ledger.PublicKey(), erasureKind, s.Receipt, s.Signature) == nil {
			continue
		}
		return problem.New(problem.Refused, path, "the receipt of an erasure is not as it was signed", "restore it from a copy")
	}
	return nil
}
