package lake

import (
	"context"
	"database/sql/driver"
	"errors"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"heatwatch/internal/problem"
)

// guard lets a session's statements through only if they read, or change the session's own memory. DuckDB's own lock
// keeps files outside the allowed ones closed and settings fixed; the guard is the second wall, for what that lock still
// permits: COPY TO and ATTACH at an allowed path, EXPORT, and whatever a later version adds.
type guard struct{ driver.Connector }

func (g guard) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := g.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return guardedConn{c.(*duckdb.Conn)}, nil
}

// guardedConn offers no Exec and no Query of its own, so database/sql prepares every statement, and Prepare takes exactly
// one at a time: nothing can hide behind a semicolon.
type guardedConn struct{ c *duckdb.Conn }

func (g guardedConn) Close() error                               { return g.c.Close() }
func (g guardedConn) CheckNamedValue(v *driver.NamedValue) error { return g.c.CheckNamedValue(v) }
func (g guardedConn) Begin() (driver.Tx, error) {
	return nil, errors.New("lake: a session has no transactions")
}
func (g guardedConn) Prepare(query string) (driver.Stmt, error) {
	s, err := g.c.Prepare(query)
	if err != nil {
		return nil, err
	}
	t, err := s.(*duckdb.Stmt).StatementType()
	if err == nil && !permitted[t] {
		err = problem.New(problem.Failed, "lake session", "this kind of statement is not allowed", "a session reads views and makes temporary tables, nothing else")
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

var permitted = map[duckdb.StmtType]bool{
	duckdb.STATEMENT_TYPE_SELECT:      true,
	duckdb.STATEMENT_TYPE_INSERT:      true,
	duckdb.STATEMENT_TYPE_UPDATE:      true,
	duckdb.STATEMENT_TYPE_DELETE:      true,
	duckdb.STATEMENT_TYPE_CREATE:      true,
	duckdb.STATEMENT_TYPE_CREATE_FUNC: true,
	duckdb.STATEMENT_TYPE_ALTER:       true,
	duckdb.STATEMENT_TYPE_DROP:        true,
}
