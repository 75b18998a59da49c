package register

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"heatwatch/models"
	"heatwatch/privacy/accountant"
	"heatwatch/privacy/ledger"
)

// Book is what is known of one population: frozen cohorts, and who was exposed to what.
type Book struct {
	population string
	cohorts    map[models.Period][]Member // as frozen
	froze      map[models.Period]int      // ledger entry of the freeze
	exposures  []exposure
	links      links
}

// Froze tells whether a period's cohort is frozen.
func (b *Book) Froze(period models.Period) bool {
	_, ok := b.cohorts[period]
	return ok
}

// Frozen are the members of all frozen cohorts as of today, sorted by pseudonym. Who was merged is in each cohort of a part, once,
// with the earliest entry of the parts; who was split is in it as every part.
func (b *Book) Frozen() map[models.Period][]Member {
	c := b.links.carriers()
	if len(c) == 0 {
		return b.cohorts
	}
	out := make(map[models.Period][]Member, len(b.cohorts))
	for period, ms := range b.cohorts {
		var now []Member
		for _, m := range ms {
			c.each(m.Person, b.froze[period], func(p ID) {
				m.Person = p
				now = append(now, m)
			})
		}
		slices.SortFunc(now, func(x, y Member) int {
			if c := compare(x.Person, y.Person); c != 0 || x.EnteredAt == y.EnteredAt {
				return c
			}
			if x.EnteredAt < y.EnteredAt {
				return -1
			}
			return 1
		})
		out[period] = slices.CompactFunc(now, func(x, y Member) bool { return x.Person == y.Person })
	}
	return out
}

// Offer is one item of an entry that is about to be made, and who is eligible for it.
type Offer struct {
	ID             string
	Series         string // of the items at one level, a person may be in Participations periods
	Level          string
	Participations int
	Price          accountant.Mu2 // by plan, for each person
	Eligible       []ID           // sorted; items of one group share the slice
}

// plus adds losses; what cannot be counted covers everything.
func plus(a, b accountant.Mu2) accountant.Mu2 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// square is the price of who was n persons in one draw: n times the mu.
func square(price accountant.Mu2, n int64) accountant.Mu2 {
	if n == 1 {
		return price
	}
	m, err := price.Times(n * n)
	if err != nil {
		return math.MaxInt64
	}
	return m
}

// sources calls f for each pseudonym that a set of an exposure names, as it was recorded.
func (b *Book) sources(e exposure, s set, f func(ID)) {
	if s.Cohort {
		for _, m := range b.cohorts[e.Period] {
			if len(s.without) > 0 {
				if _, out := slices.BinarySearchFunc(s.without, m.Person, compare); out {
					continue
				}
			}
			f(m.Person)
		}
	}
	for _, p := range s.with {
		f(p)
	}
}

// hit: person i was in a set by n pseudonyms.
type hit struct{ i, n int32 }

// hits finds the persons of at in every set of every exposure.
func (b *Book) hits(at map[ID]int) [][][]hit {
	c := b.links.carriers()
	place := make([]int32, len(at)) // 1 + where a person's hit of this set is
	all := make([][][]hit, len(b.exposures))
	for k, e := range b.exposures {
		all[k] = make([][]hit, len(e.Sets))
		for j, s := range e.Sets {
			var found []hit
			b.sources(e, s, func(x ID) {
				c.each(x, e.entry, func(p ID) {
					i, ok := at[p]
					switch {
					case !ok:
					case place[i] > 0:
						found[place[i]-1].n++
					default:
						found = append(found, hit{int32(i), 1})
						place[i] = int32(len(found))
					}
				})
			})
			for _, h := range found {
				place[h.i] = 0
			}
			all[k][j] = found
		}
	}
	return all
}

// spend adds up what each of n persons has lost: inside one draw the losses of a person's parts add, so m of them cost m^2
// times the price; draws add in squares.
func (b *Book) spend(n int, found [][][]hit) []accountant.Mu2 {
	spent := make([]accountant.Mu2, n)
	for k, e := range b.exposures {
		price := make([]accountant.Mu2, len(e.Sets))
		for _, it := range e.Items {
			price[it.Set] = plus(price[it.Set], it.Price)
		}
		for j, hits := range found[k] {
			for _, h := range hits {
				spent[h.i] = plus(spent[h.i], square(price[j], int64(h.n)))
			}
		}
	}
	return spent
}

// periods counts in how many periods other than the entry's own each of n persons was exposed to a series.
func (b *Book) periods(n int, found [][][]hit, series, level string, own models.Period) []int {
	last, total := make([]models.Period, n), make([]int, n)
	for _, k := range b.byPeriod() {
		e := b.exposures[k]
		if e.Period == own {
			continue
		}
		for _, it := range e.Items {
			if it.Series != series || it.Level != level {
				continue
			}
			for _, h := range found[k][it.Set] {
				if last[h.i] != e.Period {
					last[h.i], total[h.i] = e.Period, total[h.i]+1
				}
			}
		}
	}
	return total
}

// byPeriod are the places of the exposures, those of one period next to each other.
func (b *Book) byPeriod() []int {
	places := make([]int, len(b.exposures))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(x, y int) int {
		return strings.Compare(b.exposures[x].Period.String(), b.exposures[y].Period.String())
	})
	return places
}

