package drop

import (
	"time"

	"heatwatch/internal/problem"
)

// PullConfig is a partner that runs an SFTP server of its own.
type PullConfig struct {
	Partner    string
	Host       string // host or host:port; port 22 if none is given
	User       string
	Key        string // file with our private key, mode 0600
	KnownHosts string // file with the server's key: OpenSSH's known_hosts, hashed or not
	Path       string // the folder there that holds incoming/ and receipts/

	// Known tells which drops have been taken before, by the SHA-256 (hex) of their
	// manifest, though their folder may be gone. nil: only what lies in the folder counts.
	Known func(drop string) (manifestSHA256 string, ok bool)
}

// Limits bounds what a partner's server can make us do. Zero means the default.
type Limits struct {
	FileBytes int64         // of one file; default 8 GiB
	DropBytes int64         // of one drop; default 32 GiB
	RunBytes  int64         // of one call; default 64 GiB
	Drops     int           // folders in incoming; default 5,000
	Files     int           // in one drop; default 200
	Login     time.Duration // default 30 s
	Silence   time.Duration // without a byte from the other side; default 2 min
}

func (l Limits) withDefaults() Limits {
	def(&l.FileBytes, 8<<30)
	def(&l.DropBytes, 32<<30)
	def(&l.RunBytes, 64<<30)
	def(&l.Drops, 5_000)
	def(&l.Files, 200)
	def(&l.Login, 30*time.Second)
	def(&l.Silence, 2*time.Minute)
	return l
}

// Pulled is what a call of Pull did.
type Pulled struct {
	Drops    []string // now complete here, by name
	Problems []error  // drops that were left out, each a *problem.Problem
}

// Pushed is what a call of PushReceipts did.
type Pushed struct {
	Receipts []string // files that are there now and were not before
	Problems []error
}

func (c PullConfig) check() error {
	for _, f := range []struct{ name, value string }{
		{"host", c.Host}, {"user", c.User}, {"key", c.Key}, {"known_hosts", c.KnownHosts},
	} {
		if f.value == "" {
			return problem.New(problem.Usage, "sftp.pull", f.name+" is empty", "set it in heatwatch.yaml")
		}
	}
	if !ValidName(c.Partner) {
		return problem.New(problem.Usage, "sftp.pull", "partner is not the name of a partner", "set it to a name from heatwatch partner list")
	}
	return nil
}
