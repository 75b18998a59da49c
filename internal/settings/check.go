package settings

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"time"

	"heatwatch/internal/problem"
	"heatwatch/internal/schedule"
)

// check looks at values that have the right kind and cannot be meant.
func (s Settings) check(path string) error {
	bad := func(key, what, do string) error { return problem.New(problem.Usage, where(path, key), what, do) }
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "" {
		return bad("timezone", "there is no such time zone", "use a name such as America/Los_Angeles")
	}
	if !(s.Privacy.LifetimeEpsilon > 0 && s.Privacy.LifetimeEpsilon <= 1e6) {
		return bad("privacy.lifetime_epsilon", "it must be above 0 and at most 1000000", "4 is the default")
	}
	if !(s.Privacy.Delta > 0 && s.Privacy.Delta <= 1e-3) {
		return bad("privacy.delta", "it must be above 0 and at most 0.001", "0.000001 is the default")
	}
	if _, err := schedule.Parse(s.Nightly.Schedule, time.UTC); err != nil {
		return bad("nightly.schedule", "this is no schedule, or never due", "write five fields as for cron: 15 2 * * *")
	}
	if s.Nightly.Keep < 1 {
		return bad("nightly.keep", "at least one generation is kept", "7 is the default")
	}
	if s.Nightly.Months < 0 {
		return bad("nightly.keep_months", "it cannot be negative", "12 is the default, 0 keeps nights alone")
	}
	if !loopback(s.Health.Listen) {
		return bad("health.listen", "the health address is for this machine only", "use 127.0.0.1:PORT, and a proxy if others must ask")
	}
	for key, argv := range map[string][]string{"hooks.alert": s.Hooks.Alert, "hooks.heartbeat": s.Hooks.Heartbeat} {
		if len(argv) > 0 && !filepath.IsAbs(argv[0]) {
			return bad(key, "the program is not named by its full path", `write a list: ["/usr/local/bin/alert", "argument"]`)
		}
	}
	if !(s.Hooks.QuarantineShare > 0 && s.Hooks.QuarantineShare <= 1) {
		return bad("hooks.quarantine_share", "a share is above 0 and at most 1", "0.1 is the default")
	}
	limits := reflect.ValueOf(s.SFTP.Limits)
	for i := range limits.NumField() {
		if n := limits.Field(i).Int(); n < 1 || n > maxLimit {
			return bad("sftp.limits."+limits.Type().Field(i).Tag.Get("yaml"), "a limit is a number above 0", "take the line out for the default")
		}
	}
	for i, p := range s.SFTP.Pull {
		if p.Partner == "" || p.Host == "" || p.User == "" || p.Key == "" || p.KnownHosts == "" {
			return bad(fmt.Sprintf("sftp.pull[%d]", i), "partner, host, user, key and known_hosts are needed", "a server whose key is not pinned is not asked")
		}
	}
	for _, l := range s.Site.Languages {
		if l != "en" && l != "es" {
			return bad("site.languages", "this language is not offered", "use en, es")
		}
	}
	return nil
}

// loopback reports whether an address is one that only this machine reaches.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// maxLimit keeps mebibytes countable in bytes, and seconds in nanoseconds.
const maxLimit = 1 << 30

func where(path, key string) string {
	if path == "" {
		return key
	}
	return path + ": " + key
}
