package main

import (
	"net"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"heatwatch/etl/drop"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/models"
	"heatwatch/reports/render"
)

func (c *command) partnerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "partner", Short: "Enrol agencies, change what was agreed, hand out kits",
		Example: `  heatwatch partner add shelter-a --kind shelter --key shelter-a.pub
  heatwatch partner kit shelter-a --out kits/shelter-a
  heatwatch partner set shelter-a freshness=weekly
  heatwatch partner list`}
	cmd.AddCommand(c.partnerAdd(), c.partnerKey(), c.partnerKeys(), c.partnerSet(), c.partnerList(), c.partnerRemove(), c.partnerKit())
	return cmd
}

// agreement reads what was agreed with a partner of the home.
func (c *command) agreement(name string) (partner.Agreement, error) {
	h, err := c.open()
	if err != nil {
		return partner.Agreement{}, err
	}
	return partner.Load(h.Partners(), name)
}

func (c *command) partnerAdd() *cobra.Command {
	var kind, key string
	cmd := &cobra.Command{Example: "  heatwatch partner add shelter-a --kind shelter --key shelter-a.pub",
		Use: "add NAME --kind KIND", Short: "Enrol an agency", Args: cobra.ExactArgs(1),
		Long: `Writes partners/NAME.yaml (tokens, live, from today, monthly, all columns), makes the agency's SFTP area, and lets the key
log in. The key is the agency's public one; compare its fingerprint by telephone. If data from earlier days will come, set
starts_on afterwards.`,
		RunE: func(_ *cobra.Command, args []string) error {
			var pub []byte
			if key != "" { // before anything is written: a partner that was half added would stand in its own way
				var err error
				if pub, err = readKey(key); err != nil {
					return err
				}
			}
			return c.locked("partner add", func(h *house) error {
				if err := partner.Add(h.fs, h.Partners(), args[0], partner.Default(kind, h.today())); err != nil {
					return err
				}
				for _, dir := range []string{"incoming", "receipts"} {
					if err := durable.MkdirAll(h.fs, filepath.Join(h.SFTP(), args[0], dir), 0o700); err != nil {
						return err
					}
				}
				if pub == nil {
					return nil
				}
				return c.addKey(h, args[0], pub, partner.Ends{})
			})
		}}
	cmd.Flags().StringVar(&kind, "kind", "", "kind of agency: "+strings.Join(models.Dictionary().List("agency_kind"), ", "))
	cmd.Flags().StringVar(&key, "key", "", "file with the agency's public SSH key")
	cmd.MarkFlagRequired("kind")
	return cmd
}

func (c *command) partnerSet() *cobra.Command {
	return &cobra.Command{Example: "  heatwatch partner set shelter-a freshness=weekly",
		Use: "set NAME FIELD=VALUE", Short: "Change one field of the agreement", Args: cobra.ExactArgs(2),
		Long: `The fields: sharing (token, consented, aggregate-only), state (draft, sample, live, suspended), starts_on, ends_on,
freshness (weekly, monthly, quarterly), distinct_persons, on_end (keep, erase), legal_hold, most_persons, columns.ENTITY (all, a list, or
nothing: may not be sent), authority.ENTITY. Hand out a new kit afterwards: it holds a copy of the agreement.`,
		RunE: func(_ *cobra.Command, args []string) error {
			return c.locked("partner set", func(h *house) error {
				if _, err := partner.Set(h.fs, h.Partners(), args[0], args[1]); err != nil {
					return err
				}
				c.Say("%s: %s", args[0], args[1])
				return nil
			})
		}}
}

func (c *command) partnerList() *cobra.Command {
	return &cobra.Command{Example: "  heatwatch partner list",
		Use: "list", Short: "List the enrolled agencies", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			ps, err := h.partners()
			if err != nil {
				return err
			}
			t := render.Table{Columns: render.Cols("name", "kind", "mode")}
			for _, p := range ps {
				t.Rows = append(t.Rows, []string{p.name, p.Kind, p.Sharing})
			}
			return c.Table(t)
		}}
}

func (c *command) partnerRemove() *cobra.Command {
	var erase bool
	var reason *string
	cmd := &cobra.Command{Example: "  heatwatch partner remove shelter-a\n  heatwatch partner remove shelter-a --erase",
		Use: "remove NAME", Short: "Revoke an agency's keys; its data stays, unless --erase", Args: cobra.ExactArgs(1),
		Long: `Revokes all keys of an agency and suspends its agreement; what it sent stays and is measured. With --erase all its files go:
what came in, what is kept of it, its rows and keys in the lake, and the older generations that hold any; then the home is
scanned for every key that the agency ever used. Persons stay as pseudonyms, with what was spent on them, so that a child
whom another agency sends is the same person. Receipts stay. An agreement with on_end: erase does so by itself on its last day; one
with a legal hold not at all.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.locked("partner remove", func(h *house) error {
				question := "revoke all keys of " + args[0] + "?"
				if erase {
					question = "revoke all keys of " + args[0] + " and erase all its files for good?"
				}
				if err := c.Confirm(question); err != nil {
					return err
				}
				if erase {
					if err := h.accessed("partner remove --erase", *reason, named{Partners: 1}); err != nil {
						return err
					}
				}
				if err := partner.Remove(h.fs, h.Partners(), args[0]); err != nil || !erase {
					return err
				}
				return c.eraseAgency(cmd.Context(), h, args[0])
			})
		}}
	cmd.Flags().BoolVar(&erase, "erase", false, "also erase all its files")
	reason = reasonFlag(cmd)
	return cmd
}

func (c *command) partnerKit() *cobra.Command {
	var out string
	cmd := &cobra.Command{Example: "  heatwatch partner kit shelter-a --out kits/shelter-a",
		Use: "kit NAME --out DIR", Short: "Write what an agency needs: agreement, keys, address", Args: cobra.ExactArgs(1),
		Long: `Writes the agreement, the agency's own key, the linkage key, the server's host key and address. The kit holds secrets:
hand it over in person or through another safe channel, never by e-mail. A kit made again gives the same pseudonyms. The
address is the setting sftp.address: set it first.`,
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			if err := c.writeKit(h, args[0], out); err != nil {
				return err
			}
			c.Say("wrote the kit of %s to %s: hand it over by a safe channel", args[0], out)
			if host, _, _ := net.SplitHostPort(h.settings.SFTP.Address); host == "127.0.0.1" || host == "localhost" || host == "::1" {
				c.Say("heatwatch: the kit names %s, which only this machine reaches: set sftp.address and write it again", h.settings.SFTP.Address)
			}
			return nil
		}}
	cmd.Flags().StringVar(&out, "out", "", "folder of the kit; must not hold one")
	cmd.MarkFlagRequired("out")
	return cmd
}

func (c *command) writeKit(h *house, name, out string) error {
	a, err := partner.Load(h.Partners(), name)
	if err != nil {
		return err
	}
	keys, err := h.keys()
	if err != nil {
		return err
	}
	public, err := drop.HostKey(hostKeyFile(h.Home))
	if err != nil {
		return err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	key, err := h.keeping()
	if err != nil {
		return err
	}
	epochs, err := h.epochs()
	if err != nil {
		return err
	}
	k := partner.NewKit(keys, epochs, key.Recipient(), h.ledger.Home(), h.demo(), name, a, h.settings.SFTP.Address, h.settings.Timezone, line)
	return partner.WriteKit(h.fs, out, k)
}
