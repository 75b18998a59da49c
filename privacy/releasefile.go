package privacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy/mechanism"
)

// ReleaseFile is what one ledger entry measured: the noisy cells, and nothing that depends on protected data in any
// other way. Figures, intervals and the accounting follow from it and the plan.
type ReleaseFile struct {
	Schema       int           `json:"schema"`
	Entry        int           `json:"entry"`
	Period       models.Period `json:"period"`
	Plan         string        `json:"plan"`
	Due          models.Date   `json:"due"`
	Demo         bool          `json:"demo,omitempty"`
	Measurements []Measurement `json:"measurements"`
	Signature    string        `json:"signature"` // of the home, over the file with this field empty

	path string
	raw  []byte
}

// Measurement is one item of one period.
type Measurement struct {
	Item       string        `json:"item"`
	Population string        `json:"population"`
	Period     models.Period `json:"period"`
	Encoding   Encoding      `json:"encoding"`
	L0         int64         `json:"l0"`
	Linf       int64         `json:"linf"`
	Sd         float64       `json:"sd"`
	Mu2        float64       `json:"mu2"`
	Attempt    int           `json:"attempt,omitempty"` // 2 for the one repeat after a lost attempt
	Cells      []NoisyCell   `json:"cells"`
	Covariance Covariance    `json:"covariance"`
}

// NoisyCell is a cell after the noise: as drawn, as estimated, and as a number of persons may be shown.
type NoisyCell struct {
	Cell      map[string]string `json:"cell"`
	Raw       int64             `json:"raw"`
	Estimate  float64           `json:"estimate"`
	Presented int64             `json:"presented"`
}

// Covariance is that of the estimates of the named cells.
type Covariance struct {
	Cells  []int       `json:"cells"`
	Matrix [][]float64 `json:"matrix"`
}

// diagonal is the covariance of independent noise.
func diagonal(n int, variance float64) Covariance {
	c := Covariance{Cells: make([]int, n), Matrix: make([][]float64, n)}
	for i := range n {
		c.Cells[i] = i
		c.Matrix[i] = make([]float64, n)
		c.Matrix[i][i] = variance
	}
	return c
}

// coordinates names a cell's place: the breakdown's value and, where the vector has several, its own cell.
func coordinates(it Item, c Cell, alone bool) map[string]string {
	m := map[string]string{}
	if it.By != "" {
		m[it.By] = c.Dim
	}
	if !alone {
		m["answer"] = c.Answer
	}
	return m
}

// measurement turns noisy numbers into what is recorded. Before reconciliation exists the estimate is the raw number.
func (s Schema) measurement(it Item, period models.Period, cells []Cell, noisy []int64, sd float64, attempt int) Measurement {
	m := Measurement{Item: it.ID, Population: it.Population, Period: period, Encoding: it.Encoding, L0: it.L0, Linf: it.Linf,
		Sd: sd, Mu2: float64(it.L0) * float64(it.Linf) * float64(it.Linf) / (sd * sd), Covariance: diagonal(len(cells), mechanism.VarRounded(sd))}
	if attempt > 1 {
		m.Attempt = attempt
	}
	alone := len(s.Vectors[it.Vector].Cells) == 1
	for i, c := range cells {
		m.Cells = append(m.Cells, NoisyCell{Cell: coordinates(it, c, alone), Raw: noisy[i], Estimate: float64(noisy[i]), Presented: max(0, noisy[i])})
	}
	return m
}

