package nightly

import (
	"os"
	"path/filepath"
	"slices"

	"heatwatch/etl/intake"
	"heatwatch/etl/lake"
	"heatwatch/etl/partner"
	"heatwatch/internal/problem"
)

// landed lists the partners that have a folder in landing, enrolled still or not, in byte order.
func (r *run) landed() ([]string, error) {
	list, err := os.ReadDir(r.Home.Landing())
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, r.Home.Landing(), "what came in cannot be listed", "check the permissions of the home")
	}
	var names []string
	for _, e := range list {
		if e.IsDir() && partner.ValidName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// inputs is what the lake is made from: every drop in landing that was not refused.
func (r *run) inputs() (all []lake.Input, agencies []lake.Agency, err error) {
	names, err := r.landed()
	if err != nil {
		return nil, nil, err
	}
	prev, err := lake.ReadCurrent(r.Home)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		drops, err := intake.Drops(r.Home.Landing(), name)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range drops {
			if in, ok := r.input(d); ok {
				all = append(all, in)
			}
		}
		agencies = append(agencies, r.agency(name, prev))
	}
	return all, agencies, nil
}

// agency is the partner by its agreement. One that left keeps the kind under which its rows were loaded.
func (r *run) agency(name string, prev lake.Manifest) lake.Agency {
	if a, err := partner.Load(r.Home.Partners(), name); err == nil {
		return lake.Agency{Name: name, Kind: a.Kind, Repeats: !a.DistinctPersons, Consented: a.Sharing == partner.SharingConsented}
	}
	for _, p := range prev.Partners {
		if p.Name == name {
			return lake.Agency{Name: name, Kind: p.Kind, Consented: p.Consented}
		}
	}
	return lake.Agency{Name: name, Kind: "other"}
}

// input says it in the lake's words. ok is false for a drop that was refused.
func (r *run) input(d intake.Drop) (in lake.Input, ok bool) {
	if d.State == intake.Refused {
		return in, false
	}
	in = lake.Input{Partner: d.Partner, Drop: d.Name, Manifest: d.Manifest, Created: d.Created, Mode: d.Mode, Erasures: d.Erasures,
		Covers: lake.Cover{From: d.Covers.From, To: d.Covers.To}}
	for _, f := range d.Files {
		if f.Refused || f.Parquet == "" {
			continue
		}
		twins := slices.ContainsFunc(f.Reasons, func(x intake.Reason) bool { return x.Code == "duplicate_key" })
		in.Files = append(in.Files, lake.InputFile{Entity: f.Entity, Path: filepath.Join(r.Home.Landing(), d.Partner, d.Name, f.Parquet), Twins: twins})
	}
	return in, true
}

// earlier are the drops of one partner that were taken.
func (r *run) earlier(name string) ([]lake.Input, error) {
	drops, err := intake.Drops(r.Home.Landing(), name)
	if err != nil {
		return nil, err
	}
	var list []lake.Input
	for _, d := range drops {
		if in, ok := r.input(d); ok {
			list = append(list, in)
		}
	}
	return list, nil
}
