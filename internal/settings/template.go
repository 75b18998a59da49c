package settings

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Template is the commented file that init writes: every setting with its default, and what goes wrong without it.
func Template(s Settings) []byte {
	list := func(l []string) string { return "[" + strings.Join(l, ", ") + "]" }
	quoted := func(l []string) string {
		b, err := json.Marshal(append([]string{}, l...)) // a list in JSON is one in YAML
		if err != nil {
			panic(err) // strings always can
		}
		return string(b)
	}
	l := s.SFTP.Limits
	return fmt.Appendf(nil, `# Settings of this warehouse home. Every setting has a default; an unknown one is an error.
# A variable HEATWATCH_SECTION_KEY (HEATWATCH_SFTP_LISTEN) goes before this file, a flag before both.

# Turns instants into dates and quarters. It cannot change once data is loaded: the dates are stored.
timezone: %s

sftp:
  # Where partners drop their extracts. Loopback by default; a public address needs a firewall and a host name below.
  listen: %s
  # The address that partner kits name, if it is not the one above.
  address: %q
  # Servers of partners from which the nightly fetches drops. A server whose key is not in known_hosts is not asked.
  # - {partner: court-a, host: "sftp.example.org:22", user: heat, key: keys/court-a, known_hosts: keys/court-a.hosts, path: outbox}
  pull: []
  # What partners and strangers can take up. A limit that is reached stands in the log, and the client is told.
  limits:
    # Connections at the same time: of all, of one partner, from one address (agencies behind one proxy share it; of IPv6
    # one /64), and of those who have not logged in.
    connections: %d
    partner_connections: %d
    address_connections: %d
    logins: %d
    # Keys that one connection may try, and how long it may take to log in.
    auth_tries: %d
    login_seconds: %d
    # Closed without a whole packet for so long; open files of one connection; length of a path; entries of a listing.
    idle_minutes: %d
    handles: %d
    path_bytes: %d
    listing: %d
    # Mebibytes: of one file, of one drop, sent by one partner in one day, and lying in one partner's area.
    file_mib: %d
    drop_mib: %d
    day_mib: %d
    area_mib: %d
    # Files and folders in one area; logins, uploads and other commands of one partner in one day.
    area_files: %d
    day_events: %d

health:
  # While serve runs: /healthz answers "ok", /readyz how the last night went, without partners. Loopback only.
  listen: %s

nightly:
  # Five fields as for cron, in the time zone above.
  schedule: %q
  # How many generations of the lake are kept, and of how many months before this one the last.
  keep: %d
  keep_months: %d

backup:
  # Public key of age (age1...) to which `+"`heatwatch backup`"+` seals its files. The other half is kept somewhere else, never here.
  recipient: %q

hooks:
  # Commands that the nightly runs, at most 30 seconds each: full path, then arguments, as a list. No shell reads them.
  # alert: an agency is late, a night failed, or more than quarantine_share of an agency's rows were put aside. Its last two
  # arguments are the partner ("-" where it is about the night) and a code: not_fresh, quarantine_high, drop_refused, night_failed.
  alert: %s
  # heartbeat: after every nightly; its last argument is done, put_aside or failed. A monitor that hears nothing should call you.
  heartbeat: %s
  quarantine_share: %s

access:
  # Commands that show or change single rows or files of persons write who ran them, when and why into logs/access.jsonl.
  # With true they want a --reason.
  require_reason: %t

privacy:
  # Read by init and fixed in the ledger's first entry; later only `+"`heatwatch budget amend`"+` changes them.
  # The most that one person can lose over all releases ever. Above 10 the figures are not private, and every page says so.
  lifetime_epsilon: %s
  delta: %s
  plan: %s
  # Where else the ledger's head is kept: files or folders of published sites. This one may change at any time.
  witness: %s

site:
  languages: %s
`, s.Timezone, s.SFTP.Listen, "",
		l.Connections, l.PartnerConnections, l.AddressConnections, l.Logins, l.AuthTries, l.LoginSeconds, l.IdleMinutes, l.Handles, l.PathBytes, l.Listing,
		l.FileMiB, l.DropMiB, l.DayMiB, l.AreaMiB, l.AreaFiles, l.DayEvents,
		s.Health.Listen, s.Nightly.Schedule, s.Nightly.Keep, s.Nightly.Months, s.Backup.Recipient, quoted(s.Hooks.Alert), quoted(s.Hooks.Heartbeat), fmt.Sprint(s.Hooks.QuarantineShare), s.Access.RequireReason, fmt.Sprint(s.Privacy.LifetimeEpsilon), fmt.Sprint(s.Privacy.Delta), s.Privacy.Plan, list(s.Privacy.Witness), list(s.Site.Languages))
}
