package drop

import (
	"context"
	"io/fs"
	"log/slog"
	"os"

	"github.com/pkg/sftp"
)

// Filelist lists a folder or describes one file.
func (v *visit) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	l, err := v.look(r)
	if err != nil {
		return nil, v.answer(opLook, r.Filepath, err)
	}
	return l, nil
}

func (v *visit) look(r *sftp.Request) (sftp.ListerAt, error) {
	at, err := v.locate(r.Filepath)
	if err == errBadName && r.Method != "List" {
		err = errNoSuchFile // asking whether it is there is no offence
	}
	if err != nil {
		return nil, err
	}
	switch r.Method {
	case "List":
		done, err := v.handle()
		if err != nil {
			return nil, err
		}
		entries, err := v.list(at)
		if err != nil {
			done()
			return nil, err
		}
		return &listing{entries: entries, done: done}, nil
	case "Stat", "Lstat":
		e, err := v.stat(at)
		if err != nil {
			return nil, err
		}
		return &listing{entries: []fs.FileInfo{e}, done: func() {}}, nil
	}
	return nil, errUnsupported // Readlink
}

func (v *visit) list(at place) ([]fs.FileInfo, error) {
	a := v.area
	switch at.kind {
	case atRoot:
		return []fs.FileInfo{folder(incomingDir), folder(receiptsDir)}, nil
	case atReceipts:
		return v.entries(a.out, ".", false)
	case atIncoming:
		return v.entries(a.in, ".", true)
	case atDrop:
		if _, err := v.stat(at); err != nil {
			return nil, err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		return v.entries(a.in, at.drop, false)
	}
	return nil, errDenied
}

// entries lists what a partner may see of a folder: folders or files, by name.
func (v *visit) entries(r *os.Root, name string, folders bool) ([]fs.FileInfo, error) {
	infos, err := readFolder(r, name)
	if err != nil {
		return nil, err
	}
	var seen []fs.FileInfo
	for _, info := range infos {
		if ValidName(info.Name()) && (folders && info.IsDir() || !folders && info.Mode().IsRegular()) {
			seen = append(seen, describe(info))
		}
	}
	sortByName(seen)
	if most := v.area.quota.Listing; len(seen) > most {
		v.log.LogAttrs(context.Background(), slog.LevelWarn, "listing cut short", slog.Int("entries", len(seen)))
		seen = seen[len(seen)-most:] // names that begin with a date: the newest
	}
	return seen, nil
}

func (v *visit) stat(at place) (fs.FileInfo, error) {
	a := v.area
	switch at.kind {
	case atRoot:
		return folder("/"), nil
	case atIncoming:
		return folder(incomingDir), nil
	case atReceipts:
		return folder(receiptsDir), nil
	case atReceipt:
		return describeRegular(a.out, at.name)
	}
	drop, err := a.in.Lstat(at.drop)
	if err != nil {
		return nil, err
	}
	if !drop.IsDir() {
		return nil, errNoSuchFile
	}
	if at.kind == atDrop {
		return describe(drop), nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.open[at.in()]
	if u == nil {
		return describeRegular(a.in, at.in())
	}
	// What has arrived without a gap: a client that resumes goes on there.
	e, err := describeRegular(a.in, u.path)
	if err != nil {
		return nil, err
	}
	e.name, e.size = at.name, u.high
	return e, nil
}

func describeRegular(r *os.Root, name string) (*entry, error) {
	info, err := regular(r, name)
	if err == errDenied || info == nil && err == nil {
		return nil, errNoSuchFile
	}
	if err != nil {
		return nil, err
	}
	return describe(info), nil
}
