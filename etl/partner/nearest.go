package partner

import "heatwatch/internal/nearest"

func didYouMean(word string, known []string) string {
	if n := nearest.Name(word, known); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}
