package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"heatwatch/etl/intake"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
)

// checkKeys wants every secret there, and nobody but its owner reading it.
func (d *doctor) checkKeys() {
	if _, err := partner.HomeKeys(d.home.Keys()); err != nil {
		d.failed("keys", err)
		return
	}
	list, err := os.ReadDir(d.home.Keys())
	if err != nil {
		d.failed("keys", err)
		return
	}
	if _, err := os.Stat(hostKeyFile(d.home)); err != nil {
		d.fail("keys", "the SFTP server's host key is missing", "restore keys/ from a backup: with a new one every partner is warned of a stranger")
		return
	}
	var open []string
	for _, e := range list {
		info, err := e.Info()
		public := strings.HasSuffix(e.Name(), ".pub") || strings.HasSuffix(e.Name(), ".hosts")
		if err == nil && info.Mode().IsRegular() && !public && info.Mode().Perm()&0o077 != 0 {
			open = append(open, e.Name())
		}
	}
	if len(open) > 0 {
		d.fail("keys", "others on this machine may read "+strings.Join(open, ", "), "run `chmod 600` on it in "+d.home.Keys()+", and think who may have read it")
		return
	}
	d.ok("keys", fmt.Sprintf("%d files, read by their owner alone", len(list)))
}

// checkFolders wants the folders of a home there, and closed to others.
func (d *doctor) checkFolders() {
	var gone, open []string
	for _, dir := range append([]string{d.home.Dir}, d.home.Folders()...) {
		name := filepath.Base(dir)
		st, err := os.Stat(dir)
		switch {
		case err != nil || !st.IsDir():
			gone = append(gone, name)
		case st.Mode().Perm()&0o077 != 0:
			open = append(open, name)
		}
	}
	switch {
	case len(gone) > 0:
		d.fail("folders", "these are missing: "+strings.Join(gone, ", "), "restore them from a backup; one that was empty can be made with `mkdir -m 700`")
	case len(open) > 0:
		d.fail("folders", "others on this machine may look into "+strings.Join(open, ", "), "run `chmod 700` on it")
	default:
		d.ok("folders", "all there, and closed to others")
	}
}

// checkAgreements reads each of them, and looks a month ahead.
func (d *doctor) checkAgreements() {
	names, err := partner.List(d.home.Partners())
	if err != nil {
		d.failed("agreements", err)
		return
	}
	bad := false
	var ending []string
	for _, n := range names {
		a, err := partner.Load(d.home.Partners(), n)
		if err != nil {
			d.failed("agreements", err)
			bad = true
			continue
		}
		if a.InForce(d.today()) && a.Ends && a.EndsOn < d.today().AddDays(30) {
			ending = append(ending, n+" on "+a.EndsOn.String())
		}
	}
	switch {
	case bad:
	case len(ending) > 0:
		d.warn("agreements", "these end within 30 days: "+strings.Join(ending, ", "), "ask the partner; `heatwatch partner set NAME ends_on=DATE`")
	default:
		d.ok("agreements", fmt.Sprintf("all can be read: %d", len(names)))
	}
}

// checkLeftovers looks for what runs that were killed have left. Most of it goes with the next nightly.
func (d *doctor) checkLeftovers() {
	var drills, others int
	list, err := os.ReadDir(d.home.Staging())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.failed("leftovers", err)
		return
	}
	held, _ := d.home.Held()
	for _, e := range list {
		switch {
		case inUse(filepath.Join(d.home.Staging(), e.Name())):
		case strings.HasPrefix(e.Name(), drillPrefix):
			drills++
		case held == "":
			others++
		}
	}
	if held == "" {
		for _, dir := range []string{d.home.Dir, d.home.Keys(), d.home.Partners(), d.home.Plans(), d.home.Ledger(), d.home.Register(), d.home.Lake()} {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if durable.IsTemp(e.Name()) {
					others++
				}
			}
		}
	}
	switch {
	case drills > 0:
		d.warn("leftovers", fmt.Sprintf("%d folders of restore drills in .staging", drills), "if no drill is running remove them: each holds a whole home in the open")
	case others > 0:
		d.warn("leftovers", fmt.Sprintf("%d files or folders of runs that were cut off", others), "run heatwatch nightly, which takes away what it knows; nothing in .staging is needed")
	default:
		d.ok("leftovers", "none")
	}
}

// inUse tells whether somebody holds the lock of a folder.
func inUse(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// drops are those of all partners that have a folder in landing.
func (d *doctor) drops() ([]intake.Drop, error) {
	list, err := os.ReadDir(d.home.Landing())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []intake.Drop
	for _, e := range list {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		drops, err := intake.Drops(d.home.Landing(), e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, drops...)
	}
	slices.SortFunc(all, func(a, b intake.Drop) int { return a.Created.Compare(b.Created) })
	return all, err
}
