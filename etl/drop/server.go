package drop

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"heatwatch/internal/problem"
)

// Server is the SFTP server. Listen makes one.
type Server struct {
	cfg      Config
	signer   ssh.Signer
	listener net.Listener
	log      *slog.Logger

	mu       sync.Mutex
	areas    map[string]*area             // of partners with a session
	conns    map[net.Conn]*ssh.ServerConn // nil value: not logged in yet
	logins   int
	stopping bool
	running  sync.WaitGroup
}

// Listen takes the address and checks key and folder, so that a mistake in the
// configuration shows at the start. Serve does the rest.
func Listen(cfg Config) (*Server, error) {
	cfg.Quota, cfg.Times = cfg.Quota.withDefaults(), cfg.Times.withDefaults()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	signer, err := readPrivateKey(cfg.HostKey, "the SFTP server's key")
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(cfg.Root); err != nil || !info.IsDir() {
		return nil, problem.Wrap(err, problem.Usage, "", "the folder for the SFTP areas is not there", "make the home with heatwatch init")
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, cfg.Listen, "the SFTP server cannot take this address", "is another one running? change sftp.listen")
	}
	return &Server{
		cfg: cfg, signer: signer, listener: l, log: cfg.Log,
		areas: map[string]*area{}, conns: map[net.Conn]*ssh.ServerConn{},
	}, nil
}

// Addr is the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers until ctx ends, gives sessions the grace to finish, cuts the
// rest, and returns when all are over. It returns nil after an end by ctx.
func (s *Server) Serve(ctx context.Context) error {
	s.log.LogAttrs(ctx, slog.LevelInfo, "sftp server listens", slog.String("address", s.Addr().String()))
	ended := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
		case <-ended:
		}
		s.stop()
	}()
	err := s.accept(ctx)
	close(ended)
	<-stopped
	s.log.LogAttrs(ctx, slog.LevelInfo, "sftp server stopped")
	return err
}

func (s *Server) accept(ctx context.Context) error {
	for {
		conn, err := s.listener.Accept()
		switch {
		case err == nil:
			s.start(ctx, conn)
		case errors.Is(err, net.ErrClosed):
			return nil
		case isTemporary(err): // out of file descriptors, say: others will close theirs
			s.log.LogAttrs(ctx, slog.LevelWarn, "connection not accepted, waiting a second")
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		default:
			return problem.Wrap(err, problem.Failed, s.Addr().String(), "the SFTP server lost its address", "start it again")
		}
	}
}

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// start runs one connection, if there is room for one more stranger.
func (s *Server) start(ctx context.Context, conn net.Conn) {
	s.mu.Lock()
	room := s.logins < s.cfg.Quota.Logins && !s.stopping
	if room {
		s.logins++
		s.conns[conn] = nil
		s.running.Add(1)
	}
	s.mu.Unlock()
	if !room {
		s.log.LogAttrs(ctx, slog.LevelWarn, "too many logins under way, connection closed", peer(conn))
		conn.Close()
		return
	}
	go func() {
		defer s.running.Done()
		defer s.forget(conn)
		defer conn.Close()
		s.serveConn(ctx, conn)
	}()
}

func (s *Server) forget(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// loggedIn ends the time as a stranger; c is nil where the login failed.
func (s *Server) loggedIn(conn net.Conn, c *ssh.ServerConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins--
	s.conns[conn] = c
}

// Disconnect ends the sessions of a partner, whose keys were taken away say,
// and returns how many there were.
func (s *Server) Disconnect(partner string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for conn, c := range s.conns {
		if c != nil && c.User() == partner {
			conn.Close()
			n++
		}
	}
	return n
}

func (s *Server) stop() {
	s.listener.Close()
	s.mu.Lock()
	s.stopping = true
	for conn, c := range s.conns {
		if c == nil {
			conn.Close()
		}
	}
	s.mu.Unlock()

	over := make(chan struct{})
	go func() { s.running.Wait(); close(over) }()
	select {
	case <-over:
		return
	case <-time.After(s.cfg.Times.Grace):
	}
	s.mu.Lock()
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	<-over
}

// enter counts a session of partner in and opens its area.
func (s *Server) enter(partner string) (*area, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := 0
	for _, a := range s.areas {
		all += a.sessions
	}
	a := s.areas[partner]
	if all >= s.cfg.Quota.Sessions || (a != nil && a.sessions >= s.cfg.Quota.PartnerSessions) {
		return nil, errTooManySessions
	}
	if a == nil {
		var err error
		if a, err = openArea(s.cfg.Root, partner, s.cfg.Quota, s.log.With(slog.String("partner", partner))); err != nil {
			return nil, err
		}
		s.areas[partner] = a
	}
	a.sessions++
	return a, nil
}

func (s *Server) leave(a *area) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.sessions--
	if a.sessions == 0 {
		delete(s.areas, a.partner)
		a.close()
	}
}

var errTooManySessions = errors.New("too many sessions at once")

func peer(c net.Conn) slog.Attr { return slog.String("from", c.RemoteAddr().String()) }
