package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
)

func (c *command) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "Bring the ledger of a copied or restored home up to date", Example: "  heatwatch ledger import --site public"}
	cmd.AddCommand(c.ledgerImport())
	return cmd
}

func (c *command) ledgerImport() *cobra.Command {
	var dir string
	cmd := &cobra.Command{Use: "import --site DIR", Short: "Charge what another copy of this home has released, and unlock", Args: cobra.NoArgs,
		Long: `A home that was copied, or restored from a backup, is locked: another copy may have released since, and measuring the
same persons again would cost them twice. The newest published site of this home shows what was released. Fetch it from where
the public gets it, not from the backup.

Where the site has entries that are missing here, they are taken over with their release files. Where it has another history,
because two copies have been releasing, everything in it is charged in full. What nobody can know any more, who was in the
cohorts that were frozen elsewhere, is closed: nothing is measured of them again. Where the site shows nothing newer, nothing
is charged. Then the home is unlocked. A site that is older than the ledger here shows nothing, and is refused.`,
		Example: `  heatwatch ledger import --site public
  heatwatch publish --out public`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.locked("ledger import", func(h *house) error { return c.importSite(cmd.Context(), h, dir) })
		}}
	cmd.Flags().StringVar(&dir, "site", "", "folder of the newest published site of this home")
	cmd.MarkFlagRequired("site")
	return cmd
}

// importSite does the steps of an import in an order that may be cut off anywhere and begun again: the home is locked
// first and unlocked last, entries come before the files that belong to them, and the import's own entry comes after both.
func (c *command) importSite(ctx context.Context, h *house, dir string) error {
	c.warn(h)
	s, err := openSite(dir)
	if err != nil {
		return err
	}
	missed, err := h.ledger.Missed(s.ledger)
	if err != nil {
		return err
	}
	if err := h.ledger.CheckDate(h.today().String()); err != nil {
		return err
	}
	at, err := h.ledger.Place()
	if err != nil {
		return err
	}
	lost, err := h.toClose()
	if err != nil {
		return err
	}
	if at != ledger.Moved && missed.Same && len(lost) == 0 {
		if err := h.restoreReleases(s); err != nil {
			return err
		}
		c.Say("the site shows nothing that is missing here, and this home is not locked: nothing was charged")
		return nil
	}
	if err := c.Confirm(question(missed, len(lost))); err != nil {
		return err
	}
	if err := h.ledger.Unsettle(); err != nil {
		return err
	}
	if err := h.ledger.Extend(ctx, missed.Next); err != nil {
		return err
	}
	if err := h.restoreReleases(s); err != nil {
		return err
	}
	if lost, err = h.toClose(); err != nil {
		return err
	}
	if !missed.Same || len(lost) > 0 {
		body := missed.Import(lost...)
		standing, err := privacy.StandingNow(h.ledger, h.Register(), h.Keys())
		if err != nil {
			return err
		}
		e, err := h.ledger.Append(ctx, ledger.Entry{Kind: ledger.KindImport, Date: h.today().String(), Import: &body, Commitments: standing})
		if err != nil {
			return err
		}
		c.Say("entry %d: %d entries taken over, %d items of another history charged in full, %d cohorts closed", e.Number, len(missed.Next), len(body.Items), len(body.Closed))
	}
	if err := h.writePlan(); err != nil {
		return err
	}
	for _, e := range slices.Concat(missed.Next, missed.Forked) {
		if e.Erasure != nil {
			c.Say("heatwatch: entry %d of the other copy has forgotten somebody: run heatwatch forget here as well", e.Number)
		}
	}
	if err := h.ledger.Settle(); err != nil {
		return err
	}
	c.Say("the home is unlocked; its ledger has %d entries. Next: heatwatch publish, so that the public site shows it", h.ledger.Position().Entries)
	return nil
}

// toClose are the cohorts whose register files are lost and which no import has closed yet.
func (h *house) toClose() ([]ledger.Cohort, error) {
	lost, err := privacy.LostCohorts(h.ledger, h.Register(), h.Keys())
	var all []ledger.Cohort
	for _, l := range lost {
		if !h.ledger.Closed(l.Population, l.Period) {
			all = append(all, l)
		}
	}
	return all, err
}

func question(m ledger.Missed, lost int) string {
	var parts []string
	switch {
	case len(m.Next) > 0:
		parts = append(parts, fmt.Sprintf("%d entries that are missing here are taken over, and their cohorts closed for ever", len(m.Next)))
	case len(m.Forked) > 0:
		parts = append(parts, fmt.Sprintf("%d entries of another history are charged in full, and their cohorts closed for ever", len(m.Forked)))
	case lost > 0:
		parts = append(parts, "cohorts whose register files are lost are closed for ever")
	}
	return strings.Join(append(parts, "no other copy of this home may release from now on: go on?"), "; ")
}

// restoreReleases puts the site's release files in place, of entries that both ledgers hold. What is there stays.
func (h *house) restoreReleases(s publishedSite) error {
	ours := h.ledger.Entries()
	theirs := s.ledger.Entries()
	for _, f := range s.files {
		if f.Entry > len(ours) || ours[f.Entry-1].Hash() != theirs[f.Entry-1].Hash() {
			continue
		}
		path := filepath.Join(h.Releases(), f.Period.String(), fmt.Sprintf("%d.json", f.Entry))
		if err := durable.MkdirAll(h.fs, filepath.Dir(path), 0o755); err != nil {
			return problem.Wrap(err, problem.Failed, filepath.Dir(path), "the folder cannot be made", "check the room on the disk")
		}
		err := durable.Create(h.fs, path, f.Bytes(), 0o444)
		if errors.Is(err, fs.ErrExist) && !errors.Is(err, durable.ErrSync) {
			there, err := os.ReadFile(path)
			if err == nil && bytes.Equal(there, f.Bytes()) {
				continue
			}
			return problem.Wrap(err, problem.Refused, path, "the release file here is not the one that was published", "move it away, then run the import again")
		} else if err != nil {
			return problem.Wrap(err, problem.Failed, path, "the release file cannot be written", "check the room on the disk, then run the import again")
		}
	}
	return nil
}
