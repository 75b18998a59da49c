package main

import (
	"strings"
	"testing"
	"time"
)

// Names are checked when a partner is enrolled; a file that somebody put there by hand still cannot forge a metric.
func TestMetricsEscapeLabels(t *testing.T) {
	b := string(metricsOf([]standing{{name: "a\"} 1\nforged{x=\"\\", kind: "shelter"}}, 3, time.Time{}))
	if !strings.Contains(b, `heatwatch_partner_fresh{partner="a\"} 1\nforged{x=\"\\",kind="shelter"} 0`) || strings.Contains(b, "\nforged") {
		t.Errorf("%s", b)
	}
	if strings.Contains(b, "last_night") {
		t.Error("a night that never was has a time")
	}
}
