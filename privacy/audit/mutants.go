package main

// The folders of the packages.
const (
	bounds     = "privacy"
	account    = "privacy/accountant"
	mech       = "privacy/mechanism"
	book       = "privacy/ledger"
	linkage    = "etl/link"
	program    = "cmd/heatwatch"
	reconciled = "privacy/reconcile"
	exposed    = "privacy/register"
	defined    = "reports/measures"
	neighbours = "TestOnePersonCannotMoveARelease"
)

func mutants() []mutant {
	var all []mutant
	plant := func(pkg, name, run string, edits ...edit) {
		all = append(all, mutant{name: name, pkg: pkg, run: run, edits: edits})
	}
	quick := func() { all[len(all)-1].quick = true }
	source := func() { all[len(all)-1].source = true }
	one := func(file, old, new string) edit { return edit{file, old, new} }

	// The crosswalk: C1, C3.
	const link = "etl/link/link.go"
	plant(linkage, "C1 attached files' tokens are indexed: transitive closure", "TestAttachedFile",
		one(link, "a.row(f, joined, false, true)\n", "a.row(f, joined, false, true)\n\tfor _, t := range f.Tokens {\n\t\ta.found(Founder{f.Population, joined, t})\n\t}\n"))
	plant(linkage, "C1 an attached file's set is matched without the founder's agreement", "TestAttachedHub",
		one("etl/link/candidates.go", "a.rule != AnyFile && !founders[n.person]", "a.rule != AnyFile && false"))
	plant(linkage, "C1 files are taken in the order of arrival", "TestAssignDependsOnOrderOfCreationOnly",
		one(link, "sorted := inOrder(files)", "sorted := files"), one(link, "func inOrder(files []File) []File {", "var _ = inOrder\n\nfunc inOrder(files []File) []File {"))
	plant(linkage, "C3 a second key of an agency joins the person", "TestSecondKeyOfAnAgencyStaysAlone",
		one(link, "taken := !f.Repeats && a.members", "taken := f.Repeats && a.members"))
	plant(linkage, "C3 a second key that waits is measured", "TestSecondKeyOfAnAgencyStaysAlone",
		one(link, "return a.newPerson(f, !held)", "err := a.newPerson(f, !held)\n\t\ta.out.Persons[len(a.out.Persons)-1].Measured = true\n\t\treturn err"))
	plant(linkage, "C3 a second key that waits becomes a decoy: it founds and takes others", "TestSecondKeyOfAnAgencyStaysAlone",
		one(link, "\tif !founding { // kept for the steward and for estimates: without a founding file nobody joins its person\n\t\ta.keep(f, p.Person, false)\n\t\treturn nil\n\t}\n", ""),
		one(link, "if _, taken := a.founders[k]; taken {", "if _, taken := a.founders[k]; taken && false {"))
	plant(linkage, "C14 minors and accused are linked to each other", "TestPopulationsNeverMeet",
		one("etl/link/candidates.go", "founderKey{f.Population, t.Column, t.Value}", `founderKey{"", t.Column, t.Value}`), one(link, "k := founderKey{f.Population, f.Column, f.Value}", `k := founderKey{"", f.Column, f.Value}`))
	plant(linkage, "C4 the pseudonym is the person's number", "TestAssignDependsOnOrderOfCreationOnly|TestNoRandomnessNoPerson|TestEqualTokens",
		one(link, "if _, err := io.ReadFull(a.rand, p.Pseudonym[:]); err != nil {", "if _, err := io.ReadFull(a.rand, make([]byte, 0)); err != nil {"))

	plant("etl/intake", "C9 a row that cannot be read takes the rows after it along", "TestSameAsOracle|TestVerdicts",
		one("etl/intake/judge.go", "\tif code != \"\" {\n\t\tat.code, at.field = code, -1", "\tif code == \"\" && len(c.faults) > 0 {\n\t\tcode = \"bad_encoding\"\n\t}\n\tif code != \"\" {\n\t\tat.code, at.field = code, -1"))
	plant("etl/intake", "C9 a row of bad bytes is let through", "TestSameAsOracle|TestVerdicts",
		one("etl/intake/judge.go", "case bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line):", "case bytes.IndexByte(line, 0) >= 0 && !utf8.Valid(line):"))

	// Bounds: C4, C9, C13, C25, C26.
	const bound, members = "privacy/bound.go", "privacy/membership.go"
	plant(bounds, "C4 row numbers instead of a keyed hash", "TestKeptCells|TestNobodyElse",
		one(bound, `b.hash(sqlText(it.ID), "d.cell")`, `"row_number() OVER ()"`))
	plant(bounds, "C4 the largest values are kept", "TestValuesDoNotChoose",
		one(bound, "PARTITION BY person, b ORDER BY h, i ROWS", "PARTITION BY person, b ORDER BY abs(v) DESC, h, i ROWS"))
	plant(bounds, "C4 the first cells of the list are kept", "TestKeptCells",
		one(bound, "PARTITION BY person, b ORDER BY h, i ROWS", "PARTITION BY person, b ORDER BY i ROWS"))
	plant(bounds, "C4 cells are ranked over all persons", "TestKeptCells|TestNobodyElse",
		one(bound, "PARTITION BY person, b ORDER BY h, i ROWS", "PARTITION BY b ORDER BY h, i ROWS"))
	plant(bounds, "C4 the hash is over the person's number, not the pseudonym", "TestKeptCells",
		one(bound, `keyedHash(b.selection, what, "p.pseudonym", choice)`, `keyedHash(b.selection, what, "p.person::VARCHAR", choice)`))
	plant(bounds, "C4 the hash has no key", "TestKeptCells",
		one(bound, "inner, outer := hmacPads(selection)", "inner, outer := hmacPads(nil)"))
	plant(bounds, "C4 the hash is over what agencies send: the value", "TestKeptCells|TestValuesDoNotChoose",
		one(bound, `b.hash(sqlText(it.ID), "d.cell")`, `b.hash(sqlText(it.ID), "c.v::VARCHAR")`))
	plant(bounds, "C9 a value that is no number is an error", "TestNothingOverflows",
		one(bound, "TRY_CAST(v.value AS BIGINT)", "CAST(v.value AS BIGINT)"))
	plant(bounds, "C9 the sum of all is not saturated", "TestNothingOverflows",
		one(bound, "SELECT i, greatest(-%[10]d, least(%[10]d, sum(v)))::BIGINT", "SELECT i, least(%[10]d, 0) + sum(v)::BIGINT"))
	plant(bounds, "C9 the engine's words about the data are shown", "TestAFailureSaysNothing",
		one(bound, `problem.Wrap(err, problem.Failed, "item "+it.ID, "release failed"`, `problem.Wrap(err, problem.Failed, "item "+it.ID, "release failed: "+err.Error()`))
	plant(bounds, "C13 clamp before duplicates are removed", "TestEqualRows",
		one(bound, "once AS (SELECT DISTINCT a.person, d.i, %[5]s AS block", "once AS (SELECT a.person, d.i, %[5]s AS block"))
	plant(bounds, "C13 rows are clamped and their sum is not", "TestAPersonIsClamped|TestOnePersonMoves",
		one(bound, "greatest(-%[2]d, least(%[2]d, sum(value)))::BIGINT AS v FROM once", "sum(greatest(-%[2]d, least(%[2]d, value)))::BIGINT AS v FROM once"))
	plant(bounds, "C13 a person with one row is not clamped", "TestAPersonIsClamped|TestOnePersonMoves",
		one(bound, "lone AS (SELECT d.i, greatest(-%[2]d, least(%[2]d, a.value)) AS v", "lone AS (SELECT d.i, greatest(-%[10]d, least(%[10]d, a.value)) AS v"))
	plant(bounds, "C13 values are clamped above and not below", "TestAPersonIsClamped|TestOnePersonMoves",
		one(bound, "greatest(-%[2]d, least(%[2]d, sum(value)))", "least(%[2]d, sum(value))"))
	plant(bounds, "C13 one cell more than l0 is kept", "TestKeptCells|TestOnePersonMoves",
		one(bound, `nth_block <= %d AND nth <= %d", most, each)`, `nth_block <= %d AND nth <= %d", most, each+1)`))
	plant(bounds, "C13 l0 is not enforced", "TestKeptCells|TestOnePersonMoves",
		one(bound, `above := fmt.Sprintf("count(*) > %d", each)`, `above := fmt.Sprintf("count(*) > 1000 * %d", each)`))
	plant(bounds, "C13 persons outside the cohort count", "TestOnlyTheCohort",
		one(bound, "v SEMI JOIN cohort USING (person)", "v"))
	plant(bounds, "C13 one block more than l0 is kept", "TestExtremePersons|TestBoundsAre",
		one(bound, `nth_block <= %d AND nth <= %d", most, each)`, `nth_block <= %d AND nth <= %d", most+1, each)`))
	plant(bounds, "C13 two answers of one block are kept", "TestExtremePersons|TestBoundsAre",
		one(bound, `most, each = "d.dim", b.hash(sqlText(it.ID+" block"), "d.dim"), it.L0, 1`, `most, each = "d.dim", b.hash(sqlText(it.ID+" block"), "d.dim"), it.L0, 2`))
	plant(bounds, "C13 weights of a person add up to more than their bound", "TestExtremePersons|TestBoundsAre",
		one(bound, "least(abs(v), %[1]d - before)", "least(abs(v), %[1]d)"))
	plant(bounds, "C13 five referrals are five cells of full weight", "TestExtremePersons|TestBoundsAre",
		one(bound, "if v.Encoding == Weights {", "if v.Encoding == Weights && v.Linf < 0 {"))
	plant(bounds, "C15 a row is clamped to one, however many attended", "TestEventsAreTheUnit",
		one(bound, "sum(v::HUGEINT * n)", "sum(v::HUGEINT * least(n, 1))"))
	plant(bounds, "C15 hours are not clamped per attendance", "TestEventsAreTheUnit",
		one(bound, "greatest(-%[2]d, least(%[2]d, min(v))) AS v,", "min(v) AS v,"))
	plant(bounds, "C15 the row is clamped instead of the attendance", "TestEventsAreTheUnit",
		one(bound, "sum(v::HUGEINT * n)", "sum(least(%[2]d, v::HUGEINT * n))"))
	plant(bounds, "C6 every year of an activity counts, not the first ones", "TestAnActivity",
		one(members, "HAVING count(DISTINCT %[4]s) <= %[5]d)", "HAVING count(DISTINCT %[4]s) <= 1000 * %[5]d)"))
	plant(bounds, "C6 the years of an activity are counted over everybody's records", "TestAnActivity",
		one(members, "GROUP BY d.person HAVING", "GROUP BY d.person HAVING (SELECT count(DISTINCT date_part('year', day)) FROM days) < 9 AND"))
	plant(bounds, "C6 years after the period count too", "TestAnActivity",
		one(members, "WHERE d.day <= DATE '1970-01-01' + %[3]d AND isfinite(d.day)", "WHERE isfinite(d.day)"))
	plant(bounds, "C25 grouped by person and value before the dimension is resolved", "TestABreakdownHasOneValue|TestAgenciesThatDisagree|TestExtremePersons",
		one(bound, "WHERE k.value IS NOT NULL GROUP BY k.person)", "WHERE k.value IS NOT NULL GROUP BY k.person, k.value)"))
	plant(bounds, "C25 a dimension is the largest value of all persons", "TestABreakdownHasOneValue|TestAgenciesThatDisagree",
		one(bound, "SELECT k.person, arg_min(k.value, %[6]s) AS value", "SELECT k.person, max(max(k.value)) OVER () AS value"))
	plant(bounds, "C25 the value that comes first in the alphabet wins", "TestAgenciesThatDisagree|TestABreakdownHasOneValue|TestBoundsAre",
		one(bound, "arg_min(k.value, %[6]s) AS value", "min(k.value) AS value"))
	plant(bounds, "C26 a code that is not listed is lost instead of being other", "TestPersonsWithoutAValue|TestABreakdownHasOneValue",
		one(bound, "THEN value ELSE %[4]s END AS value FROM said", "THEN value ELSE NULL END AS value FROM said"))
	plant(bounds, "C26 who has no value is in no cell", "TestPersonsWithoutAValue",
		one(bound, `missing = "LEFT JOIN"`, `missing = "JOIN"`))
	plant(bounds, "C24 empty cells are left out", "TestAnEmptyLake|TestKeptCells|TestEqualRows",
		one(bound, "return sumsOf(out), nil", "for len(out) > 1 && out[len(out)-1] == 0 {\n\t\tout = out[:len(out)-1]\n\t}\n\treturn sumsOf(out), nil"))

	// Measures: what a person gives to a vector, and nothing of others.
	plant(bounds, "C25 unknown wins over what an agency knows", neighbours,
		one("reports/measures/common/attributes.sql", "coalesce(label('persons.gender', coalesce(w.gender, s.gender)), 'unknown') AS gender",
			"CASE WHEN (SELECT count(*) FROM known k WHERE k.gender IS NULL) > 0 THEN 'unknown' ELSE coalesce(label('persons.gender', coalesce(w.gender, s.gender)), 'unknown') END AS gender"))
	plant(bounds, "C9 the as-of is that of the last record, not of the calendar", neighbours,
		one(members, "CREATE OR REPLACE TEMP TABLE params AS SELECT DATE '1970-01-01' + %d AS asof,", "CREATE OR REPLACE TEMP TABLE params AS SELECT coalesce((SELECT max(engaged_at_on) FROM engagements WHERE engaged_at_on < DATE '2024-03-01'), DATE '1970-01-01' + %d) AS asof,"))
	plant(bounds, "C4 a stay's place in its person's order depends on all persons", neighbours,
		one("reports/measures/common/care_stays.sql", "WINDOW in_order AS (PARTITION BY s.person\n                    ORDER BY s.started_on", "WINDOW in_order AS (PARTITION BY s.placement_type\n                    ORDER BY s.started_on"))
	plant(defined, "C7 a person enters once with each agency", "TestCases",
		one("reports/measures/common/entries.sql", "LEFT JOIN agencies k ON k.agency = g.agency;", "LEFT JOIN agencies k ON k.agency >= g.agency;"))

	// Cohorts: C7.
	const cohorts = "privacy/cohort.go"
	plant(bounds, "C7 cohorts are derived again from today's records", "TestFrozenEntriesWin|TestLateRecords",
		one(cohorts, "if p.book.Froze(p.period) {", "if p.book.Froze(p.period) && false {"))
	plant(bounds, "C7 late persons are dropped", "TestLateRecords",
		one(cohorts, "first = before\n", "break\n"))
	plant(bounds, "C7 late persons come into the released cohort", "TestFrozenEntriesWin|TestLateRecords",
		one(cohorts, "SEMI JOIN (SELECT pseudonym FROM frozen WHERE period = %s) f ON f.pseudonym = p.pseudonym`, columns, sqlText(p.period.String()))",
			"WHERE %s <> '' AND e.entered_on BETWEEN DATE '1970-01-01' + %d AND DATE '1970-01-01' + %d`, columns, sqlText(p.period.String()), p.period.First(), p.period.Last())"))
	plant(bounds, "C7 members of a cohort come into the next one too", "TestLateRecords|TestOnePersonIsInOneCohort",
		one(cohorts, "ANTI JOIN (SELECT pseudonym FROM frozen WHERE level = %s) f ON f.pseudonym = p.pseudonym\n  WHERE", "WHERE %s <> '' AND"))
	plant(bounds, "C7 today's entry wins over the frozen one", "TestFrozenEntriesWin",
		one(cohorts, "FROM first_freeze f JOIN people p USING (pseudonym) LEFT JOIN agencies a ON a.name = f.agency WHERE p.measured", "FROM first_freeze f JOIN people p USING (pseudonym) LEFT JOIN agencies a ON a.name = f.agency WHERE false"))
	plant(bounds, "C7 only who is counted somewhere becomes a member", "TestLateRecords|TestAStagedCohort|TestEveryStep|TestMembersAre",
		one(cohorts, "FROM cohort c JOIN people p USING (person) LEFT JOIN agencies a USING (agency) ORDER BY p.pseudonym", "FROM cohort c JOIN people p USING (person) LEFT JOIN agencies a USING (agency) WHERE c.age_band = 'yes' ORDER BY p.pseudonym"))
	plant(bounds, "C8 a lake that lost persons of released cohorts is measured again", "TestALakeThatLostMembers",
		one(cohorts, "if err != nil || gone == 0 {", "if err != nil || gone >= 0 {"))

	// The release: C5, C9, C17, C18, C19, C21, C24.
	const release, facts, exact, recovery, booking, checks = "privacy/release.go", "privacy/facts.go", "privacy/exact.go", "privacy/recover.go", "privacy/book.go", "privacy/check.go"
	plant(bounds, "C5 a plain hash of the generation is in the chain", "TestCommitmentsAreKeyed",
		one(release, `g.Commit.Commit("generation", house.Content)`, `ledger.Commitment{Of: "generation", HMAC: ledger.CellsHash(string(house.Content))}`))
	plant(bounds, "C6 a release says how many persons it is about", "TestOtherRecords",
		one(exact, "admitted := book.Admit(limit, en.period, offers)", "admitted := book.Admit(limit, en.period, offers)\n\tr.notice(string(rune('0' + len(cohort))))"))
	plant(bounds, "C6 who is left out is measured all the same", "TestWhoIsOverTheCap",
		one(exact, "if err := p.leaveOut(ctx, part.out); err != nil {", "if err := p.leaveOut(ctx, part.out[:0]); err != nil {"))
	plant(bounds, "C6 a renamed item begins to count again", "TestARenamedItemIsTheSame",
		one(booking, "\t\treturn it.Vector\n", "\t\treturn it.ID\n"), one(booking, `return it.Vector + "/" + it.By`, `return it.ID`))
	plant(bounds, "C20 what another copy of the home has measured is not charged", "TestAnotherCopyIsCharged",
		one(exact, "if err != nil || it.Population != population {\n\t\t\tcontinue", "if err != nil || it.Population != population || len(it.ID) > 0 {\n\t\t\tcontinue"))
	plant(bounds, "C9 an empty cohort is refused", "TestAnEmptyLake",
		one(exact, "c, err := g.StageCohort(population, en.period, cohort)", "if len(cohort) == 0 {\n\t\t\t\treturn nil, failed(errors.New(\"no data\"))\n\t\t\t}\n\t\t\tc, err := g.StageCohort(population, en.period, cohort)"))
	plant(bounds, "C9 what can be released today follows from records", "TestNothingIsReleasedBeforeItIsDue",
		one(release, "if dues[0] > r.Today {", "if dues[0] > r.Today && false {"), one(release, "\t\tif due > r.Today {\n\t\t\tbreak\n\t\t}\n", ""))
	plant(bounds, "C18 noise is reused across the cells of an item", "TestDrawsOfARelease",
		one(release, "v, err := d.noise.Draw(x)\n", "v, err := d.noise.Draw(x)\n\t\t\tif k > 0 {\n\t\t\t\tv = noisy[i][0] - d.sums.cells()[0] + x\n\t\t\t}\n"))
	plant(bounds, "C18 noise is 5 % too small in a release", "TestDrawsOfARelease|TestMuIsWhatIsBooked",
		one(facts, "Sigma: it.Sigma * factor}", "Sigma: it.Sigma * factor * 0.95}"))
	plant(bounds, "C13 one sigma for the raw vector, whatever its bound", "TestDrawnNoiseIsThatOfThePlan|TestMuIsWhatIsBooked",
		one(facts, "mechanism.Spec{L0: it.L0, Linf: it.Linf, Sigma: it.Sigma * factor}", "mechanism.Spec{L0: it.L0, Linf: 1, Sigma: it.Sigma * factor}"))
	plant(bounds, "C18 the noise is drawn twice and the smaller one taken", "TestDrawsOfARelease",
		one(release, "noisy[i][k] = v\n", "w, _ := d.noise.Draw(x)\n\t\t\tif (w-x)*(w-x) < (v-x)*(v-x) {\n\t\t\t\tv = w\n\t\t\t}\n\t\t\tnoisy[i][k] = v\n"))
	plant(bounds, "C19 a lost attempt is repeated at the price of the first", "TestALostRelease|TestARepeatFitsTheReserve",
		one(release, "return repeatQuarter", "return 1"), one(release, "return repeatYear", "return 1"))
	plant(bounds, "C19 the noise is drawn before the entry", "TestTheEntryComesBeforeTheDraw",
		one(release, "booked, err := r.book(ctx, en, items, commitments)", "if err := durable.Create(r.FS, pendingPath(r.Releases, en.period, 1<<20), nil, 0o444); err != nil {\n\t\treturn err\n\t}\n\tbooked, err := r.book(ctx, en, items, commitments)"))
	plant(bounds, "C19 what a crash left is thrown away and drawn again", "TestEveryStepOfARelease|TestThePowerMayGo",
		one(recovery, "if err := r.promote(pending, releasePath(r.Releases, period, e.Number), e.Number, period); err != nil {", "if err := durable.Remove(r.FS, pending); err != nil && !isMissing(err) {"))
	plant(bounds, "C19 a third attempt is made", "TestALostRelease|TestEveryStepOfARelease",
		one(recovery, "case lost != 0:", "case false:"))
	plant(bounds, "C19 a deleted release file counts as a lost attempt", "TestEveryStepOfARelease|TestThePowerMayGo",
		one(recovery, "return 0, missing(lost)", "return lost, nil"))
	plant(bounds, "C21 the identity of an item is its name", "TestARenamedItemIsTheSame",
		one(booking, "parts := []string{d.item.Vector, fmt", "parts := []string{d.item.ID, d.item.Vector, fmt"))
	plant(bounds, "C17 delta is split among populations", "TestStatementsAre",
		one(checks, "eps, err := loss.Release.Epsilon(terms.Delta)", "eps, err := loss.Release.Epsilon(terms.Delta / 2)"))
	plant(bounds, "C17 epsilons are added", "TestStatementsAre",
		one(checks, "EpsilonLifetime: life,", "EpsilonLifetime: eps + life,"))
	plant(bounds, "C14 a statement adds up all populations", "TestStatementsAre",
		one(checks, "if loss.Population != population {", "if loss.Population == \"\" {"))
	plant(bounds, "C24 a release carries the day on which it was made", "TestAReleaseIsMadeOnce",
		one(release, "f := ReleaseFile{Schema: 1, Entry: number, Period: en.period, Due: en.due,", "f := ReleaseFile{Schema: 1, Entry: number, Period: en.period, Due: r.Today,"))
	plant(bounds, "C5 a changed release file is believed", "TestAChangedReleaseFile",
		one(checks, "if err := ledger.VerifySignature(l.PublicKey(), ofRelease, f.signed(), f.Signature); err != nil {", "if false {"))
	plant(bounds, "C26 small classes follow from records, not from enrolment", "TestFrozenEntriesWin",
		one(exact, `if v != "other" && partners[v] < 2 {`, `if v != "other" && partners[v] < 0 {`))

	plant(bounds, "C23 what is about persons may be released without noise", "TestNoNoiseIsForPublicFactsAlone",
		one(facts, "!it.exact() || v.Encoding != Exact || it.Population != Nobody || s.population(v) != Nobody", "!it.exact() && v.Encoding != Exact"))
	plant(bounds, "C23 a plan may measure persons exactly", "TestExactIsForPublicFactsAlone",
		one("privacy/planitems.go", "case exact && !nobody:", "case false:"))
	plant(bounds, "C23 a noisy number that is called a fact is believed", "TestChangedFactsAreSeen",
		one("privacy/releasefile.go", "ok := m.Population == Nobody && m.Sd == 0", "ok := m.Sd == 0"), one("privacy/provenance.go", "want.Linf != it.Linf || want.Encoding != it.Encoding", "want.Linf != it.Linf"))

	// The register: C2, C5, C6, C8.
	const entries, sealing, folder, forget, merges = "privacy/register/book.go", "privacy/register/seal.go", "privacy/register/register.go", "privacy/register/forget.go", "privacy/register/links.go"
	plant(exposed, "C2 the root of the sum of squares after a merge, always", "TestLossesOfAMerged|TestSpendOfAny",
		one(entries, "price.Times(n * n)", "price.Times(n)"))
	plant(exposed, "C2 a merged person has lost the maximum of its parts", "TestLossesOfAMerged|TestSpendOfAny",
		one(entries, "\tif n == 1 {\n\t\treturn price", "\tif n >= 1 {\n\t\treturn price"))
	plant(exposed, "C2 the survivor of a merge carries its own loss only", "TestLossesOfAMerged|TestSpendOfAny",
		one(merges, "l.lines[i].Person = survivor", "l.lines[i].Upto = x.Upto"))
	plant(exposed, "C2 a split loses the register", "TestASplitCarries|TestSpendOfAny",
		one(merges, "l.lines = append(l.lines, line{x.Source, p, min(x.Upto, upto)})", "l.lines = append(l.lines, line{x.Source, p, 0 * min(x.Upto, upto)})"))
	plant(exposed, "C2 losses of parts whose draws are not known add in squares", "TestSumOfTotals",
		one(forget, "return plus(plus(a, b), accountant.Mu2(root.Int64()))", "return plus(a, b)"))
	plant(exposed, "C2 a merged person is measured on as two", "TestAdmission|TestLossesOfAMerged",
		one(entries, "> limit || c.gone(p)", "> limit || c.gone(p) && false"))
	plant(exposed, "C6 the register is not consulted", "TestAdmission",
		one(entries, "plus(spent[i], price[i]) > limit ||", "plus(spent[i], price[i]) < 0 ||"))
	plant(exposed, "C6 only what was lost before counts, not the price of the entry", "TestAdmission",
		one(entries, "plus(spent[i], price[i]) > limit ||", "spent[i] > limit ||"))
	plant(exposed, "C6 participations are not limited", "TestAdmission|TestASeriesCounts",
		one(entries, "had[key][i] >= o.Participations {", "had[key][i] >= 1000*o.Participations {"))
	plant(exposed, "C6 a series counts releases instead of periods", "TestASeriesCounts",
		one(entries, "if last[h.i] != e.Period {", "if last[h.i] != e.Period || total[h.i] > 0 {"))
	plant(exposed, "C6 who is measured beside the cohort is not charged", "TestWhoIsOutsideTheCohort",
		one(entries, "s := set{Cohort: true, without: without, with: with}", "s := set{Cohort: true, without: without}"),
		one(entries, "s = set{with: in}", "s = set{with: in[:0]}"))
	plant(exposed, "C6 how many are left out can be printed", "TestNothingCanBePrinted",
		one(entries, `io.WriteString(s, "[admission]")`, `fmt.Fprint(s, "[admission]", len(a.out))`), one(entries, "func (Admission) Format(s fmt.State, _ rune)", "func (a Admission) Format(s fmt.State, _ rune)"))
	plant(exposed, "C20 an older file of the register is taken", "TestDamage",
		one(folder, "if stands[of].HMAC != g.commit(name, sealed).HMAC {", "if stands[of].HMAC == \"?\" {"))
	plant(exposed, "C20 a deleted file of the register is not missed", "TestDamage",
		one(folder, "if files[name] == nil && !stands[of].Lost && stands[of].HMAC != g.nothing(of) {", "if files[name] == nil && len(files) == 0 && stands[of].HMAC == \"?\" {"))
	plant(bounds, "C5 an entry shows that somebody was merged", "TestEntriesDoNotShow",
		one(folder, "\t\tall = append(all, g.commit(name, b))", "\t\tif err == nil {\n\t\t\tall = append(all, g.commit(name, b))\n\t\t}"))
	plant(exposed, "C8 tombstones suppress by the agency's key only", "TestForget",
		one(forget, "_, ok := t.spent[t.key.of(id)]\n\treturn ok", "_, ok := t.spent[t.key.of(id)]\n\treturn ok && id.kind == \"key\""))
	plant(exposed, "C8 a tombstone forgets what was spent", "TestForget",
		one(forget, "\tt.spent[m] = spent\n", "\tt.spent[m] = 0 * spent\n"))
	plant(exposed, "C8 tombstones are plain hashes of tokens", "TestTombstonesAreKeyed",
		one(sealing, "derived := hmac.New(sha256.New, k.p[:])", "derived := hmac.New(sha256.New, make([]byte, 32))"))

	// The plan: C6, C12, C13, C21.
	const plan, planread, planitems = "privacy/plan.go", "privacy/planread.go", "privacy/planitems.go"
	plant(bounds, "C13 the loss of an item forgets l0", "TestTheLossOfAnItem",
		one(plan, "return float64(it.L0) / (it.Sigma * it.Sigma)", "return 1 / (it.Sigma * it.Sigma)"))
	plant(bounds, "C6 the plan counts an item once, however often a person takes part", "TestTheSplit|TestAPlanThatIsWrong",
		one(plan, "return it.Mu2() * float64(it.Participations)", "return it.Mu2()"))
	plant(bounds, "C13 a plan over the cap is accepted", "TestAPlanThatIsWrong",
		one(planread, "case spent > room:", "case spent > 2*room:"), one(planread, "case spent+held > room*(1+heldSlack):", "case spent+held > 2*room*(1+heldSlack):"))
	plant(bounds, "C9 a plan may measure before its windows have closed", "TestAPlanThatIsWrong",
		one(planitems, "it.Due < earliest || it.Due < 0", "it.Due < 0*earliest || it.Due < 0"))
	plant(bounds, "C13 sigma is rounded down", "TestEmbeddedPlans|TestSigmaIsRounded",
		one(plan, "return math.Ceil(x*scale-1e-9) / scale", "return math.Floor(x*scale) / scale"))
	plant(bounds, "C20 the home's epsilon does not change the noise", "TestEmbeddedPlans",
		one(planread, "r.p.factor = designMu / homeMu", "r.p.factor = designMu / designMu\n\t_ = homeMu"))

	// The accountant: C13, C17.
	const losses, epsilon, mu2 = "privacy/accountant/loss.go", "privacy/accountant/epsilon.go", "privacy/accountant/mu2.go"
	plant(account, "C13 linf enters the loss once: five referrals in a cell cost the root of five", "TestLossIsTheCeiling|TestBothWays",
		one(losses, "\tnum.Mul(num, linf)\n", ""))
	quick()
	plant(account, "C13 l0 is left out of the loss", "TestLossIsTheCeiling|TestBothWays",
		one(losses, "num := new(big.Int).Mul(big.NewInt(it.L0), linf)", "num := new(big.Int).Mul(big.NewInt(1), linf)"))
	plant(account, "C13 one sigma for the joint vector", "TestBothWays|TestDisagreement",
		one(losses, "w := float64(d) / v.Sd", "w := float64(d) / vectors[0].Sd"))
	plant(account, "C13 the two ways to compute a loss always agree", "TestDisagreement",
		one(losses, "return a >= b-slack &&", "return true || a >= b-slack &&"))
	plant(account, "C17 a loss is rounded down", "TestLossIsTheCeiling",
		one(mu2, "if rest.Sign() > 0 {", "if rest.Sign() < 0 {"))
	plant(account, "C17 zCDP's conversion is mixed in", "TestKnownPairs|TestEpsilonAgainst",
		one(epsilon, "return epsilonAt(high, mu), nil", "return mu*mu/2 + mu*math.Sqrt(-2*math.Log(delta)) + 0*high, nil"))
	plant(account, "C17 epsilon is the lower end of the bisection", "TestEpsilonA|TestMuFor",
		one(epsilon, "return epsilonAt(high, mu), nil", "return epsilonAt(low, mu) - 1e-12, nil"))
	plant(account, "C17 mu for an epsilon is rounded up", "TestMuFor",
		one(epsilon, "if middle <= low || middle >= high {\n\t\t\treturn low, nil", "if middle <= low || middle >= high {\n\t\t\treturn high, nil"))
	plant(account, "C17 rounding errors of the bisection are ignored", "TestEpsilonA",
		one(epsilon, "return p - q + (p+q)*4e-16*(30+t*t)", "return p - q"))
	plant(account, "C19 a loss below zero is a refund", "TestNothingWraps",
		one(mu2, "if m < 0 || other < 0 {", "if other < 0 {\n\t\treturn max(0, m+other), nil\n\t}\n\tif m < 0 {"))
	plant(account, "C18 a sum of losses wraps around", "TestNothingWraps",
		one(mu2, "if m > math.MaxInt64-other {", "if m == math.MaxInt64 && other == math.MaxInt64 {"))
	plant(account, "C18 an item without noise costs nothing", "TestNothingWraps",
		one(losses, "case !(it.Sd > 0) || math.IsInf(it.Sd, 0):", "case it.Sd < 0 || math.IsInf(it.Sd, 0) || math.IsNaN(it.Sd):"))

	// The mechanism: C18.
	const noise, rounded = "privacy/mechanism/mechanism.go", "privacy/mechanism/rounded.go"
	const sampled = "TestNoiseIsARounded"
	plant(mech, "C18 sd is what was asked for, not what the library draws", "TestSdIsAtLeast",
		one(noise, "p.sd = p.sdAt(p.epsilon)\n", "p.sd = wanted\n"))
	quick()
	plant(mech, "C18 the library gets another epsilon than the sd was computed for", sampled,
		one(noise, "AddNoiseInt64(x, 1, p.linf, p.epsilon, p.delta)", "AddNoiseInt64(x, 1, p.linf, p.epsilon*1.05, p.delta)"))
	plant(mech, "C18 the library gets another linf than the sd was computed for", sampled,
		one(noise, "AddNoiseInt64(x, 1, p.linf, p.epsilon, p.delta)", "AddNoiseInt64(x, 1, 1, p.epsilon, p.delta)"))
	plant(mech, "C18 Laplace noise is booked as Gaussian", sampled,
		one(noise, "noise.Gaussian().AddNoiseInt64(x, 1, p.linf, p.epsilon, p.delta)", "noise.Laplace().AddNoiseInt64(x, 1, p.linf, p.epsilon, 0)"))
	plant(mech, "C18 math/rand draws the noise", "TestNobodyCanChoose",
		one(noise, "\"math\"\n", "\"math\"\n\t\"math/rand\"\n"),
		one(noise, "noisy, err := noise.Gaussian().AddNoiseInt64(x, 1, p.linf, p.epsilon, p.delta)", "noisy, err := x+int64(math.Round(rand.NormFloat64()*p.sd)), error(nil)\n\t_ = noise.Gaussian"))
	source()
	plant(mech, "C18 the sum is a float before the noise", "TestDrawGuards",
		one(noise, "AddNoiseInt64(x, 1,", "AddNoiseInt64(int64(float32(x)), 1,"))
	plant(mech, "C18 noise is cut towards zero instead of rounded", sampled,
		one(noise, "noisy, err := noise.Gaussian().AddNoiseInt64(x, 1, p.linf, p.epsilon, p.delta)", "f, err := noise.Gaussian().AddNoiseFloat64(0, 1, float64(p.linf), p.epsilon, p.delta)\n\tnoisy := x + int64(f)"))
	plant(mech, "C18 the guard on l0 linf wraps", "TestWhatTheLibrary",
		one(noise, "spec.L0 > MaxChange/spec.Linf:", "spec.L0*spec.Linf > MaxChange:"))
	plant(mech, "C18 a sum beyond 2^52 is taken", "TestDrawGuards",
		one(noise, "if x > MaxSum || x < -MaxSum {", "if x > MaxSum<<4 || x < -(MaxSum<<4) {"))
	plant(mech, "C18 a small sigma is not raised: no noise at all", "TestTooLittleNoise",
		one(noise, "sigma := math.Max(spec.Sigma, MinSigma)", "sigma := spec.Sigma"))
	plant(mech, "C18 noise that was not prepared is drawn", "TestDrawGuards",
		one(noise, "if p.sd == 0 {\n\t\treturn 0, errors", "if p.sd == 0 {\n\t\treturn x, nil\n\t}\n\tif p.sd < 0 {\n\t\treturn 0, errors"))
	plant(mech, "C18 every second draw repeats the one before", "TestCellsAreIndependent",
		one(noise, "// Draw returns x with", "var last *int64\n\n// Draw returns x with"),
		one(noise, "\treturn noisy, nil", "\tif last != nil {\n\t\tnoisy, last = x+*last, nil\n\t} else {\n\t\tkept := noisy - x\n\t\tlast = &kept\n\t}\n\treturn noisy, nil"))
	plant(mech, "C18 the sampler's 2^-45 is not booked", "TestBookedDelta",
		one(noise, "return float64(draws) * DeltaPerDraw", "return 0 * float64(draws)"))
	plant(mech, "C9 an error shows the sum", "TestDrawGuards",
		one(noise, `errors.New("mechanism: a sum is beyond 2^52: the measure's bound or its population is wrong")`, `fmt.Errorf("mechanism: the sum %d is beyond 2^52", x)`))
	plant(mech, "C11 the twelfth of the rounding is dropped", "TestVarRounded",
		one(rounded, "+ 1.0/12", "+ 0.0/12"))

	// The ledger: C5, C6, C17, C19, C20, C21, C24.
	const keys, state, head, reader, entry, check, ledger = "privacy/ledger/keys.go", "privacy/ledger/state.go", "privacy/ledger/head.go", "privacy/ledger/read.go", "privacy/ledger/entry.go", "privacy/ledger/check.go", "privacy/ledger/ledger.go"
	plant(book, "C5 a commitment is a plain hash of protected content", "TestCommitmentsAreKeyed",
		one(keys, "mac := hmac.New(sha256.New, k.p[:])", "mac := sha256.New()"))
	quick()
	plant(book, "C5 the same content has the same commitment under every name", "TestCommitmentsAreKeyed",
		one(keys, `fmt.Fprintf(mac, "%d:%s,", len(of), of)`, `_ = of`))
	plant(book, "C5 a key can be printed", "TestKeysAreSecret",
		one(keys, `func (CommitmentKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[commitment key]") }`, `func (k CommitmentKey) Format(s fmt.State, _ rune) { _, _ = fmt.Fprintf(s, "%x", k.p[:]) }`))
	plant(book, "C20 signatures of entries are not checked", "TestEveryChangedByte|TestDamage",
		one(reader, "if err != nil || !v.Verify(e.signed(), sig) {", "if err != nil || v == nil || sig == nil {"))
	plant(book, "C20 an entry need not follow the one before it", "TestAnEarlierEntry",
		one(state, "e.Prev != s.head() || ", ""))
	plant(book, "C20 a ledger of another home's key is accepted", "TestDamage|TestTwoHomes|TestKeyFiles",
		one(reader, "if publicKey != \"\" && key != publicKey {", "if publicKey == \"?\" {"))
	plant(book, "C20 the head is compared by its length only", "TestWitnesses",
		one(reader, "case s.hashes[h.Entries-1] != h.Hash:", "case h.Hash == \"\":"))
	plant(book, "C20 a witness that is ahead is taken for the same", "TestWitnesses|TestACompleteRestore",
		one(reader, "case h.Entries > len(s.entries):\n\t\treturn Ahead", "case h.Entries > len(s.entries):\n\t\treturn Same"))
	plant(book, "C20 a witness that is behind is good enough", "TestWitnesses",
		one(reader, "case h.Entries < len(s.entries):\n\t\treturn Behind", "case h.Entries < len(s.entries):\n\t\treturn Same"))
	plant(book, "C20 a witness of another home is taken", "TestWitnesses",
		one(ledger, "if errors.Is(err, errOtherHome) {\n\t\treturn OtherHome, nil", "if errors.Is(err, errOtherHome) {\n\t\treturn Same, nil"))
	plant(book, "C20 a ledger whose end was cut off is read", "TestDamage",
		one(reader, "case Ahead:\n\t\treturn Head{}, problem.New", "case Ahead:\n\t\treturn h, nil\n\tcase Relation(99):\n\t\treturn Head{}, problem.New"))
	plant(book, "C20 a missing head is not missed", "TestDamage",
		one(reader, "if len(s.entries) == 1 {\n\t\t\treturn Head{}, nil", "if len(s.entries) >= 1 {\n\t\t\treturn Head{}, nil"))
	plant(book, "C20 a cap may promise less than it allows", "TestCreateRefusesBadTerms|TestRefusals|TestAmendment",
		one(check, "if eps > p.CapEpsilon {", "if eps > 2*p.CapEpsilon {"))
	plant(book, "C20 a changed cap needs no reason", "TestRefusals|TestAmendment|TestOtherSpellings",
		one(check, `if strings.TrimSpace(a.Reason) == "" || len(a.Reason) > 2000 {`, `if len(a.Reason) > 2000 {`))
	plant(book, "C20 a home is neither demo nor real", "TestCreateRefusesBadTerms",
		one(check, "case t.Mode != Demo && t.Mode != Real:", "case t.Mode == \"\" && t.Key == \"?\":"))
	plant(book, "C19 an item is measured again under another entry", "TestRefusals|TestAlreadyMeasured|TestARepeatIsPublic",
		one(state, "case repeats == 0 && len(before) == 0,", "case repeats == 0,"))
	plant(book, "C19 a second repeat is booked", "TestARepeatIsPublic|TestRefusals",
		one(state, "repeats != 0 && len(before) == 1 && before[0] == repeats:", "repeats != 0 && len(before) >= 1 && before[0] == repeats:"))
	plant(book, "C19 a repeat replaces what was spent: a refund", "TestARepeatIsPublic|TestBoundAgainst",
		one(state, "after, err := before.Add(loss)", "after, err := max(before, loss), error(nil)"))
	plant(book, "C19 an entry counts before it is on disk", "TestAppendWithThePowerGoing|TestCreateWithThePowerGoing",
		one(ledger, "durable.Create(l.fsys, filepath.Join(l.dir, fileName(number)), b, 0o444)", "durable.Replace(l.fsys, filepath.Join(l.dir, durable.TempPrefix+fileName(number)), b, 0o444)"))
	plant(book, "C19 two processes write one entry", "TestHundredWriters",
		one(ledger, "durable.Create(l.fsys, filepath.Join(l.dir, fileName(number)), b, 0o444)", "durable.Replace(l.fsys, filepath.Join(l.dir, fileName(number)), b, 0o444)"))
	plant(book, "C6 participations count releases instead of periods", "TestBoundAgainst",
		one(state, "g.sorted[:min(g.participations, len(g.sorted))]...", "g.sorted[:min(1, len(g.sorted))]..."))
	plant(book, "C6 the cheapest periods are counted", "TestBoundAgainst",
		one(state, "return cmp.Compare(b, a) }", "return cmp.Compare(a, b) }"))
	plant(book, "C6 a new period resets what a person has spent", "TestBoundAgainst|TestLevelsOfOneSeries",
		one(state, "if i, ok := slices.BinarySearchFunc(g.sorted, before, dearestFirst); ok && before != 0 {\n\t\tg.sorted = slices.Delete(g.sorted, i, i+1)\n\t}", "g.sorted, g.bound = g.sorted[:0], 0"))
	plant(book, "C6 a renamed plan resets what was spent", "TestAnotherPlanSparesNobody",
		one(state, "\t\tif e.Amend.Plan != nil {\n", "\t\tif e.Amend.Plan != nil {\n\t\t\tclear(s.spent)\n\t\t\tclear(s.bounds)\n\t\t\tclear(s.declared)\n"))
	plant(book, "C17 the cap may be passed by a little", "TestTheCap",
		one(state, "if l.Lifetime > limit.CapMu2 {", "if l.Lifetime > limit.CapMu2+1 {"))
	plant(book, "C17 an entry may state less than follows from the entries", "TestRefusals",
		one(state, "if l.Lifetime < bound {", "if l.Lifetime < 0 {"))
	plant(book, "C17 the cost of an item is believed, not computed", "TestRefusals|TestOtherSpellings",
		one(check, "if cost != it.Mu2 {", "if cost < 0 {"))
	plant(book, "C21 a release under a plan that is not in the ledger", "TestRefusals",
		one(state, "if !s.plans[r.Plan] {", "if false {"))
	plant(book, "C21 the identity of a measurement is its name", "TestAlreadyMeasured|TestRefusals",
		one(state, "return identity{it.Population, it.Period, it.Cells}", "return identity{it.Population, it.Period, it.ID}"))
	plant(book, "C24 an entry may carry a time of day", "TestATimeOfDay",
		one(check, "case !isDate(e.Date):", "case len(e.Date) < 10 || !isDate(e.Date[:10]):"))
	plant(book, "C5 an erasure replaces commitments that nobody made", "TestAmendment|TestRefusals",
		one(state, "if !s.commitments[old] {", "if false {"))

	// Where a home stands, and what others have seen of it: C20.
	const place, witness = "privacy/ledger/place.go", "cmd/heatwatch/witness.go"
	plant(book, "C20 a copied home releases on", "TestACopyKnows|TestReleasedWithoutAMark",
		one(place, "if errors.Is(err, fs.ErrNotExist) || err == nil && got != string(want) {\n\t\treturn Moved, nil", "if errors.Is(err, fs.ErrNotExist) || err == nil && got != string(want) {\n\t\treturn Here, nil"))
	plant(book, "C20 a home without a mark releases on", "TestReleasedWithoutAMark|TestACopyKnows",
		one(place, "if errors.Is(err, fs.ErrNotExist) {\n\t\treturn Moved, nil", "if errors.Is(err, fs.ErrNotExist) {\n\t\treturn Here, nil"))
	plant(book, "C20 the clock may be set back", "TestAClockThatWasSetBack",
		one(state, "if last := s.date(); e.Date < last {", "if last := s.date(); e.Date < last && false {"))
	plant(program, "C20 a release needs no witness", "TestScripts/(witness|copied)$",
		one(witness, "if err := o.enough(released && !h.demo()); err != nil {", "if err := o.enough(false); err != nil {"))
	plant(program, "C20 an older witness lets a release go on", "TestScripts/witness$",
		one(witness, "case rel == ledger.Behind:\n\t\t\to.lacks = rel.Problem(path)", "case rel == ledger.Behind:\n\t\t\to.agrees = true"))
	plant(program, "C20 the lock of a copied home is said and not heeded", "TestScripts/copied$",
		one(witness, "if err == nil && at == ledger.Moved {", "if err == nil && at == ledger.Moved && h == nil {"))

	// Durable files: C19.
	plant("internal/durable", "C19 a name is given before the content is on disk", ".",
		one("internal/durable/write.go", "if err == nil {\n\t\terr = syncFile(f, path)\n\t}", "_ = syncFile"))
	plant("internal/durable", "C19 a name is not made durable", ".",
		one("internal/durable/write.go", "return errors.Join(fsys.Remove(tmp), syncNames(d, dir))\n}\n\n// Replace", "return fsys.Remove(tmp)\n}\n\n// Replace"))

	// Derived figures: C10, C11, C12.
	plant(bounds, "C11 sums are made of presented numbers", "TestSumsOverTime|TestAnEntryIsReconciled|TestAFileThatDoesNot",
		one("privacy/releasefile.go", "rd.est = append(rd.est, c.Estimate)", "rd.est = append(rd.est, float64(c.Presented))"))
	plant(reconciled, "C11 the fit ignores how noisy a cell is", "TestProjection|TestSimulatedCounties|TestVeryUnequal",
		one("privacy/reconcile/project.go", "x[b.cells[t.Cell]] -= b.variance[t.Cell] * float64(t.Coef)", "x[b.cells[t.Cell]] -= float64(t.Coef)"))
	plant(reconciled, "C11 a negative number is presented", "TestPresented|TestSimulatedCounties|TestSumsWithin",
		one("privacy/reconcile/present.go", "x[st.free] = max(0, fixed(want[st.free]).round())", "x[st.free] = fixed(want[st.free]).round()"))
	plant(bounds, "C11 the sd of the raw cell is used after the fit", "TestAnEntryIsReconciled|TestAFileThatDoesNot",
		one("privacy/releasefile.go", "m.Covariance = j.covariance(at, len(m.Cells))", "m.Covariance = j.covariance(at, len(m.Cells))\n\t\tfor k := range m.Covariance.Matrix {\n\t\t\tm.Covariance.Matrix[k][k] = mechanism.VarRounded(m.Sd)\n\t\t}"))
	plant(bounds, "C10 delta intervals instead of Fieller's", "TestIntervalsHoldTheTruth|TestCoverage",
		one("privacy/interval.go", "iv.low, iv.high = (-qb-root)/(2*qa), (-qb+root)/(2*qa)", "t := a / b\n\th := z95 * math.Sqrt(p.va-2*t*p.cab+t*t*p.vb) / b * 0.9\n\tiv.low, iv.high = t-h, t+h\n\t_ = root"))
	plant(bounds, "C11 the covariance of numerator and denominator is ignored", "TestIntervalsHoldTheTruth|TestCoverage",
		one("privacy/survival.go", "p.cab += x * c.c[i][last]", "p.cab += 0 * x * c.c[i][last]"))
	plant(bounds, "C10 whether a figure is published follows from the number of persons", "TestWhatIsNullIsDecidedByThePlan",
		one("privacy/derive.go", "!p.judge(planned, s, d, p.sizeOf(d)).published()", "d.below != nil && d.below.value(r) < 50 || !p.judge(planned, s, d, p.sizeOf(d)).published()"))
	return all
}
