package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/spf13/cobra"

	"heatwatch/internal/problem"
)

func (c *command) serveCommand() *cobra.Command {
	return &cobra.Command{Use: "serve", Short: "Run the SFTP intake and the nightly schedule until told to stop", Args: cobra.NoArgs,
		Long: `Offers each enrolled partner its own area over SFTP (public keys only), runs the nightly by the schedule, and answers "ok"
on the health address. SIGTERM stops it cleanly: running uploads are cut, and a cut upload is never taken for a whole one.`,
		Example: `  heatwatch serve --home county`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := c.open()
			if err != nil {
				return err
			}
			return c.serve(cmd.Context(), h)
		}}
}

func (c *command) serve(ctx context.Context, h *house) error {
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
	schedule, err := cron.ParseStandard(h.settings.Nightly.Schedule)
	if err != nil {
		return err
	}
	c.Say("sftp on %s, health on http://%s/, nightly at %q %s", server.Addr(), health.Addr(), h.settings.Nightly.Schedule, h.settings.Timezone)
	var wg sync.WaitGroup
	var sftpErr error
	wg.Go(func() {
		sftpErr = server.Serve(ctx)
		stop()
	})
	wg.Go(func() { serveHealth(ctx, health) })
	wg.Go(func() { c.nights(ctx, h, schedule) })
	<-ctx.Done()
	wg.Wait()
	if sftpErr != nil && !errors.Is(sftpErr, context.Canceled) {
		return sftpErr
	}
	c.Say("stopped")
	return nil
}

// serveHealth answers a monitor on loopback.
func serveHealth(ctx context.Context, l net.Listener) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte("ok\n"))
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		srv.Shutdown(end)
	}()
	srv.Serve(l)
}

// nights runs the nightly by the schedule, one at a time, in the home's time zone. What fails is said and tried again
// the next night.
func (c *command) nights(ctx context.Context, h *house, schedule cron.Schedule) {
	for {
		next := schedule.Next(time.Now().In(h.zone))
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		sum, err := c.night(ctx, h, "", false)
		if err != nil {
			c.Say("heatwatch: nightly: %v", err)
			continue
		}
		c.Say("nightly: %s", sum)
	}
}
