package deidentify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

const (
	forgetName  = "forget.json.age"       // in the drop
	pendingName = "forget-requests.jsonl" // in the kit, until a drop took them along
	sentPrefix  = "forget-requests-sent-"
)

// forgetRequest asks the warehouse to forget a person of this agency. It never holds the agency's own number.
type forgetRequest struct {
	Population string `json:"population"`
	Pseudonym  string `json:"pseudonym"`
}

// AskToForget notes that the next drop asks for a person to be forgotten.
func AskToForget(fsys durable.FS, kit partner.Kit, population, own string) error {
	list, err := pending(kit)
	if err != nil {
		return err
	}
	r := forgetRequest{population, Pseudonym(kit.AgencyKey, population, "person", own)}
	for _, x := range list {
		if x == r {
			return nil
		}
	}
	var b bytes.Buffer
	for _, x := range append(list, r) {
		line, err := json.Marshal(x)
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	path := filepath.Join(kit.Dir, pendingName)
	if err := durable.Replace(fsys, path, b.Bytes(), 0o600); err != nil {
		return cannotWrite(path, err)
	}
	return nil
}

func pending(kit partner.Kit) (list []forgetRequest, err error) {
	path := filepath.Join(kit.Dir, pendingName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, path, "the requests that wait cannot be read", "check the permissions of the kit")
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r forgetRequest
		if json.Unmarshal(lines.Bytes(), &r) != nil || r.Pseudonym == "" {
			return nil, problem.New(problem.Usage, path, "a line of it is no request", "move the file away, and ask again with `forget-request`")
		}
		list = append(list, r)
	}
	return list, lines.Err()
}

// writeForget seals the requests that wait into the drop. Only once the manifest stands are they taken off the list: a crash in between asks
// twice, which does no harm.
func writeForget(cfg Config) (*manifestForget, error) {
	list, err := pending(cfg.Kit)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	b, err := json.Marshal(map[string]any{"schema": 1, "requests": list})
	if err != nil {
		return nil, err
	}
	var sealed bytes.Buffer
	w, err := sealing(&sealed, cfg.Kit.SealTo)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	path := filepath.Join(cfg.Out, forgetName)
	if err := durable.CreateFrom(cfg.FS, path, 0o600, func(out io.Writer) error { _, err := out.Write(sealed.Bytes()); return err }); err != nil {
		return nil, cannotWrite(path, err)
	}
	return &manifestForget{forgetName, sumOf(sealed.Bytes())}, nil
}

// sentForget moves the list aside once a drop took it along.
func sentForget(cfg Config, r *Report) error {
	from := filepath.Join(cfg.Kit.Dir, pendingName)
	list, err := pending(cfg.Kit)
	if err != nil {
		return err
	}
	if err := durable.Rename(cfg.FS, from, filepath.Join(cfg.Kit.Dir, sentPrefix+r.Drop+".jsonl")); err != nil {
		return cannotWrite(from, err)
	}
	r.Warnings = append(r.Warnings, fmt.Sprintf("the drop asks the warehouse to forget %s", count(len(list), "person")))
	return nil
}
