package drop

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"heatwatch/models"
)

// AuditSuffix ends the name of a partner's audit log.
const AuditSuffix = ".jsonl"

// Event is one thing that a partner did, or tried, as its audit log keeps it. It
// holds no contents, and of names only those that drops and entities can have.
type Event struct {
	Time    string `json:"time"` // RFC 3339, UTC
	What    string `json:"what"`
	Session string `json:"session,omitempty"` // the same in all lines of a connection
	From    string `json:"from,omitempty"`    // address and port
	Key     string `json:"key,omitempty"`     // fingerprint
	Op      string `json:"op,omitempty"`      // of what was refused
	Drop    string `json:"drop,omitempty"`
	File    string `json:"file,omitempty"`
	To      string `json:"to,omitempty"` // new name of a drop or file
	Bytes   int64  `json:"bytes,omitempty"`
	Code    string `json:"code,omitempty"`    // why it was refused
	Refused int64  `json:"refused,omitempty"` // in logout: all that was refused
}

// What an event can be.
const (
	evLogin       = "login"
	evLoginFailed = "login_failed"
	evLogout      = "logout"
	evOpened      = "upload_opened"
	evFinished    = "upload_finished"
	evCut         = "upload_cut"
	evFailed      = "upload_failed" // closed by the client, and not what was sent
	evMade        = "drop_made"
	evRenamed     = "renamed"
	evRemoved     = "removed"
	evFetched     = "receipt_fetched"
	evRefused     = "refused"
)

// maxRefusals is how many refusals of one connection have a line of their own;
// logout counts them all.
const maxRefusals = 100

// recorder keeps the books of one connection.
type recorder struct {
	audit   func(Event) error // nil: no audit log
	now     func() time.Time
	log     *slog.Logger
	day     *day
	session string

	refusals atomic.Int64
}

// write adds a line. An error is for those who may still say no.
func (r *recorder) write(e Event) error {
	if r == nil || r.audit == nil {
		return nil
	}
	e.Time, e.Session = r.now().UTC().Format(time.RFC3339), r.session
	return r.audit(e)
}

// note adds a line about what cannot be undone any more.
func (r *recorder) note(e Event) {
	if err := r.write(e); err != nil {
		r.log.LogAttrs(context.Background(), slog.LevelError, "the audit log cannot be written", slog.String("what", e.What))
	}
}

// about is an event with the names of a place.
func about(what string, at place) Event {
	e := Event{What: what, Drop: at.drop}
	switch at.kind {
	case atFile:
		e.File = fileName(at.name)
	case atReceipt:
		e.Drop, _, _ = strings.Cut(at.name, ".")
		e.File = receiptsDir
	}
	return e
}

// otherName stands for a name that a partner chose freely: it may be a person's.
const otherName = "(other)"

// fileName is a file's name where it is one that a drop can have.
func fileName(name string) string {
	if name == manifestName {
		return name
	}
	base, ending, _ := strings.Cut(name, ".")
	if _, known := models.Dictionary().Entity(base); known && (ending == "csv" || ending == "csv.gz" || ending == "csv.zst") {
		return name
	}
	return otherName
}

// answer turns an error into what the client may know, and keeps a refusal.
// Asking whether something is there is no offence.
func (v *visit) answer(op, path string, err error) error {
	err = answer(v.log, err)
	var r *refusal
	if !errors.As(err, &r) || op == opLook && r == errNoSuchFile {
		return err
	}
	if v.rec.refusals.Add(1) > maxRefusals {
		return err
	}
	at, bad := v.locate(path)
	e := about(evRefused, at)
	if bad != nil {
		e.File = otherName
	}
	e.Op, e.Code = op, r.code
	v.rec.note(e)
	return err
}

// What a refusal can be about.
const (
	opWrite  = "write"
	opRead   = "read"
	opLook   = "look"
	opRename = "rename"
)

// opOf names a command of SFTP.
func opOf(method string) string { return strings.ToLower(method) }
