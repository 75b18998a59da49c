package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"heatwatch/internal/problem"
)

// HeadFile is the name of the signed head, here and on the public site.
const HeadFile = "head.note"

const headTitle = "heatwatch ledger"

// Head says how far a ledger has come.
type Head struct {
	Home    string
	Entries int
	Hash    string // of the last entry
}

func (h Head) text() string {
	return fmt.Sprintf("%s\n%s\n%d\n%s\n", headTitle, h.Home, h.Entries, h.Hash)
}

func parseHead(text string) (Head, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[0] != headTitle {
		return Head{}, errors.New("not the head of a ledger")
	}
	n, err := strconv.Atoi(lines[2])
	h := Head{Home: lines[1], Entries: n, Hash: lines[3]}
	if err != nil || n < 1 || !isHome(h.Home) || !isHash(h.Hash) || h.text() != text {
		return Head{}, errors.New("not the head of a ledger")
	}
	return h, nil
}

func signHead(h Head, s *signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: h.text()}, s)
}

// VerifyHead checks the signature of a head under a home's public key. Further signatures, of those who
// countersigned it, are allowed and not looked at.
func VerifyHead(signed []byte, publicKey string) (Head, error) {
	h, _, err := openHead(signed, publicKey)
	return h, err
}

// openHead also returns the head's only spelling, without signatures of others.
func openHead(signed []byte, publicKey string) (Head, []byte, error) {
	v, home, err := verifierFor(publicKey)
	if err != nil {
		return Head{}, nil, err
	}
	n, err := note.Open(signed, note.VerifierList(v))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		if h, err := parseHead(unverified.Note.Text); err == nil && h.Home != home {
			return h, nil, errOtherHome
		}
		return Head{}, nil, errors.New("the head is signed by another key")
	}
	if err != nil {
		return Head{}, nil, errors.New("the head's signature is wrong")
	}
	h, err := parseHead(n.Text)
	if err != nil {
		return Head{}, nil, err
	}
	if h.Home != home {
		return Head{}, nil, errors.New("the head names a home that its key does not belong to")
	}
	sig := n.Sigs[0]
	if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
		return Head{}, nil, errors.New("the head's signature is wrong")
	}
	return h, []byte(n.Text + "\n— " + sig.Name + " " + sig.Base64 + "\n"), nil
}

var errOtherHome = errors.New("the head belongs to another home")

// Relation is where a witness stands, seen from the ledger here.
type Relation int

// The relations. Only Same lets budget be spent.
const (
	Same      Relation = iota + 1 // the witness saw what is here
	Behind                        // the witness is older: it must be renewed
	Ahead                         // the witness saw more: this home was rolled back
	Fork                          // the witness saw another history: this home was cloned or edited
	OtherHome                     // the witness belongs to another home
)

func (r Relation) String() string {
	if r < Same || r > OtherHome {
		return "unknown"
	}
	return [...]string{"", "same", "behind", "ahead", "fork", "other home"}[r]
}

// Problem is nil for Same, else what to tell the operator, with exit code 3. where names the witness.
func (r Relation) Problem(where string) error {
	switch r {
	case Same:
		return nil
	case Behind:
		return problem.New(problem.Refused, where, "the witness is older than the ledger, so it cannot show that this is the only copy", "publish, or write a new one with heatwatch witness, then try again")
	case Ahead:
		return problem.New(problem.Refused, where, "the witness has seen entries that are not here: this home was rolled back to an older copy", "restore the newest copy, or charge the lost entries with heatwatch ledger import --site DIR")
	case OtherHome:
		return problem.New(problem.Refused, where, "the witness belongs to another home", "give the witness of this home")
	}
	return problem.New(problem.Refused, where, "the witness has seen another history: two copies of this home have been spending", "stop one of them and charge its entries with heatwatch ledger import --site DIR")
}
