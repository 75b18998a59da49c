package tokens

// Recipe is a kind of token. The slots of one recipe are neighbours in a set.
type Recipe uint8

// The recipes. N2 is both names in either order; Date the whole birth date.
const (
	N2Date        Recipe = iota // N2, whole date
	N2YearMonth                 // N2, date without its day
	N2YearDay                   // N2, date without its month
	N2MonthDay                  // N2, date without its year
	N2Swapped                   // N2, date with day and month in either order
	N2Sound                     // how both names sound (Soundex), whole date
	FirstDate                   // first name, or it with a letter left out, whole date
	LastDate                    // last name, or it with a letter left out, whole date
	LastDateAlone               // last name, whole date: only where there is no first name
	InitialDate                 // first letter of the first name, last name, whole date
	SLK                         // letters 2, 3 of the first, 2, 3, 5 of the last name, whole date (SLK-581 without its code of sex)
	First3Year                  // three letters of the first name, last name, year
	N2Rare                      // N2 without a date, where both together are rare
	N2RareAlone                 // the same, where the record has no date at all
	N2Place                     // N2, postal code or locality
	DatePlace                   // whole date, postal code or locality
	SoundPlace                  // how both names sound, postal code or locality
	Number                      // whole social security number
	NumberYear                  // the same with a digit left out, year
	NumberPlace                 // digits of the number in order of size, postal code or locality
	HasNumber                   // what a weak agreement could rest on, once more: only where there is a whole number
	Last4Date                   // last four digits, whole date
	PhoneFirst                  // telephone number, first name
	NumberSound                 // the number with a digit left out, how the last name sounds
	RareClose                   // first name, last name with a letter left out, no date, where both together are rare
	Recipes                     // how many there are
)

// spec says how many slots a recipe has for the name that a record leads, and for a further name.
type spec struct {
	name            string
	domain          string // recipes of one domain meet: a first name may be the other record's last name
	borrows         string // domain of values that stand in free slots of this recipe
	primary, second int
}

var specs = [Recipes]spec{
	N2Date:        {name: "name2_date", domain: "name2-date", primary: 1, second: 1},
	N2YearMonth:   {name: "name2_year_month", domain: "name2-year-month", primary: 1, second: 1},
	N2YearDay:     {name: "name2_year_day", domain: "name2-year-day", primary: 1, second: 1},
	N2MonthDay:    {name: "name2_month_day", domain: "name2-month-day", primary: 1, second: 1},
	N2Swapped:     {name: "name2_swapped", domain: "name2-swapped", primary: 1, second: 1},
	N2Sound:       {name: "name2_sound_date", domain: "name2-sound-date", primary: 1, second: 1},
	FirstDate:     {name: "first_date", domain: "name-date", primary: 7, second: 1},
	LastDate:      {name: "last_date", domain: "name-date", borrows: "name2-close", primary: 9, second: 1},
	LastDateAlone: {name: "last_date_alone", domain: "name-date", primary: 1, second: 0},
	InitialDate:   {name: "initial_last_date", domain: "initial-date", primary: 1, second: 0},
	SLK:           {name: "slk_date", domain: "slk-date", primary: 1, second: 1},
	First3Year:    {name: "first3_last_year", domain: "first3-year", primary: 1, second: 0},
	N2Rare:        {name: "name2_rare", domain: "name2", primary: 1, second: 1},
	N2RareAlone:   {name: "name2_rare_alone", domain: "name2", primary: 1, second: 0},
	N2Place:       {name: "name2_place", domain: "name2-place", primary: 1, second: 1},
	DatePlace:     {name: "date_place", domain: "date-place", primary: 1, second: 0},
	SoundPlace:    {name: "name2_sound_place", domain: "sound-place", primary: 1, second: 0},
	Number:        {name: "number", domain: "number", primary: 1, second: 0},
	NumberYear:    {name: "number_year", domain: "number-year", primary: 8, second: 0},
	NumberPlace:   {name: "number_place", domain: "number-place", primary: 1, second: 0},
	HasNumber:     {name: "has_number", domain: "has-number", primary: 6, second: 0},
	Last4Date:     {name: "last4_date", domain: "last4-date", primary: 1, second: 0},
	PhoneFirst:    {name: "phone_first", domain: "phone-name", primary: 1, second: 0},
	NumberSound:   {name: "number_sound", domain: "number-sound", primary: 8, second: 0},
	RareClose:     {name: "rare_close", domain: "name2-close", primary: 8, second: 0},
}

func (r Recipe) String() string { return specs[r].name }

const (
	// Leading and Count are the slots of the name and the numbers that a record leads, and of all names.
	Leading = 65
	Count   = 98
	// MaxSeconds is how many further names have slots.
	MaxSeconds = 3
)

// slot is where a recipe's values of one name lie.
type span struct{ from, n int }

var primary, second = func() (p [Recipes]span, s [MaxSeconds][Recipes]span) {
	at := 0
	for r, spec := range specs {
		p[r] = span{at, spec.primary}
		at += spec.primary
	}
	if at != Leading {
		panic("tokens: the recipes do not fill the primary slots")
	}
	for k := range s {
		for r, spec := range specs {
			s[k][r] = span{at, spec.second}
			at += spec.second
		}
	}
	if at != Count {
		panic("tokens: the recipes do not fill the slots of further names")
	}
	return p, s
}()

// RecipeOf is the recipe of each slot.
var RecipeOf = func() (of [Count]Recipe) {
	mark := func(spans [Recipes]span) {
		for r, s := range spans {
			for i := range s.n {
				of[s.from+i] = Recipe(r)
			}
		}
	}
	mark(primary)
	for _, s := range second {
		mark(s)
	}
	return of
}()

// Meets are the recipes whose values can be the same as those of r.
func (r Recipe) Meets() []Recipe { return meets[r] }

var meets = func() (m [Recipes][]Recipe) {
	for r, a := range specs {
		for q, b := range specs {
			if a.domain == b.domain || a.borrows == b.domain || b.borrows == a.domain {
				m[r] = append(m[r], Recipe(q))
			}
		}
	}
	return m
}()
