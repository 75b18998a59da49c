package link

var nameLevels = [NameLevels]string{
	NoName: "nothing", NameYear: "first3_last_year", RareDiffers: "rare_dates_differ", RareYear: "rare_year", RareUndated: "rare_one_undated", CrossDate: "first_is_last_date", FirstClose: "first_close_date",
	FirstSame: "first_date", LastClose: "last_close_date", LastInitial: "initial_last_date", LastSame: "last_date", LastAlone: "last_date_no_first", DatePartly: "both_date_partly",
	Letters: "letters_date", BothClose: "both_close_date", DaySwapped: "both_day_swapped", BothSame: "both_date",
}

var numberLevels = [NumberLevels]string{NoNumber: "not_known", NumberDiffers: "differs", Last4Same: "last4", NumberClose: "but_for_a_digit", NumberSame: "same"}

var placeLevels = [PlaceLevels]string{NoPlace: "nothing", NumberAndPlace: "with_number", DatePlace: "with_date", SoundPlace: "with_sound", NamePlace: "with_names", PhoneSame: "phone"}

// The levels as `link fit` and `link sample` write them.
func (l NameLevel) String() string   { return nameLevels[l] }
func (l NumberLevel) String() string { return numberLevels[l] }
func (l PlaceLevel) String() string  { return placeLevels[l] }
