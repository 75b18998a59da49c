package partner

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Kit is what an agency holds: who it is, what was agreed, its own key and the linkage key.
type Kit struct {
	Dir       string // where it was read from; keymaps/ lies there
	Home      string // id of the home
	Demo      bool   // the home is a demonstration: the clock may be set
	Partner   string
	Kind      string
	Address   string // host:port of the SFTP server
	Timezone  string
	HostKey   string // the server's public key, one OpenSSH line
	StartsOn  models.Date
	Agreement Agreement
	AgencyKey Secret
	Linkage   []LinkageKey // of each epoch in use
	SealTo    string       // age recipient: persons leave the agency sealed to the home
}

// Location is the time zone of the home.
func (k Kit) Location() (*time.Location, error) { return time.LoadLocation(k.Timezone) }

// Keymaps is the folder in which the agency finds its own rows again.
func (k Kit) Keymaps() string { return filepath.Join(k.Dir, "keymaps") }

type kitFile struct {
	Schema    int         `json:"schema"`
	Home      string      `json:"home"`
	Demo      bool        `json:"demo"`
	Partner   string      `json:"partner"`
	Kind      string      `json:"kind"`
	Address   string      `json:"address"`
	Timezone  string      `json:"timezone"`
	StartsOn  models.Date `json:"starts_on"`
	AgencyKey string      `json:"agency_key"`
	Linkage   []epochKey  `json:"linkage_keys"`
	SealTo    string      `json:"seal_to"`
	HostKey   string      `json:"host_key"`
}

type epochKey struct {
	Epoch int    `json:"epoch"`
	Key   string `json:"key"`
}

// kitSchema: 2 has linkage keys by epoch, and whom persons are sealed to.
const kitSchema = 2

//go:embed readme.txt.tmpl
var readmeText string

var readme = template.Must(template.New("README.txt").Parse(readmeText))

// NewKit puts a kit together. keys are the home's; epochs those of the linkage keys in use.
func NewKit(keys Keys, epochs []int, sealTo, home string, demo bool, name string, a Agreement, address, timezone, hostKey string) Kit {
	a.MostPersons = 0 // the warehouse's own matter, and a word that older programs do not know
	var linkage []LinkageKey
	for _, e := range epochs {
		linkage = append(linkage, LinkageKey{e, keys.LinkageOf(e)})
	}
	return Kit{Home: home, Demo: demo, Partner: name, Kind: a.Kind, Address: address, Timezone: timezone,
		HostKey: strings.TrimSpace(hostKey), StartsOn: a.StartsOn, Agreement: a,
		AgencyKey: keys.AgencyKey(name), Linkage: linkage, SealTo: sealTo}
}

// WriteKit writes the kit to a folder that holds none; kit.json, without which it is no kit, comes last.
func WriteKit(fsys durable.FS, out string, k Kit) error {
	hosts, err := k.knownHosts()
	if err != nil {
		return err
	}
	if _, err := k.Location(); err != nil || k.Timezone == "" {
		return problem.New(problem.Usage, "timezone", "there is no such time zone", "use a name such as America/Los_Angeles")
	}
	if _, err := os.Lstat(filepath.Join(out, "kit.json")); err == nil {
		return problem.New(problem.Usage, out, "the folder holds a kit already", "choose another folder")
	}
	var text bytes.Buffer
	host, port, _ := net.SplitHostPort(k.Address)
	if err := readme.Execute(&text, map[string]any{"Partner": k.Partner, "Host": host, "Port": port, "Consented": k.Agreement.Sharing == SharingConsented, "Aggregate": k.Agreement.Sharing == SharingAggregate}); err != nil {
		return err
	}
	f := kitFile{kitSchema, k.Home, k.Demo, k.Partner, k.Kind, k.Address, k.Timezone, k.StartsOn, k.AgencyKey.hex(), nil, k.SealTo, k.HostKey}
	for _, l := range k.Linkage {
		f.Linkage = append(f.Linkage, epochKey{l.Epoch, l.Key.hex()})
	}
	body, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(fsys, out, 0o700); err != nil {
		return writeFailed(out, err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"agreement.yaml", k.Agreement.Text()}, {"known_hosts", hosts}, {"README.txt", text.Bytes()}, {"kit.json", append(body, '\n')}} {
		path := filepath.Join(out, f.name)
		write := durable.Replace // a run that was cut off may have left the first ones
		if f.name == "kit.json" {
			write = durable.Create
		}
		if err := write(fsys, path, f.data, 0o600); err != nil {
			return writeFailed(path, err)
		}
	}
	return nil
}

