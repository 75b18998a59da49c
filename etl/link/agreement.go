package link

import "heatwatch/etl/tokens"

// Agreement is on which recipes two sets agree. It depends on the two sets alone.
type Agreement struct {
	same        uint32 // one bit a recipe: a value of it in both
	firsts      uint8  // values that first names share, with the date; lasts, crossed: last names, first with last
	lasts       uint8
	firstOfLast uint8
	lastOfFirst uint8
	noFirst     bool // the last name and date of one are those of a record without a first name
	rareUndated bool // both names, where one record has no date
}

// meet notes that a value of recipe p in the first set is one of recipe q in the second.
func (a *Agreement) meet(p, q tokens.Recipe) {
	if p == q {
		a.same |= 1 << p
	}
	switch {
	case p == tokens.FirstDate && q == tokens.FirstDate:
		a.firsts++
	case p == tokens.LastDate && q == tokens.LastDate:
		a.lasts++
	case p == tokens.FirstDate && q == tokens.LastDate:
		a.firstOfLast++
	case p == tokens.LastDate && q == tokens.FirstDate:
		a.lastOfFirst++
	case p == tokens.LastDateAlone || q == tokens.LastDateAlone:
		a.noFirst = true
	case p == tokens.N2RareAlone || q == tokens.N2RareAlone, p == tokens.RareClose && q == tokens.LastDate, p == tokens.LastDate && q == tokens.RareClose:
		a.rareUndated = true
	}
}

func (a Agreement) on(recipes ...tokens.Recipe) bool {
	for _, r := range recipes {
		if a.same&(1<<r) != 0 {
			return true
		}
	}
	return false
}

// NameLevel is how far names and birth date agree: the strongest statement that the tokens allow.
type NameLevel uint8

// The levels of names and birth date. A first name differs only where both records have one.
const (
	NoName      NameLevel = iota
	NameYear              // three letters of the first name, the last name, the year
	RareDiffers           // both names, rare; the dates differ
	RareYear              // both names, rare; the year: of one record at least no more is known, or the rest differs
	RareUndated           // both names, rare; one record has no date
	CrossDate             // one's first name is the other's last, with the date
	FirstClose            // first name but for a letter, date
	FirstSame             // first name, date; the last names differ
	LastClose             // last name but for a letter, date
	LastInitial           // last name, date, initial; the first names differ
	LastSame              // last name, date; the first names differ
	LastAlone             // last name, date; one record has no first name
	DatePartly            // both names, two of the three parts of the date
	Letters               // letters of both names, or how they sound, date
	BothClose             // both names but for a letter, date
	DaySwapped            // both names, date with day and month exchanged
	BothSame              // both names, date
	NameLevels
)

// NumberLevel is how far numbers agree.
type NumberLevel uint8

// The levels of numbers.
const (
	NoNumber      NumberLevel = iota // not known
	NumberDiffers                    // both have one
	Last4Same
	NumberClose // but for a digit
	NumberSame
	NumberLevels
)

// PlaceLevel is how far places and telephone numbers agree, each with a name or date.
type PlaceLevel uint8

// The levels of places.
const (
	NoPlace PlaceLevel = iota
	NumberAndPlace
	DatePlace
	SoundPlace
	NamePlace
	PhoneSame
	PlaceLevels
)

// Evidence is what an agreement amounts to.
type Evidence struct {
	Name   NameLevel
	Number NumberLevel
	Place  PlaceLevel
}

// Evidence classes the agreement.
func (a Agreement) Evidence() Evidence {
	return Evidence{a.name(), a.number(), a.place()}
}

// whole is how many shared values only an unchanged name has: one letter more, less or other leaves one, two exchanged
// leave two.
const whole = 3

func (a Agreement) name() NameLevel {
	first, last := a.firsts > 0, a.lasts > 0
	switch {
	case a.on(tokens.N2Date):
		return BothSame
	case a.on(tokens.N2Swapped):
		return DaySwapped
	case first && last, a.firstOfLast > 0 && a.lastOfFirst > 0:
		return BothClose
	case a.on(tokens.N2Sound, tokens.SLK):
		return Letters
	case a.on(tokens.N2YearMonth, tokens.N2YearDay, tokens.N2MonthDay):
		return DatePartly
	case a.noFirst:
		return LastAlone
	case last && a.on(tokens.InitialDate):
		return LastInitial
	case a.lasts >= whole:
		return LastSame
	case last:
		return LastClose
	case a.firsts >= whole:
		return FirstSame
	case first:
		return FirstClose
	case a.firstOfLast+a.lastOfFirst > 0:
		return CrossDate
	case a.rareUndated:
		return RareUndated
	case a.on(tokens.N2Rare) && a.on(tokens.First3Year):
		return RareYear
	case a.on(tokens.N2Rare):
		return RareDiffers
	case a.on(tokens.First3Year):
		return NameYear
	}
	return NoName
}

func (a Agreement) number() NumberLevel {
	switch {
	case a.on(tokens.Number):
		return NumberSame
	case a.on(tokens.NumberYear, tokens.NumberPlace, tokens.NumberSound):
		return NumberClose
	case a.on(tokens.HasNumber):
		return NumberDiffers
	case a.on(tokens.Last4Date):
		return Last4Same
	}
	return NoNumber
}

func (a Agreement) place() PlaceLevel {
	switch {
	case a.on(tokens.PhoneFirst):
		return PhoneSame
	case a.on(tokens.N2Place):
		return NamePlace
	case a.on(tokens.SoundPlace):
		return SoundPlace
	case a.on(tokens.DatePlace):
		return DatePlace
	case a.on(tokens.NumberPlace):
		return NumberAndPlace
	}
	return NoPlace
}
