package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"heatwatch/internal/problem"
)

// Engine bounds what DuckDB may use.
type Engine struct {
	Memory  string // DuckDB's notation; "" is 1GB for sessions, and follows the number of persons and rows where the lake is built. Beyond it DuckDB spills; a single large step may exceed it.
	Threads int    // 0 is 2
	Spill   string // most space of the spilled data; "" is 64GB
}

func (e Engine) filled() Engine {
	if e.Memory == "" {
		e.Memory = "1GB"
	}
	if e.Threads <= 0 {
		e.Threads = 2
	}
	if e.Spill == "" {
		e.Spill = "64GB"
	}
	return e
}

// sized bounds an engine that holds tables of so many persons and streams the rest, of which the largest table has so many rows. Sorts
// spill: with 128 MB one of five million rows takes no more processor time than with a gigabyte. Tables can be put out too, but not all of
// their blocks at once, and what is merged or grouped from very many rows wants more.
func (e Engine) sized(persons, rows int64) Engine {
	if e.Memory == "" {
		e.Memory = fmt.Sprintf("%dMB", 128+(300*persons+24*max(0, rows-soughtRows))/1_000_000)
	}
	return e
}

// settings are common to the engine that builds and the sessions that read. What is spilled is not encrypted: this build
// of DuckDB refuses temp_file_encryption (its crypto module only reads). It lies in the home's staging folder, never in the
// system's, and goes with the session.
func (e Engine) settings(temp string) []string {
	e = e.filled()
	return []string{
		"SET memory_limit = " + quote(e.Memory),
		fmt.Sprintf("SET threads = %d", e.Threads),
		"SET temp_directory = " + quote(temp),
		"SET max_temp_directory_size = " + quote(e.Spill),
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET allow_community_extensions = false",
		"SET TimeZone = 'UTC'",
		"SET enable_progress_bar = false",
	}
}

// db is a DuckDB in memory with one connection, for our own statements over our own files.
type db struct {
	conn *sql.Conn
	pool *sql.DB
}

func openEngine(ctx context.Context, e Engine, temp string) (*db, error) {
	c, err := duckdb.NewConnector("", func(x driver.ExecerContext) error {
		for _, s := range e.settings(temp) {
			if _, err := x.ExecContext(ctx, s, nil); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lake: starting DuckDB: %w", err)
	}
	pool := sql.OpenDB(c)
	conn, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("lake: starting DuckDB: %w", err)
	}
	return &db{conn, pool}, nil
}

func (d *db) close() { d.conn.Close(); d.pool.Close() }

// exec runs statements in turn. Their text holds names and paths, never values of rows.
func (d *db) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := d.conn.ExecContext(ctx, s); err != nil {
			return sqlError(s, err)
		}
	}
	return nil
}

// one reads a single row.
func (d *db) one(ctx context.Context, query string, into ...any) error {
	if err := d.conn.QueryRowContext(ctx, query).Scan(into...); err != nil {
		return sqlError(query, err)
	}
	return nil
}

// each calls f for every row.
func (d *db) each(ctx context.Context, query string, f func(*sql.Rows) error) error {
	rows, err := d.conn.QueryContext(ctx, query)
	if err != nil {
		return sqlError(query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// fill appends rows to a table.
func (d *db) fill(table string, n int, row func(i int) []driver.Value) error {
	return d.conn.Raw(func(c any) error {
		a, err := duckdb.NewAppenderFromConn(c.(driver.Conn), "", table)
		if err != nil {
			return err
		}
		for i := range n {
			if err := a.AppendRow(row(i)...); err != nil {
				a.Close()
				return err
			}
		}
		return a.Close()
	})
}

// sqlError names the statement and what DuckDB says. Only messages of kinds that speak of files, limits and our own SQL
// are kept: others may quote a value of a row.
func sqlError(statement string, err error) error {
	words := strings.Fields(statement)
	return &statementError{statement: strings.Join(words[:min(6, len(words))], " "), what: harmless(err), err: err}
}

type statementError struct {
	what, statement string
	err             error
}

func (e *statementError) Error() string { return "lake: " + e.statement + " ...: " + e.what }
func (e *statementError) Unwrap() error { return e.err }

var harmlessKinds = []string{"IO Error", "Out of Memory Error", "Parser Error", "Binder Error", "Catalog Error", "Permission Error", "Invalid Configuration Error"}

// harmless is the part of an error that may be shown.
func harmless(err error) string {
	var p *problem.Problem
	if errors.As(err, &p) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err.Error()
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	for _, k := range harmlessKinds {
		if strings.HasPrefix(line, k) {
			return line
		}
	}
	kind, _, found := strings.Cut(line, ":")
	if !found {
		kind = "failed"
	}
	return kind + " (its text is left out: it may quote a row)"
}

// quote makes a string literal, name an identifier.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
func name(s string) string  { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
