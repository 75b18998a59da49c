package main

import (
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"heatwatch/etl/partner"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/reports/render"
)

// readKey reads a public key that AddKey will take.
func readKey(file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, file, "the key cannot be read", "name the agency's public key file, the one that ends in .pub")
	}
	err = partner.CheckKey(b)
	if p := new(problem.Problem); errors.As(err, &p) && p.Where == "" {
		p.Where = file
	}
	return b, err
}

func (c *command) addKey(h *house, name string, pub []byte, ends partner.Ends) error {
	fingerprint, err := partner.AddKey(h.fs, h.Partners(), name, pub, ends)
	if err != nil {
		return err
	}
	c.Say("%s may log in with the key %s%s", name, fingerprint, h.untilDay(", until the end of ", ends.New))
	return nil
}

// untilDay is the last day of a key that ends.
func (h *house) untilDay(before string, end time.Time) string {
	if end.IsZero() {
		return ""
	}
	return before + models.DateOf(end.Add(-time.Second).In(h.zone)).String()
}

func (c *command) partnerKey() *cobra.Command {
	var until string
	var replace int
	cmd := &cobra.Command{Example: "  heatwatch partner key shelter-a new-laptop.pub\n  heatwatch partner key shelter-a new-laptop.pub --replace 14",
		Use: "key NAME FILE.pub", Short: "Let an agency log in with one more key", Args: cobra.ExactArgs(2),
		Long: `Adds a public key. --replace DAYS changes keys without a gap: the new one opens at once, and all older ones until the end
of that many days from today (0: not any more). --until DATE ends the new key itself after that day. A key that is there
already gets the end that is given now, or none.`}
	cmd.Flags().StringVar(&until, "until", "", "the last day on which this key opens")
	cmd.Flags().IntVar(&replace, "replace", 0, "older keys end in so many days")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		pub, err := readKey(args[1])
		if err != nil {
			return err
		}
		return c.locked("partner key", func(h *house) error {
			var ends partner.Ends
			if until != "" {
				day, ok := models.ParseDate(until)
				if !ok || day < h.today() {
					return problem.New(problem.Usage, "--until", "this is no day to come", "write it as 2026-12-31")
				}
				ends.New = day.AddDays(1).In(h.zone)
			}
			if cmd.Flags().Changed("replace") {
				switch {
				case replace < 0 || replace > 366:
					return problem.New(problem.Usage, "--replace", "the old keys end in 0 to 366 days", "14 leaves two weeks to change")
				case replace == 0:
					ends.Old = h.now()
				default:
					ends.Old = h.today().AddDays(replace + 1).In(h.zone)
				}
			}
			if err := c.addKey(h, args[0], pub, ends); err != nil {
				return err
			}
			switch {
			case ends.Old.IsZero():
			case replace == 0:
				c.Say("its older keys open nothing any more")
			default:
				c.Say("its older keys open%s", h.untilDay(" until the end of ", ends.Old))
			}
			return nil
		})
	}
	return cmd
}

func (c *command) partnerKeys() *cobra.Command {
	return &cobra.Command{Example: "  heatwatch partner keys\n  heatwatch partner keys shelter-a",
		Use: "keys [NAME]", Short: "List the keys with which agencies may log in, and their last days", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			names := args
			if len(names) == 0 {
				if names, err = partner.List(h.Partners()); err != nil {
					return err
				}
			} else if _, err := partner.Load(h.Partners(), names[0]); err != nil {
				return err
			}
			t := render.Table{Columns: render.Cols("partner", "key", "until", "opens")}
			for _, n := range names {
				keys, err := partner.AuthorizedKeys(h.Partners(), n, h.zone)
				if err != nil {
					return err
				}
				for _, k := range keys {
					opens := "yes"
					if !k.Until.IsZero() && !h.now().Before(k.Until) {
						opens = "no"
					}
					t.Rows = append(t.Rows, []string{n, ssh.FingerprintSHA256(k), h.untilDay("", k.Until), opens})
				}
			}
			return c.Table(t)
		}}
}
