// Package send takes an agency's finished drop to the warehouse: over SFTP, to the one server whose key the kit names, the
// manifest last. It needs nothing of the warehouse's and runs wherever the agency's program does.
package send

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"heatwatch/internal/problem"
)

// Config says where a drop goes, and as whom.
type Config struct {
	Address  string // host:port
	Partner  string
	Key      ssh.Signer
	HostKey  ssh.PublicKey // of the kit: no other server is spoken to
	Progress func(file string, sent, size int64)
}

// Result is what came of it.
type Result struct {
	Files, Skipped int // sent, and found there already
	Bytes          int64
	Receipt        []byte // receipts/<drop>.json; nil: there is none yet
	Text           []byte // the same in words
}

const (
	manifestName = "manifest.json"
	incoming     = "incoming"
	receipts     = "receipts"

	maxManifest = 16 << 20
	maxReceipt  = 8 << 20
	dialTimeout = 30 * time.Second
)

// Drop sends a drop that is complete, unless it was received before, and fetches its receipt if there is one.
func Drop(ctx context.Context, cfg Config, dir string) (Result, error) {
	files, err := complete(dir)
	if err != nil {
		return Result{}, err
	}
	s, err := dial(ctx, cfg)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	name := filepath.Base(dir)
	r := Result{}
	if r.Receipt, r.Text, err = s.receipt(name); err != nil || r.Receipt != nil {
		return r, err
	}
	if err := s.upload(ctx, dir, name, files, &r); err != nil {
		return r, err
	}
	r.Receipt, r.Text, err = s.receipt(name)
	return r, err
}

// Receipt fetches the receipt of a drop that was sent before.
func Receipt(ctx context.Context, cfg Config, name string) (r Result, err error) {
	s, err := dial(ctx, cfg)
	if err != nil {
		return r, err
	}
	defer s.close()
	r.Receipt, r.Text, err = s.receipt(name)
	return r, err
}

// complete wants every file of the manifest, as it says, and nothing that must not leave. The files are named in the order in which
// they go, the manifest last.
func complete(dir string) ([]string, error) {
	b, err := readSome(filepath.Join(dir, manifestName), maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.Wrap(err, problem.Usage, dir, "there is no manifest.json: the folder is no finished drop", "name the folder that `deidentify` made")
	}
	if err != nil {
		return nil, unreadable(err, dir)
	}
	var m struct {
		Files []struct {
			Name   string `json:"name"`
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if json.Unmarshal(b, &m) != nil || len(m.Files) == 0 {
		return nil, problem.New(problem.Usage, filepath.Join(dir, manifestName), "this is no manifest", "make the drop anew with `deidentify`")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, unreadable(err, dir)
	}
	for _, e := range entries {
		if strings.Contains(strings.ToLower(e.Name()), "keymap") {
			return nil, problem.New(problem.Refused, dir, "a keymap lies in the drop: it says who is who, and stays with you", "move it back to the kit, and make the drop anew")
		}
	}
	var names []string
	for _, f := range m.Files {
		if f.Name != filepath.Base(f.Name) || f.Name == manifestName {
			return nil, problem.New(problem.Usage, filepath.Join(dir, manifestName), "it names a file outside of the drop", "make the drop anew with `deidentify`")
		}
		sum, err := hashOf(filepath.Join(dir, f.Name))
		if err != nil {
			return nil, problem.Wrap(err, problem.Usage, filepath.Join(dir, f.Name), "the file is missing or cannot be read", "make the drop anew with `deidentify`")
		}
		if sum != f.SHA256 {
			return nil, problem.New(problem.Refused, filepath.Join(dir, f.Name), "the file is not as it was made: nothing of it was checked", "make the drop anew with `deidentify`")
		}
		names = append(names, f.Name)
	}
	return append(names, manifestName), nil
}

func unreadable(err error, at string) error {
	return problem.Wrap(err, problem.Usage, at, "the drop cannot be read", "check the path and the permissions")
}

func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

func readSome(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// session is a connection to the server of the kit.
type session struct {
	cfg    Config
	ssh    *ssh.Client
	client *sftp.Client
	stop   func() bool
}

var errOtherServer = errors.New("another host key")

func dial(ctx context.Context, cfg Config) (*session, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", cfg.Address)
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, cfg.Address, "the warehouse cannot be reached", "check the network, then try again: nothing was sent")
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	var other bool
	c, chans, reqs, err := ssh.NewClientConn(conn, cfg.Address, &ssh.ClientConfig{User: cfg.Partner, Auth: []ssh.AuthMethod{ssh.PublicKeys(cfg.Key)}, Timeout: dialTimeout,
		HostKeyAlgorithms: []string{cfg.HostKey.Type()},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if other = !bytes.Equal(key.Marshal(), cfg.HostKey.Marshal()); other {
				return errOtherServer
			}
			return nil
		}})
	if err != nil {
		stop()
		conn.Close()
		if other || strings.Contains(err.Error(), "no common algorithm for host key") {
			return nil, problem.New(problem.Refused, cfg.Address, "this is not the server of your kit: nothing was sent", "call the programme office before you try again")
		}
		return nil, problem.Wrap(err, problem.Failed, cfg.Address, "the server did not let "+cfg.Partner+" in", "has the programme office enrolled your public key? `send key` prints it")
	}
	client := ssh.NewClient(c, chans, reqs)
	files, err := sftp.NewClient(client)
	if err != nil {
		client.Close()
		return nil, problem.Wrap(err, problem.Failed, cfg.Address, "the server offers no SFTP", "call the programme office")
	}
	return &session{cfg, client, files, stop}, nil
}

func (s *session) close() {
	s.stop()
	s.client.Close()
	s.ssh.Close()
}

func (s *session) upload(ctx context.Context, dir, name string, files []string, r *Result) error {
	to := path.Join(incoming, name)
	if _, err := s.client.Stat(to); errors.Is(err, fs.ErrNotExist) {
		if err := s.client.Mkdir(to); err != nil {
			return s.broken(ctx, err, to)
		}
	} else if err != nil {
		return s.broken(ctx, err, to)
	}
	for _, f := range files {
		sent, err := s.file(ctx, filepath.Join(dir, f), path.Join(to, f))
		if err != nil {
			return s.broken(ctx, err, path.Join(to, f))
		}
		if sent < 0 {
			r.Skipped++
			continue
		}
		r.Files++
		r.Bytes += sent
	}
	return nil
}

// broken says how to go on: what is there is kept, and without its manifest a drop counts nowhere.
func (s *session) broken(ctx context.Context, err error, at string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, fs.ErrPermission) {
		return problem.Wrap(err, problem.Failed, at, "the server does not take it: a drop of this name may be complete there", "look for its receipt tomorrow (`send --receipt`), or make a drop of another name")
	}
	return problem.Wrap(err, problem.Failed, at, "the upload was cut off", "run the same command again: it goes on where it ended")
}

