package drop

import "testing"

// A drop of that name would have its receipt where the scorecard stands.
func TestNoDropIsCalledScorecard(t *testing.T) {
	for path, ok := range map[string]bool{
		"incoming/scorecard": false, "incoming/scorecard/persons.csv": false, "incoming/../incoming/scorecard": false,
		"incoming/scorecard-2": true, "incoming/d/scorecard": true, "receipts/scorecard.txt": true,
	} {
		if _, err := locate(path, 100); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}
