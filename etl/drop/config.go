package drop

import (
	"log/slog"
	"time"
)

// Config is what a Server needs. Zero quotas and times mean the defaults.
type Config struct {
	Listen   string                        // address, "127.0.0.1:2022"; port 0 takes a free one
	HostKey  string                        // file with the private key, mode 0600: see CreateHostKey
	Root     string                        // the folder that holds the areas; must exist
	Partners func() ([]PartnerKeys, error) // who may log in; asked at each login
	Quota    Quota
	Times    Times
	Log      *slog.Logger // nil: no log
	// Audit adds a line to the audit log of a partner; nil: none is kept. Where it
	// fails nobody gets in.
	Audit func(partner string, e Event) error
	// Now is the clock, nil for the system's. Days turn and keys end in its zone.
	Now func() time.Time
}

// Quota bounds what partners can take up.
type Quota struct {
	FileBytes          int64 // of one file; default 8 GiB
	DropBytes          int64 // of one drop; default 32 GiB
	DayBytes           int64 // sent in one day by one partner, also over what is there; default 64 GiB
	AreaBytes          int64 // of everything in one incoming folder; default 64 GiB
	AreaFiles          int   // files and folders in one incoming folder; default 20,000
	DayEvents          int   // logins, uploads and other commands of one partner in one day; default 50,000
	DayFailures        int   // failed logins of one partner in one day that have a line in its audit log; default 1,000
	Connections        int   // at the same time, of all; default 128
	PartnerConnections int   // at the same time, of one partner; default 8
	AddressConnections int   // at the same time, from one address (IPv6: one /64); default 32
	Logins             int   // connections that have not proved who they are; default 64
	AuthTries          int   // keys that one connection may try; default 6
	Handles            int   // open files and listings of one session; default 64
	PathBytes          int   // of a path from a client; default 512
	Listing            int   // entries of one listing, the last names if there are more; default 20,000
}

// Times bounds how long partners can take.
type Times struct {
	Login time.Duration // from connection to session; default 30 s
	Idle  time.Duration // without a whole SFTP packet in either direction; default 10 min
	Grace time.Duration // after the end of the context, for sessions to finish; default 5 s
}

func (q Quota) withDefaults() Quota {
	def(&q.FileBytes, 8<<30)
	def(&q.DropBytes, 32<<30)
	def(&q.DayBytes, 64<<30)
	def(&q.AreaBytes, 64<<30)
	def(&q.AreaFiles, 20_000)
	def(&q.DayEvents, 50_000)
	def(&q.DayFailures, 1_000)
	def(&q.Connections, 128)
	def(&q.PartnerConnections, 8)
	def(&q.AddressConnections, 32)
	def(&q.Logins, 64)
	def(&q.AuthTries, 6)
	def(&q.Handles, 64)
	def(&q.PathBytes, 512)
	def(&q.Listing, 20_000)
	return q
}

func (t Times) withDefaults() Times {
	def(&t.Login, 30*time.Second)
	def(&t.Idle, 10*time.Minute)
	def(&t.Grace, 5*time.Second)
	return t
}

func def[T int | int64 | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}
