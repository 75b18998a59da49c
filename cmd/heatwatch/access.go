package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"heatwatch/etl/drop"
	"heatwatch/etl/lake"
	"heatwatch/internal/chainlog"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

// access is a line of the access log: who looked at, or changed, what is known about persons. It counts what was named
// and does not repeat it.
type access struct {
	Time     string `json:"time"` // RFC 3339, UTC
	Command  string `json:"command"`
	User     string `json:"user"`
	UID      int    `json:"uid"`
	Login    string `json:"login,omitempty"` // uid of the login behind sudo or su, where the kernel keeps it
	Partners int    `json:"partners,omitempty"`
	Files    int    `json:"files,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// named is how many partners and persons' files a command named.
type named struct{ Partners, Files int }

const maxReason = 500 // bytes

// accessed writes a line into the access log, before anything is shown or changed: where it cannot be written, nothing
// is. A command that the log covers has the flag of reasonFlag.
func (h *house) accessed(command, reason string, what ...named) error {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "" && h.settings.Access.RequireReason:
		return problem.New(problem.Usage, command, "this home wants a reason for it", "say why: --reason TEXT, without a name")
	case len(reason) > maxReason || !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl):
		return problem.New(problem.Usage, "--reason", "it is too long, or no plain text", "say it in one line")
	}
	a := access{Time: h.now().UTC().Format(time.RFC3339), Command: command, UID: os.Getuid(), Login: loginUID(), Reason: reason}
	if u, err := user.Current(); err == nil {
		a.User = u.Username
	}
	for _, w := range what {
		a.Partners += w.Partners
		a.Files += w.Files
	}
	err := durable.MkdirAll(h.fs, h.Logs(), 0o700)
	if err == nil {
		err = chainlog.Append(h.fs, h.AccessLog(), a)
	}
	if err != nil {
		return problem.Wrap(err, problem.Failed, h.AccessLog(), "the access log cannot be written, so nothing is shown or changed", "check owner, mode and the room on the disk; run as the home's user")
	}
	return nil
}

// reasonFlag gives a command that the access log covers its flag.
func reasonFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("reason", "", "why, for the access log; no names")
}

// loginUID is who logged in at first; sudo and su do not change it. Empty where nobody did.
func loginUID() string {
	b, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return ""
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	if err != nil || n == 1<<32-1 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// logDamage checks the chain of every log of a home.
func logDamage(h home.Home) ([]lake.Damage, error) {
	paths := []string{h.AccessLog()}
	for _, pattern := range []string{"*" + drop.AuditSuffix, "*" + drop.AuditSuffix + chainlog.HeadSuffix} {
		more, err := filepath.Glob(filepath.Join(h.SFTPLogs(), pattern))
		if err != nil {
			return nil, err
		}
		paths = append(paths, more...)
	}
	var all []lake.Damage
	seen := map[string]bool{}
	for _, p := range paths {
		p = strings.TrimSuffix(p, chainlog.HeadSuffix)
		if seen[p] {
			continue
		}
		seen[p] = true
		found, err := chainlog.Verify(p)
		if err != nil {
			return nil, problem.Wrap(err, problem.Failed, p, "the log cannot be read", "check the permissions")
		}
		where, err := filepath.Rel(h.Dir, p)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			all = append(all, lake.Damage{What: f.String(), Where: where,
				Restore: "find out who did that; keep the log and its .head elsewhere, and a new one begins"})
		}
	}
	return all, nil
}
