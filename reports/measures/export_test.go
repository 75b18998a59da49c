package measures

// For the tests of the columns that feed no measure.
const NotYet = notYet

var UnreadReasons = unread
