package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/crypto/ssh"

	"heatwatch/etl/deidentify"
	"heatwatch/etl/drop"
	"heatwatch/etl/partner"
	"heatwatch/etl/send"
	"heatwatch/fixtures"
	"heatwatch/internal/cli"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/models"
	"heatwatch/privacy"
	"heatwatch/reports/render"
)

// demoPersons and demoQuarters make a county of the size that the county plan is designed for.
const (
	demoPersonsAYear = 300
	demoSeed         = 2021
)

func (c *command) demoCommand() *cobra.Command {
	var out string
	var check, linkage bool
	cmd := &cobra.Command{Use: "demo", Short: "The whole story on a synthetic county of 20 agencies, in under two minutes", Args: cobra.NoArgs,
		Long: `Makes a synthetic county, de-identifies the exports of its 20 agencies, drops them over SFTP into a server of its own,
runs a nightly, releases what is due, shows what one agency's export lets out under each way of sharing, prints two reports and the
budget, and publishes the site. No person in it exists.

With --check it prints beside the released figures what is exactly so in the synthetic county, how far the noise moved
each, and how many intervals hold the truth: the totals, and with --format csv or json all. With --linkage it prints for
every two agencies how many children both know, how many of them were linked, and how many links are false. Where the
demonstration is there already it is only compared.`,
		Example: `  heatwatch demo --out demo
  heatwatch demo --out demo --check
  heatwatch demo --out demo --linkage`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(out); err != nil || !check && !linkage {
				if err := c.demo(cmd.Context(), out, !check && !linkage || c.Format == "" || c.Format == string(render.FormatTable)); err != nil {
					return err
				}
			}
			if check {
				if err := c.checkDemo(out); err != nil {
					return err
				}
			}
			if linkage {
				return c.checkLinkage(out)
			}
			return nil
		}}
	cmd.Flags().StringVar(&out, "out", "demo", "folder for everything that the demonstration makes; must not exist, unless it is to be checked")
	cmd.Flags().BoolVar(&check, "check", false, "compare what was released with the truth of the synthetic county")
	cmd.Flags().BoolVar(&linkage, "linkage", false, "compare who was linked with who is who in the synthetic county")
	return cmd
}

// story is a demonstration under way.
type story struct {
	*command
	dir      string
	house    *house
	county   fixtures.Config
	partners []fixtures.Partner
	step     int
	reports  bool // printed
}

const demoSteps = 8

func (s *story) say(what string) {
	s.step++
	s.Say("[%d/%d] %s", s.step, demoSteps, what)
}

// demo tells the story. It prints reports unless what is printed next is for a program.
func (c *command) demo(ctx context.Context, out string, reports bool) error {
	dir, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		return problem.New(problem.Usage, dir, "the folder is there already", "name another with --out, or delete it")
	}
	began := time.Now()
	s := &story{command: &command{App: c.App, dir: filepath.Join(dir, "home")}, dir: dir, reports: reports}
	for _, step := range []func(context.Context) error{s.makeCounty, s.makeHouse, s.deidentify, s.drop, s.night, s.release, s.modes, s.show} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	c.Say("\ndone in %.0f s. Look around: heatwatch --home %s status", time.Since(began).Seconds(), s.command.dir)
	return nil
}

