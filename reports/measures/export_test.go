package measures

// For the tests of what waits for measures to come.
const (
	NotYet   = notYet
	NotBuilt = notBuilt
)

var UnreadReasons = unread
