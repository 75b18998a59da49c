package privacy

import "embed"

//go:embed plans
var planFiles embed.FS

// EmbeddedPlan returns the text of the plan county or full.
func EmbeddedPlan(name string) ([]byte, bool) {
	b, err := planFiles.ReadFile("plans/" + name + ".yaml")
	return b, err == nil
}
