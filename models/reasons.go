package models

// Reason is a code that a receipt may carry, with what it means and what the partner can do about it.
// Codes are never renamed or given another meaning.
type Reason struct{ Code, Scope, Meaning, Remedy string }

// The scopes of a reason: what it costs.
const (
	ScopeRow  = "row"
	ScopeFile = "file"
	ScopeDrop = "drop"
)

// Reasons lists every reason code: rows first, then files, then drops.
func Reasons() []Reason {
	return append(append(cellReasons(), ruleReasons()...), wholeReasons()...)
}

// LookupReason returns the reason of that code.
func LookupReason(code string) (Reason, bool) {
	for _, r := range Reasons() {
		if r.Code == code {
			return r, true
		}
	}
	return Reason{}, false
}

func cellReasons() []Reason {
	return []Reason{
		{"missing_value", ScopeRow, "a required cell is empty", "fill it in, or leave the row out"},
		{"unknown_code", ScopeRow, "the cell is not one of the column's codes", "use a code of the dictionary, in lower case; `heatwatch dictionary` lists them"},
		{"out_of_range", ScopeRow, "the number is outside the column's range, or the date is before 1900", "check the unit and the digits; leave a date empty that is not known"},
		{"bad_int", ScopeRow, "the cell is not a whole number", "write digits only, without separators"},
		{"bad_date", ScopeRow, "the cell is not a date that exists", "write YYYY-MM-DD"},
		{"bad_datetime", ScopeRow, "the cell is not an instant with its offset", "write 2026-07-03T22:00:00-07:00"},
		{"bad_flag", ScopeRow, "the cell is not yes, no or unknown", "write yes, no or unknown, or leave it empty"},
		{"bad_key", ScopeRow, "the cell is not a key or token as deidentify makes it", "make the drop with `heatwatch deidentify`; never type keys by hand"},
		{"bad_token_set", ScopeRow, "the cell is not a set of linkage tokens as deidentify makes it: it has another length, or other letters", "make the drop with the program that came with your kit"},
		{"duplicate_key", ScopeRow, "an earlier line of the file has the same key", "send each row once; the first line was kept"},
		{"bad_encoding", ScopeRow, "the line holds bytes that are not UTF-8, or a NUL", "export as UTF-8"},
		{"wrong_field_count", ScopeRow, "the line has more or fewer fields than the header", "look for a comma inside a value that is not quoted"},
		{"line_too_long", ScopeRow, "the line is longer than a megabyte", "look for a quote that is not closed"},
		{"repeated_header", ScopeRow, "the line repeats the header", "two exports were put into one file: make sure that both belong there, and leave the second header out"},
		{"unclosed_quote", ScopeRow, "a quote is opened and not closed on the line, or stands where none may", "close it; no value may hold a line end"},
		{"person_not_sent", ScopeRow, "the person of this row has not been sent", "send the persons row; this row is held and loads by itself afterwards"},
		{"no_consent", ScopeRow, "the agreement asks for the person's consent and there is none in force", "send the row once consent is signed"},
	}
}

func ruleReasons() []Reason {
	seen := map[string]bool{}
	var all []Reason
	for _, r := range Dictionary().Rules {
		if r.Warning || seen[r.Name] {
			continue
		}
		seen[r.Name] = true
		all = append(all, Reason{r.Name, ScopeRow, r.Says, "correct the row at the source and send it again"})
	}
	return all
}

func wholeReasons() []Reason {
	return []Reason{
		{"no_header", ScopeFile, "the file is empty or its first line is no header", "write the column names in the first line"},
		{"missing_column", ScopeFile, "a required column is not in the header", "add the column"},
		{"unlisted_column", ScopeFile, "the header has a column that the dictionary or your agreement does not list, or one twice", "make the drop with `heatwatch deidentify`, which leaves such columns out"},
		{"wrong_epoch", ScopeFile, "the linkage tokens were made with a key of an epoch that is not in use", "ask the warehouse for a new kit and make the drop again"},
		{"wrong_seal", ScopeFile, "the file is sealed to another home, or is damaged", "make the drop with the kit of this warehouse, and upload it again under a new name"},
		{"hash_mismatch", ScopeFile, "the file is not the one that the manifest describes", "upload the drop again under a new name, manifest last"},
		{"row_count_mismatch", ScopeFile, "the file has another number of rows than the manifest says", "upload the drop again under a new name"},
		{"bad_charset", ScopeFile, "the file is not UTF-8", "export as UTF-8"},
		{"missing_file", ScopeFile, "the manifest lists a file that did not arrive within 24 hours", "send the drop again under a new name"},
		{"unlisted_file", ScopeFile, "the folder holds a file that the manifest does not list", "it was not read; list it in a new drop if it belongs"},
		{"bad_name", ScopeFile, "the name is not that of an entity with .csv, .csv.gz, .csv.zst or .csv.age, or it is no plain file", "name files as in the dictionary"},
		{"too_large", ScopeFile, "the file, or what it expands to, is larger than allowed", "send it in several drops"},
		{"format_not_offered", ScopeFile, "the format or compression is not taken", "send CSV, plain, gzip or zstd"},
		{"bad_manifest", ScopeDrop, "manifest.json cannot be read as the contract describes it", "make the drop with `heatwatch deidentify`"},
		{"wrong_partner", ScopeDrop, "the manifest names another partner", "upload to your own area"},
		{"wrong_home", ScopeDrop, "the drop was made with a kit of another warehouse", "use the kit that this warehouse gave you"},
		{"too_many_persons", ScopeDrop, "the drop lists more persons than were agreed", "send those whom your agency serves; speak with the programme office if they became more"},
		{"not_enrolled", ScopeDrop, "the agreement is not in force on this day", "speak with the programme office"},
		{"clock_ahead", ScopeDrop, "the manifest's created lies more than two days ahead of the warehouse's clock", "set date, time and time zone of the computer that makes the drops, then make the drop again under a new name"},
		{"drop_changed", ScopeDrop, "a drop of this name was taken before with other content", "give the new content a new name"},
		{"leak", ScopeDrop, "the drop holds something that could identify a person", "call the programme office now: it removes the drop; then make a new one with `heatwatch deidentify`"},
	}
}
