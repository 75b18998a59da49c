// Command heatwatch runs a warehouse home: it takes in what agencies send, computes the programme's measures, and
// releases figures under differential privacy.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"heatwatch/internal/cli"
	"heatwatch/internal/cli/agency"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr, time.Now))
}

// run is the whole program. Tests call it with their own everything.
func run(ctx context.Context, args, environ []string, in io.Reader, out, errw io.Writer, clock func() time.Time) int {
	app := cli.New(environ, in, out, errw, clock)
	return app.Run(ctx, root(app), args)
}

func root(app *cli.App) *cobra.Command {
	c := &command{App: app}
	root := &cobra.Command{
		Use:   "heatwatch",
		Short: "Outcomes of a county's anti-trafficking programme, without exposing anyone",
		Long: `heatwatch keeps a warehouse home: agencies drop de-identified extracts, a nightly run checks and links them,
and figures leave only through a differential-privacy layer with a ledger.

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 refused to protect privacy; 4 done, with something quarantined.`,
		Example: `  heatwatch demo                                   the whole story on a synthetic county
  heatwatch init --home county && cd county        a home of your own
  heatwatch partner add shelter-a --kind shelter   enrol an agency
  heatwatch report placement-stability             figures that were released`,
	}
	root.PersistentFlags().StringVar(&c.dir, "home", "", "the warehouse home (default: $HEATWATCH_HOME, else the current folder)")
	root.AddCommand(
		c.initCommand(), c.demoCommand(), c.countyCommand(), c.partnerCommand(), agency.Deidentify(app), agency.Check(app), agency.Send(app), agency.ForgetRequest(app), agency.Dictionary(app, c.agreement),
		c.serveCommand(), c.nightlyCommand(), c.statusCommand(), c.quarantineCommand(), c.linkCommand(), c.lakeCommand(), c.gcCommand(), c.forgetCommand(),
		c.measuresCommand(), c.censusCommand(), c.planCommand(), c.releaseCommand(), c.entryChild(), c.witnessCommand(), c.reportCommand(), c.publishCommand(),
		c.budgetCommand(), c.ledgerCommand(), c.verifyCommand(),
		c.keysCommand(), c.backupCommand(), c.restoreCommand(), c.doctorCommand(),
	)
	return root
}
