package drop

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"heatwatch/internal/problem"
)

// SendConfig says where a partner's drop goes.
type SendConfig struct {
	Address string // host:port
	User    string // the partner's name
	Key     ssh.Signer
	HostKey ssh.PublicKey // the only one that is accepted
}

// Send uploads a drop folder to incoming/<its name>/, the manifest last.
func Send(ctx context.Context, cfg SendConfig, dir string) (err error) {
	conn, err := (&net.Dialer{Timeout: 30 * time.Second}).DialContext(ctx, "tcp", cfg.Address)
	if err != nil {
		return problem.Wrap(err, problem.Failed, cfg.Address, "the server cannot be reached", "check the address, and that `heatwatch serve` runs")
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	client, err := login(conn, cfg)
	if err != nil {
		conn.Close()
		return problem.Wrap(err, problem.Failed, cfg.Address, "the server did not let "+cfg.User+" in, or is not the one of the kit", "check the key and known_hosts")
	}
	defer client.Close()
	s, err := sftp.NewClient(client)
	if err != nil {
		return problem.Wrap(err, problem.Failed, cfg.Address, "the server offers no SFTP", "ask its operator")
	}
	defer s.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return problem.Wrap(err, problem.Usage, dir, "the drop cannot be read", "name the folder that deidentify made")
	}
	names := []string{}
	for _, e := range entries {
		if e.Name() != manifestName {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	to := path.Join(incomingDir, filepath.Base(dir))
	if err := s.Mkdir(to); err != nil && !errors.Is(err, os.ErrExist) {
		return problem.Wrap(err, problem.Failed, to, "the drop's folder cannot be made on the server", "a drop of this name may be there already")
	}
	for _, n := range append(names, manifestName) {
		if err := sendFile(s, filepath.Join(dir, n), path.Join(to, n)); err != nil {
			return problem.Wrap(err, problem.Failed, path.Join(to, n), "the upload did not end", "send the drop again: what is there is not taken without its manifest")
		}
	}
	return nil
}

func login(conn net.Conn, cfg SendConfig) (*ssh.Client, error) {
	c, chans, reqs, err := ssh.NewClientConn(conn, cfg.Address, &ssh.ClientConfig{
		User: cfg.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(cfg.Key)}, HostKeyCallback: ssh.FixedHostKey(cfg.HostKey), Timeout: 30 * time.Second})
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(c, chans, reqs), nil
}

func sendFile(s *sftp.Client, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := s.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
