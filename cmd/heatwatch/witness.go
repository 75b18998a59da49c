package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/site"
)

const (
	witnessHelp = "a head of this ledger that was kept elsewhere (file, or folder of the published site), or none"
	noWitness   = "none"
)

func (c *command) witnessCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{Example: "  heatwatch witness --out 2026-11.note",
		Use: "witness --out FILE", Short: "Write the ledger's signed head, to be kept elsewhere", Args: cobra.NoArgs,
		Long: `A home that was set back to an older state cannot notice it from inside. The head that somebody else keeps shows it: hand
the file to the evaluator, or publish the site, which holds it too.`,
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			head, err := h.ledger.Head()
			if err != nil {
				return err
			}
			if err := durable.Replace(h.fs, out, head, 0o644); err != nil {
				return problem.Wrap(err, problem.Failed, out, "the head cannot be written", "check the folder")
			}
			c.Say("wrote the head of %d entries to %s", h.ledger.Position().Entries, out)
			return nil
		}}
	cmd.Flags().StringVar(&out, "out", "", "file to write")
	cmd.MarkFlagRequired("out")
	return cmd
}

// outside is what the witnesses from outside say, none of which contradicts this ledger.
type outside struct {
	named  bool  // by the flag, for this run
	agrees bool  // one has seen this ledger as it is now
	lacks  error // why another one is not enough; nil if there is none
}

// witnesses asks the one that was named, else those of the settings. One that has seen what is not here refuses in any
// case. One that cannot be read, or is older, is only not enough, unless it was named.
func (h *house) witnesses(named string) (outside, error) {
	o, paths := outside{named: named != "" && named != noWitness}, h.settings.Privacy.Witness
	if named != "" {
		paths = []string{named}
	}
	for _, path := range paths {
		if path == noWitness {
			continue
		}
		rel, err := h.witness(path)
		switch {
		case err != nil && o.named:
			return o, err
		case err != nil:
			o.lacks = err
		case rel == ledger.Same:
			o.agrees = true
		case rel == ledger.Behind:
			o.lacks = rel.Problem(path)
		default:
			return o, rel.Problem(path)
		}
	}
	return o, nil
}

// witness reads a head.note, or that of a published site, and says where it stands.
func (h *house) witness(path string) (ledger.Relation, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, ledger.HeadFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, problem.Wrap(err, problem.Refused, path, "the witness cannot be read", "name a head.note of this home, or none where that is allowed")
	}
	rel, err := h.ledger.Compare(b)
	if err != nil {
		return 0, problem.Wrap(err, problem.Refused, path, "the witness is no head that this home has signed", "name a head.note that heatwatch witness or heatwatch publish has written")
	}
	return rel, nil
}

// enough decides whether the witnesses let this home go on. needed: it must not go on without one.
func (o outside) enough(needed bool) error {
	switch {
	case o.agrees:
		return nil
	case o.named || needed && o.lacks != nil:
		return o.lacks
	case needed:
		return problem.New(problem.Refused, "witness", "this home has released before, and from inside it cannot see whether it was set back to an older copy",
			"name what was kept elsewhere: --witness with the published site or a head.note, or the setting privacy.witness")
	}
	return nil
}

// unlocked refuses a home that was copied or restored.
func (h *house) unlocked() error {
	at, err := h.ledger.Place()
	if err == nil && at == ledger.Moved {
		return ledger.Locked(h.Dir)
	}
	return err
}

// sayLocked tells people who only look that this home is locked. It is no damage.
func (c *command) sayLocked(h *house) {
	if err := h.unlocked(); err != nil {
		c.Say("heatwatch: note: %s", err)
	}
}

// gate is what must hold before something is measured: the home stands where it released first, the clock was not set
// back, and a witness has seen this ledger if something was released before this run. The first call decides for the
// whole run. A named witness that contradicts is refused even if nothing is measured.
func (h *house) gate(named string) (func() error, error) {
	if _, err := h.witnesses(named); err != nil {
		return nil, err
	}
	return sync.OnceValue(func() error { return h.mayMeasure(named) }), nil
}

func (h *house) mayMeasure(named string) error {
	if err := h.unlocked(); err != nil {
		return err
	}
	if err := h.ledger.CheckDate(h.today().String()); err != nil {
		return err
	}
	o, err := h.witnesses(named)
	if err != nil {
		return err
	}
	released := h.ledger.Released()
	if err := o.enough(released && !h.demo()); err != nil {
		return err
	}
	if released {
		return nil
	}
	return h.ledger.Settle() // durable before the first entry: a crash in between leaves a home that may settle again
}

// publishedFile is made by a home's first publish and holds the head of that day.
const publishedFile = "published.note"

func (h *house) published() string { return filepath.Join(h.Dir, publishedFile) }

// mayPublish lets a home publish once without a witness. Later it wants a site of this home at out, which it replaces, or a
// witness that has seen this ledger.
func (h *house) mayPublish(out, named string) error {
	if err := site.Target(h.fs, out); err != nil {
		return err
	}
	if err := h.unlocked(); err != nil {
		return err
	}
	replaces, err := h.ours(out)
	if err != nil {
		return err
	}
	if replaces && (sameFile(named, out) || sameFile(named, filepath.Join(out, ledger.HeadFile))) {
		named = noWitness // looked at already
	}
	o, err := h.witnesses(named)
	if err != nil {
		return err
	}
	_, err = os.Lstat(h.published())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return problem.Wrap(err, problem.Failed, h.published(), "the record of the first publish cannot be read", "check the permissions")
	}
	return o.enough(err == nil && !replaces && !h.demo())
}

func sameFile(a, b string) bool {
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(sa, sb)
}

// ours tells whether a site of this home is at out. Another home's, and one that has seen more than this ledger or another
// history, is refused.
func (h *house) ours(out string) (bool, error) {
	b, err := os.ReadFile(filepath.Join(out, ledger.HeadFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, problem.Wrap(err, problem.Failed, out, "the site that is there cannot be read", "check the permissions")
	}
	rel, err := h.ledger.Compare(b)
	if err != nil {
		return false, err
	}
	if rel == ledger.Behind { // it is being replaced
		return true, nil
	}
	return true, rel.Problem(out)
}

// hasPublished records that this home has a site.
func (h *house) hasPublished(head []byte) error {
	if err := durable.Create(h.fs, h.published(), head, 0o444); err != nil && !errors.Is(err, fs.ErrExist) {
		return problem.Wrap(err, problem.Failed, h.published(), "the record of the first publish cannot be written", "check the room on the disk")
	}
	return nil
}
