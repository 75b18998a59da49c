package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"heatwatch/internal/backup"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
	"heatwatch/reports/render"
)

func (c *command) restoreCommand() *cobra.Command {
	var identity, out, drill string
	cmd := &cobra.Command{Use: "restore FILE --identity KEYFILE --out DIR", Short: "Make a home of a backup, and check it; or try whether one could", Args: cobra.MaximumNArgs(1),
		Long: `Unpacks a backup into a new folder, checks the home in it from end to end, and says what it holds. DIR must not exist. A
backup that was cut or changed is refused, and nothing of it is kept. Exit 1 or 3 with a home that is there: the backup is as
it was written, but the home was damaged before; what is wrong is listed, as verify does.

--drill FILE does the same in a temporary folder, reports, and removes it: a backup that nobody has restored is a hope. The
folder holds the home in the open for that time; it is made in the staging folder of the home (--home), else beside FILE.

A restored home may be older than what was released since. It is locked if it had released before, and says so: fetch the
newest published site, then heatwatch ledger import --site DIR.`,
		Example: `  heatwatch restore 2026-11-24.heatwatch --identity /media/safe/heatwatch.key --out county
  heatwatch restore --drill 2026-11-24.heatwatch --identity /media/safe/heatwatch.key`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (drill != "") == (len(args) == 1) {
				return problem.New(problem.Usage, "", "one backup is needed", "name it as FILE with --out DIR, or with --drill")
			}
			if drill != "" {
				if out != "" {
					return problem.New(problem.Usage, "", "--drill keeps nothing", "leave --out away")
				}
				return c.drill(cmd.Context(), drill, identity)
			}
			if out == "" {
				return problem.New(problem.Usage, "", "no folder is named", "say --out DIR")
			}
			return c.restore(cmd.Context(), args[0], identity, out)
		}}
	cmd.Flags().StringVar(&identity, "identity", "", "file with the secret key of age that opens the backup")
	cmd.Flags().StringVar(&out, "out", "", "folder of the new home; it must not exist")
	cmd.Flags().StringVar(&drill, "drill", "", "restore this backup into a temporary folder, check it, and remove it")
	cmd.MarkFlagRequired("identity")
	return cmd
}

// drillPrefix begins the name of a folder in which a backup was tried.
const drillPrefix = "restore-drill-"

func (c *command) drill(ctx context.Context, file, identity string) error {
	beside := filepath.Dir(file)
	if at := c.path(); at.Check() == nil {
		beside = at.Staging()
	}
	dir, err := os.MkdirTemp(beside, drillPrefix)
	if err != nil {
		return problem.Wrap(err, problem.Failed, beside, "no folder for the drill could be made", "check the permissions")
	}
	defer os.RemoveAll(dir)
	info, v, err := c.unpack(ctx, file, identity, dir)
	if err != nil {
		return err
	}
	if err := c.printRestored(file, info, v); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return problem.Wrap(err, problem.Failed, dir, "the home of the drill could not be removed", "remove the folder: it holds everything")
	}
	if v.OK {
		c.Say("the drill went well: this backup makes a whole home, whose ledger has %d entries", info.Entries)
	}
	return v.exit()
}

// restore unpacks beside the folder that was asked for, and gives it its name at the end: what has that name is whole.
func (c *command) restore(ctx context.Context, file, identity, out string) error {
	out = filepath.Clean(out)
	if _, err := os.Lstat(out); err == nil {
		return problem.New(problem.Usage, out, "there is something already", "name a folder that does not exist; a home is never overwritten")
	}
	work := filepath.Join(filepath.Dir(out), durable.TempPrefix+filepath.Base(out))
	if err := os.Mkdir(work, 0o700); errors.Is(err, os.ErrExist) {
		return problem.Wrap(err, problem.Failed, work, "a restore that did not come to its end has left this folder", "remove it, then restore again")
	} else if err != nil {
		return problem.Wrap(err, problem.Failed, work, "the folder cannot be made", "check the permissions and the room on the disk")
	}
	defer os.RemoveAll(work) // has another name by then, if all went well
	info, v, err := c.unpack(ctx, file, identity, work)
	if err != nil {
		return err
	}
	if err := durable.Rename(durable.OS(), work, out); err != nil {
		return problem.Wrap(err, problem.Failed, out, "the restored home could not get its name", "check the folder")
	}
	if err := c.printRestored(out, info, v); err != nil {
		return err
	}
	c.Say("this home is as it was on %s, and its ledger has %d entries. If anything was released since, it does not know: before it releases,", info.MadeOn, info.Entries)
	c.Say("fetch the newest published site of this home and run: heatwatch --home %s ledger import --site DIR (or name a witness with release --witness)", out)
	return v.exit()
}

// unpack restores into an empty folder and looks at the home in it from end to end.
func (c *command) unpack(ctx context.Context, file, identity, into string) (backup.Info, inspection, error) {
	var v inspection
	keys, err := readIdentity(identity)
	if err != nil {
		return backup.Info{}, v, err
	}
	f, err := os.Open(file)
	if err != nil {
		return backup.Info{}, v, problem.Wrap(err, problem.Usage, file, "the backup cannot be opened", "check the path and the permissions")
	}
	defer f.Close()
	room, err := home.Room(into)
	if err != nil {
		return backup.Info{}, v, err
	}
	info, err := backup.Restore(ctx, f, keys, into, room)
	if p := new(problem.Problem); errors.As(err, &p) && p.Where == "" {
		p.Where = file
	}
	if err != nil {
		return info, v, err
	}
	if err := (home.Home{Dir: into}).MakeFolders(durable.OS()); err != nil { // of those that no backup holds
		return info, v, problem.Wrap(err, problem.Failed, into, "the folders of the home cannot be made", "check the room on the disk")
	}
	there := &command{App: c.App, dir: into}
	if err := there.inspect(ctx, &v); err != nil {
		return info, v, err
	}
	if v.house != nil && v.house.ledger.Home() != info.Home {
		return info, v, problem.New(problem.Refused, file, "the backup says that it is of another home than its ledger", "do not use it: it was not made by heatwatch backup")
	}
	return info, v, nil
}

func readIdentity(path string) ([]age.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, path, "the key cannot be opened", "name the file with the secret key, that of `heatwatch backup key` or age-keygen")
	}
	defer f.Close()
	keys, err := age.ParseIdentities(f)
	if err != nil {
		return nil, problem.New(problem.Usage, path, "this is no secret key of age", "name the file that `heatwatch backup key` or age-keygen has written")
	}
	return keys, nil
}

func (c *command) printRestored(where string, info backup.Info, v inspection) error {
	state, head := "whole", ""
	if !v.OK {
		state = "damaged"
	}
	if v.house != nil {
		head = v.house.ledger.Position().Hash
	}
	for _, p := range v.Problems {
		c.Say("heatwatch: %s: %s: %s", p.Where, p.What, p.Restore)
	}
	t := render.Table{Columns: render.Cols("home", "where", "made_on", "generation#", "content", "ledger_entries#", "ledger_head", "files#", "bytes#", "state")}
	t.Rows = [][]string{{info.Home, where, info.MadeOn, fmt.Sprint(v.Lake.Generation), v.Lake.Content, fmt.Sprint(info.Entries), head, fmt.Sprint(info.Files), fmt.Sprint(info.Bytes), state}}
	return c.Table(t)
}
