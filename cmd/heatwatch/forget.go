package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/intake"
	"heatwatch/etl/kept"
	"heatwatch/etl/lake"
	"heatwatch/etl/nightly"
	"heatwatch/etl/partner"
	"heatwatch/etl/scan"
	"heatwatch/etl/trace"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy/register"
	"heatwatch/reports/render"
)

func (c *command) forgetCommand() *cobra.Command {
	var ask struct {
		agency, key, population string
		dry, requested          bool
	}
	var reason *string
	cmd := &cobra.Command{Use: "forget --agency A --key PSEUDONYM --population P", Short: "Remove a person from the warehouse and from every later release", Args: cobra.NoArgs,
		Long: `Removes the person of whom an agency speaks by that pseudonym: all files that are linked as this person, of every agency,
from what came in, from the lake and from the older generations that hold any of them; uploads that are kept sealed are
destroyed where they hold one of its rows. Everybody else keeps person and pseudonym. Then the whole home is scanned for every
key and token of the person, after a planted control was found, and a signed receipt is written to erasures/, which names
the person by a keyed hash only.

What stays is a keyed hash of each key and token with the privacy loss that was spent: the same child, sent again by whomever,
is receipted like any other and not loaded. Figures that were released are not changed. Copies outside of the home, such as
backups, are not reached.

An erasure that was cut off is finished by the next night, or by the same command. An agreement with legal_hold stops it.`,
		Example: `  heatwatch forget --agency shelter-a --key PSEUDONYM --population minors --dry-run
  heatwatch forget --agency shelter-a --key PSEUDONYM --population minors --yes
  heatwatch forget --requested --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ask.requested {
				return c.forgetRequested(cmd.Context(), *reason, ask.dry)
			}
			if ask.agency == "" || ask.key == "" {
				return problem.New(problem.Usage, "forget", "it needs --agency and --key, or --requested", "name the person as the agency does")
			}
			if ask.dry {
				h, err := c.open()
				if err != nil {
					return err
				}
				if err := h.accessed("forget --dry-run", *reason, named{Partners: 1, Files: 1}); err != nil {
					return err
				}
				f, err := h.find(ask.agency, ask.population, ask.key)
				if err != nil {
					return err
				}
				return c.Table(forgetTable(f))
			}
			return c.locked("forget", func(h *house) error {
				if err := h.accessed("forget", *reason, named{Partners: 1, Files: 1}); err != nil { // also who only asks whether there is somebody
					return err
				}
				f, err := h.find(ask.agency, ask.population, ask.key)
				if err != nil {
					return err
				}
				if err := h.held(f); err != nil {
					return err
				}
				if err := c.Confirm(fmt.Sprintf("forget this person for good, with %s?", f)); err != nil {
					return err
				}
				return c.forget(cmd.Context(), h, f)
			})
		}}
	reason = reasonFlag(cmd)
	cmd.Flags().StringVar(&ask.agency, "agency", "", "the agency that speaks of the person by this pseudonym")
	cmd.Flags().StringVar(&ask.key, "key", "", "the pseudonym")
	cmd.Flags().StringVar(&ask.population, "population", "", "minors, accused or profiles (default: the one in which the agency has this pseudonym)")
	cmd.Flags().BoolVar(&ask.dry, "dry-run", false, "say what would go, and change nothing")
	cmd.Flags().BoolVar(&ask.requested, "requested", false, "everybody whom an agency asked to forget in a drop")
	return cmd
}

func forgetTable(f trace.Trace) render.Table {
	loaded := "yes"
	if f.Pseudonym == nil {
		loaded = "no"
	}
	return render.Table{Columns: render.Cols("population", "files#", "loaded", "drops#", "rows#", "generations#"),
		Rows: [][]string{{f.Population, fmt.Sprint(len(f.Files)), loaded, fmt.Sprint(f.Drops), fmt.Sprint(f.Rows), fmt.Sprint(len(f.Generations))}}}
}

// find gathers what the home has of the person of whom an agency speaks by a key.
func (h *house) find(agency, population, key string) (trace.Trace, error) {
	gone, err := h.forgotten()
	if err != nil {
		return trace.Trace{}, err
	}
	return trace.Find(h.Home, gone.Key, agency, population, key)
}

// held refuses where an agency whose file it is must keep what it sent.
func (h *house) held(f trace.Trace) error {
	ps, err := h.partners()
	if err != nil {
		return err
	}
	for _, p := range ps {
		for _, x := range f.Files {
			if x.Partner == p.name && p.LegalHold {
				return legalHold(p.name)
			}
		}
	}
	return nil
}

// forget carries an erasure out. Until the register is written nothing has happened; from then on the next night, or the
// same command, comes to the same end.
func (c *command) forget(ctx context.Context, h *house, f trace.Trace) error {
	needles, err := f.Needles(h.Home)
	if err != nil {
		return err
	}
	g, err := h.register()
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(h.fs, h.Erasures(), 0o700); err != nil { // a home of an older program has none
		return err
	}
	if err := durable.Replace(h.fs, h.Forgetting(), []byte(h.today().String()+"\n"), 0o600); err != nil {
		return problem.Wrap(err, problem.Failed, h.Dir, "the erasure cannot be begun", "check the room on the disk and the permissions")
	}
	entries := h.ledger.Position().Entries
	who := register.Forgotten{Population: f.Population}
	if f.Pseudonym != nil {
		if who.Person, err = register.ParseID(f.Pseudonym); err != nil {
			return err
		}
	}
	for _, x := range f.Files {
		who.Identifiers = append(who.Identifiers, identifiers(x)...)
	}
	if !f.Before || f.Pseudonym != nil {
		if err := g.Forget(ctx, h.ledger, h.today(), who); err != nil {
			if h.ledger.Position().Entries > entries { // entered: the next night finishes it
				return err
			}
			return errors.Join(err, durable.Remove(h.fs, h.Forgetting()))
		}
	}
	gone, err := nightly.Forget(ctx, c.erasing(h))
	if err != nil {
		return err
	}
	seen, err := c.proveGone(ctx, h, needles)
	if err != nil {
		return err
	}
	entry := 0
	if h.ledger.Position().Entries > entries {
		entry = h.ledger.Position().Entries
	}
	path, err := h.erasureReceipt(f, entry, seen)
	if err != nil {
		return err
	}
	if err := durable.Remove(h.fs, h.Forgetting()); err != nil {
		return err
	}
	c.Say("forgotten: %d rows of %d drops, %d older generations; %d files scanned, %d of them opened, nothing found", gone.Rows, gone.Drops, len(gone.Generations), seen.Files, seen.Containers)
	c.Say("receipt: %s", path)
	return nil
}

// proveGone scans the home. A kept upload of which only refused rows were the person's is found here first: it is destroyed, and
// the scan is made again.
func (c *command) proveGone(ctx context.Context, h *house, needles []scan.Needle) (scan.Result, error) {
	key, err := h.keeping()
	if err != nil {
		return scan.Result{}, err
	}
	seen, err := scan.Home(ctx, h.Home, *key, needles)
	if err != nil {
		return seen, err
	}
	shredded := false
	for _, where := range seen.Found {
		if filepath.Base(where) == kept.RawName {
			shredded = true
			if err := kept.Shred(h.fs, filepath.Join(h.Dir, filepath.Dir(where))); err != nil {
				return seen, err
			}
		}
	}
	if shredded {
		if seen, err = scan.Home(ctx, h.Home, *key, needles); err != nil {
			return seen, err
		}
	}
	if seen.Clean() {
		return seen, nil
	}
	for _, where := range seen.Found {
		c.Say("still in: %s", where)
	}
	for _, where := range seen.Closed {
		c.Say("not readable: %s", where)
	}
	what := "the person was taken out of the lake, and is still in a file of the home"
	if len(seen.Found) == 0 {
		what = "the person was taken out, and not every file of the home could be scanned"
	}
	return seen, problem.New(problem.Failed, h.Dir, what, nextAfter(seen))
}

func nextAfter(seen scan.Result) string {
	for _, where := range seen.Found {
		if strings.HasPrefix(where, "sftp/") {
			return "run `heatwatch nightly`, which takes in what partners have uploaded, then this again"
		}
	}
	return "see what the files are and remove them, then run this again"
}

// eraseAgency erases all files of an agency, and scans for every key it ever used.
func (c *command) eraseAgency(ctx context.Context, h *house, name string) error {
	held, err := partner.Held(h.Partners())
	if err != nil {
		return err
	}
	if slices.Contains(held, name) {
		return legalHold(name)
	}
	keys := map[string]bool{}
	rows, err := lake.Whole(h.Home)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Partner == name {
			keys[r.PersonKey] = true
		}
	}
	drops, err := intake.Drops(h.Landing(), name)
	if err != nil {
		return err
	}
	for _, d := range drops {
		if err := intake.Owners(h.Landing(), d, func(p intake.Person) error { keys[p.Key] = true; return nil }); err != nil {
			return err
		}
	}
	delete(keys, "none") // a profile of nobody
	needles := make([]scan.Needle, 0, len(keys))
	for k := range keys {
		needles = append(needles, scan.Needle{Partner: name, Value: []byte(k)})
	}
	gone, err := nightly.Leave(ctx, c.erasing(h), name)
	if err != nil {
		return err
	}
	seen, err := c.proveGone(ctx, h, needles)
	if err != nil {
		return err
	}
	c.Say("erased: %d drops of %s, %d older generations; %d files scanned for %d keys, nothing found", len(drops), name, len(gone), seen.Files, len(needles))
	return nil
}

// erasing is how what is left of a night is done after an erasure.
func (c *command) erasing(h *house) nightly.Config {
	return nightly.Config{Home: h.Home, FS: h.fs, Now: h.now(), Location: h.zone, Rand: rand.Reader, HomeID: h.ledger.Home(), Keep: h.keep(), Gone: h.forgotten, Progress: c.steps()}
}

func legalHold(name string) error {
	return problem.New(problem.Failed, name, "its agreement has a legal hold: nothing of it is erased while it lasts",
		"when it has been lifted, run `heatwatch partner set "+name+" legal_hold=no`, then this again")
}
