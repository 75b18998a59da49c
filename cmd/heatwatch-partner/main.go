// Command heatwatch-partner is what an agency runs: it turns exports into drops, checks them and sends them, without a database
// and without administrator rights. Only send needs a network.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"heatwatch/internal/cli"
	"heatwatch/internal/cli/agency"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr, time.Now))
}

func run(ctx context.Context, args, environ []string, in io.Reader, out, errw io.Writer, clock func() time.Time) int {
	app := cli.New(environ, in, out, errw, clock)
	root := &cobra.Command{Use: "heatwatch-partner", Short: "Prepare what your agency sends; nothing identifying leaves",
		Example: `  heatwatch-partner dictionary --templates templates
  heatwatch-partner deidentify --kit kit exports --out drops/2026-10-01
  heatwatch-partner check drops/2026-10-01 --kit kit
  heatwatch-partner send --kit kit drops/2026-10-01`}
	root.AddCommand(agency.Deidentify(app), agency.Check(app), agency.Send(app), agency.ForgetRequest(app), agency.Dictionary(app, nil))
	return app.Run(ctx, root, args)
}
