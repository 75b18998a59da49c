// Package cli is what the commands of both binaries share: where output goes, how errors become exit codes, which
// home is meant and what time it is. It holds no logic of any room.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

// App is one run of a binary. Everything from outside comes in through it.
type App struct {
	Env    map[string]string
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	System func() time.Time // the system's clock
	Exit   func(code int)   // ends the process where it stands
	Format string           // --format
	Yes    bool             // --yes
}

// New makes the app of this process.
func New(environ []string, in io.Reader, out, errw io.Writer, clock func() time.Time) *App {
	env := map[string]string{}
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return &App{Env: env, In: in, Out: out, Err: errw, System: clock, Exit: os.Exit}
}

// Getenv reads the environment that the app was given.
func (a *App) Getenv(key string) string { return a.Env[key] }

// Run runs a command line and returns the exit code. The one place that turns errors into exit codes.
func (a *App) Run(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return problem.New(problem.Usage, "", err.Error(), "`"+c.CommandPath()+" --help` lists the flags")
	})
	for _, c := range root.Commands() {
		strictGroups(c)
	}
	root.PersistentFlags().StringVar(&a.Format, "format", "", "table, csv, json or markdown (default: table on a terminal, csv into a pipe)")
	root.PersistentFlags().BoolVar(&a.Yes, "yes", false, "answer yes to every question")
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var done Done
	if errors.As(err, &done) {
		return int(done)
	}
	var p *problem.Problem
	if !errors.As(err, &p) && usageError(err) {
		err = problem.New(problem.Usage, "", err.Error(), "`"+root.Name()+" --help` lists the commands")
	}
	fmt.Fprintln(a.Err, "heatwatch: "+oneLine(err.Error()))
	return problem.ExitCode(err)
}

// strictGroups makes a mistyped subcommand an error: cobra prints the group's help and reports success.
func strictGroups(group *cobra.Command) {
	var names []string
	for _, c := range group.Commands() {
		strictGroups(c)
		names = append(names, c.Name())
	}
	if group.Runnable() || len(names) == 0 {
		return
	}
	group.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return problem.New(problem.Usage, "", fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath()), "one of "+strings.Join(names, ", "))
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// usageError recognises what cobra says about a command line that it cannot read.
func usageError(err error) bool {
	for _, p := range []string{"unknown command", "unknown flag", "accepts ", "requires at least", "required flag", "requires exactly"} {
		if strings.HasPrefix(err.Error(), p) {
			return true
		}
	}
	return false
}

// Done is a result that is no error but has an exit code, such as 4: done, but something was quarantined.
type Done int

func (d Done) Error() string { return fmt.Sprintf("exit %d", int(d)) }

// Terminal reports whether a writer is a terminal.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Say writes a line for people to standard error.
func (a *App) Say(format string, args ...any) { fmt.Fprintf(a.Err, format+"\n", args...) }

// Options are how results are written, by --format and by where they go.
func (a *App) Options() (render.Options, error) { return render.OptionsFor(a.Out, a.Format, a.Getenv) }

// Table writes rows in the form that was asked for, and further tables where the form has room for them.
func (a *App) Table(t render.Table, more ...render.Named) error {
	o, err := a.Options()
	if err != nil {
		return err
	}
	return render.Write(a.Out, t, o, more...)
}

// Confirm asks before something that cannot be undone. Where nobody can answer, only --yes goes on.
func (a *App) Confirm(question string) error {
	if a.Yes {
		return nil
	}
	f, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return problem.New(problem.Usage, "", question, "nobody can answer here; say --yes to go on")
	}
	fmt.Fprintf(a.Err, "%s [y/N] ", question)
	var answer string
	fmt.Fscanln(a.In, &answer)
	if strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes") {
		return nil
	}
	return problem.New(problem.Usage, "", "stopped", "nothing was changed")
}

// NowVar sets the clock, in demonstration homes and their kits only.
const NowVar = "HEATWATCH_NOW"

// Now is the time of this run. demo says whether the home, or the kit's home, is a demonstration.
func (a *App) Now(demo bool) (time.Time, error) {
	s, ok := a.Env[NowVar]
	if !ok || s == "" {
		return a.System(), nil
	}
	if !demo {
		return time.Time{}, problem.New(problem.Usage, NowVar, "the clock can be set in a home made with `init --demo` only", "unset the variable")
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, problem.New(problem.Usage, NowVar, "this is no time", "write it as 2026-07-03T22:00:00-07:00")
	}
	return t, nil
}

// Clock is Now as a clock that stands still where HEATWATCH_NOW is set.
func (a *App) Clock(demo bool) (func() time.Time, error) {
	t, err := a.Now(demo)
	if err != nil {
		return nil, err
	}
	if a.Env[NowVar] == "" {
		return a.System, nil
	}
	return func() time.Time { return t }, nil
}
