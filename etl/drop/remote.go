package drop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"heatwatch/internal/problem"
)

// remote is an SFTP session with a partner's server.
type remote struct {
	*sftp.Client
	conn    *ssh.Client
	meter   *meter
	partner string
	stop    func() bool
}

// dial opens a session. The whole of it ends when ctx does.
func dial(ctx context.Context, cfg PullConfig, limits Limits) (*remote, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	signer, err := readPrivateKey(cfg.Key, "the key for this partner's server")
	if err != nil {
		return nil, err
	}
	address := withPort(cfg.Host)
	known, err := knownhosts.New(cfg.KnownHosts)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, filepath.Base(cfg.KnownHosts), "known_hosts cannot be read", "put the server's line there, as the partner gave it to you")
	}
	hostAlgorithms, err := expected(known, address)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: limits.Login}
	raw, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, cfg.Partner, "the partner's SFTP server cannot be reached", "check sftp.pull host and the network")
	}
	conn := &quietConn{Conn: raw, limit: limits.Silence}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	r, err := handshake(conn, address, cfg, limits, &ssh.ClientConfig{
		Config:            algorithms(),
		User:              cfg.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   known,
		HostKeyAlgorithms: hostAlgorithms,
		ClientVersion:     "SSH-2.0-heatwatch",
	})
	if err != nil {
		stop()
		raw.Close()
		return nil, refused(ctx, err, cfg)
	}
	r.stop = stop
	return r, nil
}

func handshake(conn *quietConn, address string, cfg PullConfig, limits Limits, config *ssh.ClientConfig) (*remote, error) {
	slow := time.AfterFunc(limits.Login, func() { conn.Close() }) // also against a drop of bytes now and then
	defer slow.Stop()
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		return nil, err
	}
	client := ssh.NewClient(c, channels, requests)
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	in, err := session.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := session.RequestSubsystem("sftp"); err != nil {
		return nil, err
	}
	m := &meter{r: out}
	m.allow(smallTalk)
	files, err := sftp.NewClientPipe(m, in)
	if err != nil {
		return nil, err
	}
	return &remote{Client: files, conn: client, meter: m, partner: cfg.Partner}, nil
}

func (r *remote) close() {
	r.stop()
	r.conn.Close() // first: Client.Close waits for the other side
	r.Client.Close()
}

// expected returns the kinds of host key that known_hosts holds for address.
// They are asked for, or the server might show another one of its keys, which
// would look like an attack.
func expected(known ssh.HostKeyCallback, address string) ([]string, error) {
	err := known(address, &net.TCPAddr{IP: net.IPv4zero}, noKey{})
	var key *knownhosts.KeyError
	if !errors.As(err, &key) || len(key.Want) == 0 {
		return nil, problem.New(problem.Failed, "known_hosts", "it has no key for this server", "get the server's line from the partner by a safe channel and add it: nothing is learned on first use")
	}
	var names []string
	for _, k := range key.Want {
		switch kind := k.Key.Type(); kind {
		case ssh.KeyAlgoRSA:
			names = append(names, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256) // same key, without SHA-1
		default:
			names = append(names, kind)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// noKey is no server's key: asking for it makes knownhosts say what it expects.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

// refused says in fixed words why a session did not come about; what the other
// side wrote is not repeated.
func refused(ctx context.Context, err error, cfg PullConfig) error {
	var key *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &key), errors.As(err, &revoked):
		return problem.Wrap(err, problem.Failed, cfg.Partner, "the server shows another key than known_hosts holds", "it may be somebody else's: ask the partner by a safe channel before you change known_hosts")
	}
	return problem.Wrap(err, problem.Failed, cfg.Partner, "the partner's SFTP server refused us, or stopped answering", "check sftp.pull user and key with the partner")
}

func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(host, "22")
}

// quietConn ends when the other side is silent for too long.
type quietConn struct {
	net.Conn
	limit time.Duration
}

func (c *quietConn) Read(p []byte) (int, error) {
	c.Conn.SetReadDeadline(time.Now().Add(c.limit))
	return c.Conn.Read(p)
}

func (c *quietConn) Write(p []byte) (int, error) {
	c.Conn.SetWriteDeadline(time.Now().Add(c.limit))
	return c.Conn.Write(p)
}

// meter lets through what an answer may weigh, and no more: a listing or a file
// without end must not fill our memory or disk.
type meter struct {
	r    io.Reader
	left atomic.Int64
}

const (
	smallTalk    = 1 << 20 // for everything but listings and files
	perEntry     = 2 << 10 // of a listing: name twice, attributes
	errTalkative = tooMuch("the server sent more than it announced")
	errTooMany   = tooMuch("too many entries in a folder")
)

type tooMuch string

func (e tooMuch) Error() string { return string(e) }

func (m *meter) allow(n int64) { m.left.Store(n) }

func (m *meter) Read(p []byte) (int, error) {
	if m.left.Load() <= 0 {
		return 0, errTalkative
	}
	n, err := m.r.Read(p)
	m.left.Add(-int64(n))
	return n, err
}

// list returns a folder by name, hidden names left out.
func (r *remote) list(ctx context.Context, path string, most int) ([]fs.FileInfo, error) {
	r.meter.allow(smallTalk + int64(most)*perEntry)
	infos, err := r.ReadDirContext(ctx, path)
	if err != nil {
		return nil, err
	}
	infos = slices.DeleteFunc(infos, func(i fs.FileInfo) bool { return len(i.Name()) > 0 && i.Name()[0] == '.' })
	if len(infos) > most {
		return nil, errTooMany
	}
	sortByName(infos)
	return infos, nil
}

// quoted is a name from outside, fit for a message.
func quoted(name string) string { return fmt.Sprintf("%.60q", name) }