func (s *story) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// makeCounty writes the raw exports. The county ends 13 months before today, so that every follow-up has closed.
func (s *story) makeCounty(context.Context) error {
	now, err := s.Now(true)
	if err != nil {
		return err
	}
	end := models.DateOf(now.AddDate(0, -13, 0))
	last := models.QuarterOf(end + 1)
	for last.Last() >= end {
		last = models.QuarterOf(last.First() - 1)
	}
	first := models.YearOf(last.First()).First().Year() - 4
	quarters := len(models.SpanOf(first, last.First().Year()).Quarters())
	for models.SpanOf(first, last.First().Year()).Quarters()[quarters-1] != last {
		quarters--
	}
	s.say(fmt.Sprintf("a synthetic county: 20 agencies, %d to %s, about %d new persons a year", first, last, demoPersonsAYear))
	s.county = fixtures.Config{Seed: demoSeed, Persons: demoPersonsAYear * quarters / 4, FirstQuarter: models.YearPeriod(first).Quarters()[0], Quarters: quarters, End: end, StoppedEarly: true, TruthUntil: models.DateOf(now)}
	if err := os.MkdirAll(s.path("raw"), 0o700); err != nil {
		return problem.Wrap(err, problem.Failed, s.path("raw"), "the folder cannot be made", "check the permissions")
	}
	truth, err := fixtures.Generate(s.county, fixtures.OSDir(s.path("raw")))
	if err != nil {
		return err
	}
	s.partners = truth.Partners
	return nil
}

// makeHouse makes the home, enrols the agencies with a key each, and writes their kits.
func (s *story) makeHouse(context.Context) error {
	s.say("a warehouse home with its ledger, 20 agencies enrolled, a kit for each")
	if _, err := s.makeHome(home.Home{Dir: s.command.dir}, "", true); err != nil {
		return err
	}
	var err error
	if s.house, err = s.open(); err != nil {
		return err
	}
	for _, p := range s.partners {
		a := partner.Default(p.Kind, p.From)
		if err := partner.Add(s.house.fs, s.house.Partners(), p.Name, a); err != nil {
			return err
		}
		if err := s.makeKey(p.Name); err != nil {
			return err
		}
		if err := s.writeKit(s.house, p.Name, s.path("kits", p.Name)); err != nil {
			return err
		}
	}
	return nil
}

// makeKey makes an agency's login key; a real agency makes its own and sends the public half.
func (s *story) makeKey(name string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.path("logins"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.path("logins", name), pemBytes(block), 0o600); err != nil {
		return err
	}
	_, err = partner.AddKey(s.house.fs, s.house.Partners(), name, ssh.MarshalAuthorizedKey(signer.PublicKey()), partner.Ends{})
	return err
}

const demoDrop = "first"

func (s *story) deidentify(ctx context.Context) error {
	s.say("each agency de-identifies its own exports")
	now := s.house.now()
	return s.each("de-identified", func(p fixtures.Partner) error {
		k, err := partner.LoadKit(s.path("kits", p.Name))
		if err != nil {
			return err
		}
		_, err = deidentify.Run(ctx, deidentify.Config{FS: s.house.fs, Kit: k, Raw: s.path("raw", p.Name), Out: s.path("drops", p.Name, demoDrop),
			Covers: &deidentify.Covers{From: p.From, To: p.Covers}, Now: now})
		return err
	})
}

// each runs f for every agency, with a bar on a terminal.
func (s *story) each(what string, f func(fixtures.Partner) error) error {
	all := s.partners
	var bar *mpb.Bar
	if cli.Terminal(s.Err) {
		progress := mpb.New(mpb.WithOutput(s.Err), mpb.WithWidth(40))
		bar = progress.AddBar(int64(len(all)), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name("      "+what+" ")), mpb.AppendDecorators(decor.CountersNoUnit("%d of %d")))
		defer progress.Wait()
		defer bar.Abort(true)
	}
	for _, p := range all {
		if err := f(p); err != nil {
			return err
		}
		if bar != nil {
			bar.Increment()
		}
	}
	return nil
}

