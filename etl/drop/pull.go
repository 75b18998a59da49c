package drop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// partPrefix begins the names of files on their way. It is one of package
// durable's temporary names, so that a sweep may remove them at the cost of
// fetching again.
const partPrefix = durable.TempPrefix + "pull-"

// Pull fetches the complete drops of a partner's server that are not here yet
// into <into>/<partner>/incoming/. An error means that the connection or our
// disk failed; what was done until then is in Pulled, and the next call goes on.
func Pull(ctx context.Context, fsys durable.FS, cfg PullConfig, into string, limits Limits) (Pulled, error) {
	limits = limits.withDefaults()
	r, err := dial(ctx, cfg, limits)
	if err != nil {
		return Pulled{}, err
	}
	defer r.close()

	p := &puller{
		fsys: fsys, cfg: cfg, limits: limits, r: r,
		from: path.Join(cfg.Path, incomingDir),
		into: filepath.Join(into, cfg.Partner, incomingDir),
		left: limits.RunBytes,
	}
	drops, err := r.list(ctx, p.from, limits.Drops)
	if errors.Is(err, fs.ErrNotExist) {
		return Pulled{}, problem.New(problem.Failed, cfg.Partner, "the partner's server has no folder incoming", "check sftp.pull path")
	}
	if err != nil {
		return Pulled{}, broken(ctx, err, cfg.Partner)
	}
	var done Pulled
	for _, d := range drops {
		fetched, err := p.drop(ctx, d)
		var left *problem.Problem
		switch {
		case errors.As(err, &left):
			done.Problems = append(done.Problems, left)
		case err != nil:
			return done, broken(ctx, err, cfg.Partner)
		case fetched:
			done.Drops = append(done.Drops, d.Name())
		}
	}
	return done, nil
}

// broken says why a session that had begun did not end well.
func broken(ctx context.Context, err error, partner string) error {
	var known *problem.Problem
	var local *fs.PathError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &known):
		return known
	case errors.Is(err, errTooMany):
		return problem.Wrap(err, problem.Failed, partner, "a folder on the partner's server holds more entries than allowed", "ask the partner to clear away what has been receipted")
	case errors.Is(err, errTalkative):
		return problem.Wrap(err, problem.Failed, partner, "the partner's server sent more than it announced", "tell the partner; nothing of it was kept")
	case errors.As(err, &local):
		return problem.Wrap(err, problem.Failed, partner, "a drop could not be stored", "is the disk full? the next run goes on where this one ended")
	}
	return problem.Wrap(err, problem.Failed, partner, "the connection to the partner's server broke", "the next run goes on where this one ended")
}

// puller is one call of Pull.
type puller struct {
	fsys   durable.FS
	cfg    PullConfig
	limits Limits
	r      *remote
	from   string // incoming there
	into   string // incoming here
	left   int64  // bytes that this call may still fetch
}

// wanted is one file of a drop that is to be fetched.
type wanted struct {
	name   string
	size   int64
	sha256 string // from the manifest, hex; "" if it says none
}

// drop fetches one drop, if it is complete and new.
func (p *puller) drop(ctx context.Context, d fs.FileInfo) (bool, error) {
	if !ValidName(d.Name()) {
		return false, p.leave(d.Name(), "the name is not allowed", "use letters, digits, dot, underscore and hyphen")
	}
	if d.Mode()&fs.ModeSymlink != 0 {
		return false, p.leave(d.Name(), "it is a symbolic link, which is not followed", "put the drop itself there")
	}
	if !d.IsDir() {
		return false, p.leave(d.Name(), "it is not a folder", "a drop is a folder below incoming")
	}
	manifest, err := p.manifest(ctx, d.Name())
	if err != nil || manifest == nil {
		return false, err
	}
	sum := sha256.Sum256(manifest)
	if here, err := p.seen(d.Name(), manifest, hex.EncodeToString(sum[:])); err != nil || here {
		return false, err
	}
	files, err := p.files(ctx, d.Name(), hashes(manifest))
	if err != nil {
		return false, err
	}
	return true, p.fetchAll(ctx, d.Name(), manifest, partPrefix+hex.EncodeToString(sum[:8])+"-", files)
}

