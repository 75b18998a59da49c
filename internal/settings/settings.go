// Package settings reads a home's configuration: the file strictly, with line and column, then the environment, then
// flags. Nothing unknown passes: a mistyped setting must not mean its default.
package settings

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/viper"

	"heatwatch/internal/nearest"
	"heatwatch/internal/problem"
)

// Settings is heatwatch.yaml. The commented file that `init` writes is the manual; Template holds it.
type Settings struct {
	Timezone string  `yaml:"timezone" mapstructure:"timezone"`
	SFTP     SFTP    `yaml:"sftp" mapstructure:"sftp"`
	Health   Health  `yaml:"health" mapstructure:"health"`
	Nightly  Nightly `yaml:"nightly" mapstructure:"nightly"`
	Backup   Backup  `yaml:"backup" mapstructure:"backup"`
	Hooks    Hooks   `yaml:"hooks" mapstructure:"hooks"`
	Access   Access  `yaml:"access" mapstructure:"access"`
	Privacy  Privacy `yaml:"privacy" mapstructure:"privacy"`
	Site     Site    `yaml:"site" mapstructure:"site"`
}

// SFTP is where partners drop their extracts, and where we fetch those of partners with a server of their own.
type SFTP struct {
	Listen  string `yaml:"listen" mapstructure:"listen"`
	Address string `yaml:"address" mapstructure:"address"` // as partners reach it; default: listen
	Pull    []Pull `yaml:"pull" mapstructure:"pull"`
	Limits  Limits `yaml:"limits" mapstructure:"limits"`
}

// Limits bounds what partners and strangers can take up at the SFTP server. All are above 0.
type Limits struct {
	Connections        int   `yaml:"connections" mapstructure:"connections"`
	PartnerConnections int   `yaml:"partner_connections" mapstructure:"partner_connections"`
	AddressConnections int   `yaml:"address_connections" mapstructure:"address_connections"`
	Logins             int   `yaml:"logins" mapstructure:"logins"`
	AuthTries          int   `yaml:"auth_tries" mapstructure:"auth_tries"`
	LoginSeconds       int   `yaml:"login_seconds" mapstructure:"login_seconds"`
	IdleMinutes        int   `yaml:"idle_minutes" mapstructure:"idle_minutes"`
	Handles            int   `yaml:"handles" mapstructure:"handles"`
	PathBytes          int   `yaml:"path_bytes" mapstructure:"path_bytes"`
	Listing            int   `yaml:"listing" mapstructure:"listing"`
	FileMiB            int64 `yaml:"file_mib" mapstructure:"file_mib"`
	DropMiB            int64 `yaml:"drop_mib" mapstructure:"drop_mib"`
	DayMiB             int64 `yaml:"day_mib" mapstructure:"day_mib"`
	AreaMiB            int64 `yaml:"area_mib" mapstructure:"area_mib"`
	AreaFiles          int   `yaml:"area_files" mapstructure:"area_files"`
	DayEvents          int   `yaml:"day_events" mapstructure:"day_events"`
}

// Pull is one remote OpenSSH server.
type Pull struct {
	Partner    string `yaml:"partner" mapstructure:"partner"`
	Host       string `yaml:"host" mapstructure:"host"`
	User       string `yaml:"user" mapstructure:"user"`
	Key        string `yaml:"key" mapstructure:"key"`
	KnownHosts string `yaml:"known_hosts" mapstructure:"known_hosts"`
	Path       string `yaml:"path" mapstructure:"path"`
}

// Health is the endpoint that a monitor asks.
type Health struct {
	Listen string `yaml:"listen" mapstructure:"listen"`
}

// Nightly is when the nightly runs, and how many generations it keeps.
type Nightly struct {
	Schedule string `yaml:"schedule" mapstructure:"schedule"`
	Keep     int    `yaml:"keep" mapstructure:"keep"`
	Months   int    `yaml:"keep_months" mapstructure:"keep_months"` // whose last generation is kept, too
}

// Backup is about copies of the home.
type Backup struct {
	Recipient string `yaml:"recipient" mapstructure:"recipient"` // public key of age to which they are sealed
}

// Hooks are commands that the nightly runs: program by its full path, then arguments. Empty: none.
type Hooks struct {
	Alert           []string `yaml:"alert" mapstructure:"alert"`
	Heartbeat       []string `yaml:"heartbeat" mapstructure:"heartbeat"`
	QuarantineShare float64  `yaml:"quarantine_share" mapstructure:"quarantine_share"`
}

// Access is about the log of who looked at what is known about persons.
type Access struct {
	RequireReason bool `yaml:"require_reason" mapstructure:"require_reason"`
}

// Privacy is read by init and fixed in the ledger's first entry, but for witness.
type Privacy struct {
	LifetimeEpsilon float64  `yaml:"lifetime_epsilon" mapstructure:"lifetime_epsilon"`
	Delta           float64  `yaml:"delta" mapstructure:"delta"`
	Plan            string   `yaml:"plan" mapstructure:"plan"`
	Witness         []string `yaml:"witness" mapstructure:"witness"`
}

// Site is about the public pages.
type Site struct {
	Languages []string `yaml:"languages" mapstructure:"languages"`
}

