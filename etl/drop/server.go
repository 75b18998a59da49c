package drop

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
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
	areas    map[string]*area // of partners with a session
	days     map[string]*day  // by partner
	conns    map[net.Conn]*visitor
	logins   int
	stopping bool
	running  sync.WaitGroup
}

// visitor is who is at the other end of a connection.
type visitor struct {
	address string
	partner string // "": not logged in yet
}

// Listen takes the address and checks key and folder, so that a mistake in the
// configuration shows at the start. Serve does the rest.
func Listen(cfg Config) (*Server, error) {
	cfg.Quota, cfg.Times = cfg.Quota.withDefaults(), cfg.Times.withDefaults()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
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
		areas: map[string]*area{}, days: map[string]*day{}, conns: map[net.Conn]*visitor{},
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
	address := addressOf(conn.RemoteAddr())
	s.mu.Lock()
	full := s.full(address)
	if full == "" {
		s.logins++
		s.conns[conn] = &visitor{address: address}
		s.running.Add(1)
	}
	s.mu.Unlock()
	if full != "" {
		s.log.LogAttrs(ctx, slog.LevelWarn, "connection closed: "+full, peer(conn))
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

// full says why there is no room for one more connection from an address; ""
// where there is. s.mu is held.
func (s *Server) full(address string) string {
	same := 0
	for _, v := range s.conns {
		if v.address == address {
			same++
		}
	}
	switch {
	case s.stopping:
		return "the server stops"
	case len(s.conns) >= s.cfg.Quota.Connections:
		return "too many connections"
	case same >= s.cfg.Quota.AddressConnections:
		return "too many connections from one address"
	case s.logins >= s.cfg.Quota.Logins:
		return "too many logins under way"
	}
	return ""
}

// addressOf is what counts as one address. Whoever has an IPv6 address has all
// of its /64.
func addressOf(remote net.Addr) string {
	ap, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return ""
	}
	bits := 32
	a := ap.Addr().Unmap()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

func (s *Server) forget(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// loggedIn ends the time as a stranger; partner is "" where the login failed. It
// tells whether the partner has too many connections now.
func (s *Server) loggedIn(conn net.Conn, partner string) (crowded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins--
	if partner == "" {
		return false
	}
	s.conns[conn].partner = partner
	same := 0
	for _, v := range s.conns {
		if v.partner == partner {
			same++
		}
	}
	return same > s.cfg.Quota.PartnerConnections
}

// day returns the books of a partner's day.
func (s *Server) day(partner string) *day {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.days[partner]
	if d == nil {
		d = &day{quota: s.cfg.Quota}
		s.days[partner] = d
	}
	return d
}

// Disconnect ends the sessions of a partner, whose keys were taken away say,
// and returns how many there were.
func (s *Server) Disconnect(partner string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for conn, v := range s.conns {
		if v.partner == partner {
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
	for conn, v := range s.conns {
		if v.partner == "" {
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
	a := s.areas[partner]
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

func peer(c net.Conn) slog.Attr { return slog.String("from", c.RemoteAddr().String()) }
