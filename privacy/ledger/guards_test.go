package ledger

import (
	"context"
	"testing"

	"heatwatch/internal/problem"
)

// Who knows the content, but not the home's key, learns nothing from a commitment: another home says another word.
func TestCommitmentsAreKeyed(t *testing.T) {
	one, _ := three(t)
	two, _ := three(t)
	seen := map[string]bool{}
	for _, h := range []warehouse{one, two} {
		key, err := LoadCommitmentKey(h.keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, of := range []string{"generation", "register", "1:register"} {
			for _, content := range []string{"", "17", "18", ",17"} {
				c := key.Commit(of, []byte(content))
				if seen[c.HMAC] {
					t.Errorf("%s of %q: two homes, names or contents have one commitment", of, content)
				}
				seen[c.HMAC] = true
				if !key.Opens(c, []byte(content)) || key.Opens(c, []byte(content+"x")) {
					t.Errorf("%s of %q: the commitment is not one to this content", of, content)
				}
			}
		}
	}
}

// One unit above the cap is above the cap.
func TestTheCapIsNotPassedByOneUnit(t *testing.T) {
	_, l := three(t)
	e := release(t, l, item("heads_q", "2026Q3", 6))
	e.Release.Losses[0].Lifetime = capMu2 + 1
	_, err := l.Append(context.Background(), e)
	wantExit(t, problem.Refused, err)
}

// Another plan changes what may be measured, not what was spent.
func TestAnotherPlanSparesNobody(t *testing.T) {
	_, l := three(t)
	before, err := l.Spent("minors")
	if err != nil || before == 0 {
		t.Fatalf("spent %v, %v", before, err)
	}
	mustAppend(t, l, Entry{Kind: KindAmend, Date: today, Amend: &Amend{Reason: "another plan", Plan: &Plan{Name: "another", Version: 1, Hash: CellsHash("another")}}})
	if after, err := l.Spent("minors"); err != nil || after != before {
		t.Errorf("spent %v after the plan was changed, %v before: %v", after, before, err)
	}
}

// Entries are public: a day, never a time of day, in each place that takes a date.
func TestATimeOfDayIsRefused(t *testing.T) {
	_, l := three(t)
	e := release(t, l, item("heads_q", "2026Q3", 6))
	for _, date := range []string{e.Date + "T12:00:00Z", e.Date + " 12:00", e.Date + "Z", ""} {
		d := e
		d.Date = date
		if _, err := l.Append(context.Background(), d); err == nil {
			t.Errorf("an entry of %q was booked", date)
		}
	}
}

// Who holds the home's key can sign an earlier entry anew. The entries after it name the old one, and so does everybody's head.
func TestAnEarlierEntryCannotBeSignedAnew(t *testing.T) {
	h, _ := three(t)
	h.mustVerify(t)
	h.resigned(t, 2, func(e *Entry) { e.Commitments[0].HMAC = CellsHash("another") })
	if _, err := Verify(h.dir, ""); problem.ExitCode(err) != problem.Refused {
		t.Errorf("an earlier entry was replaced: %v", err)
	}
}
