package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"heatwatch/etl/kept"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

func (c *command) keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Look after the home's own keys", Args: cobra.NoArgs,
		Long: `Lists the home's keys by fingerprint: what is compared over the telephone, and tells nothing of the key. A linkage key has an
epoch; while two overlap, kits hold both and agencies send tokens under both.`,
		Example: `  heatwatch keys
  heatwatch keys rotate --overlap 90
  heatwatch keys backup --to /media/safe/keys.age --recipient age1...`,
		RunE: func(*cobra.Command, []string) error { return c.listKeys() }}
	cmd.AddCommand(c.keysCreate(), c.keysRotate(), c.keysBackup())
	return cmd
}

func (c *command) listKeys() error {
	h, err := c.open()
	if err != nil {
		return err
	}
	k, err := h.keys()
	if err != nil {
		return err
	}
	drops, err := h.keeping()
	if err != nil {
		return err
	}
	all, err := partner.ReadEpochs(h.Keys())
	if err != nil {
		return err
	}
	t := render.Table{Columns: render.Cols("key", "fingerprint", "epoch#", "from", "until", "for")}
	for _, x := range []struct {
		name, use string
		key       partner.Secret
	}{{"master", "agencies' own keys", k.Master}, {"vault", "tokens as they are kept", k.Vault()}, {"selection", "which records count where a bound leaves a choice", k.Selection},
		{"commitment", "commitments in the ledger", k.Commitment}, {"register", "the register", k.Register}} {
		t.Rows = append(t.Rows, []string{x.name, x.key.Fingerprint(), "", "", "", x.use})
	}
	for _, e := range all {
		from, until := "", ""
		if e.From != 0 {
			from = e.From.String()
		}
		if e.Until != nil {
			until = e.Until.String()
		}
		t.Rows = append(t.Rows, []string{"linkage", k.LinkageOf(e.Epoch).Fingerprint(), fmt.Sprint(e.Epoch), from, until, "tokens as agencies make them"})
	}
	t.Rows = append(t.Rows, []string{"drops", drops.Recipient(), "", "", "", "persons are sealed to it, and uploads at rest"})
	return c.Table(t)
}

func (c *command) keysCreate() *cobra.Command {
	return &cobra.Command{Use: "create", Short: "Make keys that a home does not have yet; none is ever replaced", Args: cobra.NoArgs, Example: "  heatwatch keys create",
		RunE: func(*cobra.Command, []string) error {
			return c.locked("keys create", func(h *house) error {
				if _, err := h.keys(); err != nil {
					return err
				}
				if _, err := kept.HomeKey(h.fs, h.Keys()); err != nil {
					return err
				}
				fmt.Fprintln(c.Err, "every key is there: heatwatch keys lists them")
				return nil
			})
		}}
}

func (c *command) keysRotate() *cobra.Command {
	var overlap int
	cmd := &cobra.Command{Use: "rotate", Short: "Begin a new linkage key, beside the old one for a while", Args: cobra.NoArgs,
		Long: `Begins a new epoch of the linkage key. For --overlap days kits hold both keys, agencies send tokens under both, and what the
warehouse knows under the old key becomes known under the new one with each agency's next snapshot of its persons. Then the old
one ends: its tokens are refused by name (wrong_epoch), and a leaked old key opens nothing that is still sent.

Write new kits for all agencies right away (heatwatch partner kit NAME): they give the same pseudonyms.`,
		Example: "  heatwatch keys rotate --overlap 90",
		RunE: func(*cobra.Command, []string) error {
			if overlap < 0 || overlap > 400 {
				return problem.New(problem.Usage, "--overlap", "it is a number of days, at most 400", "take as long as every agency needs for one drop with its new kit")
			}
			return c.locked("keys rotate", func(h *house) error {
				all, err := partner.ReadEpochs(h.Keys())
				if err != nil {
					return err
				}
				next, err := all.Rotate(h.fs, h.Keys(), h.today(), overlap)
				if err != nil {
					return err
				}
				old := next[len(next)-2]
				fmt.Fprintf(c.Err, "epoch %d begins; epoch %d ends after %s. Write new kits for all agencies, and let each send all its persons before that day.\n", old.Epoch+1, old.Epoch, old.Until)
				return nil
			})
		}}
	cmd.Flags().IntVar(&overlap, "overlap", 90, "days for which both keys are in use")
	return cmd
}

func (c *command) keysBackup() *cobra.Command {
	var to, recipient string
	cmd := &cobra.Command{Use: "backup --to FILE", Short: "Write the keys alone, sealed to a key that lies elsewhere", Args: cobra.NoArgs,
		Long: `Writes all keys of the home into one file that only the owner of a key elsewhere can open (age). Whoever opens it can read what
is kept and make every agency's pseudonyms: it belongs into another safe than the backups of the home.`,
		Example: "  heatwatch keys backup --to /media/safe/keys.age --recipient age1...",
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			if recipient == "" {
				recipient = h.settings.Backup.Recipient
			}
			return c.sealKeys(h, to, recipient)
		}}
	cmd.Flags().StringVar(&to, "to", "", "file to write; it must not exist")
	cmd.Flags().StringVar(&recipient, "recipient", "", "public key of age to seal to, age1... (default: the setting backup.recipient)")
	cmd.MarkFlagRequired("to")
	return cmd
}

func (c *command) sealKeys(h *house, to, recipient string) error {
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return problem.New(problem.Usage, "--recipient", "this is no public key of age", "make a pair with `heatwatch backup key` on another machine")
	}
	err = durable.CreateFrom(h.fs, to, 0o600, func(w io.Writer) error {
		sealed, err := age.Encrypt(w, r)
		if err != nil {
			return err
		}
		archive := tar.NewWriter(sealed)
		return errors.Join(addKeys(archive, h.Keys(), h.now()), archive.Close(), sealed.Close())
	})
	if errors.Is(err, os.ErrExist) {
		return problem.Wrap(err, problem.Usage, to, "there is a file already", "name another: a backup is never overwritten")
	}
	if err != nil {
		return problem.Wrap(err, problem.Failed, to, "the keys could not be written", "check the folder and the room on the disk")
	}
	fmt.Fprintf(c.Err, "wrote the keys to %s: open it with the key of %s, and unpack it into keys/\n", to, recipient)
	return nil
}

func addKeys(archive *tar.Writer, dir string, now time.Time) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: "keys/" + e.Name(), Mode: 0o600, Size: int64(len(b)), ModTime: now, Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		if _, err := archive.Write(b); err != nil {
			return err
		}
	}
	return nil
}
