package drop

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	keyExtension = "key"
	sourceOption = "source-address" // x/crypto/ssh itself enforces it
)

var errUnknown = errors.New("no such partner or key")

// attempt is what a stranger has shown before it is let in. partner is set only
// where there is one of that name.
type attempt struct {
	partner string
	key     string // fingerprint of the last key that did not open
	code    string // why
}

// Why a login failed.
const (
	codeUnknownKey = "unknown_key"
	codeExpired    = "key_expired"
	codeSlow       = "took_too_long"
	codeNoProof    = "no_proof"    // the key is known, and it was not shown that it is theirs
	codeCrowded    = "connections" // too many at once
)

// sshConfig is made for each connection, so that what was tried can be told.
func (s *Server) sshConfig(try *attempt) *ssh.ServerConfig {
	cfg := &ssh.ServerConfig{
		Config:                  algorithms(),
		PublicKeyAuthAlgorithms: signatures(),
		MaxAuthTries:            s.cfg.Quota.AuthTries,
		ServerVersion:           "SSH-2.0-heatwatch",
		PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			return s.authorize(try, c.User(), key)
		},
	}
	cfg.AddHostKey(s.signer)
	return cfg
}

// authorize tells a stranger nothing about who is a partner: an unknown name, an
// unknown key and one that has ended are refused in the same words.
func (s *Server) authorize(try *attempt, user string, key ssh.PublicKey) (*ssh.Permissions, error) {
	partners, err := s.cfg.Partners()
	if err != nil {
		s.log.LogAttrs(context.Background(), slog.LevelError, "the list of partners cannot be read: nobody can log in")
		return nil, errUnknown
	}
	for _, p := range partners {
		if p.Name != user || !ValidName(p.Name) {
			continue
		}
		try.partner, try.key, try.code = p.Name, ssh.FingerprintSHA256(key), codeUnknownKey
		now := s.cfg.Now()
		keys, problems := parseAuthorized(p.AuthorizedKeys, now.Location())
		for _, text := range problems {
			s.log.LogAttrs(context.Background(), slog.LevelWarn, "a line of the partner's keys is ignored", slog.String("partner", p.Name), slog.String("why", text))
		}
		k := find(keys, key)
		if k == nil {
			continue
		}
		if !k.until.IsZero() && !now.Before(k.until) {
			try.code = codeExpired
			s.log.LogAttrs(context.Background(), slog.LevelWarn, "a key has ended: `heatwatch partner key` adds the agency's new one", slog.String("partner", p.Name),
				slog.String("key", try.key), slog.String("ended", k.until.Format(time.RFC3339)))
			return nil, errUnknown
		}
		try.code = codeNoProof
		perms := &ssh.Permissions{Extensions: map[string]string{keyExtension: try.key}}
		if k.source != "" {
			perms.CriticalOptions = map[string]string{sourceOption: k.source}
		}
		return perms, nil
	}
	return nil, errUnknown
}

// loginFailure says why in fixed words: the error's own text may hold what the
// other side sent.
func loginFailure(err error) string {
	var auth *ssh.ServerAuthError
	switch {
	case errors.As(err, &auth):
		return "no key that opens an area"
	case timedOut(err):
		return "took too long"
	}
	return "no handshake"
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// refusedLogin keeps a failed login in the audit log of the partner that was
// named, if there is one.
func (s *Server) refusedLogin(conn net.Conn, try *attempt, err error) {
	if try.partner == "" || !s.day(try.partner).fail(s.cfg.Now()) {
		return
	}
	e := Event{What: evLoginFailed, From: conn.RemoteAddr().String(), Key: try.key, Code: try.code}
	if timedOut(err) {
		e.Code = codeSlow
	}
	s.recorder(try.partner, s.log).note(e)
}

func (s *Server) recorder(partner string, log *slog.Logger) *recorder {
	r := &recorder{now: s.cfg.Now, log: log, day: s.day(partner)}
	if s.cfg.Audit != nil {
		r.audit = func(e Event) error { return s.cfg.Audit(partner, e) }
	}
	return r
}

// What a partner is told that has proved who it is and is not let in.
const (
	tellCrowded = "too many connections at once: close some, and try again"
	tellTired   = "enough for one day: go on tomorrow, or call the warehouse"
	tellClosed  = "the area is not available: try again later, or call the warehouse"
)

// admit opens the partner's book for a connection, or says why it stays out:
// nobody comes in unseen.
func (s *Server) admit(c *ssh.ServerConn, rec *recorder, crowded bool) (sorry string) {
	id := c.SessionID()
	rec.session = hex.EncodeToString(id[:min(6, len(id))])
	e := Event{What: evLogin, From: c.RemoteAddr().String(), Key: c.Permissions.Extensions[keyExtension]}
	switch {
	case rec.day.act(rec.now()) != nil:
		rec.log.LogAttrs(context.Background(), slog.LevelWarn, "login refused: the partner has used up its day")
		return tellTired
	case crowded:
		rec.log.LogAttrs(context.Background(), slog.LevelWarn, "login refused: too many connections of the partner")
		e.What, e.Code = evLoginFailed, codeCrowded
		rec.note(e)
		return tellCrowded
	}
	if rec.write(e) != nil {
		rec.log.LogAttrs(context.Background(), slog.LevelError, "login refused: the audit log cannot be written")
		return tellClosed
	}
	return ""
}

// turnAway says sorry to the first thing that a client asks for.
func (s *Server) turnAway(conn net.Conn, channels <-chan ssh.NewChannel, sorry string) {
	conn.SetDeadline(time.Now().Add(s.cfg.Times.Login))
	for ch := range channels {
		ch.Reject(ssh.ResourceShortage, sorry)
		return
	}
}
