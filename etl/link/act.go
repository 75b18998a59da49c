package link

// FileID names a file: what one agency holds about one person.
type FileID struct{ Population, Partner, PersonKey string }

// Act is what a steward decided about named files. It is the one way in which a file gets another person.
type Act struct {
	File      FileID   // merge: all files of its person join the person of Into; split: it alone leaves its person
	Into      FileID   // zero for a split
	Pseudonym [16]byte // of the new person of a split
}

// Split reports whether the act takes a file out of its person.
func (a Act) Split() bool { return a.Into == FileID{} }

// Persons is whose each file is.
func Persons(rows []Row) map[FileID]uint32 {
	person := make(map[FileID]uint32, len(rows))
	for _, r := range rows {
		person[r.Of()] = r.Person
	}
	return person
}

// Of is the file of a row.
func (r Row) Of() FileID { return FileID{r.Population, r.Partner, r.PersonKey} }
