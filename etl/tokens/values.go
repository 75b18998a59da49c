package tokens

import (
	"slices"
	"strings"
	"unicode/utf8"

	"heatwatch/etl/names"
)

// put takes a value for a slot of recipe in; its parts are of recipe of, whose domain it shares.
type put func(in, of Recipe, parts ...string)

// How rare two names together must be to stand without a birth date, and with two of its three parts: borne by one pair
// of persons in 2^20, and in 2^16, by the frequencies of the United States, never by those of the file: so whether a person
// has the token depends on that person alone.
const (
	rareBits     = 20
	uncommonBits = 16
)

func bits(first, last string) float64 {
	if first == "" || last == "" || !latin(first) || !latin(last) { // of names in other scripts nobody knows how rare they are
		return 0
	}
	return names.FirstBits(first) + names.LastBits(last)
}

// primaryValues are the values of the leading name and of all numbers.
func (f *Facts) primaryValues(to put) {
	first, last, born := f.First.formal(), f.Last.joined(), f.Birth
	if last != "" && born.Whole() && !f.Twin {
		if first == "" {
			to(LastDateAlone, LastDate, last, born.iso())
		} else {
			to(InitialDate, InitialDate, initial(first, 1), last, born.iso())
		}
	}
	f.nameValues(f.First, f.Last, &primary, to) // after what stands for a missing first name: no value stands in a set twice
	if f.Place != "" && born.Whole() {
		to(DatePlace, DatePlace, born.iso(), f.Place)
	}
	if x, y := sorted(soundex(first), soundex(last)); sounds(x, y) && f.Place != "" && !f.Twin {
		to(SoundPlace, SoundPlace, x, y, f.Place)
	}
	if !f.Twin {
		f.undatedValues(first, last, to)
	}
	if f.Number != "" {
		f.numberValues(last, to)
	}
	if f.Last4 != "" && born.Whole() {
		to(Last4Date, Last4Date, f.Last4, born.iso())
	}
	if f.Phone != "" && first != "" {
		to(PhoneFirst, PhoneFirst, f.Phone, first)
	}
}

// undatedValues let a record without a date meet one that has a date, where the last names are one letter apart. The
// record without has the slots of dates free: so it is seen on which side the date is missing.
func (f *Facts) undatedValues(first, last string, to put) {
	if bits(first, last) < rareBits {
		return
	}
	in := RareClose
	if f.Birth == (Birth{}) {
		in = LastDate
	}
	for _, d := range deletions(last, primary[in].n) {
		to(in, RareClose, first, d)
	}
}

func (f *Facts) numberValues(last string, to put) {
	to(Number, Number, f.Number)
	if f.Place != "" {
		digits := []byte(f.Number)
		slices.Sort(digits)
		to(NumberPlace, NumberPlace, string(digits), f.Place)
	}
	if f.Birth.Year != 0 {
		for _, d := range deletions(f.Number, primary[NumberYear].n) {
			to(NumberYear, NumberYear, d, two(f.Birth.Year))
		}
	}
	if x := soundex(last); x != "" {
		for _, d := range deletions(f.Number, primary[NumberSound].n) {
			to(NumberSound, NumberSound, d, x)
		}
	}
	// What a weak agreement could rest on, once more: where both have a number, it must not differ.
	f.weakValues(func(of Recipe, parts ...string) {
		to(HasNumber, HasNumber, append([]string{specs[of].domain}, parts...)...)
	})
}

func (f *Facts) weakValues(to func(of Recipe, parts ...string)) {
	first, last := f.First.formal(), f.Last.joined()
	if f.Birth.Whole() {
		for _, name := range []string{first, last} {
			if name != "" {
				to(LastDate, name, f.Birth.iso())
			}
		}
	}
	f.partlyDated(first, last, to)
	if a, b := sorted(first, last); bits(first, last) >= rareBits {
		to(N2Rare, a, b)
	}
}

// nameValues are those of one pair of names.
func (f *Facts) nameValues(firstName, lastName Name, spans *[Recipes]span, to put) {
	first, last, born := firstName.formal(), lastName.joined(), f.Birth
	if born.Whole() {
		f.oneName(firstName.joined(), first, last, spans, to)
	}
	if first == "" || last == "" {
		return
	}
	a, b := sorted(first, last)
	if born.Whole() {
		day := born.iso()
		to(N2Date, N2Date, a, b, day)
		to(N2Swapped, N2Swapped, a, b, two(born.Year), two(min(born.Month, born.Day)), two(max(born.Month, born.Day)))
		if x, y := sorted(soundex(first), soundex(last)); sounds(x, y) && !f.Twin {
			to(N2Sound, N2Sound, x, y, day)
		}
		if utf8.RuneCountInString(first) > 2 && utf8.RuneCountInString(last) > 2 && !f.Twin { // of Jo Li it would leave two letters
			to(SLK, SLK, letters(first, 2, 3), letters(last, 2, 3, 5), day)
		}
	}
	f.partlyDated(first, last, func(of Recipe, parts ...string) { to(of, of, parts...) })
	if born.Year != 0 && !f.Twin {
		to(First3Year, First3Year, initial(first, 3), last, two(born.Year))
	}
	if bits(first, last) >= rareBits {
		if born == (Birth{}) && spans[N2RareAlone].n > 0 {
			to(N2RareAlone, N2Rare, a, b)
		} else {
			to(N2Rare, N2Rare, a, b)
		}
	}
	if f.Place != "" {
		to(N2Place, N2Place, a, b, f.Place)
	}
}

// oneName are the values of one name and the whole date. typed is the first name before nicknames were resolved: Jack is
// John, but Jadk is Jack.
func (f *Facts) oneName(typed, first, last string, spans *[Recipes]span, to put) {
	day := f.Birth.iso()
	if first != "" {
		if first != typed {
			to(FirstDate, FirstDate, first, day)
		}
		most := spans[FirstDate].n
		if f.Twin { // Maria's twin may be Mario
			most = 1
		}
		for _, d := range deletions(typed, most) {
			to(FirstDate, FirstDate, d, day)
		}
	}
	if last != "" && !f.Twin {
		for _, d := range deletions(last, spans[LastDate].n) {
			to(LastDate, LastDate, d, day)
		}
	}
}

// partlyDated are both names with two parts of the date, where the names are not so common that it would mean little.
func (f *Facts) partlyDated(first, last string, to func(of Recipe, parts ...string)) {
	if bits(first, last) < uncommonBits {
		return
	}
	a, b := sorted(first, last)
	year, month, day := two(f.Birth.Year), two(f.Birth.Month), two(f.Birth.Day)
	if f.Birth.Year != 0 && f.Birth.Month != 0 {
		to(N2YearMonth, a, b, year, month)
	}
	if f.Birth.Year != 0 && f.Birth.Day != 0 {
		to(N2YearDay, a, b, year, day)
	}
	if f.Birth.Month != 0 && f.Birth.Day != 0 {
		to(N2MonthDay, a, b, month, day)
	}
}

// sounds tells whether two codes of Soundex say something together: of short names, as of Jo Li, they are little more than initials.
func sounds(a, b string) bool {
	return a != "" && b != "" && len(strings.Trim(a[1:]+b[1:], "0")) > 1
}

func sorted(a, b string) (string, string) {
	if b < a {
		return b, a
	}
	return a, b
}
