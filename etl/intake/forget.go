package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"heatwatch/internal/durable"
	"heatwatch/models"
)

const (
	// ForgetName is the file in which an agency asks that persons of its own be forgotten, sealed to the home.
	ForgetName = "forget.json.age"

	requestsName = "forget.json" // what is asked for, beside drop.json, until it is done

	maxForget   = 1 << 20
	maxRequests = 10_000
)

// Request is an agency's wish that a person of its own be forgotten.
type Request struct {
	Partner    string `json:"-"`
	Drop       string `json:"-"`
	Population string `json:"population"`
	Pseudonym  string `json:"pseudonym"`
}

type requestsFile struct {
	Schema   int       `json:"schema"`
	Requests []Request `json:"requests"`
}

// forgetHash reads the manifest's word on the requests; "" where there are none.
func forgetHash(b json.RawMessage) (string, error) {
	if len(b) == 0 {
		return "", nil
	}
	o, err := object(b)
	if err != nil {
		return "", errors.New("forget is not an object with name and sha256")
	}
	name, err := o.text("name", true)
	if err != nil {
		return "", fmt.Errorf("forget: %w", err)
	}
	sum, err := o.text("sha256", true)
	if err != nil {
		return "", fmt.Errorf("forget: %w", err)
	}
	if _, err := hex.DecodeString(sum); err != nil || len(sum) != 2*sha256.Size || name != ForgetName {
		return "", errors.New("forget does not name " + ForgetName + " and its SHA-256")
	}
	return sum, nil
}

// requests opens what the agency asks to be forgotten. Without a key, at the agency, it is left alone.
func (t *taking) requests() error {
	if t.manifest.Forget == "" || t.watch != nil && t.cfg.Unseal == nil {
		return nil
	}
	refuse := func(code, note string) error {
		t.drop.refuse(Reason{Code: code, File: ForgetName, Note: note})
		return nil
	}
	f, err := openPlain(t.root, ForgetName)
	if errors.Is(err, fs.ErrNotExist) {
		return refuse("missing_file", "")
	}
	if err != nil {
		return refuse("bad_name", "")
	}
	defer f.Close()
	sum := sha256.New()
	if t.cfg.Unseal == nil {
		return refuse("wrong_seal", "")
	}
	plain, err := t.cfg.Unseal(io.TeeReader(io.LimitReader(f, maxForget), sum))
	if err != nil {
		return refuse("wrong_seal", "")
	}
	b, err := io.ReadAll(plain)
	if err != nil {
		return refuse("wrong_seal", "")
	}
	if _, err := io.Copy(sum, io.LimitReader(f, maxForget)); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != t.manifest.Forget {
		return refuse("hash_mismatch", "")
	}
	var list requestsFile
	if json.Unmarshal(b, &list) != nil || list.Schema != 1 || len(list.Requests) > maxRequests {
		return refuse("bad_manifest", "the requests to forget persons cannot be read")
	}
	for _, r := range list.Requests {
		if !models.ValidKey(r.Pseudonym) || r.Population != "minors" && r.Population != "accused" {
			return refuse("bad_manifest", "the requests to forget persons cannot be read")
		}
	}
	if t.watch != nil {
		return nil
	}
	return durable.Create(t.fsys, filepath.Join(t.stage, requestsName), b, 0o600)
}

// ForgetRequests are what agencies asked for and what is not done yet, by partner and drop.
func ForgetRequests(landing string) (all []Request, err error) {
	paths, err := filepath.Glob(filepath.Join(landing, "*", "*", requestsName))
	for _, p := range paths {
		list, e := readRequests(p)
		if err = errors.Join(err, e); err != nil {
			return nil, err
		}
		for _, r := range list.Requests {
			r.Drop, r.Partner = filepath.Base(filepath.Dir(p)), filepath.Base(filepath.Dir(filepath.Dir(p)))
			all = append(all, r)
		}
	}
	return all, err
}

func readRequests(path string) (list requestsFile, err error) {
	b, err := os.ReadFile(path)
	if err == nil && json.Unmarshal(b, &list) != nil {
		err = fmt.Errorf("%s: the requests cannot be read", path)
	}
	return list, err
}

// Fulfil takes the requests that done names off their lists: they name persons by key, and nothing may that was forgotten. It may
// be cut off anywhere and called again.
func Fulfil(fsys durable.FS, landing string, done func(Request) bool) error {
	all, err := ForgetRequests(landing)
	if err != nil {
		return err
	}
	left, hit := map[string][]Request{}, map[string]bool{}
	for _, r := range all {
		path := filepath.Join(landing, r.Partner, r.Drop, requestsName)
		if done(r) {
			hit[path] = true
		} else {
			left[path] = append(left[path], r)
		}
	}
	for path := range hit {
		if len(left[path]) == 0 {
			if err := durable.Remove(fsys, path); err != nil {
				return err
			}
			continue
		}
		b, err := json.Marshal(requestsFile{Schema: 1, Requests: left[path]})
		if err != nil {
			return err
		}
		if err := durable.Replace(fsys, path, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
