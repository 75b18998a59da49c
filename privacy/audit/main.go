package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
)

func main() {
	only := flag.String("only", "", "mutants whose name or package matches this pattern")
	list := flag.Bool("list", false, "print the mutants and run nothing")
	parallel := flag.Int("parallel", 2, "mutants at a time")
	dirty := flag.Bool("dirty", false, "do not run the tests without mutants first")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *list, *dirty, *parallel); err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, list, dirty bool, parallel int) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	dir, err := root()
	if err != nil {
		return err
	}
	all := slices.DeleteFunc(mutants(), func(m mutant) bool { return !pattern.MatchString(m.name) && !pattern.MatchString(m.pkg) })
	if len(all) == 0 {
		return fmt.Errorf("no mutant is called %q", only)
	}
	if list {
		for _, m := range all {
			fmt.Printf("%-75s %s  %s\n", m.name, m.edits[0].file, m.run)
		}
		return nil
	}
	if !dirty {
		if err := clean(ctx, dir, all); err != nil {
			return err
		}
	}
	done := 0
	out := hunt(ctx, dir, all, parallel, func(o outcome) {
		done++
		by := "killed by " + o.killer
		if o.err != nil {
			by = o.err.Error()
		}
		fmt.Fprintf(os.Stderr, "%d/%d %s: %s\n", done, len(all), o.mutant.name, by)
	})
	if killed := table(os.Stdout, out); killed < len(all) {
		return fmt.Errorf("%d mutants were not killed", len(all)-killed)
	}
	return nil
}
