package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/lake"
	"heatwatch/internal/cli"
	"heatwatch/internal/problem"
	"heatwatch/privacy"
	"heatwatch/privacy/ledger"
	"heatwatch/reports/measures"
	"heatwatch/reports/measures/schema"
	"heatwatch/reports/render"
)

func (c *command) verifyCommand() *cobra.Command {
	var release, ledgerDir, site, key string
	cmd := &cobra.Command{Use: "verify", Short: "Check the whole home; or one published site or release file, without data", Args: cobra.NoArgs,
		Long: `Without a flag: reads every file of the lake byte by byte and row by row, accounts for every row of every drop, and checks
receipts, the chains of the logs, the ledger end to end, and every release file against its ledger entry. Exit 3: ledger,
release or plan; 1: damage to the lake, a drop or a log.

--release FILE follows the figures of one release file back to the ledger, on a machine without home and data: signature,
accounting by the file's own manifest, every figure that rests on the file computed again from its noisy cells and
compared with the site around it, ledger entry, chain and head. It prints the figures as report does, and what it could not check.
Exit 3: something does not agree; 2: the file cannot be read.

--site DIR does the same for a whole published site.`,
		Example: `  heatwatch verify --format json
  heatwatch verify --release public/releases/2024/12.json --key FINGERPRINT
  heatwatch verify --release 12.json --ledger public/ledger
  heatwatch verify --site public --key FINGERPRINT`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case release != "" && site != "":
				return problem.New(problem.Usage, "verify", "--release and --site were both given", "give one of them")
			case release == "" && ledgerDir != "":
				return problem.New(problem.Usage, "--ledger", "it belongs to --release", "a site holds its own ledger: `heatwatch verify --site DIR`")
			case release == "" && site == "" && key != "":
				return problem.New(problem.Usage, "--key", "it belongs to --release or --site", "a home knows its own key")
			case release != "":
				return c.verifyRelease(release, ledgerDir, key)
			}
			if site != "" {
				return c.verifySite(site, key)
			}
			return c.verify(cmd.Context())
		}}
	cmd.Flags().StringVar(&release, "release", "", "one release file")
	cmd.Flags().StringVar(&ledgerDir, "ledger", "", "with --release: the ledger's folder (default: the one beside the file's releases/)")
	cmd.Flags().StringVar(&site, "site", "", "a published site")
	cmd.Flags().StringVar(&key, "key", "", "fingerprint of the key to expect")
	return cmd
}

// verifySite checks a published site on a machine without data: every file against SHA256SUMS, the ledger end to end,
// each release file against its own manifest, its ledger entry and the home's signature, and every figure of the site's files of figures
// against those release files.
func (c *command) verifySite(dir, key string) error {
	s, err := openSite(dir)
	if err != nil {
		return err
	}
	fingerprint := ledger.Fingerprint(s.ledger.PublicKey())
	if key != "" && !sameFingerprint(key, s.ledger.PublicKey()) {
		return notPublished(dir, ledger.HeadFile, "the site is signed by another key ("+fingerprint+")")
	}
	found, figures, err := siteFindings(dir, s.ledger, s.files)
	if err != nil {
		return err
	}
	if len(found.Problems) > 0 {
		if len(s.files) > 0 {
			c.sayCode(s.files[len(s.files)-1])
		}
		return first(found.Problems)
	}
	for _, u := range found.Unchecked {
		c.Say("heatwatch: not checked: %s", u)
	}
	if key == "" {
		c.Say("heatwatch: the key was not compared; ask the publisher for its fingerprint and give it as --key")
	}
	return c.Table(render.Table{Columns: render.Cols("home", "entries#", "releases#", "figures#", "fingerprint"),
		Rows: [][]string{{s.ledger.Home(), fmt.Sprint(s.ledger.Position().Entries), fmt.Sprint(len(s.files)), fmt.Sprint(figures), fingerprint}}})
}

// audit checks release files against their own manifests and the ledger.
func audit(files []privacy.ReleaseFile, l *ledger.Ledger) (found privacy.Findings) {
	sc := schema.Schema()
	for _, f := range files {
		found.Add(f.Audit(sc))
		found.Add(f.AuditEntry(l, sc))
	}
	slices.Sort(found.Unchecked) // old files all lack the same
	found.Unchecked = slices.Compact(found.Unchecked)
	return found
}

// siteFindings audits every release file of a site and derives all its figures again.
func siteFindings(dir string, l *ledger.Ledger, files []privacy.ReleaseFile) (found privacy.Findings, figures int, err error) {
	sc := schema.Schema()
	found = audit(files, l)
	if len(found.Problems) > 0 {
		return found, 0, nil
	}
	for _, name := range []string{ledger.HeadFile, filepath.Join("ledger", ledger.HeadFile)} {
		head, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return found, 0, problem.Wrap(err, problem.Refused, filepath.Join(dir, name), "the head cannot be read", "fetch the site again from its publisher")
		}
		if rel, err := l.Compare(head); err != nil || rel != ledger.Same {
			found.Problems = append(found.Problems, problem.New(problem.Refused, filepath.Join(dir, name), "it is not the head of the site's ledger", "fetch the site again from its publisher"))
			return found, 0, nil
		}
	}
	plan, err := planOf(l, sc, files)
	if err != nil {
		found.Unchecked = append(found.Unchecked, "the figures: this program cannot read the plan: "+err.Error())
		return found, 0, nil
	}
	s, err := publishedBy(l)
	if err != nil {
		return found, 0, err
	}
	for _, m := range measures.All() {
		r, err := reportOf(plan, sc, l, files, m, nil)
		if err != nil {
			return found, 0, err
		}
		s.Reports = append(s.Reports, r)
		figures += len(r.Figures)
	}
	data, err := checkData(dir, s, 0, files)
	found.Add(data)
	return found, figures, err
}

