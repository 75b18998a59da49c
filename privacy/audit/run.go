package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// mutant is one planted bug.
type mutant struct {
	name  string // "C4 row numbers instead of a keyed hash"
	pkg   string // folder of the package whose tests must notice
	run   string // pattern of those tests
	quick bool   // also run by the ordinary tests
	// source: the tests read the package's source. They run in a copy of its folder that has the bug in it: what the
	// compiler is told by the overlay, they would not see.
	source bool
	edits  []edit
}

// edit replaces a text that occurs exactly once in a file.
type edit struct{ file, old, new string }

// outcome is what became of a mutant: killed by a test, or why not.
type outcome struct {
	mutant mutant
	killer string // first test that failed
	took   time.Duration
	err    error
}

var (
	errSurvived = errors.New("SURVIVED")
	errBroken   = errors.New("BROKEN: it does not build")
)

// root is the folder of the module.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no go.mod above this folder")
		}
		dir = filepath.Dir(dir)
	}
}

// apply returns the changed files, by their path from the root.
func (m mutant) apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range m.edits {
		text, ok := changed[e.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s: the old text occurs %d times, not once: %q", e.file, n, e.old)
		}
		changed[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	if len(changed) == 0 {
		return nil, errors.New("it changes nothing")
	}
	return changed, nil
}

// timeLimit is for one mutant's tests. Reaching it is no kill: a slow machine would kill everything.
const timeLimit = 20 * time.Minute

// try builds the package's tests with the mutant in them and runs those that must fail.
func (m mutant) try(ctx context.Context, root string) (killer string, err error) {
	changed, err := m.apply(root)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range changed {
		path := filepath.Join(dir, fmt.Sprintf("%d-%s", len(overlay.Replace), filepath.Base(file)))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(root, file)] = path
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "mutant.test")
	if out, err := command(ctx, root, "go", "test", "-overlay", list, "-c", "-o", binary, "./"+m.pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w:\n%s", errBroken, tail(out))
	}
	folder := filepath.Join(root, m.pkg)
	if m.source {
		if folder, err = m.copyFolder(root, filepath.Join(dir, "source"), changed); err != nil {
			return "", err
		}
	}
	args := []string{"-test.run", m.run, "-test.failfast", "-test.timeout", timeLimit.String()}
	if usesRapid(filepath.Join(root, m.pkg)) {
		args = append(args, "-rapid.nofailfile") // failing examples of a planted bug are not worth keeping
	}
	failed, out, err := runTests(ctx, folder, binary, args)
	switch {
	case err != nil:
		return "", err
	case !failed && bytes.Contains(out, []byte("no tests to run")):
		return "", fmt.Errorf("no test matches %q", m.run)
	case !failed:
		return "", errSurvived
	case bytes.Contains(out, []byte("panic: test timed out")):
		return "", fmt.Errorf("its tests took more than %v: neither killed nor survived", timeLimit)
	}
	return firstFailure(out), nil
}

// copyFolder copies the files of the package, changed where the mutant changes them.
func (m mutant) copyFolder(root, to string, changed map[string]string) (string, error) {
	if err := os.Mkdir(to, 0o700); err != nil {
		return "", err
	}
	files, err := os.ReadDir(filepath.Join(root, m.pkg))
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, m.pkg, f.Name()))
		if text, ok := changed[m.pkg+"/"+f.Name()]; ok {
			b = []byte(text)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f.Name()), b, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	return to, nil
}

// runTests says whether a test failed. A test binary that cannot be run at all is an error.
func runTests(ctx context.Context, dir, binary string, args []string) (failed bool, out []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit+time.Minute)
	defer cancel()
	out, err = command(ctx, dir, binary, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return true, out, nil
	}
	return false, out, err
}

// usesRapid tells whether the package's tests know the flags of rapid.
func usesRapid(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	return slices.ContainsFunc(files, func(f string) bool {
		b, err := os.ReadFile(f)
		return err == nil && bytes.Contains(b, []byte(`"pgregory.net/rapid"`))
	})
}

func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HEATWATCH_AUDIT=") // CI sizes: a bug that only the full audit sees is seen too late
	return cmd
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// firstFailure names the test that noticed, the innermost where tests are nested.
func firstFailure(out []byte) string {
	all := failure.FindAllSubmatch(out, -1)
	if len(all) == 0 {
		return "a panic"
	}
	name := string(all[0][1])
	for _, m := range all {
		if strings.HasPrefix(string(m[1]), name+"/") {
			name = string(m[1])
		}
	}
	return name
}

func tail(b []byte) []byte { return b[max(0, len(b)-1500):] }

// clean runs the tests that mutants name on the code as it is: what fails there kills nothing.
func clean(ctx context.Context, root string, all []mutant) error {
	patterns := map[string][]string{}
	for _, m := range all {
		if !slices.Contains(patterns[m.pkg], m.run) {
			patterns[m.pkg] = append(patterns[m.pkg], m.run)
		}
	}
	for _, pkg := range sortedKeys(patterns) {
		out, err := command(ctx, root, "go", "test", "-timeout", "20m", "-run", strings.Join(patterns[pkg], "|"), "./"+pkg).CombinedOutput()
		if err != nil {
			return fmt.Errorf("without any mutant the tests of %s fail: %w\n%s", pkg, err, tail(out))
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// hunt tries all mutants, some at a time, and reports each as it falls.
func hunt(ctx context.Context, root string, all []mutant, parallel int, report func(outcome)) []outcome {
	out := make([]outcome, len(all))
	next := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range parallel {
		wg.Go(func() {
			for i := range next {
				began := time.Now()
				killer, err := all[i].try(ctx, root)
				mu.Lock()
				out[i] = outcome{all[i], killer, time.Since(began), err}
				report(out[i])
				mu.Unlock()
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

// table prints what became of each mutant and returns how many were killed.
func table(w io.Writer, all []outcome) (killed int) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "mutant\tkilled by\tseconds")
	for _, o := range all {
		by := o.killer
		if o.err != nil {
			by, _, _ = strings.Cut(o.err.Error(), "\n")
		} else {
			killed++
		}
		fmt.Fprintf(t, "%s\t%s\t%.1f\n", o.mutant.name, by, o.took.Seconds())
	}
	t.Flush()
	fmt.Fprintf(w, "killed %d/%d\n", killed, len(all))
	return killed
}
