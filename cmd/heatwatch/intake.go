package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"heatwatch/etl/drop"
	"heatwatch/etl/partner"
	"heatwatch/internal/chainlog"
	"heatwatch/internal/durable"
	"heatwatch/internal/settings"
)

// listen makes the SFTP server of a home.
func (c *command) listen(h *house) (*drop.Server, error) {
	if err := durable.MkdirAll(h.fs, h.SFTPLogs(), 0o700); err != nil {
		return nil, err
	}
	quota, times := limits(h.settings.SFTP.Limits)
	return drop.Listen(drop.Config{Listen: h.settings.SFTP.Listen, HostKey: hostKeyFile(h.Home), Root: h.SFTP(), Partners: h.areas, Quota: quota, Times: times,
		Log: c.log(), Now: func() time.Time { return h.now().In(h.zone) },
		Audit: func(name string, e drop.Event) error {
			return chainlog.Append(h.fs, filepath.Join(h.SFTPLogs(), name+drop.AuditSuffix), e)
		}})
}

// grace is how long open SFTP sessions may go on after SIGTERM.
const grace = 3 * time.Second

func limits(l settings.Limits) (drop.Quota, drop.Times) {
	return drop.Quota{FileBytes: l.FileMiB << 20, DropBytes: l.DropMiB << 20, DayBytes: l.DayMiB << 20, AreaBytes: l.AreaMiB << 20, AreaFiles: l.AreaFiles, DayEvents: l.DayEvents,
			Connections: l.Connections, PartnerConnections: l.PartnerConnections, AddressConnections: l.AddressConnections, Logins: l.Logins, AuthTries: l.AuthTries,
			Handles: l.Handles, PathBytes: l.PathBytes, Listing: l.Listing},
		drop.Times{Login: time.Duration(l.LoginSeconds) * time.Second, Idle: time.Duration(l.IdleMinutes) * time.Minute, Grace: grace}
}

// areas lists who may log in; it is asked at every login, so that a key that was revoked opens nothing any more.
func (h *house) areas() ([]drop.PartnerKeys, error) {
	names, err := partner.List(h.Partners())
	if err != nil {
		return nil, err
	}
	var all []drop.PartnerKeys
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(h.Partners(), n+".keys"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		all = append(all, drop.PartnerKeys{Name: n, AuthorizedKeys: b})
	}
	return all, nil
}
