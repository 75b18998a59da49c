package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

// Options of a session.
type Options struct {
	Engine     Engine
	Generation int // 0: the current one
}

// Session reads one generation. It is for one goroutine at a time; its temporary tables live until Close.
type Session struct {
	Manifest Manifest // generation 0, and empty views, before the first night

	hold  *os.File // shared lock on the generation
	spill *os.File // lock on the spill folder
	pool  *sql.DB
	conn  *sql.Conn
}

// Open starts a session on the current generation (or the one that is named) and locks it down.
func Open(ctx context.Context, h home.Home, o Options) (s *Session, err error) {
	s = &Session{}
	defer func() {
		if err != nil {
			s.Close()
			s = nil
		}
	}()
	if err := s.holdGeneration(h, o.Generation); err != nil {
		return s, err
	}
	if err := s.makeSpill(h); err != nil {
		return s, err
	}
	c, err := duckdb.NewConnector("", func(x driver.ExecerContext) error { return s.prepare(ctx, h, o, x) })
	if err != nil {
		return s, fmt.Errorf("lake: starting DuckDB: %w", err)
	}
	s.pool = sql.OpenDB(guard{c})
	s.conn, err = s.pool.Conn(ctx)
	return s, err
}

// holdGeneration takes the shared lock. Between reading the pointer and taking the lock a nightly may swap the pointer
// and clean: then the folder that was locked is no longer the one of that name, and the next try reads the new pointer.
func (s *Session) holdGeneration(h home.Home, want int) error {
	for range 100 {
		n := want
		if n == 0 {
			var err error
			if n, err = Current(h); err != nil || n == 0 {
				return err
			}
		}
		path := generationPath(h, n)
		l, err := lockFolder(path, syscall.LOCK_SH)
		if errors.Is(err, os.ErrNotExist) && want != 0 {
			return problem.New(problem.Failed, path, "this generation is not kept any more", "name another, or none for the current one")
		}
		if errors.Is(err, os.ErrNotExist) || err == nil && l == nil {
			continue // being cleaned
		}
		if err != nil {
			return err
		}
		if !samePlace(l, path) {
			l.Close()
			continue
		}
		s.hold = l
		s.Manifest, err = ReadManifest(h, n)
		if err == nil && s.Manifest.Schema < readableSchema {
			err = problem.New(problem.Failed, path, "the generation was written before profiles had persons", "run `heatwatch nightly --rebuild`")
		}
		return err
	}
	return problem.New(problem.Failed, h.Lake(), "the current generation is not there", "run `heatwatch verify`")
}

func samePlace(l *os.File, path string) bool {
	a, err := l.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// makeSpill makes a folder for what does not fit into memory, and locks it so that a nightly's sweep leaves it alone.
func (s *Session) makeSpill(h home.Home) error {
	if err := os.MkdirAll(h.Staging(), 0o700); err != nil {
		return err
	}
	for range 100 {
		dir, err := os.MkdirTemp(h.Staging(), sessionPrefix)
		if err != nil {
			return problem.Wrap(err, problem.Failed, h.Staging(), "no folder for spilled data can be made", "check permissions and room")
		}
		l, err := lockFolder(dir, syscall.LOCK_EX)
		if err == nil && l != nil && samePlace(l, dir) {
			s.spill = l
			return nil
		}
		if l != nil {
			l.Close()
		}
	}
	return problem.New(problem.Failed, h.Staging(), "no folder for spilled data can be locked", "check the file system")
}

// prepare sets the limits, makes the views, and locks the door behind itself. The order matters: a path is allowed only
// while access is still open, and after the last statement no setting can be changed, this one included.
func (s *Session) prepare(ctx context.Context, h home.Home, o Options, x driver.ExecerContext) error {
	dir := ""
	if s.hold != nil {
		dir, _ = filepath.Abs(s.hold.Name())
	}
	statements := append(o.Engine.settings(filepath.Join(s.spill.Name(), "spill")),
		"SET preserve_insertion_order = false",
		"SET allowed_paths = ["+strings.Join(readable(s.Manifest, dir), ", ")+"]",
		"SET enable_external_access = false")
	statements = append(statements, views(s.Manifest, dir)...)
	statements = append(statements, "SET lock_configuration = true")
	for _, st := range statements {
		if _, err := x.ExecContext(ctx, st, nil); err != nil {
			return sqlError(st, err)
		}
	}
	return nil
}

// readable are the files that a session may open: entities and people, but neither crosswalk nor tokens.
func readable(m Manifest, dir string) []string {
	list := []string{}
	for _, f := range m.Files {
		if f.Entity != "" || f.Path == peopleName {
			list = append(list, quote(filepath.Join(dir, f.Path)))
		}
	}
	return list
}

// QueryContext runs one statement and returns its rows. DuckDB hands over a whole result at once: let SQL aggregate.
func (s *Session) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, sqlError(query, err)
	}
	return rows, nil
}

// Exec runs statements that are separated by semicolons, for temporary tables. With args there may be only one.
func (s *Session) Exec(ctx context.Context, text string, args ...any) error {
	list := Split(text)
	if len(args) > 0 && len(list) != 1 {
		return errors.New("lake: arguments go with exactly one statement")
	}
	for _, st := range list {
		if _, err := s.conn.ExecContext(ctx, st, args...); err != nil {
			return sqlError(st, err)
		}
	}
	return nil
}

// Close ends the session and lets go of its generation.
func (s *Session) Close() error {
	var all []error
	if s.conn != nil {
		all = append(all, s.conn.Close())
	}
	if s.pool != nil {
		all = append(all, s.pool.Close())
	}
	if s.spill != nil {
		all = append(all, os.RemoveAll(s.spill.Name()), s.spill.Close())
	}
	if s.hold != nil {
		all = append(all, s.hold.Close())
	}
	s.conn, s.pool, s.spill, s.hold = nil, nil, nil, nil
	return errors.Join(all...)
}
