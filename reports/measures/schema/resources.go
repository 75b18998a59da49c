package schema

import "heatwatch/privacy"

func resources() []privacy.Formula {
	return []privacy.Formula{count("resources", "quantity", "quantity", "quantity", "program")}
}