// drop sends every drop over SFTP to a server on loopback.
func (s *story) drop(ctx context.Context) error {
	s.say("the drops go over SFTP, each agency into its own area")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server, err := drop.Listen(drop.Config{Listen: "127.0.0.1:0", HostKey: hostKeyFile(s.house.Home), Root: s.house.SFTP(), Partners: s.house.areas})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	hostKey, err := drop.HostKey(hostKeyFile(s.house.Home))
	if err != nil {
		return err
	}
	err = s.each("sent", func(p fixtures.Partner) error {
		if _, err := os.Stat(s.path("drops", p.Name, demoDrop)); err != nil {
			return err
		}
		b, err := os.ReadFile(s.path("logins", p.Name))
		if err != nil {
			return err
		}
		key, err := ssh.ParsePrivateKey(b)
		if err != nil {
			return err
		}
		_, err = send.Drop(ctx, send.Config{Address: server.Addr().String(), Partner: p.Name, Key: key, HostKey: hostKey}, s.path("drops", p.Name, demoDrop))
		return err
	})
	stop()
	<-ended
	return err
}

func (s *story) night(ctx context.Context) error {
	s.say("one nightly run: verify, check, link, load")
	sum, err := s.command.night(ctx, s.house, "", false)
	if err != nil {
		return err
	}
	if cli.Terminal(s.Err) {
		fmt.Fprint(s.Err, "\r\033[K")
	}
	s.Say("      %s", sum)
	return nil
}

func (s *story) release(ctx context.Context) error {
	s.say("release of every period that is due, with noise, under the ledger")
	lock, err := s.house.Lock("release", s.house.now())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	r, err := s.house.releaser(s.command)
	if err != nil {
		return err
	}
	may, err := s.house.gate("")
	if err != nil {
		return err
	}
	periods, err := s.house.duePeriods(r)
	if err != nil {
		return err
	}
	// The synthetic county ends before today; a real one does not, and its calendar goes on. A span of years may reach
	// beyond that end.
	periods = slices.DeleteFunc(periods, func(p models.Period) bool { return p.Level() != models.LevelSpan && p.Last() >= s.county.End })
	for _, p := range periods {
		if err := s.makeEntries(ctx, s.house, lock, r, p, may); err != nil {
			return err
		}
	}
	before := s.house.ledger.Position().Entries
	if s.house, err = s.open(); err != nil { // with what the processes have written
		return err
	}
	s.Say("      %d releases of %d periods", s.house.ledger.Position().Entries-before, len(periods))
	return nil
}

// show publishes the site and prints two reports and the budget.
func (s *story) show(ctx context.Context) error {
	s.say("the public page and two reports")
	site := s.path("public")
	if err := s.house.publish(ctx, site); err != nil {
		return err
	}
	if !s.reports {
		return nil
	}
	o, err := s.options()
	if err != nil {
		return err
	}
	for _, id := range []string{"time-to-emergency-service", "placement-stability"} {
		m, err := lookup(id)
		if err != nil {
			return err
		}
		rep, err := s.house.report(m, nil)
		if err != nil {
			return err
		}
		rep.Figures = newest(rep.Figures)
		fmt.Fprintln(s.Out)
		if err := render.Report(s.Out, rep, s.house.text(m), o); err != nil {
			return err
		}
	}
	s.Format = string(o.Format)
	if err := s.budgetTable(s.house); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "\nThe page: file://%s\n", filepath.Join(site, "index.html"))
	return nil
}

// options are those of a table unless another form was asked for: a demonstration is for people.
func (s *story) options() (render.Options, error) {
	o, err := s.Options()
	if s.Format == "" {
		o.Format = render.FormatTable
	}
	return o, err
}

// newest keeps the totals of the last two years and of all years together.
func newest(figures []privacy.Figure) []privacy.Figure {
	var years []models.Period
	for _, f := range figures {
		if p := f.Period(); p.Level() != models.LevelQuarter && !slices.Contains(years, p) {
			years = append(years, p)
		}
	}
	years = years[max(0, len(years)-3):]
	return slices.DeleteFunc(slices.Clone(figures), func(f privacy.Figure) bool {
		return f.Dimension() != "" || !slices.Contains(years, f.Period())
	})
}

func pemBytes(b *pem.Block) []byte { return pem.EncodeToMemory(b) }