// publishedSite is a site that is whole: its key is the caller's to compare.
type publishedSite struct {
	ledger *ledger.Ledger
	files  []privacy.ReleaseFile
}

func openSite(dir string) (publishedSite, error) {
	if err := sums(dir, func(where, what string) error { return notPublished(dir, where, what) }); err != nil {
		return publishedSite{}, err
	}
	l, err := ledger.OpenPublic(filepath.Join(dir, "ledger"))
	if err != nil {
		return publishedSite{}, err
	}
	files, err := privacy.ReadReleases(filepath.Join(dir, "releases"))
	if err != nil {
		return publishedSite{}, err
	}
	if err := privacy.Check(files, l); err != nil {
		return publishedSite{}, err
	}
	if gone := privacy.Missing(files, l); len(gone) > 0 {
		return publishedSite{}, gone[0]
	}
	return publishedSite{l, files}, nil
}

func notPublished(dir, where, what string) error {
	return problem.New(problem.Refused, filepath.Join(dir, where), what, "do not rely on this copy: fetch it again from its publisher")
}

// sums compares a folder with its SHA256SUMS, in both directions.
func sums(dir string, bad func(where, what string) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return problem.Wrap(err, problem.Usage, dir, "there is no such folder", "name the folder of a published site")
	}
	defer root.Close()
	list, err := root.ReadFile("SHA256SUMS")
	if err != nil {
		return problem.Wrap(err, problem.Usage, dir, "this is no published site: it has no SHA256SUMS", "name the folder of a published site")
	}
	want := map[string]string{"SHA256SUMS": ""}
	for line := range strings.Lines(string(list)) {
		hash, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			return bad("SHA256SUMS", "it cannot be read")
		}
		want[name] = hash
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		hash, ok := want[path]
		if !ok {
			return bad(path, "the file is not the publisher's: SHA256SUMS does not list it")
		}
		delete(want, path)
		if path == "SHA256SUMS" {
			return nil
		}
		b, err := root.ReadFile(path)
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != hash {
			return bad(path, "the file was changed after it was published")
		}
		return nil
	})
	if err != nil {
		return err
	}
	for name := range want {
		return bad(name, "the file is missing")
	}
	return nil
}

type verdict struct {
	Schema   int           `json:"schema"`
	OK       bool          `json:"ok"`
	Lake     lakeVerdict   `json:"lake"`
	Problems []lake.Damage `json:"problems"`
}

type lakeVerdict struct {
	Generation int    `json:"generation"`
	Content    string `json:"content"`
}

func (c *command) verify(ctx context.Context) error {
	var v inspection
	if err := c.inspect(ctx, &v); err != nil {
		return err
	}
	if err := c.printVerdict(v.verdict); err != nil {
		return err
	}
	if v.house != nil {
		c.sayLocked(v.house)
	}
	return v.exit()
}

// inspection is what looking at the whole home found.
type inspection struct {
	verdict
	refused bool   // ledger, release files or plan are not what they must be
	house   *house // nil where the home could not be opened for that
}

func (v inspection) exit() error {
	switch {
	case v.refused:
		return cli.Done(problem.Refused)
	case !v.OK:
		return cli.Done(problem.Failed)
	}
	return nil
}

func (c *command) inspect(ctx context.Context, v *inspection) error {
	v.verdict = verdict{Schema: 1, Problems: []lake.Damage{}}
	note := func(err error) error {
		if err == nil {
			return nil
		}
		var p *problem.Problem
		if !errors.As(err, &p) || p.Exit != problem.Refused {
			return err
		}
		v.refused = true
		v.Problems = append(v.Problems, lake.Damage{What: p.What, Where: p.Where, Restore: p.Do})
		return nil
	}
	h, err := c.open()
	if err := note(err); err != nil {
		return err
	}
	home := c.path()
	if h != nil {
		files, err := h.releases()
		if err == nil {
			for _, wrong := range audit(files, h.ledger).Problems {
				if err := note(wrong); err != nil {
					return err
				}
			}
		}
		if err := note(err); err != nil {
			return err
		}
		for _, gone := range privacy.Missing(files, h.ledger) {
			if err := note(gone); err != nil {
				return err
			}
		}
		_, _, err = h.plan()
		if err := note(err); err != nil {
			return err
		}
		if err := note(h.checkErasures()); err != nil {
			return err
		}
	}
	found, err := lake.Verify(ctx, home)
	if err != nil {
		return err
	}
	v.Lake = lakeVerdict{found.Generation, found.Content.String()}
	logs, err := logDamage(home)
	if err != nil {
		return err
	}
	v.Problems = append(append(v.Problems, found.Problems...), logs...)
	if h != nil {
		rows, err := h.rowsAccounted()
		if err != nil {
			return err
		}
		v.Problems = append(v.Problems, rows...)
	}
	v.OK, v.house = len(v.Problems) == 0, h
	return nil
}

func (c *command) printVerdict(v verdict) error {
	o, err := c.Options()
	if err != nil {
		return err
	}
	if o.Format == render.FormatJSON {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.Out, string(b))
		return err
	}
	if v.OK {
		c.Say("all is as it was written: generation %d, content %s", v.Lake.Generation, short(v.Lake.Content))
	}
	t := render.Table{Columns: render.Cols("what", "where", "restore")}
	for _, p := range v.Problems {
		t.Rows = append(t.Rows, []string{p.What, p.Where, p.Restore})
	}
	if len(t.Rows) == 0 && o.Format == render.FormatTable {
		return nil
	}
	return render.Write(c.Out, t, o)
}
