package agency

import (
	"fmt"
	"io"
	"strings"
	"time"

	"heatwatch/etl/intake"
)

// progressLine keeps one line of a terminal up to date and takes it away at the end, so that the result stands alone.
type progressLine struct {
	w     io.Writer
	clock func() time.Time
	last  time.Time
	width int // of what stands there
}

// refresh is how often the line changes: often enough to be seen moving, seldom enough to be read.
const refresh = 200 * time.Millisecond

func (p *progressLine) show(at intake.Progress) {
	p.say(fmt.Sprintf("%s: %s rows, %s quarantined so far", at.File, short(at.Rows), short(at.Quarantined)))
}

func (p *progressLine) say(text string) {
	now := p.clock()
	if p.width > 0 && now.Sub(p.last) < refresh {
		return
	}
	p.last = now
	p.write(text)
}

func (p *progressLine) clear() {
	if p.width > 0 {
		p.write("")
		fmt.Fprint(p.w, "\r")
	}
}

func (p *progressLine) write(s string) {
	fmt.Fprint(p.w, "\r", s, strings.Repeat(" ", max(0, p.width-len(s))))
	p.width = len(s)
}

// short is a count as one reads it while it runs.
func short(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 1_000_000:
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprintf("%.1f M", float64(n/100_000)/10)
}