// Admission says, for each offer, who is left out. It holds protected data and prints nothing.
type Admission struct{ out [][]ID }

// Out are those who are left out of an offer, sorted.
func (a Admission) Out(offer int) []ID { return a.out[offer] }

// Format never prints who or how many.
func (Admission) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[admission]") }

// Admit decides who is measured: of a series nobody whom it has had in as many other periods as it may; of the whole entry nobody
// whose spent loss and the entry's price are more than the cap. Who was merged into another person, and who was split up, is
// left out: the lake does not know of it yet. Nothing of the outcome may be shown.
func (b *Book) Admit(limit accountant.Mu2, period models.Period, offers []Offer) Admission {
	at := map[ID]int{}
	var persons []ID
	for _, o := range offers {
		for _, p := range o.Eligible {
			if _, ok := at[p]; !ok {
				at[p] = len(persons)
				persons = append(persons, p)
			}
		}
	}
	c := b.links.carriers()
	taken := make([][]bool, len(offers)) // by offer and person: has had its periods
	had := map[string][]int{}
	found := b.hits(at)
	price := make([]accountant.Mu2, len(persons))
	for k, o := range offers {
		key := o.Level + " " + o.Series
		if had[key] == nil {
			had[key] = b.periods(len(persons), found, o.Series, o.Level, period)
		}
		taken[k] = make([]bool, len(persons))
		for _, p := range o.Eligible {
			if i := at[p]; had[key][i] >= o.Participations {
				taken[k][i] = true
			} else {
				price[i] = plus(price[i], o.Price)
			}
		}
	}
	spent := b.spend(len(persons), found)
	over := make([]bool, len(persons))
	for i, p := range persons {
		over[i] = plus(spent[i], price[i]) > limit || c.gone(p)
	}
	a := Admission{out: make([][]ID, len(offers))}
	for k, o := range offers {
		for _, p := range o.Eligible {
			if i := at[p]; over[i] || taken[k][i] {
				a.out[k] = append(a.out[k], p)
			}
		}
	}
	return a
}

// Charge adds, for as long as the book is open, what the register has no file of: an item that another copy of this home has measured.
func (b *Book) Charge(period models.Period, o Offer) {
	b.exposures = append(b.exposures, exposure{Period: period, Items: []exposedItem{{o.ID, o.Series, o.Level, o.Price, 0}},
		Sets: []set{{with: o.Eligible}}, entry: forEver})
}

// Entry is what an exposure is about.
type Entry struct {
	Period  models.Period
	Due     models.Date
	Attempt int // 1, or 2 for the one repeat
}

// StageExposure writes who is exposed to an entry: all that were eligible and not left out. cohort are the members of the
// period's frozen cohort, or of the one that is frozen with this entry; it only saves room.
func (g Register) StageExposure(population string, en Entry, offers []Offer, a Admission, cohort []Member) (ledger.Commitment, error) {
	e := exposure{Schema: fileSchema, Population: population, Period: en.Period, Due: en.Due, Attempt: en.Attempt}
	frozen := make([]ID, len(cohort))
	for i := range cohort {
		frozen[i] = cohort[i].Person
	}
	type group struct {
		first *ID
		n     int
		out   string
	}
	known := map[group]int{}
	for k, o := range offers {
		key := group{n: len(o.Eligible), out: string(join(a.out[k]))}
		if key.n > 0 {
			key.first = &o.Eligible[0]
		}
		place, ok := known[key]
		if !ok {
			place = len(e.Sets)
			known[key] = place
			in := minus(o.Eligible, a.out[k])
			without, with := minus(frozen, in), minus(in, frozen)
			s := set{Cohort: true, without: without, with: with}
			if len(without)+len(with) > len(in) || cohort == nil {
				s = set{with: in}
			}
			e.Sets = append(e.Sets, s)
		}
		e.Items = append(e.Items, exposedItem{o.ID, o.Series, o.Level, o.Price, place})
	}
	return g.stage(e.name(), func(w io.Writer) error { return writeExposure(w, e) })
}

func join(ids []ID) []byte {
	b := make([]byte, 0, len(ids)*len(ID{}))
	for _, p := range ids {
		b = append(b, p[:]...)
	}
	return b
}

// minus are those of a that are not in b; both are sorted.
func minus(a, b []ID) []ID {
	var out []ID
	for _, p := range a {
		for len(b) > 0 && compare(b[0], p) < 0 {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != p {
			out = append(out, p)
		}
	}
	return out
}

// Spent is what one person has lost so far, by plan: the most that the entries could have cost it.
func (b *Book) Spent(p ID) accountant.Mu2 {
	return b.spend(1, b.hits(map[ID]int{p: 0}))[0]
}

// Periods of frozen cohorts, in the order in which they froze.
func (b *Book) Periods() []models.Period {
	return slices.SortedFunc(maps.Keys(b.cohorts), func(x, y models.Period) int {
		return cmp.Or(b.froze[x]-b.froze[y], int(x.Last()-y.Last()), int(x.First()-y.First()))
	})
}

// Members are those of a frozen cohort as they were frozen; nil if it is not frozen.
func (b *Book) Members(period models.Period) []Member { return b.cohorts[period] }
