package drop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// maxReceipt bounds a receipt; ours list 1,000 lines per reason at most.
const maxReceipt = 64 << 20

// PushReceipts brings the receipts in <from>/<partner>/receipts/ to the
// partner's server, each under a temporary name that is then renamed. Receipts
// that are there are left alone: a receipt is never rewritten. A scorecard is,
// where it says something else.
func PushReceipts(ctx context.Context, fsys durable.FS, cfg PullConfig, from string, limits Limits) (Pushed, error) {
	limits = limits.withDefaults()
	own := filepath.Join(from, cfg.Partner, receiptsDir)
	entries, err := fsys.ReadDir(own)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return Pushed{}, nil
	}
	if err != nil {
		return Pushed{}, err
	}
	r, err := dial(ctx, cfg, limits)
	if err != nil {
		return Pushed{}, err
	}
	defer r.close()

	there := path.Join(cfg.Path, receiptsDir)
	sizes, err := r.receipts(ctx, there, max(limits.Drops*2, len(entries)*2))
	if err != nil {
		return Pushed{}, broken(ctx, err, cfg.Partner)
	}
	var done Pushed
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !ValidName(e.Name()) || !info.Mode().IsRegular() || info.Size() > maxReceipt {
			continue // temporary files, and nothing that we made
		}
		size, ok := sizes[e.Name()]
		if ok && renewed(e.Name()) {
			same, err := r.same(filepath.Join(own, e.Name()), path.Join(there, e.Name()), size, info.Size())
			if err != nil {
				return done, broken(ctx, err, cfg.Partner)
			}
			if same {
				continue
			}
			if err := r.Remove(path.Join(there, e.Name())); err != nil {
				return done, broken(ctx, err, cfg.Partner)
			}
			ok = false
		}
		if ok {
			if size != info.Size() {
				done.Problems = append(done.Problems, problem.New(problem.Quarantined, cfg.Partner+" "+quoted(e.Name()), "the partner's server has another receipt of this name", "look at both; remove the one there if it is wrong"))
			}
			continue
		}
		if err := r.push(ctx, fsys, filepath.Join(own, e.Name()), there, e.Name(), info.Size()); err != nil {
			return done, broken(ctx, err, cfg.Partner)
		}
		done.Receipts = append(done.Receipts, e.Name())
	}
	return done, nil
}

// scorecard is the one name in receipts that is renewed; see intake.ScorecardName.
const scorecard = "scorecard"

func renewed(name string) bool { return strings.TrimSuffix(name, path.Ext(name)) == scorecard }

// same tells whether a small file of ours and one on the partner's server say the same.
func (r *remote) same(ours, theirs string, size, want int64) (bool, error) {
	if size != want {
		return false, nil
	}
	a, err := os.ReadFile(ours)
	if err != nil {
		return false, err
	}
	r.meter.allow(smallTalk + size)
	f, err := r.Open(theirs)
	if err != nil {
		return false, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, want))
	return bytes.Equal(a, b), err
}

// receipts lists what is there, and makes the folder if it is not.
func (r *remote) receipts(ctx context.Context, folder string, most int) (map[string]int64, error) {
	infos, err := r.list(ctx, folder, most)
	if errors.Is(err, fs.ErrNotExist) {
		r.meter.allow(smallTalk)
		return nil, r.Mkdir(folder)
	}
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, i := range infos {
		sizes[i.Name()] = i.Size()
	}
	return sizes, nil
}

// push brings one file: whole under its name, or not at all.
func (r *remote) push(ctx context.Context, fsys durable.FS, from, folder, name string, size int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := fsys.OpenFile(from, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	r.meter.allow(smallTalk + size) // one status per piece
	temp := path.Join(folder, durable.TempPrefix+name)
	to, err := r.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, io.LimitReader(f, size))
	if _, ok := r.HasExtension("fsync@openssh.com"); ok && err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("%s is shorter than its folder says", name)
	}
	// The plain rename of SFTP, not OpenSSH's: it refuses a name that is taken.
	return r.Rename(temp, path.Join(folder, name))
}
