package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/problem"
)

func write(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "heatwatch.yaml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheCommentedFileIsTheDefaults(t *testing.T) {
	d, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(Template(d))
	got, err := Load(write(t, text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Privacy.LifetimeEpsilon != 4 || got.Privacy.Delta != 1e-6 || got.Timezone != d.Timezone || got.SFTP.Address != d.SFTP.Listen || got.Nightly != d.Nightly || got.SFTP.Limits != d.SFTP.Limits {
		t.Errorf("the file means %+v", got)
	}
	for _, k := range Keys() {
		last := k[strings.LastIndex(k, ".")+1:]
		if !strings.Contains(text, last+":") {
			t.Errorf("the file does not mention %s", k)
		}
	}
}

func TestUnknownSettingsAreErrorsWithTheirPlace(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a typo":              {"privacy:\n  lifetme_epsilon: 5\n", "heatwatch.yaml:2:3: unknown setting lifetme_epsilon: did you mean privacy.lifetime_epsilon?"},
		"a typo of a section": {"timezon: UTC\n", "did you mean timezone?"},
		"a wrong type":        {"nightly:\n  keep: many\n", "heatwatch.yaml:2:9"},
		"no such zone":        {"timezone: Atlantis/Centre\n", "there is no such time zone"},
		"no schedule":         {"nightly: {schedule: \"at night\"}\n", "this is no schedule"},
		"epsilon of nothing":  {"privacy: {lifetime_epsilon: 0}\n", "must be above 0"},
		"epsilon beyond":      {"privacy: {lifetime_epsilon: 2000000}\n", "at most 1000000"},
		"a limit of nothing":  {"sftp: {limits: {handles: 0}}\n", "sftp.limits.handles: a limit is a number above 0"},
		"a limit below":       {"sftp: {limits: {day_mib: -1}}\n", "sftp.limits.day_mib"},
		"a typo of a limit":   {"sftp: {limits: {hadnles: 5}}\n", "did you mean sftp.limits.handles?"},
		"never due":           {"nightly: {schedule: \"0 0 31 2 *\"}\n", "never due"},
		"a zone of its own":   {"nightly: {schedule: \"TZ=UTC 15 2 * * *\"}\n", "this is no schedule"},
		"health for all":      {"health: {listen: \"0.0.0.0:2023\"}\n", "this machine only"},
		"a hook in the path":  {"hooks: {alert: [mail, me]}\n", "full path"},
		"a hook as a line":    {"hooks: {alert: \"/bin/mail me\"}\n", "heatwatch.yaml:1:16"},
		"a share of nothing":  {"hooks: {quarantine_share: 0}\n", "above 0"},
		"a server unpinned":   {"sftp: {pull: [{partner: a, host: h, user: u, key: k}]}\n", "known_hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, c.text), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || problem.ExitCode(err) != problem.Usage {
				t.Errorf("got %v (exit %d), want %q", err, problem.ExitCode(err), c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestTheEnvironmentGoesBeforeTheFile(t *testing.T) {
	p := write(t, "privacy: {lifetime_epsilon: 5}\nsite: {languages: [en]}\n")
	s, err := Load(p, map[string]string{"HEATWATCH_PRIVACY_LIFETIME_EPSILON": "500000", "HEATWATCH_SITE_LANGUAGES": "es,en", "HEATWATCH_HOME": "x", "PATH": "y"})
	if err != nil || s.Privacy.LifetimeEpsilon != 500000 || strings.Join(s.Site.Languages, " ") != "es en" {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = Load(p, map[string]string{"HEATWATCH_PRIVACY_LIFETIME_EPSILN": "1"})
	if err == nil || !strings.Contains(err.Error(), "did you mean HEATWATCH_PRIVACY_LIFETIME_EPSILON?") {
		t.Errorf("a mistyped variable: %v", err)
	}
	if _, err := Load(p, map[string]string{"HEATWATCH_PRIVACY_LIFETIME_EPSILON": "much"}); problem.ExitCode(err) != problem.Usage {
		t.Errorf("a variable that is no number: %v", err)
	}
}
