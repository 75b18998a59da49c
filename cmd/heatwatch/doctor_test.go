package main

import (
	"strings"
	"testing"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/models"
)

func TestDoctorRoom(t *testing.T) {
	for _, c := range []struct {
		need, room int64
		want       string
	}{
		{700, 700, stateOK}, {700, 699, stateWarn}, {700, 100, stateWarn}, {700, 99, stateFail}, {700, 0, stateFail},
	} {
		d := &doctor{}
		if d.room(c.need, c.room); d.findings[0].state != c.want {
			t.Errorf("%d free where %d are needed: %+v", c.room, c.need, d.findings)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 64 << 20: "67.1 MB", 5e15: "5000.0 TB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestDoctorClock(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	on := models.DateOf(now)
	for _, c := range []struct {
		name   string
		ours   models.Date
		theirs time.Time
		want   string
		says   string
	}{
		{"today", on, now, stateOK, ""},
		{"a day behind", on + 1, now, stateFail, "set back"},
		{"a day ahead of the last night", on - 1, now, stateOK, ""},
		{"a drop of tomorrow", on, now.Add(23 * time.Hour), stateOK, ""},
		{"a drop of the day after", on, now.Add(25 * time.Hour), stateWarn, "shelter-a"},
		{"1970", models.DateOf(now) + 20_000, now, stateFail, "set back"},
		{"two years ahead", on - 730, now, stateWarn, "nothing was recorded after"},
		{"a new home", 0, time.Time{}, stateOK, ""},
	} {
		d := &doctor{now: now, zone: time.UTC}
		d.clock([]recorded{{c.ours, "the newest generation"}}, c.theirs, []intake.Drop{{Partner: "shelter-a"}})
		if f := d.findings[0]; f.state != c.want || !strings.Contains(f.what, c.says) || f.state != stateOK && f.next == "" {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}
