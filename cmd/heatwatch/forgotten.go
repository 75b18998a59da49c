package main

import (
	"context"

	"heatwatch/etl/intake"
	"heatwatch/etl/kept"
	"heatwatch/etl/link"
	"heatwatch/etl/nightly"
	"heatwatch/privacy/register"
)

// register is the register of frozen cohorts, exposures and tombstones.
func (h *house) register() (register.Register, error) {
	keys, err := h.keys()
	if err != nil {
		return register.Register{}, err
	}
	return register.Open(h.fs, h.Register(), h.Keys(), keys.Register.Bytes())
}

// What tombstones call keys and tokens: each with its population, for populations never meet.
func keyOf(partner, population, key string) register.Identifier {
	return register.PersonKey(partner, population+" "+key)
}

func tokenOf(population, column, value string) register.Identifier {
	return register.Token(population + " " + column + " " + value)
}

func identifiers(f link.File) []register.Identifier {
	ids := []register.Identifier{keyOf(f.Partner, f.Population, f.PersonKey)}
	for _, t := range f.Marks() {
		ids = append(ids, tokenOf(f.Population, t.Column, t.Value))
	}
	return ids
}

// forgotten is what a night must know of those who were forgotten.
func (h *house) forgotten() (nightly.Forgotten, error) {
	g, err := h.register()
	if err != nil {
		return nightly.Forgotten{}, err
	}
	stands := register.Stands(h.ledger.Entries())
	stones, err := g.Buried(stands)
	if err != nil || stones.None() {
		return nightly.Forgotten{}, err
	}
	return nightly.Forgotten{
		Key: func(partner string, p intake.Person) bool {
			return stones.Suppressed(keyOf(partner, p.Population, p.Key))
		},
		Token: func(population, column, value string) bool {
			return stones.Suppressed(tokenOf(population, column, value))
		},
		Bury: func(_ context.Context, files []link.File) error {
			again := make([]register.Again, 0, len(files))
			for _, f := range files {
				again = append(again, identifiers(f))
			}
			if err := g.Bury(stands, again...); err != nil {
				return err
			}
			stones, err = g.Buried(stands)
			return err
		},
	}, nil
}

// keeping is the key under which uploads are kept.
func (h *house) keeping() (*kept.Key, error) {
	k, err := kept.HomeKey(h.fs, h.Keys())
	return &k, err
}
