package privacy

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"heatwatch/internal/durable"
	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
	"heatwatch/privacy/register"
)

// BenchmarkCohort times what a release does with a cohort of a million members (HEATWATCH_BENCH_MEMBERS): out of the session,
// sealed to disk, read and checked, into the session again, and the decision who is admitted.
func BenchmarkCohort(b *testing.B) {
	size := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("HEATWATCH_BENCH_MEMBERS")); err == nil {
		size = n
	}
	ctx, l, h := context.Background(), newLake(b), newHome(b, newLake(b))
	l.exec(b, fmt.Sprintf(`INSERT INTO people SELECT range, 'minors', unhex(left(sha256(range::VARCHAR), 32)), true FROM range(%d)`, size))
	l.exec(b, `CREATE TEMP TABLE entries AS SELECT person, TIMESTAMP '2025-01-01' + INTERVAL (person % 7700000) SECOND AS entered_at, DATE '2025-01-01' + (person % 89)::INTEGER AS entered_on,
1::USMALLINT AS agency, 'shelter' AS agency_kind, 'hotline' AS channel, 'street' AS setting, '14-15' AS age_band, 15 AS age FROM people`)
	r := h.releaser(b, durable.OS(), "2027-12-31")
	g, err := r.register()
	if err != nil {
		b.Fatal(err)
	}
	quarter := parse(b, "2025Q1")
	for b.Loop() {
		began := time.Now()
		lap := func(what string) {
			b.ReportMetric(time.Since(began).Seconds(), what+"-s")
			began = time.Now()
		}
		check := func(err error) {
			if err != nil {
				b.Fatal(err)
			}
		}
		check(run(ctx, l, "CREATE OR REPLACE TEMP TABLE cohort AS FROM entries"))
		p := persons{eng: l, period: quarter}
		ms, err := p.members(ctx)
		check(err)
		ids, err := p.pseudonyms(ctx)
		check(err)
		lap("out")
		c, err := g.StageCohort("minors", quarter, ms)
		check(err)
		offers := []register.Offer{{ID: "heads", Series: "heads", Level: models.LevelQuarter, Participations: 1, Price: 1000, Eligible: ids}}
		empty, err := g.Load(register.Standing{}, "minors")
		check(err)
		e, err := g.StageExposure("minors", register.Entry{Period: quarter, Due: 1, Attempt: 1}, offers, empty.Admit(accountant.Unit, quarter, offers), ms)
		check(err)
		stands := register.Stands([]ledger.Entry{{Number: 2, Commitments: []ledger.Commitment{c, e}}})
		check(g.Apply(stands))
		lap("seal")
		book, err := g.Load(stands, "minors")
		check(err)
		lap("read")
		check(loadFrozen(ctx, l, book))
		lap("in")
		a := book.Admit(accountant.Unit, quarter, offers)
		lap("admit")
		check(p.leaveOut(ctx, a.Out(0)))
		if st, err := os.Stat(h.dir + "/register/minors-2025Q1.cohort"); err == nil {
			b.ReportMetric(float64(st.Size())/float64(len(ms)), "bytes/member")
		}
		check(os.RemoveAll(h.dir + "/register"))
	}
}