// leave makes the problem of a drop that is left out.
func (p *puller) leave(drop, what, do string) error {
	return problem.New(problem.Quarantined, p.cfg.Partner+" "+quoted(drop), what, do)
}

// manifest reads the manifest there; nil if the drop has none yet.
func (p *puller) manifest(ctx context.Context, drop string) ([]byte, error) {
	name := path.Join(p.from, drop, manifestName)
	p.r.meter.allow(smallTalk)
	info, err := p.r.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, p.leave(drop, "its manifest is not a regular file", "links are not followed: put the file itself there")
	}
	if info.Size() > maxManifest {
		return nil, p.leave(drop, "its manifest is larger than 1 MiB", "make it with heatwatch-partner")
	}
	var b bytes.Buffer
	if err := p.copy(ctx, &b, name, 0, info.Size()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// seen tells whether a drop is here already. If it is here with another
// manifest, that is a problem to be told; nothing is touched.
func (p *puller) seen(drop string, manifest []byte, sum string) (bool, error) {
	changed := p.leave(drop, "the partner's copy has another manifest than the drop of this name that was taken", "a drop is never changed: send what is new under a new name")
	if p.cfg.Known != nil {
		if had, ok := p.cfg.Known(drop); ok && had == sum {
			return true, nil
		} else if ok {
			return false, changed
		}
	}
	here, err := readFile(p.fsys, filepath.Join(p.into, drop, manifestName), maxManifest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case bytes.Equal(here, manifest):
		return true, nil
	}
	return false, changed
}

// files lists what belongs to a drop and refuses what does not fit.
func (p *puller) files(ctx context.Context, drop string, sums map[string]string) ([]wanted, error) {
	infos, err := p.r.list(ctx, path.Join(p.from, drop), p.limits.Files)
	if errors.Is(err, errTooMany) {
		return nil, p.leave(drop, fmt.Sprintf("it holds more than %d files", p.limits.Files), "a drop has one file per entity")
	}
	if err != nil {
		return nil, err
	}
	var files []wanted
	total := int64(0)
	for _, i := range infos {
		switch {
		case i.Name() == manifestName:
			continue
		case !ValidName(i.Name()):
			return nil, p.leave(drop, "a file's name is not allowed", "use letters, digits, dot, underscore and hyphen")
		case i.Mode()&fs.ModeSymlink != 0:
			return nil, p.leave(drop, "it holds a symbolic link, which is not followed", "put the file itself there")
		case !i.Mode().IsRegular():
			return nil, p.leave(drop, "it holds something that is not a file", "a drop holds files only")
		case i.Size() < 0 || i.Size() > p.limits.FileBytes:
			return nil, p.leave(drop, fmt.Sprintf("a file is larger than %d bytes", p.limits.FileBytes), "send it compressed, or in several drops")
		}
		total += i.Size()
		files = append(files, wanted{i.Name(), i.Size(), sums[i.Name()]})
	}
	if total > p.limits.DropBytes {
		return nil, p.leave(drop, fmt.Sprintf("it is larger than %d bytes", p.limits.DropBytes), "send it compressed, or in several drops")
	}
	if total > p.left {
		return nil, p.leave(drop, "one run has fetched as much as it may", "the next run fetches it")
	}
	p.left -= total
	return files, nil
}

// fetchAll fetches the files into temporary names, gives them their names, and
// writes the manifest last.
func (p *puller) fetchAll(ctx context.Context, drop string, manifest []byte, prefix string, files []wanted) error {
	dir := filepath.Join(p.into, drop)
	if err := durable.MkdirAll(p.fsys, dir, 0o700); err != nil {
		return err
	}
	if info, err := p.fsys.Lstat(dir); err != nil {
		return err
	} else if !info.IsDir() {
		return p.leave(drop, "here, something that is not a folder has its name", "look at it, and remove it if you did not put it there")
	}
	if err := p.dropOtherParts(dir, prefix); err != nil {
		return err
	}
	for _, f := range files {
		if err := p.fetch(ctx, drop, f, filepath.Join(dir, prefix+f.name)); err != nil {
			return err
		}
	}
	for _, f := range files {
		// The drop has no manifest: a file that has the name is left over
		// from a run that was cut between here and the manifest.
		if err := p.fsys.Remove(filepath.Join(dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := durable.Publish(p.fsys, filepath.Join(dir, prefix+f.name), filepath.Join(dir, f.name), 0o600); err != nil {
			return err
		}
	}
	return durable.Create(p.fsys, filepath.Join(dir, manifestName), manifest, 0o600)
}

// dropOtherParts removes what earlier runs fetched for another manifest.
func (p *puller) dropOtherParts(dir, prefix string) error {
	entries, err := p.fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partPrefix) && !strings.HasPrefix(e.Name(), prefix) {
			if err := p.fsys.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch brings one file, going on where an earlier run ended. What was there
// already may be damaged (its end was perhaps never on disk when the power
// went): then the manifest's SHA-256 is not met, and it is fetched from the
// start. A file that arrives so at the first go is the intake's to judge.
func (p *puller) fetch(ctx context.Context, drop string, w wanted, part string) error {
	resumed, err := p.fetchFrom(ctx, drop, w, part, true)
	if err != nil || !resumed || w.sha256 == "" {
		return err
	}
	sum, err := hashFile(p.fsys, part)
	if err != nil || strings.EqualFold(sum, w.sha256) {
		return err
	}
	_, err = p.fetchFrom(ctx, drop, w, part, false)
	return err
}

func (p *puller) fetchFrom(ctx context.Context, drop string, w wanted, part string, resume bool) (resumed bool, err error) {
	f, err := p.fsys.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	at := info.Size()
	if !resume || at > w.size {
		if err := f.Truncate(0); err != nil {
			return false, err
		}
		at = 0
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return false, err
	}
	if at == w.size {
		return at > 0, nil
	}
	err = p.copy(ctx, f, path.Join(p.from, drop, w.name), at, w.size)
	if errors.Is(err, errOtherSize) {
		return false, p.leave(drop, "a file changed while it was read", "the next run tries again; the manifest must come last")
	}
	return at > 0, err
}

var errOtherSize = errors.New("the file has another size than its folder said")

// copy brings the bytes of a file there from at to size, and not one more.
func (p *puller) copy(ctx context.Context, w io.Writer, name string, at, size int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.r.meter.allow(smallTalk + (size-at)/8*9)
	f, err := p.r.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return err
	}
	exact := &exactWriter{w: w, left: size - at}
	if _, err := f.WriteTo(exact); err != nil {
		return err
	}
	if exact.left != 0 {
		return errOtherSize
	}
	return nil
}

// exactWriter takes so many bytes and refuses more.
type exactWriter struct {
	w    io.Writer
	left int64
}

func (e *exactWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > e.left {
		return 0, errOtherSize
	}
	n, err := e.w.Write(p)
	e.left -= int64(n)
	return n, err
}

// hashes takes the SHA-256 of the files from a manifest, as far as it can be
// read; whether it is a good one is not decided here.
func hashes(manifest []byte) map[string]string {
	var m struct {
		Files []struct {
			Name   string `json:"name"`
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if json.Unmarshal(manifest, &m) != nil {
		return nil
	}
	sums := map[string]string{}
	for _, f := range m.Files {
		sums[f.Name] = f.SHA256
	}
	return sums
}

func hashFile(fsys durable.FS, name string) (string, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func readFile(fsys durable.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}