// file sends one file, from where an earlier try ended. -1: it is there already.
func (s *session) file(ctx context.Context, from, to string) (int64, error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return 0, err
	}
	size, at := st.Size(), int64(0)
	flags := os.O_WRONLY | os.O_CREATE
	if there, err := s.client.Stat(to); err == nil {
		if at = there.Size(); at == size && path.Base(to) != manifestName {
			return -1, nil
		}
		if at > size || path.Base(to) == manifestName { // left by another drop of this name, or small enough
			at, flags = 0, flags|os.O_TRUNC
		}
	}
	out, err := s.client.OpenFile(to, flags)
	if err != nil {
		return 0, err
	}
	if _, err = in.Seek(at, io.SeekStart); err == nil {
		_, err = out.Seek(at, io.SeekStart)
	}
	if err == nil {
		_, err = io.Copy(out, &counted{ctx: ctx, r: in, at: at, say: func(n int64) {
			if s.cfg.Progress != nil {
				s.cfg.Progress(path.Base(to), n, size)
			}
		}})
	}
	return size - at, errors.Join(err, out.Close())
}

type counted struct {
	ctx context.Context
	r   io.Reader
	at  int64
	say func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.at += int64(n)
	c.say(c.at)
	return n, err
}

// receipt fetches what the warehouse said of a drop; nil where it has said nothing yet.
func (s *session) receipt(name string) (body, text []byte, err error) {
	if body, err = s.fetch(path.Join(receipts, name+".json")); err != nil || body == nil {
		return nil, nil, err
	}
	text, err = s.fetch(path.Join(receipts, name+".txt"))
	return body, text, err
}

func (s *session) fetch(name string) ([]byte, error) {
	f, err := s.client.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, name, "the receipt cannot be fetched", "try again later")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxReceipt+1))
	if err == nil && len(b) > maxReceipt {
		err = errors.New("too long")
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, name, "the receipt cannot be fetched", "try again later")
	}
	return b, nil
}

// State is what a receipt says of the drop as a whole, and whether it names a leak.
func State(receipt []byte) (state string, leak bool, err error) {
	var r struct {
		State   string `json:"state"`
		Reasons []struct {
			Code string `json:"code"`
		} `json:"reasons"`
	}
	if err := json.Unmarshal(receipt, &r); err != nil {
		return "", false, fmt.Errorf("the receipt is none: %w", err)
	}
	for _, x := range r.Reasons {
		leak = leak || x.Code == "leak"
	}
	return r.State, leak, nil
}
