package settings

import (
	"fmt"
	"strings"
)

// Template is the commented file that init writes: every setting with its default, and what goes wrong without it.
func Template(s Settings) []byte {
	list := func(l []string) string { return "[" + strings.Join(l, ", ") + "]" }
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

health:
  # Answers "ok" while serve runs. Keep it on loopback.
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
`, s.Timezone, s.SFTP.Listen, "", s.Health.Listen, s.Nightly.Schedule, s.Nightly.Keep, s.Nightly.Months, s.Backup.Recipient, fmt.Sprint(s.Privacy.LifetimeEpsilon), fmt.Sprint(s.Privacy.Delta), s.Privacy.Plan, list(s.Privacy.Witness), list(s.Site.Languages))
}
