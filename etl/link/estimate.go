package link

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Estimate is a number of pairs or a share, with a 95 % interval.
type Estimate struct {
	Value, Low, High float64
}

// Quality is what tokens tell of linkage errors, without labels.
type Quality struct {
	Pairs  int       // of files of different agencies that are one person
	False  Estimate  // of them, how many are of two persons
	Missed *Estimate // share of the pairs of one person that were not found; nil: no pair has a number, and nothing tells
}

// estimator counts pairs of files as Pairs finds them.
type estimator struct {
	weights Weights

	within, beside float64 // pairs of one agency's files, all of different persons: those of which one would have joined the other, and all
	across         float64 // pairs of files of two agencies of which one might join the other
	accepted       int
	unnumbered     int // accepted pairs in which a number is missing

	byNumber, byName evidence // of pairs that the number finds, those that names and date find as well; and the other way round
}

// evidence is how many of the pairs that one part finds are found by the other, and how many persons they are of.
type evidence struct {
	found, of int
	persons   map[uint32]bool
}

func (v *evidence) add(found bool, person uint32) {
	if v.of++; found {
		v.found++
	}
	if v.persons == nil {
		v.persons = map[uint32]bool{}
	}
	v.persons[person] = true
}

// missed is the share that the other part does not find. Pairs of one person fail together, where one of its files is wrong: so the interval is
// that of as many trials as there are persons.
func (v *evidence) missed() Estimate {
	if v.of == 0 {
		return Estimate{0, 0, 1}
	}
	many := float64(v.of) / float64(len(v.persons))
	return share(float64(v.of-v.found)/many, float64(v.of)/many)
}

func newEstimator() *estimator { return &estimator{weights: Default()} }

// add counts a pair of files of two agencies; person is whose the first one is, linked whether the other is of the same.
func (q *estimator) add(e Evidence, person uint32, linked bool) {
	number := e.Number == NumberSame || e.Number == NumberClose
	byName := q.weights.Accepted(Evidence{Name: e.Name}) && linked
	if e.Number == NumberSame { // also where something else kept the two apart
		q.byNumber.add(byName, person)
	}
	if !linked {
		return
	}
	q.accepted++
	if e.Number == NoNumber || e.Number == Last4Same {
		q.unnumbered++
	} else if byName {
		q.byName.add(number, person)
	}
}

// quality is what was counted. False links: two files of one agency are of two persons, so how often one of them would have joined the other is
// how often chance joins two; as many of the pairs across agencies are expected to be joined wrongly. Missed links: who agrees on a
// number is found whatever the names, so the share of those that names would find, too, is the share of all that names find; and the other way
// round (Chandra Sekar and Deming 1949). That takes errors for independent. They are not: who gives another name gives another number, too. So the upper
// end allows both to fail together three times as often.
func (q *estimator) quality() Quality {
	out := Quality{Pairs: q.accepted}
	if q.beside > 0 {
		out.False = predicted(q.within, q.across/q.beside)
	}
	if q.byNumber.of > 0 {
		missName, missNumber := q.byNumber.missed(), q.byName.missed()
		u := 0.0
		if q.accepted > 0 {
			u = float64(q.unnumbered) / float64(q.accepted)
		}
		rate := func(name, number, together float64) float64 {
			return u*name + (1-u)*min(name, number, together*name*number)
		}
		out.Missed = &Estimate{rate(missName.Value, missNumber.Value, 1), rate(missName.Low, missNumber.Low, 1), rate(missName.High, missNumber.High, together)}
	}
	return out
}

// together is how much more often than by chance names and number may be wrong in one record, at the upper end.
const together = 3

// predicted is how many events are to be expected in factor times the room in which n were seen: the mean, and the 95 % interval of
// the count itself (negative binomial: a Poisson count whose rate is known by n events, Jeffreys' prior).
func predicted(n, factor float64) Estimate {
	shape, p := n+0.5, 1/(1+factor)
	quantile := func(at float64) float64 {
		// The rate's quantile, then the count's: the mixture's own, by summing its probabilities.
		sum, k := 0.0, 0.0
		term := math.Exp(shape * math.Log(p))
		for sum += term; sum < at && k < 1e7; sum += term {
			k++
			term *= (shape + k - 1) / k * (1 - p)
		}
		return k
	}
	mean := n * factor
	if shape*math.Log(p) < -600 { // too many to sum: normal
		m, sd := shape*factor, math.Sqrt(shape*factor*(1+factor))
		return Estimate{mean, math.Max(0, m-1.96*sd), m + 1.96*sd}
	}
	return Estimate{mean, quantile(0.025), quantile(0.975)}
}

// share is k of n with Jeffreys' interval; both may be parts of trials.
func share(k, n float64) Estimate {
	if n == 0 {
		return Estimate{0, 0, 1}
	}
	b := distuv.Beta{Alpha: k + 0.5, Beta: n - k + 0.5}
	e := Estimate{k / n, b.Quantile(0.025), b.Quantile(0.975)}
	if k == 0 {
		e.Low = 0
	}
	if k == n {
		e.High = 1
	}
	return e
}
