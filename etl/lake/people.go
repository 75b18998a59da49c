package lake

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"
)

// keepTable writes one of the three tables about persons, or links its file where no line changed, and lets go of the table.
func (b *builder) keepTable(ctx context.Context, t string, changed bool) error {
	order := map[string]string{"crosswalk": "population, partner, person_key", "people": "person", "tokens": `population, "column", value, person`}[t]
	var n int64
	if err := b.db.one(ctx, "SELECT count(*) FROM "+t, &n); err != nil {
		return err
	}
	// But for an erasure lines are only ever added, so an equal number means that nothing changed.
	was, ok := b.prev.file(t + ".parquet")
	if ok && n == was.Rows && !changed && !b.Full && !b.Erase && len(b.Left) == 0 {
		return errors.Join(b.link(was), b.db.exec(ctx, "DROP TABLE "+t))
	}
	staged := filepath.Join(b.staging, t+".parquet")
	if err := b.db.exec(ctx, copyTo("SELECT * FROM "+t+" ORDER BY "+order, staged), "DROP TABLE "+t); err != nil {
		return err
	}
	f := File{Path: t + ".parquet", Rows: n}
	var err error
	if f.SHA256, f.Bytes, err = hashFile(staged); err != nil {
		return err
	}
	return b.publish(staged, f)
}

// engaged notes the persons whose first engagement the program sees tonight.
func (b *builder) engaged(ctx context.Context) (n int64, err error) {
	var paths []string
	for _, f := range b.next.Files {
		if f.Entity == "engagements" && !f.Hides { // a row that is hidden by now was seen when it came
			paths = append(paths, quote(filepath.Join(b.dir, f.Path)))
		}
	}
	if len(paths) == 0 {
		return 0, nil
	}
	now := b.Now.UTC().Truncate(time.Microsecond).Format("2006-01-02 15:04:05.999999")
	r, err := b.db.conn.ExecContext(ctx, "UPDATE people SET engaged_seen = TIMESTAMP "+quote(now)+
		" WHERE engaged_seen IS NULL AND person IN (SELECT person FROM read_parquet(["+strings.Join(paths, ", ")+"]))")
	if err != nil {
		return 0, sqlError("UPDATE people", err)
	}
	return r.RowsAffected()
}
