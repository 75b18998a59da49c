package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"heatwatch/models"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures"
	"heatwatch/reports/site"
)

func (c *command) publishCommand() *cobra.Command {
	var out, witness string
	cmd := &cobra.Command{Use: "publish --out DIR", Short: "Write the public site from recorded releases", Args: cobra.NoArgs,
		Long: `Writes one folder of static files that opens from disk and from any web server: pages, charts, downloads, the release
files, and the ledger's signed head as head.note. It reads recorded releases, plan and ledger, and for the census of agencies
the agreements and manifests; no record is read.

A home's first publish needs no witness. Later ones replace a site of this home, or name a witness. A home that was copied
or restored is locked.`,
		Example: `  heatwatch publish --out public
  heatwatch publish --out elsewhere --witness public`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			c.warn(h)
			if err := h.mayPublish(out, witness); err != nil {
				return err
			}
			if err := h.publish(cmd.Context(), out); err != nil {
				return err
			}
			c.Say("published to %s", filepath.Join(out, "index.html"))
			return nil
		}}
	cmd.Flags().StringVar(&out, "out", "", "folder of the site: new, or one that was published before")
	cmd.Flags().StringVar(&witness, "witness", "", witnessHelp)
	cmd.MarkFlagRequired("out")
	return cmd
}

func (h *house) publish(ctx context.Context, out string) error {
	files, err := h.releases()
	if err != nil {
		return err
	}
	head, err := h.ledger.Head()
	if err != nil {
		return err
	}
	epsilon, _ := h.epsilon()
	s := site.Site{HomeID: h.ledger.Home(), KeyFingerprint: ledger.Fingerprint(h.ledger.PublicKey()), Demo: h.demo(), NotPrivate: epsilon > notPrivate,
		Head: head, Languages: h.settings.Site.Languages}
	for _, m := range measures.All() {
		r, err := h.report(m, nil)
		if err != nil {
			return err
		}
		s.Reports = append(s.Reports, r)
		text := site.MeasureText{ID: m.ID, Title: m.Title, Definition: m.Definition, Population: m.Population, Says: m.Says,
			Window: m.Window, Denominator: m.Denominator, Differences: m.Differences, Objective: m.Objective, Prong: m.Prong, Headline: headlines[m.ID]}
		for _, st := range m.Statistics {
			text.Statistics = append(text.Statistics, site.StatisticText{Name: st.Name, Unit: st.Unit, Says: st.Says})
		}
		s.Measures = append(s.Measures, text)
	}
	for _, f := range files {
		rel, err := filepath.Rel(h.Releases(), f.Path())
		if err != nil {
			return err
		}
		s.Files = append(s.Files, site.File{Path: filepath.ToSlash(filepath.Join("releases", rel)), Entry: f.Entry, Data: f.Bytes()})
	}
	s.Files = append(s.Files, site.File{Path: "ledger/" + ledger.HeadFile, Data: head})
	for _, e := range h.ledger.Entries() {
		s.Files = append(s.Files, site.File{Path: fmt.Sprintf("ledger/%06d.json", e.Number), Data: e.Bytes()})
		if e.Release != nil {
			if d, ok := models.ParseDate(e.Date); ok {
				s.Updated = max(s.Updated, d)
			}
		}
	}
	if err := h.programme(&s, files); err != nil {
		return err
	}
	if err := site.Publish(ctx, h.fs, out, s); err != nil {
		return err
	}
	return h.hasPublished(head)
}

// headlines are the statistics of the answer cards, where it is not the first share that has a total.
var headlines = map[string]string{
	"time-to-emergency-service":  "share_within_24h",
	"placement-stability":        "share_two_or_fewer",
	"long-term-residential-care": "share_any",
	"case-management-continuity": "share_contact_every_block",
	"agencies-working-together":  "share_two_or_more",
	"services-received":          "persons",
	"referrals-connected":        "share_service_7d",
	"return-engagements":         "share_police_contact",
	"runaway-episodes":           "share_any",
	"exits-from-care":            "persons",
	"screening":                  "share_screened",
	"victim-profile":             "persons",
	"labor-exploitation":         "share_forms_8plus",
	"arrests-by-role":            "share_victims",
	"prosecutions":               "share_convicted_or_pleaded",
	"purchaser-programs":         "share_completed_180d",
	"training":                   "attendances",
	"outreach":                   "attendances",
	"pledges":                    "pledges",
}
