package main

import (
	"runtime/debug"

	"heatwatch/etl/link"
	"heatwatch/models"
	"heatwatch/privacy"
)

// made names the program, for the manifests of its releases.
func made() privacy.Made {
	m := privacy.Made{Code: "unknown", Dictionary: models.Dictionary().Version, Linkage: link.Version}
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	changed := ""
	for _, s := range b.Settings {
		switch {
		case s.Key == "vcs.revision":
			m.Code = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changed"
		}
	}
	m.Code += changed
	return m
}
