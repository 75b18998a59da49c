package privacy

import (
	"fmt"

	"heatwatch/privacy/accountant"
	"heatwatch/privacy/mechanism"
)

// Made names the parts of the program that a release was made with. It is passed in: this package knows neither the
// build nor how files became persons. Two runs of one binary give the same.
type Made struct {
	Code       string `json:"code"`       // revision of the source; "unknown" where the build does not say
	Dictionary int    `json:"dictionary"` // version of the data dictionary
	Linkage    string `json:"linkage"`    // version of the rule by which files became persons
}

// Manifest says what the numbers of a release file rest on, so that a lone copy of the file can be checked. Everything
// in it comes from plan, schema, ledger and build: it is the same whatever the records say. It has no time of day, no
// generation, and no count of anything but cells.
type Manifest struct {
	Key  string       `json:"key"` // public key of the home; its fingerprint is compared with one from elsewhere
	Plan ManifestPlan `json:"plan"`
	Made
	Delta        float64              `json:"delta"`          // at which each epsilon below holds
	DeltaPerDraw float64              `json:"delta_per_draw"` // booked for each draw besides: the sampler is not quite a Gaussian
	Populations  []ManifestPopulation `json:"populations"`    // of the items, by name
	Items        []ManifestItem       `json:"items"`          // in the order of the measurements
}

// ManifestPlan is the release plan in full.
type ManifestPlan struct {
	Name    string  `json:"name"`
	Version int     `json:"version"`
	Hash    string  `json:"hash"`    // SHA-256 of the text, in hex
	Epsilon float64 `json:"epsilon"` // lifetime epsilon that the plan's noise was scaled to
	Text    string  `json:"text"`
}

// ManifestPopulation is what one person of a population can lose: by this release, in a lifetime by everything up to
// it, and at most. Losses are whole numbers of 1e-12.
type ManifestPopulation struct {
	Population      string         `json:"population"`
	Unit            string         `json:"unit"`
	Lifetime        bool           `json:"lifetime"` // false where nobody is identified: the promise is per unit
	Mu2Release      accountant.Mu2 `json:"mu2_release"`
	EpsilonRelease  float64        `json:"epsilon_release"`
	Mu2Lifetime     accountant.Mu2 `json:"mu2_lifetime"`
	EpsilonLifetime float64        `json:"epsilon_lifetime"`
	Mu2Cap          accountant.Mu2 `json:"mu2_cap"`
	EpsilonCap      float64        `json:"epsilon_cap"`
}

// ManifestItem is one measurement: what it is, its bounds and who set them, and its noise.
type ManifestItem struct {
	Item           string         `json:"item"`
	Vector         string         `json:"vector"`
	Measure        string         `json:"measure"`
	Definition     int            `json:"definition"`
	By             string         `json:"by,omitempty"`
	Encoding       Encoding       `json:"encoding"`
	L0             int64          `json:"l0"`
	L0From         string         `json:"l0_from"`
	Linf           int64          `json:"linf"`
	LinfFrom       string         `json:"linf_from"`
	Participations int            `json:"participations"`
	Draws          int64          `json:"draws"`
	Sigma          float64        `json:"sigma"` // as the plan asks, in units of linf
	Sd             float64        `json:"sd"`    // as drawn, in the unit of the cell; a repeat draws more than the plan asks
	Mu2            accountant.Mu2 `json:"mu2"`
}

// manifest describes a ledger entry that was booked just now, by plan, schema and ledger alone.
func (r Releaser) manifest(entry int) (*Manifest, error) {
	e := r.Ledger.Entries()[entry-1]
	m := &Manifest{Key: r.Ledger.PublicKey(), Populations: []ManifestPopulation{}, Made: r.Made, Delta: r.Ledger.Terms().Delta, DeltaPerDraw: mechanism.DeltaPerDraw,
		Plan: ManifestPlan{Name: r.Plan.Name, Version: r.Plan.Version, Hash: r.Plan.Hash, Epsilon: r.Plan.Epsilon, Text: string(r.Plan.Text)}}
	if m.Code == "" {
		m.Code = "unknown"
	}
	budget, err := r.Ledger.Budget()
	if err != nil {
		return nil, err
	}
	for _, loss := range e.Release.Losses {
		p := ManifestPopulation{Population: loss.Population, Mu2Release: loss.Release, Mu2Lifetime: loss.Lifetime}
		for _, s := range budget {
			if s.Population == loss.Population {
				p.Unit, p.Lifetime, p.Mu2Cap, p.EpsilonCap = s.Unit, s.Lifetime, s.Cap, s.EpsilonCap
			}
		}
		if p.EpsilonRelease, err = loss.Release.Epsilon(m.Delta); err != nil {
			return nil, err
		}
		if p.EpsilonLifetime, err = loss.Lifetime.Epsilon(m.Delta); err != nil {
			return nil, err
		}
		m.Populations = append(m.Populations, p)
	}
	for _, booked := range e.Release.Items {
		it, ok := r.Plan.Item(booked.ID)
		if !ok {
			return nil, fmt.Errorf("the plan has no item %s", booked.ID)
		}
		d := r.Schema.Measures[it.Measure].Definition
		l0From, linfFrom := boundsOf(it, d, r.Plan.Name, r.Plan.Version)
		m.Items = append(m.Items, ManifestItem{Item: it.ID, Vector: it.Vector, Measure: it.Measure, Definition: d, By: it.By, Encoding: it.Encoding,
			L0: booked.L0, L0From: l0From, Linf: booked.Linf, LinfFrom: linfFrom,
			Participations: booked.Participations, Draws: booked.Draws, Sigma: it.Sigma, Sd: booked.Sd, Mu2: booked.Mu2})
	}
	return m, nil
}

// boundsOf names who sets how many cells one person changes, and by how much. A public fact is about nobody.
func boundsOf(it Item, definition int, plan string, version int) (l0, linf string) {
	if it.exact() {
		return exactSays, exactSays
	}
	return fmt.Sprintf("plan %s v%d", plan, version), fmt.Sprintf("definition %d of %s", definition, it.Measure)
}
