package deidentify

import (
	"bytes"

	"heatwatch/models"
)

// fault returns the rule that a cell breaks by its column's type, or "". Empty means missing and is no fault here:
// nothing leaves with it.
func fault(c models.Column, cell []byte) string {
	if len(cell) == 0 {
		return ""
	}
	switch c.Type {
	case models.TypeCode:
		if !listed(c.Values, cell) {
			return "unknown_code"
		}
	case models.TypeFlag:
		if !listed(c.Values, cell) {
			return "bad_flag"
		}
	case models.TypeDate:
		if _, ok := models.ParseDate(cell); !ok {
			return "bad_date"
		}
	case models.TypeDateTime:
		if _, ok := models.ParseDateTime(cell); !ok {
			return "bad_datetime"
		}
	case models.TypeInt:
		n, ok := models.ParseInt(cell)
		if !ok {
			return "bad_int"
		}
		if n < c.Min || n > c.Max {
			return "out_of_range"
		}
	default: // keys and tokens are made here, never copied
		return "bad_key"
	}
	return ""
}

func listed(values []string, cell []byte) bool {
	for _, v := range values {
		if string(cell) == v {
			return true
		}
	}
	return false
}

func trim(cell []byte) []byte { return bytes.TrimSpace(cell) }
