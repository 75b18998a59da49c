package sheet

import "testing"

// A spreadsheet must not calculate what a partner wrote, and a number must stay a number.
func TestHarmless(t *testing.T) {
	for _, c := range []struct{ cell, want string }{
		{"=1+1", "'=1+1"}, {"+cmd", "'+cmd"}, {"@SUM(A1)", "'@SUM(A1)"}, {"\tx", "'\tx"}, {"-x", "'-x"}, {"＝1", "'＝1"}, {"\r=1", "'\r=1"},
		{"-0.25", "-0.25"}, {"12", "12"}, {"1e-6", "1e-6"}, {"", ""}, {"-", "-"}, {"a=b;c=d", "a=b;c=d"}, {"+5", "'+5"}, {"-1-1", "'-1-1"},
	} {
		if got := Harmless(c.cell); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.cell, got, c.want)
		}
	}
}
