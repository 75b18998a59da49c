package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"heatwatch/privacy/accountant"
)

var (
	isHash   = regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString
	isHome   = regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString
	isSig    = regexp.MustCompile(`^[0-9a-f]{128}$`).MatchString
	isName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 _.:/+-]{0,199}$`).MatchString
	isPeriod = regexp.MustCompile(`^[0-9]{4}(Q[1-4]|-[0-9]{4})?$`).MatchString
)

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// level of a period: a quarter, a year, a span of years.
func level(period string) string {
	switch len(period) {
	case 4:
		return "year"
	case 6:
		return "quarter"
	}
	return "span"
}

// check looks at one entry alone.
func (e Entry) check() error {
	bodies := map[Kind]bool{
		KindInit: e.Init != nil, KindRelease: e.Release != nil, KindAmend: e.Amend != nil,
		KindErasure: e.Erasure != nil, KindImport: e.Import != nil,
	}
	set := 0
	for _, has := range bodies {
		if has {
			set++
		}
	}
	own := e.Kind
	if own == KindRepeat {
		own = KindRelease
	}
	switch {
	case e.Schema != Schema:
		return fmt.Errorf("schema %d is not known to this program", e.Schema)
	case e.Number < 1 || e.Number > maxEntries:
		return errors.New("the entry's number is out of range")
	case set != 1 || !bodies[own]:
		return fmt.Errorf("an entry of kind %q must hold its own body and no other", e.Kind)
	case (e.Kind == KindInit) != (e.Number == 1):
		return errors.New("the first entry, and no other, is of kind init")
	case !isDate(e.Date):
		return errors.New("date is not a date")
	case !isHome(e.Home):
		return errors.New("home is not an id of 32 hex digits")
	case e.Number == 1 && e.Prev != "" || e.Number > 1 && !isHash(e.Prev):
		return errors.New("prev is not the hash of an entry")
	case !isSig(e.Signature):
		return errors.New("signature is not an Ed25519 signature in hex")
	}
	seen := map[string]bool{}
	for _, c := range e.Commitments {
		if !isName(c.Of) || !isHash(c.HMAC) || seen[c.Of] {
			return errors.New("a commitment is malformed or there twice")
		}
		seen[c.Of] = true
	}
	switch own {
	case KindInit:
		return e.Init.check()
	case KindRelease:
		return e.Release.check(e.Kind == KindRepeat, e.Date, e.Number)
	case KindAmend:
		return e.Amend.check()
	case KindErasure:
		return e.Erasure.check()
	default:
		return e.Import.check()
	}
}

func (t Terms) check() error {
	switch {
	case t.Mode != Demo && t.Mode != Real:
		return errors.New("mode is neither demo nor real")
	case !isName(t.Timezone):
		return errors.New("timezone is missing")
	case !(t.Delta >= accountant.MinDelta && t.Delta <= 0.1):
		return errors.New("delta is out of range")
	case len(t.Populations) == 0:
		return errors.New("there is no population")
	case t.Key == "":
		return errors.New("the public key is missing")
	}
	if err := t.Plan.check(); err != nil {
		return err
	}
	return checkPopulations(t.Populations)
}

func (p Plan) check() error {
	if err := p.Ref().check(); err != nil {
		return err
	}
	if sum := sha256.Sum256([]byte(p.Text)); p.Text != "" && p.Hash != hex.EncodeToString(sum[:]) {
		return errors.New("the plan's hash is not that of its text")
	}
	return nil
}

func (p PlanRef) check() error {
	if !isName(p.Name) || p.Version < 1 || !isHash(p.Hash) {
		return errors.New("the plan needs a name, a version from 1 on and a hash")
	}
	return nil
}

func checkPopulations(list []Population) error {
	seen := map[string]bool{}
	for _, p := range list {
		switch {
		case !isName(p.Name) || seen[p.Name]:
			return errors.New("a population has no name, or one that is there twice")
		case p.Name == Nobody:
			return errors.New("public facts have no cap")
		case strings.TrimSpace(p.Unit) == "" || len(p.Unit) > 200:
			return fmt.Errorf("%s: the unit must be said in a few words", p.Name)
		case p.CapMu2 < 0 || !(p.CapEpsilon >= 0 && p.CapEpsilon <= 1e6):
			return fmt.Errorf("%s: the cap is out of range", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

// capsCover checks that no cap promises less than it allows.
func capsCover(list []Population, delta float64) error {
	for _, p := range list {
		eps, err := p.CapMu2.Epsilon(delta)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if eps > p.CapEpsilon {
			return fmt.Errorf("%s: the cap allows epsilon %.4g and promises %.4g", p.Name, eps, p.CapEpsilon)
		}
	}
	return nil
}

func (r Release) check(repeat bool, date string, number int) error {
	switch {
	case !isPeriod(r.Period):
		return errors.New("period is not a quarter, a year or a span of years")
	case !isDate(r.Due) || r.Due > date:
		return errors.New("due is not a date up to the entry's own")
	case repeat != (r.Attempt == 2) || !repeat && r.Attempt != 1:
		return errors.New("a release is attempt 1, a repeat is attempt 2, and there is no third")
	case repeat != (r.Repeats != 0) || r.Repeats < 0 || r.Repeats >= number:
		return errors.New("a repeat, and nothing else, names an earlier entry")
	case len(r.Items) == 0:
		return errors.New("there is no item")
	}
	if err := r.Plan.check(); err != nil {
		return err
	}
	if err := checkItems(r.Items, true); err != nil {
		return err
	}
	for _, it := range r.Items {
		if it.Period != r.Period {
			return fmt.Errorf("%s: an entry is about one period", it.ID)
		}
	}
	return r.checkLosses()
}

// checkLosses compares the losses with the items: same populations, in order, and the release's own loss to the unit.
func (r Release) checkLosses() error {
	sums, err := sumByPopulation(r.Items)
	if err != nil {
		return err
	}
	if len(sums) != len(r.Losses) || !slices.IsSortedFunc(r.Losses, func(a, b Loss) int { return strings.Compare(a.Population, b.Population) }) {
		return errors.New("losses must name each population of the items once, in order")
	}
	for _, l := range r.Losses {
		sum, ok := sums[l.Population]
		if !ok {
			return errors.New("losses must name each population of the items once, in order")
		}
		delete(sums, l.Population)
		if l.Release != sum || l.Lifetime < l.Release {
			return fmt.Errorf("%s: the losses do not follow from the items", l.Population)
		}
	}
	return nil
}

// sumByPopulation is what items cost each of their populations. Public facts cost nobody anything.
func sumByPopulation(items []Item) (map[string]accountant.Mu2, error) {
	sums := map[string]accountant.Mu2{}
	for _, it := range items {
		if it.Population == Nobody {
			continue
		}
		sum, err := sums[it.Population].Add(it.Mu2)
		if err != nil {
			return nil, err
		}
		sums[it.Population] = sum
	}
	return sums, nil
}

// checkItems looks at each item. once: the same cells may be there once only; an import may hold a release and its repeat.
func checkItems(items []Item, once bool) error {
	seen := map[identity]bool{}
	for _, it := range items {
		switch {
		case !isName(it.ID) || !isName(it.Population) || !isName(it.Series):
			return errors.New("an item lacks a name, a population or a series")
		case !isPeriod(it.Period):
			return fmt.Errorf("%s: period is not a quarter, a year or a span of years", it.ID)
		case !isHash(it.Cells):
			return fmt.Errorf("%s: cells is not a hash", it.ID)
		case it.Participations < 1 || it.Participations > 1000 || it.Draws < 1 || it.Draws > 1<<40:
			return fmt.Errorf("%s: participations or draws are out of range", it.ID)
		case once && seen[it.identity()]:
			return fmt.Errorf("%s: the same cells are in the entry twice", it.ID)
		}
		seen[it.identity()] = true
		cost, err := it.Cost()
		if err != nil {
			return fmt.Errorf("%s: %w", it.ID, err)
		}
		if cost != it.Mu2 {
			return fmt.Errorf("%s: mu2 is %d, l0 linf^2 / sd^2 is %d", it.ID, it.Mu2, cost)
		}
	}
	return nil
}

func (a Amend) check() error {
	if strings.TrimSpace(a.Reason) == "" || len(a.Reason) > 2000 {
		return errors.New("an amendment needs a reason of up to 2000 characters")
	}
	if a.Plan == nil && len(a.Populations) == 0 {
		return errors.New("the amendment changes nothing")
	}
	if a.Plan != nil {
		if err := a.Plan.check(); err != nil {
			return err
		}
	}
	return checkPopulations(a.Populations)
}

func (e Erasure) check() error {
	if len(e.Replaced) == 0 {
		return errors.New("the erasure replaces nothing")
	}
	for _, r := range e.Replaced {
		if !isName(r.Of) || !isHash(r.Old) || !isHash(r.New) {
			return errors.New("a replaced commitment is malformed")
		}
	}
	return nil
}

func (i Import) check() error {
	if !isHome(i.Home) || i.Entries < 1 || i.Entries > maxEntries || !isHash(i.Head) {
		return errors.New("the imported head is malformed")
	}
	for n, c := range i.Closed {
		if !isName(c.Population) || !isPeriod(c.Period) || n > 0 && i.Closed[n-1].compare(c) >= 0 {
			return errors.New("closed cohorts must be well formed, in order, each once")
		}
	}
	return checkItems(i.Items, false)
}

func (c Cohort) compare(d Cohort) int {
	return cmp.Or(strings.Compare(c.Population, d.Population), strings.Compare(c.Period, d.Period))
}