// knownHosts is the line with which sftp recognises the server.
func (k Kit) knownHosts() ([]byte, error) {
	host, port, err := net.SplitHostPort(k.Address)
	if err != nil || host == "" || port == "" || strings.HasPrefix(host, "-") {
		return nil, problem.New(problem.Usage, "address", "the server's address is not HOST:PORT", "write it as it is reached from the agency, for instance sftp.example.org:2022")
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k.HostKey))
	if err != nil {
		return nil, problem.New(problem.Failed, "host key", "the server's host key is no OpenSSH public key", "let `heatwatch serve` make one")
	}
	return []byte(knownhosts.Line([]string{k.Address}, key) + "\n"), nil
}

// LoadKit reads a kit. It refuses one that others may read, and one whose parts do not belong together.
func LoadKit(dir string) (Kit, error) {
	path := filepath.Join(dir, "kit.json")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Kit{}, problem.Wrap(err, problem.Usage, dir, "the folder holds no kit", "name the folder that the warehouse handed over (it has a file kit.json)")
	}
	b, err := readPrivate(path)
	if err != nil {
		return Kit{}, err
	}
	damaged := func(what string) error {
		return problem.New(problem.Usage, path, "the kit is damaged: "+what, "ask the warehouse for a new one: it gives the same pseudonyms")
	}
	var of struct {
		Schema int `json:"schema"`
	}
	if json.Unmarshal(b, &of) == nil && of.Schema != kitSchema && of.Schema != 0 {
		what := "the kit is of a later kind"
		if of.Schema < kitSchema {
			what = "the kit is older than this program: it does not say whom persons are sealed to"
		}
		return Kit{}, problem.New(problem.Usage, path, what, "ask the warehouse for a new kit, which gives the same pseudonyms, and use the program that comes with it")
	}
	var f kitFile
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil { // its text could quote a key
		return Kit{}, damaged("kit.json is not as the warehouse wrote it")
	}
	if f.Schema != kitSchema {
		return Kit{}, damaged("it does not say of which kind it is")
	}
	if !ValidName(f.Partner) {
		return Kit{}, damaged("it names no partner")
	}
	k := Kit{Dir: dir, Home: f.Home, Demo: f.Demo, Partner: f.Partner, Kind: f.Kind, Address: f.Address, Timezone: f.Timezone, HostKey: f.HostKey, StartsOn: f.StartsOn}
	if k.AgencyKey, err = parseSecret(f.AgencyKey); err != nil {
		return Kit{}, damaged("the agency's key is not readable")
	}
	for _, l := range f.Linkage {
		key, err := parseSecret(l.Key)
		if err != nil || l.Epoch < 1 {
			return Kit{}, damaged("a linkage key is not readable")
		}
		k.Linkage = append(k.Linkage, LinkageKey{l.Epoch, key})
	}
	if k.SealTo = f.SealTo; len(k.Linkage) == 0 || k.SealTo == "" {
		return Kit{}, damaged("it lacks a linkage key, or whom persons are sealed to")
	}
	if _, err := k.Location(); err != nil || k.Timezone == "" {
		return Kit{}, damaged("there is no such time zone")
	}
	agreement := filepath.Join(dir, "agreement.yaml")
	text, err := os.ReadFile(agreement)
	if err != nil {
		return Kit{}, problem.Wrap(err, problem.Usage, agreement, "the agreement is missing from the kit", "ask the warehouse for a new one")
	}
	if k.Agreement, err = ParseAgreement(agreement, text); err != nil {
		return Kit{}, err
	}
	return k, nil
}