// readingsOf reads the noisy cells of release files as the plan's items.
func readingsOf(p *Plan, s Schema, files []ReleaseFile) (readings, error) {
	r := readings{}
	for _, f := range files {
		for _, m := range f.Measurements {
			it, ok := p.Item(m.Item)
			if !ok {
				continue // of an earlier plan
			}
			cells, err := s.cells(it)
			if err != nil {
				return nil, err
			}
			if !sameCells(it, cells, len(s.Vectors[it.Vector].Cells) == 1, m) {
				continue // of an earlier plan, under a name that means other cells now
			}
			if !(m.Sd > 0) || math.IsInf(m.Sd, 0) {
				return nil, problem.New(problem.Refused, f.path, "item "+m.Item+" is not what the plan measures", "restore the release file from a copy")
			}
			rd := reading{item: it, period: m.Period, entry: f.Entry, cells: cells, sd: m.Sd, vars: mechanism.VarRounded(m.Sd)}
			for _, c := range m.Cells {
				rd.est = append(rd.est, c.Estimate)
			}
			r[readingKey{m.Item, m.Period}] = rd
		}
	}
	return r, nil
}

// sameCells tells whether a measurement is of the cells that the plan's item has today.
func sameCells(it Item, cells []Cell, alone bool, m Measurement) bool {
	if len(cells) != len(m.Cells) || m.Period.Level() != it.Level || m.Population != it.Population {
		return false
	}
	for i, c := range cells {
		if !maps.Equal(coordinates(it, c, alone), m.Cells[i].Cell) {
			return false
		}
	}
	return true
}

// ReadReleases reads the release files of a home, or of a published site, in the order of their entries.
func ReadReleases(dir string) ([]ReleaseFile, error) {
	var all []ReleaseFile
	periods, err := os.ReadDir(dir)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, nil
		}
		return nil, err
	}
	for _, pd := range periods {
		if _, err := models.ParsePeriod(pd.Name()); err != nil || !pd.IsDir() {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(dir, pd.Name()))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			n, err := strconv.Atoi(strings.TrimSuffix(e.Name(), ".json"))
			if err != nil || e.Name() != fmt.Sprintf("%d.json", n) {
				continue
			}
			f, err := readRelease(filepath.Join(dir, pd.Name(), e.Name()))
			if err != nil {
				return nil, err
			}
			if f.Entry != n || f.Period.String() != pd.Name() {
				return nil, tampered(f.path, "the file says it is another release")
			}
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b ReleaseFile) int { return a.Entry - b.Entry })
	return all, nil
}

// maxReleaseBytes is more than any plan can fill.
const maxReleaseBytes = 64 << 20

func readRelease(path string) (ReleaseFile, error) {
	st, err := os.Stat(path)
	if err != nil {
		return ReleaseFile{}, err
	}
	if st.Size() > maxReleaseBytes {
		return ReleaseFile{}, tampered(path, "the file is too large for a release")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return ReleaseFile{}, err
	}
	f, err := parseRelease(b, path)
	return f, err
}

func parseRelease(b []byte, path string) (ReleaseFile, error) {
	var f ReleaseFile
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil || f.Schema != 1 {
		return f, tampered(path, "the release file cannot be read")
	}
	if !bytes.Equal(b, f.encode()) {
		return f, tampered(path, "the release file is not as it was written")
	}
	f.path, f.raw = path, b
	return f, nil
}

func tampered(where, what string) error {
	return problem.New(problem.Refused, where, what, "restore it from a copy, then run `heatwatch verify`")
}

// encode is the one form of a release file: compact JSON, a line end.
func (f ReleaseFile) encode() []byte {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err) // numbers are checked before they are recorded
	}
	return append(b, '\n')
}

// ofRelease names the kind of content that the signature covers.
const ofRelease = "release"

// signed is what the signature covers.
func (f ReleaseFile) signed() []byte {
	f.Signature = ""
	return f.encode()
}

// Bytes are the file's bytes as recorded.
func (f ReleaseFile) Bytes() []byte { return f.raw }

// Path is where the file lies.
func (f ReleaseFile) Path() string { return f.path }

// releasePath is where an entry's release lies below releases/.
func releasePath(dir string, period models.Period, entry int) string {
	return filepath.Join(dir, period.String(), fmt.Sprintf("%d.json", entry))
}

// isMissing reports that a file is not there.
func isMissing(err error) bool { return err != nil && (os.IsNotExist(err) || err == fs.ErrNotExist) }
