package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"heatwatch/etl/lake"
	"heatwatch/etl/scorecard"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// writeMetrics writes where the partners stand as metrics in the text format of Prometheus. A collector that reads in
// between sees the file of before or this one.
func (h *house) writeMetrics(path string, all []standing) error {
	generation, err := lake.Current(h.Home)
	if err != nil {
		return err
	}
	last, err := h.lastNight()
	if err != nil {
		return err
	}
	b := metricsOf(all, generation, last.CameToEnd)
	if err := durable.Replace(h.fs, path, b, 0o644); err != nil {
		return problem.Wrap(err, problem.Failed, path, "the metrics cannot be written", "check the folder")
	}
	return nil
}

func metricsOf(all []standing, generation int, last time.Time) []byte {
	var b bytes.Buffer
	metric := func(name, help string, value func(x standing) (float64, bool)) {
		metricHead(&b, name, help)
		for _, x := range all {
			if v, ok := value(x); ok {
				fmt.Fprintf(&b, "%s{partner=%s,kind=%s} %s\n", name, label(x.name), label(x.kind), metricValue(v))
			}
		}
	}
	metric("heatwatch_partner_last_drop_timestamp_seconds", "When the last drop that was taken was made. Absent: none was.", func(x standing) (float64, bool) {
		if x.card.Last == nil {
			return 0, false
		}
		return float64(x.card.Last.Created.Unix()), true
	})
	metric("heatwatch_partner_fresh", "1 if the last drop came within the promise and a week of grace.", func(x standing) (float64, bool) {
		return truth(x.card.Fresh), true
	})
	metric("heatwatch_partner_accepted_rows", "Rows of the last drop that were accepted.", func(x standing) (float64, bool) {
		return float64(x.card.Accepted), true
	})
	metric("heatwatch_partner_quarantined_rows", "Rows of the last drop that were put aside.", func(x standing) (float64, bool) {
		return float64(x.card.Quarantined), true
	})
	metric("heatwatch_partner_score", "Quality of the last drop, 0 to 100. Absent: there is nothing to judge.", func(x standing) (float64, bool) {
		return x.card.Score(), x.card.Scored
	})
	metricHead(&b, "heatwatch_partner_state", "1 for the state that a partner is in, 0 for the others.")
	for _, x := range all {
		for _, s := range scorecard.States() {
			fmt.Fprintf(&b, "heatwatch_partner_state{partner=%s,kind=%s,state=%s} %s\n", label(x.name), label(x.kind), label(s), metricValue(truth(x.card.State == s)))
		}
	}
	if !last.IsZero() {
		metricHead(&b, "heatwatch_last_night_timestamp_seconds", "When a nightly came to its end, the first of the last day on which one did.")
		fmt.Fprintf(&b, "heatwatch_last_night_timestamp_seconds %s\n", metricValue(float64(last.Unix())))
	}
	metricHead(&b, "heatwatch_generation", "Number of the lake's generation that readers get.")
	fmt.Fprintf(&b, "heatwatch_generation %d\n", generation)
	return b.Bytes()
}

func metricHead(b *bytes.Buffer, name, help string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func label(v string) string { return `"` + escapes.Replace(v) + `"` }

func metricValue(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}
