package partner

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Epoch is a span in which agencies make tokens with one linkage key. Two overlap while agencies change over: they send
// tokens under both keys, and what is known under the old one is known under the new one before the old one ends.
type Epoch struct {
	Epoch int          `json:"epoch"`
	From  models.Date  `json:"from"`
	Until *models.Date `json:"until,omitempty"` // last day; nil: no end
}

// Epochs are all that there were, by number.
type Epochs []Epoch

const epochsName = "epochs.json"

type epochsFile struct {
	Schema int    `json:"schema"`
	Epochs Epochs `json:"epochs"`
}

// ReadEpochs reads the epochs of a home. A home that never changed its linkage key has one without end.
func ReadEpochs(dir string) (Epochs, error) {
	path := filepath.Join(dir, epochsName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Epochs{{Epoch: 1}}, nil
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, path, "the epochs of the linkage key cannot be read", "check the permissions")
	}
	var f epochsFile
	damaged := json.Unmarshal(b, &f) != nil || f.Schema != 1 || len(f.Epochs) == 0
	for i, e := range f.Epochs {
		damaged = damaged || e.Epoch != i+1 || e.Until == nil && i+1 < len(f.Epochs)
	}
	if damaged {
		return nil, problem.New(problem.Usage, path, "this is no list of epochs", "restore it from the backup")
	}
	return f.Epochs, nil
}

// InUse are the numbers of the epochs whose tokens are taken on a day, the newest last.
func (e Epochs) InUse(today models.Date) (list []int) {
	for _, x := range e {
		if x.Until == nil || *x.Until >= today {
			list = append(list, x.Epoch)
		}
	}
	return list
}

// Rotate begins an epoch today; the one before ends after overlap days. While two overlap there is no third.
func (e Epochs) Rotate(fsys durable.FS, dir string, today models.Date, overlap int) (Epochs, error) {
	if n := e.InUse(today); len(n) > 1 {
		return nil, problem.New(problem.Usage, "keys", "two epochs overlap already", "wait until the older one has ended")
	}
	next := append(Epochs(nil), e...)
	end := today.AddDays(overlap)
	last := &next[len(next)-1]
	last.Until = &end
	next = append(next, Epoch{Epoch: last.Epoch + 1, From: today})
	b, err := json.MarshalIndent(epochsFile{1, next}, "", "  ")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, epochsName)
	if err := durable.Replace(fsys, path, append(b, '\n'), 0o600); err != nil {
		return nil, problem.Wrap(err, problem.Failed, path, "the epochs cannot be written", "check the permissions and the room on the disk")
	}
	return next, nil
}

// Fingerprint tells keys apart without telling anything of them.
func (s Secret) Fingerprint() string { return s.Derive("fingerprint").hex()[:16] }