// defaults by key, in the order of the file.
var defaults = []struct {
	key   string
	value any
}{
	{"timezone", "America/Los_Angeles"},
	{"sftp.listen", "127.0.0.1:2022"},
	{"sftp.address", ""},
	{"sftp.pull", []Pull{}},
	{"sftp.limits.connections", 128},
	{"sftp.limits.partner_connections", 8},
	{"sftp.limits.address_connections", 32},
	{"sftp.limits.logins", 64},
	{"sftp.limits.auth_tries", 6},
	{"sftp.limits.login_seconds", 30},
	{"sftp.limits.idle_minutes", 10},
	{"sftp.limits.handles", 64},
	{"sftp.limits.path_bytes", 512},
	{"sftp.limits.listing", 20_000},
	{"sftp.limits.file_mib", 8 << 10},
	{"sftp.limits.drop_mib", 32 << 10},
	{"sftp.limits.day_mib", 64 << 10},
	{"sftp.limits.area_mib", 64 << 10},
	{"sftp.limits.area_files", 20_000},
	{"sftp.limits.day_events", 50_000},
	{"health.listen", "127.0.0.1:2023"},
	{"nightly.schedule", "15 2 * * *"},
	{"nightly.keep", 7},
	{"nightly.keep_months", 12},
	{"backup.recipient", ""},
	{"hooks.alert", []string{}},
	{"hooks.heartbeat", []string{}},
	{"hooks.quarantine_share", 0.1},
	{"access.require_reason", false},
	{"privacy.lifetime_epsilon", 4.0},
	{"privacy.delta", 1e-6},
	{"privacy.plan", "county"},
	{"privacy.witness", []string{}},
	{"site.languages", []string{"en", "es"}},
}

// Keys lists every setting.
func Keys() []string {
	var all []string
	for _, d := range defaults {
		all = append(all, d.key)
	}
	return all
}

// Load reads the file (which may be absent: path "") and the environment.
func Load(path string, env map[string]string) (Settings, error) {
	v := viper.New()
	for _, d := range defaults {
		v.SetDefault(d.key, d.value)
	}
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return Settings{}, problem.Wrap(err, problem.Usage, path, "the settings cannot be read", "run `heatwatch init`, or check the permissions")
		}
		if err := strict(path, b); err != nil {
			return Settings{}, err
		}
		v.SetConfigType("yaml")
		v.SetConfigFile(path)
		if err := v.ReadInConfig(); err != nil {
			return Settings{}, problem.Wrap(err, problem.Usage, path, "the settings cannot be read", "compare the file with the one that `heatwatch init` writes")
		}
	}
	if err := environment(v, env); err != nil {
		return Settings{}, err
	}
	var s Settings
	if err := v.UnmarshalExact(&s); err != nil {
		return s, problem.New(problem.Usage, path, "a setting has the wrong kind of value", "compare the file with the one that `heatwatch init` writes")
	}
	if s.SFTP.Address == "" {
		s.SFTP.Address = s.SFTP.Listen
	}
	return s, s.check(path)
}

const prefix = "HEATWATCH_"

// ours are variables that are no settings.
var ours = []string{"HEATWATCH_HOME", "HEATWATCH_NOW"}

func variable(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// environment lays HEATWATCH_SECTION_KEY over the file and refuses variables that mean nothing.
func environment(v *viper.Viper, env map[string]string) error {
	known := slices.Clone(ours)
	for _, k := range Keys() {
		known = append(known, variable(k))
		value, ok := env[variable(k)]
		if !ok {
			continue
		}
		switch v.Get(k).(type) {
		case []string, []any:
			v.Set(k, strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }))
		case []Pull:
			return problem.New(problem.Usage, variable(k), "a list of servers cannot be given in the environment", "put it into the file")
		default:
			v.Set(k, value)
		}
	}
	var all []string
	for k := range env {
		all = append(all, k)
	}
	slices.Sort(all)
	for _, k := range all {
		if strings.HasPrefix(k, prefix) && !slices.Contains(known, k) {
			return unknown(k, nearest.Name(k, known))
		}
	}
	return nil
}

func unknown(name, near string) error {
	do := "the settings are " + strings.Join(Keys(), ", ")
	if near != "" {
		do = "did you mean " + near + "?"
	}
	return problem.New(problem.Usage, name, "unknown setting", do)
}

var unknownField = regexp.MustCompile(`\[(\d+):(\d+)\] unknown field "([^"]*)"`)
var placed = regexp.MustCompile(`^\[(\d+):(\d+)\] (.*)`)

// strict finds settings that do not exist or have the wrong type, with line and column.
func strict(path string, b []byte) error {
	var s Settings
	err := yaml.UnmarshalWithOptions(b, &s, yaml.Strict(), yaml.DisallowUnknownField())
	if err == nil {
		return nil
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	if m := unknownField.FindStringSubmatch(first); m != nil {
		where := fmt.Sprintf("%s:%s:%s", path, m[1], m[2])
		near := nearestField(m[3], s)
		p := unknown(where, near).(*problem.Problem)
		p.What = "unknown setting " + m[3]
		return p
	}
	var where, what = path, "the file is not readable as settings"
	if m := placed.FindStringSubmatch(first); m != nil {
		where, what = fmt.Sprintf("%s:%s:%s", path, m[1], m[2]), m[3]
	}
	return problem.Wrap(err, problem.Usage, where, what, "compare the line with the file that `heatwatch init` writes")
}

// nearestField looks among all names of settings, with and without their section.
func nearestField(name string, s Settings) string {
	byLast := map[string]string{}
	var names []string
	add := func(n, full string) {
		byLast[n] = full
		names = append(names, n)
	}
	for _, k := range Keys() {
		add(k, k)
		if dot := strings.LastIndexByte(k, '.'); dot >= 0 {
			add(k[dot+1:], k)
			add(k[:dot], k[:dot])
		}
	}
	t := reflect.TypeFor[Pull]()
	for i := range t.NumField() {
		n := t.Field(i).Tag.Get("yaml")
		add(n, n)
	}
	return byLast[nearest.Name(name, names)]
}
