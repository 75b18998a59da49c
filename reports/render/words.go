package render

import (
	"math"
	"strconv"
	"strings"

	"heatwatch/privacy"
)

// NotPrivateAbove is the lifetime epsilon above which every page and command says that the figures are not private.
const NotPrivateAbove = 10

// NotPrivate is that sentence.
const NotPrivate = "These figures are not private: the lifetime budget of this warehouse is so large that the noise hides nobody."

// Odds is in how many of 100 cases, at most, somebody is right who must tell at even odds whether a person is in the
// data: 100 Phi(mu/2), rounded up. It holds exactly for Gaussian noise, whatever else is known (Dong, Roth and Su 2019).
func Odds(mu float64) int {
	phi := math.Erfc(-mu/2/math.Sqrt2) / 2
	return min(100, int(math.Ceil(100*phi-1e-9)))
}

// PrivacyLine says what one release cost and what all may cost.
func PrivacyLine(s privacy.Statement) string {
	line := "the release of entry " + strconv.Itoa(s.Entry) + " costs one " + s.Unit + " at most mu " + Significant(s.MuRelease) +
		" (epsilon " + Significant(s.EpsilonRelease) + "); all releases together, over a lifetime, at most mu " + Significant(s.MuLifetime) +
		" (epsilon " + Significant(s.EpsilonLifetime) + ") of a cap of epsilon " + Significant(s.CapEpsilon) +
		", at delta " + Delta(s.Delta) + ", by " + s.Mechanism + " noise."
	if s.CapEpsilon > NotPrivateAbove {
		line += " " + NotPrivate
	}
	return line
}

// OddsLine says the same as odds.
func OddsLine(s privacy.Statement) string {
	return "somebody who must tell, at even odds, whether one " + s.Unit + " is in the data is right in at most " +
		strconv.Itoa(Odds(s.MuRelease)) + " of 100 cases from this release, and in at most " + strconv.Itoa(Odds(s.MuLifetime)) +
		" of 100 over a lifetime of all releases; guessing blindly gives 50."
}

// Delta writes a very small probability: 1e-6.
func Delta(v float64) string {
	return strings.Replace(strconv.FormatFloat(v, 'g', 3, 64), "e-0", "e-", 1)
}

// Significant writes three digits that matter, rounded up: a stated cost is never below the booked one.
func Significant(v float64) string {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(v)))
	return strconv.FormatFloat(math.Ceil(v*scale-1e-9)/scale, 'f', -1, 64)
}
