package drop

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// CreateHostKey makes the server's key, once; fs.ErrExist if there is one.
// random is crypto/rand.Reader, except in tests.
func CreateHostKey(fsys durable.FS, path string, random io.Reader) error {
	seed := make([]byte, ed25519.SeedSize) // drawn here: GenerateKey may ignore a reader that tests pass
	if _, err := io.ReadFull(random, seed); err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(seed), "heatwatch sftp")
	if err != nil {
		return err
	}
	return durable.Create(fsys, path, pem.EncodeToMemory(block), 0o600)
}

// HostKey returns the public half of the server's key.
func HostKey(path string) (ssh.PublicKey, error) {
	signer, err := readPrivateKey(path, "the SFTP server's key")
	if err != nil {
		return nil, err
	}
	return signer.PublicKey(), nil
}

// KnownHostsLine is what a partner puts into known_hosts. address is host or
// host:port.
func KnownHostsLine(address string, key ssh.PublicKey) string {
	return knownhosts.Line([]string{knownhosts.Normalize(address)}, key)
}

// readPrivateKey reads a private key that nobody else can read.
func readPrivateKey(path, what string) (ssh.Signer, error) {
	name := filepath.Base(path)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.Wrap(err, problem.Usage, name, what+" is not there", "check the path, or make it with ssh-keygen -t ed25519")
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, name, what+" cannot be read", "check who may read it")
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, problem.New(problem.Usage, name, fmt.Sprintf("%s can be read by others (mode %04o)", what, info.Mode().Perm()), "chmod 600 it; if others had access to it, make a new one")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, name, what+" cannot be read", "check who may read it")
	}
	signer, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return nil, problem.New(problem.Usage, name, what+" has a passphrase, which nobody can type at night", "make one without for this purpose alone")
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, name, what+" is not a private key as OpenSSH writes it", "make it with ssh-keygen -t ed25519")
	}
	return signer, nil
}
