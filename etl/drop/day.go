package drop

import (
	"sync"
	"time"
)

// day counts what a partner does in one day of the server's zone, over all its
// sessions. A server that starts anew begins to count anew.
type day struct {
	quota Quota

	mu     sync.Mutex
	date   string
	bytes  int64
	events int
	failed int
}

// turn begins a new day. mu is held.
func (d *day) turn(now time.Time) {
	if date := now.Format(time.DateOnly); date != d.date {
		d.date, d.bytes, d.events, d.failed = date, 0, 0, 0
	}
}

// send books bytes that arrive, also those that replace others.
func (d *day) send(now time.Time, n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turn(now); d.bytes+n > d.quota.DayBytes {
		return errDayQuota
	}
	d.bytes += n
	return nil
}

// act books a login, an upload or another command that leaves a line in the
// audit log.
func (d *day) act(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turn(now); d.events >= d.quota.DayEvents {
		return errDayQuota
	}
	d.events++
	return nil
}

// fail books a login that failed, and tells whether it still deserves a line:
// anybody can make those.
func (d *day) fail(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	d.failed++
	return d.failed <= d.quota.DayFailures
}
