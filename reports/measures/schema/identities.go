package schema

import (
	"heatwatch/privacy"
	profile "heatwatch/reports/measures/victim-profile"
)

// identities are the equalities between vectors that the measures' SQL makes true for every person of a cohort. A test
// holds each against exact sums. Release files name them: an identity that changes gets a new name.
func identities() []privacy.Identity {
	const (
		heads = "entry.heads"
		tes   = "time-to-emergency-service."
		plc   = "placement-stability."
		ltc   = "long-term-residential-care."
		awt   = "agencies-working-together."
	)
	term := func(weight int64, vector string, cells ...string) privacy.IdentityTerm {
		return privacy.IdentityTerm{Vector: vector, Cells: cells, Weight: weight}
	}
	all := []privacy.Identity{
		// Everybody who entered is in one bin of the curve.
		{Name: "curve-heads", Terms: []privacy.IdentityTerm{term(1, heads), term(-1, tes+"curve")}},
		// Yes minus no is the bins up to 24 hours minus the rest.
		{Name: "curve-24h", Terms: []privacy.IdentityTerm{term(1, tes+"within_24h"), term(-1, tes+"curve", "1h", "4h", "12h", "24h"),
			term(1, tes+"curve", "48h", "72h", "7d", "30d", "never")}},
		// How a service was dated cannot be asked where there was none.
		{Name: "curve-precision", Terms: []privacy.IdentityTerm{term(1, tes+"day_precision", "u"), term(-1, tes+"curve", "never")}},
		// Everybody who entered was in care long enough, or was not.
		{Name: "care-heads", Terms: []privacy.IdentityTerm{term(1, heads), term(-1, plc+"eligible"), term(-1, plc+"two_or_fewer", "u")}},
		// The same question, with and without those who cannot be asked.
		{Name: "care-two", Terms: []privacy.IdentityTerm{term(1, plc+"two_or_fewer", "d"), term(-1, plc+"two_or_fewer_eligible")}},
		// Everybody who entered has a number of residential nights, and is somewhere in the life table or in none.
		{Name: "residential-heads", Terms: []privacy.IdentityTerm{term(1, heads), term(-1, ltc+"levels")}},
		{Name: "retention-heads", Terms: []privacy.IdentityTerm{term(1, heads), term(-1, ltc+"retention")}},
		// Everybody who entered was served by some number of kinds of agency; yes minus no is two or more minus the rest.
		{Name: "kinds-heads", Terms: []privacy.IdentityTerm{term(1, heads), term(-1, awt+"kinds")}},
		{Name: "kinds-two", Terms: []privacy.IdentityTerm{term(1, awt+"two_or_more"), term(-1, awt+"kinds", "2", "3", "4plus"),
			term(1, awt+"kinds", "0", "1")}},
	}
	for _, a := range profile.Attributes() { // everybody has one answer to each question
		all = append(all, privacy.Identity{Name: "profile-" + a.Name, Terms: []privacy.IdentityTerm{term(1, heads), term(-1, "victim-profile."+a.Name)}})
	}
	return all
}
