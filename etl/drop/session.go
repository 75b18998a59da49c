package drop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// serveConn does the login and then one session at a time.
func (s *Server) serveConn(ctx context.Context, conn net.Conn) {
	conn.SetDeadline(time.Now().Add(s.cfg.Times.Login))
	c, channels, requests, err := ssh.NewServerConn(conn, s.sshConfig(conn))
	if err != nil {
		s.loggedIn(conn, nil)
		s.log.LogAttrs(ctx, slog.LevelInfo, "login failed", peer(conn), slog.String("why", loginFailure(err)))
		return
	}
	s.loggedIn(conn, c)
	conn.SetDeadline(time.Time{})
	defer c.Close()

	log := s.log.With(slog.String("partner", c.User()), peer(conn))
	log.LogAttrs(ctx, slog.LevelInfo, "login", slog.String("key", c.Permissions.Extensions[keyExtension]))
	defer log.LogAttrs(ctx, slog.LevelInfo, "logout")

	idle := time.AfterFunc(s.cfg.Times.Idle, func() {
		log.LogAttrs(ctx, slog.LevelInfo, "idle for too long, connection closed")
		conn.Close()
	})
	defer idle.Stop()

	go ssh.DiscardRequests(requests) // tcpip-forward and everything else: refused
	busy := make(chan struct{}, 1)
	for ch := range channels {
		if ch.ChannelType() != "session" {
			log.LogAttrs(ctx, slog.LevelWarn, "refused a channel that is no session")
			ch.Reject(ssh.Prohibited, "sftp only")
			continue
		}
		select {
		case busy <- struct{}{}:
		default:
			ch.Reject(ssh.ResourceShortage, "one session per connection")
			continue
		}
		a, err := s.enter(c.User())
		if err != nil {
			log.LogAttrs(ctx, slog.LevelWarn, "session refused", slog.Bool("too_many", errors.Is(err, errTooManySessions)))
			ch.Reject(ssh.ResourceShortage, "too many sessions, or the area is not available: try again later")
			<-busy
			continue
		}
		channel, reqs, err := ch.Accept()
		if err != nil {
			s.leave(a)
			return
		}
		s.running.Add(1)
		go func() {
			defer s.running.Done()
			defer func() { <-busy }()
			defer s.leave(a)
			serveSession(ctx, a, &tickingChannel{Channel: channel, idle: idle, limit: s.cfg.Times.Idle}, reqs)
		}()
	}
	busy <- struct{}{} // a session that is still settling its files is not over: the log says logout after it
}

const (
	keyExtension = "key"
	sourceOption = "source-address" // x/crypto/ssh itself enforces it
)

var errUnknown = errors.New("no such partner or key")

// sshConfig is made for each connection, so that the log can say from where.
func (s *Server) sshConfig(conn net.Conn) *ssh.ServerConfig {
	cfg := &ssh.ServerConfig{
		Config:                  algorithms(),
		PublicKeyAuthAlgorithms: signatures(),
		MaxAuthTries:            6,
		ServerVersion:           "SSH-2.0-heatwatch",
		PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			return s.authorize(c.User(), key)
		},
	}
	cfg.AddHostKey(s.signer)
	return cfg
}

// authorize tells a stranger nothing about who is a partner: an unknown name and
// an unknown key are refused in the same words.
func (s *Server) authorize(user string, key ssh.PublicKey) (*ssh.Permissions, error) {
	partners, err := s.cfg.Partners()
	if err != nil {
		s.log.LogAttrs(context.Background(), slog.LevelError, "the list of partners cannot be read: nobody can log in")
		return nil, errUnknown
	}
	for _, p := range partners {
		if p.Name != user || !ValidName(p.Name) {
			continue
		}
		keys, problems := parseAuthorized(p.AuthorizedKeys)
		for _, text := range problems {
			s.log.LogAttrs(context.Background(), slog.LevelWarn, "a line of the partner's keys is ignored", slog.String("partner", p.Name), slog.String("why", text))
		}
		if k := find(keys, key); k != nil {
			perms := &ssh.Permissions{Extensions: map[string]string{keyExtension: ssh.FingerprintSHA256(key)}}
			if k.source != "" {
				perms.CriticalOptions = map[string]string{sourceOption: k.source}
			}
			return perms, nil
		}
	}
	return nil, errUnknown
}

// loginFailure says why in fixed words: the error's own text may hold what the
// other side sent.
func loginFailure(err error) string {
	var auth *ssh.ServerAuthError
	var timeout net.Error
	switch {
	case errors.As(err, &auth):
		return "no key that opens an area"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "took too long"
	}
	return "no handshake"
}

// serveSession waits for the one request that is granted, and serves it.
func serveSession(ctx context.Context, a *area, channel *tickingChannel, requests <-chan *ssh.Request) {
	defer channel.Close()
	started := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(over)
		running := false
		for r := range requests {
			ok := !running && r.Type == "subsystem" && isSFTP(r.Payload)
			if r.WantReply {
				r.Reply(ok, nil)
			}
			if ok {
				running = true
				close(started)
				continue
			}
			if r.Type != "env" { // ssh clients send their locale unasked
				a.log.LogAttrs(ctx, slog.LevelWarn, "refused a request that is not sftp", slog.String("request", knownRequest(r.Type)))
			}
			if !running && (r.Type == "shell" || r.Type == "exec" || r.Type == "subsystem") {
				channel.Close() // it will not come to anything
			}
		}
	}()
	select {
	case <-over: // closed without a request
		return
	case <-started:
	}
	serveFiles(a, channel) // its error says only how the line ended
	channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{0}))
}

// serveFiles answers SFTP packets until the line ends.
func serveFiles(a *area, line io.ReadWriteCloser) error {
	v := &visit{area: a, log: a.log}
	return sftp.NewRequestServer(newGuard(line), sftp.Handlers{FileGet: v, FilePut: v, FileCmd: v, FileList: v}).Serve()
}

func isSFTP(payload []byte) bool {
	var m struct{ Name string }
	return ssh.Unmarshal(payload, &m) == nil && m.Name == "sftp"
}

// knownRequest keeps free text of a client out of the log.
func knownRequest(name string) string {
	switch name {
	case "shell", "exec", "pty-req", "x11-req", "subsystem", "signal", "window-change", "auth-agent-req@openssh.com":
		return name
	}
	return fmt.Sprintf("another (%d bytes)", len(name))
}

// tickingChannel puts off the end for idleness with every packet of data.
// Keepalives of the transport do not count: a client that only breathes is idle.
type tickingChannel struct {
	ssh.Channel
	idle  *time.Timer
	limit time.Duration
}

func (c *tickingChannel) Read(p []byte) (int, error) {
	n, err := c.Channel.Read(p)
	if n > 0 { // an end is no sign of life
		c.idle.Reset(c.limit)
	}
	return n, err
}

func (c *tickingChannel) Write(p []byte) (int, error) {
	n, err := c.Channel.Write(p)
	if n > 0 {
		c.idle.Reset(c.limit)
	}
	return n, err
}
