package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"heatwatch/etl/nightly"
	"heatwatch/internal/problem"
	"heatwatch/internal/schedule"
)

func (c *command) serveCommand() *cobra.Command {
	var unit string
	cmd := &cobra.Command{Use: "serve", Short: "Run the SFTP intake and the nightly schedule until told to stop", Args: cobra.NoArgs,
		Long: `Offers each enrolled partner its own area over SFTP (public keys only), runs the nightly by the schedule, and answers on the
health address: /healthz says "ok", /readyz how the last night went (503 where it failed or is overdue). A night that was
missed is made good once, at the start. SIGTERM stops it cleanly, within five seconds: a night stops at its next safe
point, running uploads are cut, and a cut upload is never taken for a whole one.`,
		Example: `  heatwatch serve --home county
  heatwatch serve --home /srv/county --print-unit
  heatwatch serve --home /srv/county --print-unit=heatwatch.service > /etc/systemd/system/heatwatch.service`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if unit != "" && unit != allUnits && !slices.Contains(unitNames, unit) {
				return problem.New(problem.Usage, "--print-unit", "there is no such unit", "all, or "+strings.Join(unitNames, ", "))
			}
			h, err := c.open()
			if err != nil {
				return err
			}
			if unit != "" {
				return c.printUnits(h, unit)
			}
			return c.serve(cmd.Context(), h)
		}}
	cmd.Flags().StringVar(&unit, "print-unit", "", "print units for systemd, and do not serve: all, or "+strings.Join(unitNames, ", "))
	cmd.Flags().Lookup("print-unit").NoOptDefVal = allUnits
	return cmd
}

func (c *command) serve(ctx context.Context, h *house) error {
	c.serving = true
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server, err := c.listen(h)
	if err != nil {
		return err
	}
	health, err := net.Listen("tcp", h.settings.Health.Listen)
	if err != nil {
		return problem.Wrap(err, problem.Failed, h.settings.Health.Listen, "the health address cannot be listened on", "set health.listen to a free one")
	}
	due, err := schedule.Parse(h.settings.Nightly.Schedule, h.zone)
	if err != nil {
		return err
	}
	if err := c.firstServe(h); err != nil {
		return err
	}
	c.Say("sftp on %s, health on http://%s/, nightly at %q %s", server.Addr(), health.Addr(), h.settings.Nightly.Schedule, h.settings.Timezone)
	var wg sync.WaitGroup
	var sftpErr error
	wg.Go(func() {
		sftpErr = server.Serve(ctx)
		stop()
	})
	wg.Go(func() { c.serveHealth(ctx, h, due, health) })
	wg.Go(func() { c.nights(h, due).all(ctx) })
	<-ctx.Done()
	wg.Wait()
	if sftpErr != nil && !errors.Is(sftpErr, context.Canceled) {
		return sftpErr
	}
	c.Say("stopped")
	return nil
}

// firstServe notes when a home was served first: nights before that were not missed.
func (c *command) firstServe(h *house) error {
	n, err := h.lastNight()
	if err != nil || !n.Since.IsZero() {
		return err
	}
	n.Since = c.System()
	return h.writeNight(n)
}

// nights are those of a home. Each reads the home anew: what was released, enrolled or set since is seen.
func (c *command) nights(h *house, due schedule.Schedule) nights {
	return nights{next: due.Next, now: c.System, sleep: sleep, last: h.lastNight,
		say: func(err error) { c.Say("heatwatch: %v", err) },
		run: func(ctx context.Context) error {
			started := c.System()
			now, err := c.open()
			if err != nil {
				return errors.Join(err, c.ended(ctx, h, true, started, nightly.Summary{}, err))
			}
			sum, err := c.night(ctx, now, "", false)
			if err == nil {
				c.Say("nightly: %s", sum)
			}
			return err
		}}
}
