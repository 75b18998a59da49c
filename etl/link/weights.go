package link

import "math"

// Field is a part of what is known about a person.
type Field uint8

// The fields.
const (
	First Field = iota
	Last
	Date
	NumberField
	Place
	fields
)

// Grade is how far two files agree on a field. Nothing is said of a field by which the tokens do not tell.
type Grade uint8

// The grades.
const (
	Unknown Grade = iota
	Differs
	Close
	Same
	Strong // of the first name: it and the last name are rare; of the number: whole where Close is its last four digits; of the place: a telephone number
	grades
)

// Weights are binary logarithms of likelihood ratios by field and grade: how much more often two files of one person agree
// so far than two files of different persons do (Fellegi and Sunter 1969). They belong to a linkage version.
type Weights struct {
	By    [fields][grades]float64
	Prior float64 // of the odds that two files are of one person
}

// rates are the shares of file pairs with each grade, among pairs of one person and among pairs of two.
type rates struct{ one, two [fields][grades]float64 }

// chance is how often files of different persons agree. First and last names: the chance that two persons drawn by the
// frequencies of the United States bear one name, and names one letter apart; date: nine years of births, as minors have, and two parts of
// three; number: nine digits, of which some were misread; place: the postal codes of a county.
var chance = [fields][grades]float64{
	First:       {Differs: 0.99, Close: 1. / 250, Same: 1. / 150, Strong: 1. / 1500},
	Last:        {Differs: 0.998, Close: 1. / 2000, Same: 1. / 900},
	Date:        {Differs: 0.99, Close: 1. / 100, Same: 1. / 3300},
	NumberField: {Differs: 0.9999, Close: 1. / 8000, Same: 1. / 1e5, Strong: 1e-8},
	Place:       {Same: 1. / 20, Strong: 1e-6},
}

// agreeing is how often files of one person agree: what Fit found on files with typing errors like those of FEBRL.
var agreeing = [fields][grades]float64{
	First:       {Differs: 0.07, Close: 0.08, Same: 0.85, Strong: 0.85},
	Last:        {Differs: 0.06, Close: 0.09, Same: 0.85},
	Date:        {Differs: 0.04, Close: 0.03, Same: 0.92},
	NumberField: {Differs: 0.06, Close: 0.05, Same: 0.05, Strong: 0.88},
	Place:       {Same: 0.7, Strong: 0.5},
}

// Default are the weights of this version.
func Default() Weights {
	return weigh(rates{agreeing, chance}, 1./4096)
}

func weigh(r rates, prior float64) Weights {
	w := Weights{Prior: math.Log2(prior / (1 - prior))}
	for f := range w.By {
		for g := Differs; g < grades; g++ {
			if r.one[f][g] > 0 && r.two[f][g] > 0 {
				w.By[f][g] = math.Log2(r.one[f][g] / r.two[f][g])
			}
		}
	}
	return w
}

// fieldsOf says what each level of names means for first name, last name and date.
var fieldsOf = [NameLevels][3]Grade{
	NoName:      {},
	NameYear:    {Close, Same, Differs},
	RareDiffers: {Strong, Same, Differs},
	RareYear:    {Strong, Same, Close},
	RareUndated: {Strong, Same, Unknown},
	CrossDate:   {Same, Differs, Same},
	FirstClose:  {Close, Differs, Same},
	FirstSame:   {Same, Differs, Same},
	LastClose:   {Differs, Close, Same},
	LastInitial: {Differs, Same, Same},
	LastSame:    {Differs, Same, Same},
	LastAlone:   {Unknown, Same, Same},
	DatePartly:  {Same, Same, Close},
	Letters:     {Close, Close, Same},
	BothClose:   {Close, Same, Same},
	DaySwapped:  {Same, Same, Close},
	BothSame:    {Same, Same, Same},
}

// Grades are what the evidence says of each field. A place that was met with a name or a date says that these agree, where
// nothing else does.
func (e Evidence) Grades() (g [fields]Grade) {
	copy(g[:], fieldsOf[e.Name][:])
	switch e.Number {
	case NumberDiffers:
		g[NumberField] = Differs
	case Last4Same:
		g[NumberField] = Close
	case NumberClose:
		g[NumberField] = Same
	case NumberSame:
		g[NumberField] = Strong
	}
	switch e.Place {
	case NoPlace:
		return g
	case PhoneSame:
		g[Place] = Strong
		return g
	}
	g[Place] = Same
	if e.Name != NoName {
		return g
	}
	switch e.Place {
	case NamePlace:
		g[First], g[Last], g[Date] = Same, Same, Differs
	case SoundPlace:
		g[First], g[Last], g[Date] = Close, Close, Differs
	case DatePlace:
		g[First], g[Last], g[Date] = Differs, Differs, Same
	}
	return g
}

// Score is the binary logarithm of the odds that two files are of one person, by their tokens alone.
func (w *Weights) Score(e Evidence) float64 {
	s := w.Prior
	for f, g := range e.Grades() {
		s += w.By[f][g]
	}
	return s
}

// Possible tells whether evidence can make one person of two files, whatever its score. Who has last name and birth date
// in common with somebody of another first name may be a twin: not the same person if the numbers differ, or if the first
// names begin with the same letter, as twins' often do. Two persons of one name with different birth dates are two.
func (e Evidence) Possible() bool {
	number := e.Number == NumberSame || e.Number == NumberClose
	switch e.Name {
	case LastInitial:
		return number
	case LastSame, LastClose:
		return e.Number != NumberDiffers
	case RareDiffers, NameYear:
		return number || e.Place != NoPlace
	case LastAlone, RareUndated, RareYear, DatePartly, FirstSame, FirstClose, CrossDate:
		return e.Number != NumberDiffers || e.Place != NoPlace
	}
	return true
}
