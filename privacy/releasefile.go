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
	"reflect"
	"slices"
	"strconv"
	"strings"

	"heatwatch/internal/problem"
	"heatwatch/models"
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
	Reconciled   *Reconciled   `json:"reconciled,omitempty"` // absent: every estimate is the raw number
	Measurements []Measurement `json:"measurements"`
	Manifest     *Manifest     `json:"manifest,omitempty"` // not in files of before it existed
	Signature    string        `json:"signature"`          // of the home, over the file with this field empty

	path string
	raw  []byte
}

// Reconciled says how estimates follow from raw numbers: by least squares over all cells of the file, where breakdowns of one
// vector add up to the same, and the named identities between vectors hold.
type Reconciled struct {
	Identities []string `json:"identities"` // sorted
}

// Measurement is one item of one period.
type Measurement struct {
	Item       string        `json:"item"`
	Vector     string        `json:"vector,omitempty"` // absent in files that were not reconciled
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

// measurement turns noisy numbers into what is recorded; reconcile fills in what follows from them.
func (s Schema) measurement(it Item, period models.Period, cells []Cell, noisy []int64, sd float64, attempt int) Measurement {
	m := Measurement{Item: it.ID, Vector: it.Vector, Population: it.Population, Period: period, Encoding: it.Encoding, L0: it.L0, Linf: it.Linf, Sd: sd}
	if !it.exact() {
		m.Mu2 = float64(it.L0) * float64(it.Linf) * float64(it.Linf) / (sd * sd)
	}
	if attempt > 1 {
		m.Attempt = attempt
	}
	alone := len(s.Vectors[it.Vector].Cells) == 1
	for i, c := range cells {
		m.Cells = append(m.Cells, NoisyCell{Cell: coordinates(it, c, alone), Raw: noisy[i]})
	}
	return m
}

// follows is what a file's raw numbers say together: estimates and presented numbers of all its noisy cells in order.
func (f ReleaseFile) follows(j *joint) (estimates []float64, presented []int64) {
	var raw []float64
	for _, m := range f.Measurements {
		if m.exact() {
			continue
		}
		for _, c := range m.Cells {
			raw = append(raw, float64(c.Raw))
		}
	}
	estimates = j.projection.Estimate(raw)
	return estimates, j.presenter.Present(estimates)
}

// reconcile fills in estimates, presented numbers and covariances. It reads the raw numbers of the file and nothing else.
func (f *ReleaseFile) reconcile(j *joint) {
	f.Reconciled = &Reconciled{Identities: append([]string{}, j.identities...)}
	estimates, presented := f.follows(j)
	at := 0
	for i := range f.Measurements {
		m := &f.Measurements[i]
		if m.exact() { // as it is; nothing of it varies
			for c := range m.Cells {
				m.Cells[c].Estimate, m.Cells[c].Presented = float64(m.Cells[c].Raw), m.Cells[c].Raw
			}
			m.Covariance = noCovariance(len(m.Cells))
			continue
		}
		for c := range m.Cells {
			m.Cells[c].Estimate, m.Cells[c].Presented = estimates[at+c], presented[at+c]
		}
		m.Covariance = j.covariance(at, len(m.Cells))
		at += len(m.Cells)
	}
}

// covariance is that of the estimates of n cells from the first on, to six digits.
func (j *joint) covariance(first, n int) Covariance {
	c := Covariance{Cells: make([]int, n), Matrix: make([][]float64, n)}
	for a := range n {
		c.Cells[a] = a
		c.Matrix[a] = make([]float64, n)
		for b := range n {
			c.Matrix[a][b] = j.cov(first+a, first+b)
		}
	}
	return c
}

// noCovariance is that of n public facts: nothing of them varies.
func noCovariance(n int) Covariance {
	c := Covariance{Cells: make([]int, n), Matrix: make([][]float64, n)}
	for a := range n {
		c.Cells[a], c.Matrix[a] = a, make([]float64, n)
	}
	return c
}

// cov is a covariance as it is recorded, cut to six digits, so that none is above the noise's; what is nothing beside the
// variances is written as nothing.
func (j *joint) cov(a, b int) float64 {
	v := j.projection.Cov(a, b)
	if math.Abs(v) < 1e-9*math.Sqrt(j.projection.Cov(a, a)*j.projection.Cov(b, b)) {
		return 0
	}
	text := strconv.FormatFloat(math.Abs(v), 'e', 16, 64) // d.dddddddddddddddde±xx
	x, err := strconv.ParseFloat(text[:7]+text[strings.IndexByte(text, 'e'):], 64)
	if err != nil {
		return v
	}
	return math.Copysign(x, v)
}

// readingsOf reads the noisy cells of release files as the plan's items. A file of this plan must hold what the plan measures:
// the same item, encoding, bounds, and cells in order. Of a file that was made under another plan, measurements that this
// plan makes in the same way are read; if today's measures do not declare all that was measured together, by their raw
// numbers. Else estimates, presented numbers and covariances must be what follows from the raw numbers.
func readingsOf(p *Plan, s Schema, files []ReleaseFile) (readings, error) {
	r := readings{}
	today := s
	for n, f := range files {
		s, definitions := today.then(p, f), f.definitions(today)
		items, err := p.itemsOf(s, f)
		if err != nil {
			return nil, err
		}
		whole := true // all of it is what today's measures declare, so that it can be reconciled again
		for i, m := range f.Measurements {
			whole = whole && s.measures(items[i], m)
		}
		var j *joint
		if f.Reconciled != nil && whole {
			if j, err = p.jointOf(s, f, items); err != nil {
				return nil, err
			}
			if err := f.checkEstimates(j); err != nil {
				return nil, err
			}
		} else if f.Reconciled == nil {
			if err := f.checkRaw(); err != nil {
				return nil, err
			}
		}
		for i, m := range f.Measurements {
			cells, err := s.cells(items[i])
			if err != nil || !s.measures(items[i], m) {
				continue // of an earlier plan, about a vector or cells that are no more
			}
			rd := reading{item: items[i], period: m.Period, entry: f.Entry, cells: cells, sd: m.Sd, vars: variance(m.Sd), definitions: definitions}
			for _, c := range m.Cells {
				if j == nil && !m.exact() { // the raw numbers, also where an earlier version has reconciled them with what is unknown today
					c.Estimate, c.Presented = float64(c.Raw), max(0, c.Raw)
				}
				rd.est = append(rd.est, c.Estimate)
				rd.shown = append(rd.shown, c.Presented)
			}
			r[readingKey{items[i].ID, m.Period}] = rd
		}
		if j != nil {
			r.reconciled(j, n+1, items, f.Period)
		}
	}
	return r, nil
}

// earlier marks an item that only another plan measures, so that it is taken for none of this plan's.
const earlier = "of another plan: "

// itemsOf finds the item behind each measurement of a file.
func (p *Plan) itemsOf(s Schema, f ReleaseFile) ([]Item, error) {
	all := make([]Item, len(f.Measurements))
	for i, m := range f.Measurements {
		if !(m.Sd > 0) && !m.exact() || math.IsInf(m.Sd, 0) || m.Period != f.Period {
			return nil, notPlanned(f, m)
		}
		it, ok := p.Item(m.Item)
		switch {
		case ok && s.measures(it, m):
			all[i] = it
		case f.Plan == planName(p) && f.ofToday(s):
			return nil, notPlanned(f, m)
		default:
			all[i] = s.foreign(m)
		}
	}
	return all, nil
}

func notPlanned(f ReleaseFile, m Measurement) error {
	return problem.New(problem.Refused, f.path, "item "+m.Item+" is not what the plan measures", "restore the release file from a copy")
}

// measures reports whether a measurement is one of an item: vector, encoding, bounds, and every cell in its place.
func (s Schema) measures(it Item, m Measurement) bool {
	cells, err := s.cells(it)
	if err != nil || len(cells) != len(m.Cells) || !it.In(m.Period) || m.Encoding != it.Encoding || m.L0 != it.L0 || m.Linf != it.Linf ||
		m.Vector != "" && m.Vector != it.Vector {
		return false
	}
	alone := len(s.Vectors[it.Vector].Cells) == 1
	for i, c := range cells {
		if !maps.Equal(m.Cells[i].Cell, coordinates(it, c, alone)) {
			return false
		}
	}
	return true
}

// foreign is the item of another plan, as far as a measurement tells.
func (s Schema) foreign(m Measurement) Item {
	it := Item{ID: earlier + m.Item, Population: m.Population, Measure: s.Vectors[m.Vector].Measure, Vector: m.Vector, Level: m.Period.Level(),
		Years: len(m.Period.Years()), Encoding: m.Encoding, L0: m.L0, Linf: m.Linf}
	if len(m.Cells) > 0 {
		for k := range m.Cells[0].Cell {
			if k != "answer" {
				it.By = k
			}
		}
	}
	return it
}

// jointOf prepares a file's measurements as they were when it was written.
func (p *Plan) jointOf(s Schema, f ReleaseFile, items []Item) (*joint, error) {
	refuse := func(what string) error {
		return problem.New(problem.Refused, f.path, what, "restore the release file from a copy, or read it with the version of heatwatch that wrote it")
	}
	named := append([]string{}, f.Reconciled.Identities...)
	for _, name := range named {
		if !slices.ContainsFunc(s.Identities, func(id Identity) bool { return id.Name == name }) {
			return nil, refuse("its estimates rest on an identity that this version does not know")
		}
	}
	j, err := p.joint(s, items, mapSlice(f.Measurements, func(m Measurement) float64 { return m.Sd }), named)
	if err != nil {
		return nil, problem.Wrap(err, problem.Refused, f.path, "its measurements cannot be reconciled", "restore the release file from a copy")
	}
	if !slices.Equal(j.identities, named) {
		return nil, refuse("it names other identities than its estimates can rest on")
	}
	return j, nil
}

// checkEstimates refuses a file whose estimates, presented numbers or covariances are not what follows from its raw
// numbers. Another machine may differ in the last digits.
func (f ReleaseFile) checkEstimates(j *joint) error {
	estimates, presented := f.follows(j)
	at := 0
	for _, m := range f.Measurements {
		if m.exact() {
			if err := f.checkFacts(m); err != nil {
				return err
			}
			continue
		}
		bad := tampered(f.path, "item "+m.Item+": estimates, presented numbers and covariance do not follow from the raw numbers")
		if len(m.Covariance.Cells) != len(m.Cells) || len(m.Covariance.Matrix) != len(m.Cells) {
			return bad
		}
		for i, c := range m.Cells {
			if d := math.Abs(c.Estimate - estimates[at+i]); !(d <= 1e-7*math.Max(1, math.Abs(estimates[at+i]))) || c.Presented != presented[at+i] ||
				m.Covariance.Cells[i] != i || len(m.Covariance.Matrix[i]) != len(m.Cells) {
				return bad
			}
			for k, v := range m.Covariance.Matrix[i] {
				scale := math.Sqrt(j.projection.Cov(at+i, at+i) * j.projection.Cov(at+k, at+k))
				if d := math.Abs(v - j.projection.Cov(at+i, at+k)); !(d <= 1e-5*scale) {
					return bad
				}
			}
		}
		at += len(m.Cells)
	}
	return nil
}

// checkRaw is the same for a file that was not reconciled.
func (f ReleaseFile) checkRaw() error {
	for _, m := range f.Measurements {
		if m.exact() {
			if err := f.checkFacts(m); err != nil {
				return err
			}
			continue
		}
		for _, c := range m.Cells {
			if c.Estimate != float64(c.Raw) || c.Presented != max(0, c.Raw) {
				return tampered(f.path, "item "+m.Item+": estimates and presented numbers do not follow from the raw numbers")
			}
		}
	}
	return nil
}

// checkFacts refuses public facts that are not as they were counted, or that are said to be about somebody.
func (f ReleaseFile) checkFacts(m Measurement) error {
	ok := m.Population == Nobody && m.Sd == 0 && m.Mu2 == 0 && m.L0 == 0 && m.Linf == 0 && reflect.DeepEqual(m.Covariance, noCovariance(len(m.Cells)))
	for _, c := range m.Cells {
		ok = ok && c.Estimate == float64(c.Raw) && c.Presented == c.Raw
	}
	if !ok {
		return tampered(f.path, "item "+m.Item+": it is called exact and is not")
	}
	return nil
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
