package nearest

import "testing"

func TestName(t *testing.T) {
	known := []string{"privacy.lifetime_epsilon", "privacy.delta", "timezone", "nightly.schedule"}
	for s, want := range map[string]string{
		"privacy.lifetme_epsilon": "privacy.lifetime_epsilon", "timezoen": "timezone", "tz": "", "privacy.detla": "privacy.delta", "entirely_else": "",
	} {
		if got := Name(s, known); got != want {
			t.Errorf("Name(%q) = %q, want %q", s, got, want)
		}
	}
}
