package schema

import "heatwatch/privacy"

func resources() []privacy.Formula {
	return []privacy.Formula{
		{Measure: "resources", Statistic: "quantity", Unit: "quantity", Vector: "resources.quantity", Form: privacy.FormCount, Per: "program"},
	}
}
