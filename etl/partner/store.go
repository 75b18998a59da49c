package partner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// ValidName reports whether a partner may have that name: it is a folder, an SFTP user and a word in reports.
func ValidName(name string) bool { return namePattern.MatchString(name) }

func checkName(name string) error {
	if !ValidName(name) {
		return problem.New(problem.Usage, "", "a partner's name has 1 to 40 of a-z, 0-9 and -, and does not begin with -", "choose another name")
	}
	return nil
}

func agreementPath(dir, name string) string { return filepath.Join(dir, name+".yaml") }

// Load reads one agreement.
func Load(dir, name string) (Agreement, error) {
	if err := checkName(name); err != nil {
		return Agreement{}, err
	}
	path := agreementPath(dir, name)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		known, _ := List(dir)
		return Agreement{}, problem.Wrap(err, problem.Usage, "", "there is no partner "+name, hintOr(didYouMean(name, known), "`heatwatch partner list` shows the partners"))
	case err != nil:
		return Agreement{}, problem.Wrap(err, problem.Failed, path, "the agreement cannot be read", "check the permissions")
	}
	return ParseAgreement(path, b)
}

// List returns the names of all partners, in byte order.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, dir, "the folder of partners cannot be read", "check the permissions")
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok && ValidName(name) && !e.IsDir() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Add enrols a partner. A name that is taken stays as it is.
func Add(fsys durable.FS, dir, name string, a Agreement) error {
	if err := checkName(name); err != nil {
		return err
	}
	text := a.Text()
	if _, err := ParseAgreement(name+".yaml", text); err != nil {
		return err
	}
	if err := durable.MkdirAll(fsys, dir, 0o700); err != nil {
		return writeFailed(dir, err)
	}
	err := durable.Create(fsys, agreementPath(dir, name), text, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return problem.Wrap(err, problem.Usage, "", "there is a partner "+name+" already", "`heatwatch partner set` changes the agreement")
	}
	if err != nil {
		return writeFailed(agreementPath(dir, name), err)
	}
	return nil
}

// Set changes one field: FIELD=VALUE, where FIELD may also be columns.ENTITY or authority.ENTITY.
func Set(fsys durable.FS, dir, name, change string) (Agreement, error) {
	a, err := Load(dir, name)
	if err != nil {
		return a, err
	}
	path, value, ok := strings.Cut(change, "=")
	if !ok {
		return a, problem.New(problem.Usage, "", "a change is written FIELD=VALUE", "the fields are "+strings.Join(fieldNames(), ", "))
	}
	if err := a.set(strings.TrimSpace(path), strings.TrimSpace(value)); err != nil {
		return a, placed("", err)
	}
	if _, err := ParseAgreement(name, a.Text()); err != nil { // rules across fields
		return a, err
	}
	return a, save(fsys, dir, name, a)
}

func (a *Agreement) set(path, value string) error {
	if value != "" {
		if err := plain(value); err != nil {
			return prefixed(path, &placedError{what: err.Error()})
		}
	}
	name, entity, nested := strings.Cut(path, ".")
	i := slices.IndexFunc(fields(), func(f field) bool { return f.name == name })
	if i < 0 {
		return &placedError{what: "there is no field " + quote(name), do: hintOr(didYouMean(name, fieldNames()), "the fields are "+strings.Join(fieldNames(), ", "))}
	}
	var err error
	switch {
	case nested && name == "authority":
		err = a.setAuthority(entity, value)
	case nested && name == "columns":
		err = a.setColumns(entity, value)
	case nested:
		err = &placedError{what: "has no parts"}
	default:
		var n ast.Node
		if n, err = valueNode(value); err == nil {
			err = fields()[i].read(a, n)
		}
	}
	var p *placedError
	if errors.As(err, &p) {
		p.line = 0 // there is no file to point into
		return prefixed(path, p)
	}
	return err
}

func (a *Agreement) setAuthority(entity, value string) error {
	if _, err := knownEntity(pair{key: entity}); err != nil {
		return err
	}
	if value == "" {
		delete(a.Authority, entity)
	} else {
		a.Authority[entity] = value
	}
	return nil
}

func (a *Agreement) setColumns(entity, value string) error {
	if value == "" || value == "none" {
		if _, err := knownEntity(pair{key: entity}); err != nil {
			return err
		}
		delete(a.Columns, entity)
		return nil
	}
	n, err := valueNode(strings.ReplaceAll(value, "token_*", `"token_*"`))
	if err != nil {
		return err
	}
	r, err := readRule(pair{key: entity, value: n})
	if err == nil {
		a.Columns[entity] = r
	}
	return err
}

// valueNode reads the right side of FIELD=VALUE as YAML.
func valueNode(value string) (ast.Node, error) {
	f, err := parser.ParseBytes([]byte(value+"\n"), 0)
	if err != nil {
		return nil, &placedError{what: "is not a value", do: "put it in quotes"}
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return ast.Null(nil), nil
	}
	return f.Docs[0].Body, nil
}

func save(fsys durable.FS, dir, name string, a Agreement) error {
	if err := durable.Replace(fsys, agreementPath(dir, name), a.Text(), 0o600); err != nil {
		return writeFailed(agreementPath(dir, name), err)
	}
	return nil
}

// Remove revokes all keys of a partner and suspends the agreement. The partner's data stays: forgetting is another
// command. Keys go first: after a crash the door is shut.
func Remove(fsys durable.FS, dir, name string) error {
	a, err := Load(dir, name)
	if err != nil {
		return err
	}
	if err := durable.Replace(fsys, keysPath(dir, name), []byte("# revoked\n"), 0o600); err != nil {
		return writeFailed(keysPath(dir, name), err)
	}
	a.State = StateSuspended
	return save(fsys, dir, name, a)
}

func writeFailed(path string, err error) error {
	return problem.Wrap(err, problem.Failed, path, "the file cannot be written", "check the permissions and the room on the disk")
}

// Held lists the partners whose agreement has a legal hold: while it lasts nothing is erased. One that cannot be read is taken
// to have one.
func Held(dir string) (names []string, err error) {
	all, err := List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		if a, err := Load(dir, name); err != nil || a.LegalHold {
			names = append(names, name)
		}
	}
	return names, nil
}
