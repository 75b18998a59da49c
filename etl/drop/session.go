package drop

import (
	"context"
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
	try := &attempt{}
	c, channels, requests, err := ssh.NewServerConn(conn, s.sshConfig(try))
	if err != nil {
		s.loggedIn(conn, "")
		s.log.LogAttrs(ctx, slog.LevelInfo, "login failed", peer(conn), slog.String("why", loginFailure(err)))
		s.refusedLogin(conn, try, err)
		return
	}
	crowded := s.loggedIn(conn, c.User())
	conn.SetDeadline(time.Time{})
	defer c.Close()
	go ssh.DiscardRequests(requests) // tcpip-forward and everything else: refused

	log := s.log.With(slog.String("partner", c.User()), peer(conn))
	log.LogAttrs(ctx, slog.LevelInfo, "login", slog.String("key", c.Permissions.Extensions[keyExtension]))
	defer log.LogAttrs(ctx, slog.LevelInfo, "logout")
	rec := s.recorder(c.User(), log)
	if sorry := s.admit(c, rec, crowded); sorry != "" {
		s.turnAway(conn, channels, sorry)
		return
	}
	defer func() { rec.note(Event{What: evLogout, Refused: rec.refusals.Load()}) }()

	idle := time.AfterFunc(s.cfg.Times.Idle, func() {
		log.LogAttrs(ctx, slog.LevelInfo, "idle for too long, connection closed")
		conn.Close()
	})
	defer idle.Stop()

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
			log.LogAttrs(ctx, slog.LevelWarn, "session refused")
			ch.Reject(ssh.ResourceShortage, tellClosed)
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
			v := &visit{area: a, log: a.log, rec: rec}
			serveSession(ctx, v, channel, reqs, func() { idle.Reset(s.cfg.Times.Idle) })
		}()
	}
	busy <- struct{}{} // a session that is still settling its files is not over: the log says logout after it
}

// serveSession waits for the one request that is granted, and serves it. alive is
// called with every whole packet.
func serveSession(ctx context.Context, v *visit, channel ssh.Channel, requests <-chan *ssh.Request, alive func()) {
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
				v.log.LogAttrs(ctx, slog.LevelWarn, "refused a request that is not sftp", slog.String("request", knownRequest(r.Type)))
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
	serveFiles(v, channel, alive) // its error says only how the line ended
	channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{0}))
}

// serveFiles answers SFTP packets until the line ends.
func serveFiles(v *visit, line io.ReadWriteCloser, alive func()) error {
	return sftp.NewRequestServer(newGuard(line, alive), sftp.Handlers{FileGet: v, FilePut: v, FileCmd: v, FileList: v}).Serve()
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
