package main

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"heatwatch/etl/intake"
	"heatwatch/etl/lake"
	"heatwatch/internal/backup"
	"heatwatch/internal/home"
	"heatwatch/models"
	"heatwatch/privacy/ledger"
)

// nightsOfRoom is for how many there must be room.
const nightsOfRoom = 7

// checkRoom compares the disk with what the coming nights will add, if they go on like the last ones.
func (d *doctor) checkRoom() {
	need, err := d.need()
	if err != nil {
		d.failed("disk", err)
		return
	}
	room, err := home.Room(d.home.Dir)
	if err != nil {
		d.failed("disk", err)
		return
	}
	d.room(need, room)
}

// room judges. One night's room is the least without which a home cannot go on.
func (d *doctor) room(need, room int64) {
	what := fmt.Sprintf("%s free, %d nights need about %s", size(room), nightsOfRoom, size(need))
	switch {
	case room < need/nightsOfRoom:
		d.fail("disk", what, "make room before the next night: a full disk harms nothing, but no drop is taken")
	case room < need:
		d.warn("disk", what, "make room, or keep fewer generations (nightly.keep)")
	default:
		d.ok("disk", what)
	}
}

// spare is the least that seven nights of a small home want: ledger, registers, logs.
const spare = 64 << 20

func (d *doctor) need() (int64, error) {
	growth, whole, err := d.lakeGrowth()
	if err != nil {
		return 0, err
	}
	daily, err := d.dropsPerDay()
	return spare + whole + nightsOfRoom*(growth+daily), err
}

// lakeGrowth is the most that one of the last generations has added, and the size of the current one.
func (d *doctor) lakeGrowth() (growth, whole int64, err error) {
	all, err := lake.Generations(d.home)
	if err != nil {
		return 0, 0, err
	}
	current, err := lake.Current(d.home)
	if err != nil {
		return 0, 0, err
	}
	before := map[string]bool{}
	for _, n := range all {
		if n > current {
			break // not finished
		}
		m, err := lake.ReadManifest(d.home, n)
		if err != nil {
			return 0, 0, err
		}
		var added int64
		now := map[string]bool{}
		whole = 0
		for _, f := range m.Files {
			now[f.SHA256], whole = true, whole+f.Bytes
			if !before[f.SHA256] {
				added += f.Bytes
			}
		}
		growth, before = max(growth, added), now
	}
	return growth, whole, nil
}

// lately is over how many days drops are averaged.
const lately = 30

// dropsPerDay is what drops have taken on disk a day, in the area and in landing, over the month before the newest.
func (d *doctor) dropsPerDay() (int64, error) {
	drops, err := d.drops()
	if err != nil || len(drops) == 0 {
		return 0, err
	}
	since := drops[len(drops)-1].Created.AddDate(0, 0, -lately)
	var sum int64
	for _, x := range drops {
		if x.Created.Before(since) {
			continue
		}
		for _, dir := range []string{filepath.Join(d.home.Landing(), x.Partner, x.Name), filepath.Join(d.home.SFTP(), x.Partner, "incoming", x.Name)} {
			sum += folderSize(dir)
		}
	}
	return sum / lately, nil
}

// folderSize counts what can be seen; a folder that is gone has nothing.
func folderSize(dir string) (sum int64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

func size(n int64) string {
	v, unit := float64(n), 0
	for v >= 1000 && unit < 4 {
		v, unit = v/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %cB", math.Round(v*10)/10, " kMGT"[unit])
}

// recorded is a date that something in the home bears.
type recorded struct {
	on   models.Date
	what string
}

// checkClock compares the clock with what was recorded. A clock that is ahead shows only where it runs away by months.
func (d *doctor) checkClock() {
	drops, err := d.drops()
	if err != nil {
		d.failed("clock", err)
		return
	}
	m, err := lake.ReadCurrent(d.home)
	if err != nil {
		d.failed("clock", err)
		return
	}
	ours := []recorded{{m.MadeOn, "the newest generation"}}
	if d.ledger != nil {
		all := d.ledger.Entries()
		if on, ok := models.ParseDate(all[len(all)-1].Date); ok {
			ours = append(ours, recorded{on, "the ledger's last entry"})
		}
	}
	h := house{Home: d.home}
	if n, err := h.lastNight(); err == nil && !n.CameToEnd.IsZero() {
		ours = append(ours, recorded{models.DateOf(n.CameToEnd.In(d.zone)), "the last night"})
	}
	var theirs time.Time
	if len(drops) > 0 {
		theirs = drops[len(drops)-1].Created
	}
	d.clock(ours, theirs, drops)
}

// ahead is after how many days without anything recorded the clock is suspected.
const ahead = 400

func (d *doctor) clock(ours []recorded, theirs time.Time, drops []intake.Drop) {
	newest := recorded{}
	for _, r := range ours {
		if r.on > newest.on {
			newest = r
		}
	}
	switch today := d.today(); {
	case today < newest.on:
		d.fail("clock", fmt.Sprintf("the clock says %s, and %s is of %s: it was set back", today, newest.what, newest.on), "set the clock right (timedatectl): until then nothing is released")
	case theirs.After(d.now.Add(24 * time.Hour)):
		who := drops[len(drops)-1].Partner
		d.warn("clock", fmt.Sprintf("the clock says %s, and the newest drop of %s was made on %s", today, who, models.DateOf(theirs.In(d.zone))), "one of the two clocks is wrong: compare this one first (timedatectl)")
	case newest.on > 0 && int(today-newest.on) > ahead:
		d.warn("clock", fmt.Sprintf("the clock says %s, and nothing was recorded after %s", today, newest.on), "if this home was in use since, the clock is ahead: set it right before a nightly or a release runs")
	default:
		d.ok("clock", fmt.Sprintf("%s, not behind anything recorded", today))
	}
}

// checkWitnesses looks at the heads of this ledger that are kept elsewhere.
func (d *doctor) checkWitnesses() {
	if d.ledger == nil {
		return
	}
	paths := d.settings.Privacy.Witness
	switch {
	case len(paths) == 0 && !d.ledger.Released():
		d.ok("witness", "none is needed before the first release")
		return
	case len(paths) == 0:
		d.warn("witness", "no witness is named, and this home has released", "put the published site or a head.note that lies elsewhere into privacy.witness")
		return
	}
	h := house{Home: d.home, settings: d.settings, ledger: d.ledger}
	for _, path := range paths {
		rel, err := h.witness(path)
		age := ""
		if st, err := os.Stat(headOf(path)); err == nil {
			age = fmt.Sprintf(", %d days old", max(0, int(d.now.Sub(st.ModTime())/(24*time.Hour))))
		}
		switch {
		case err != nil:
			d.warn("witness", path+": it cannot be read, or is no head of this home", "publish there, or write a new one with heatwatch witness")
		case rel == ledger.Same:
			d.ok("witness", path+": has seen the ledger as it is"+age)
		case rel == ledger.Behind:
			d.warn("witness", path+": is older than the ledger"+age, "publish, or write a new one with heatwatch witness")
		default:
			d.failed("witness", rel.Problem(path))
		}
	}
}

// headOf is the file of a witness, which may be named by the folder of a published site.
func headOf(path string) string {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return filepath.Join(path, ledger.HeadFile)
	}
	return path
}

// checkNight wants a night to have come to its end since the schedule had one, with a few hours for it to run.
func (d *doctor) checkNight() {
	h := house{Home: d.home}
	note, err := h.lastNight()
	if err != nil {
		d.failed("night", err)
		return
	}
	last := note.CameToEnd
	if last.IsZero() {
		d.warn("night", "no nightly has come to its end yet", "run heatwatch nightly, or heatwatch serve, which does so by its schedule")
		return
	}
	schedule, err := cron.ParseStandard(d.settings.Nightly.Schedule)
	if err != nil {
		return // settings says so
	}
	what := "the last nightly that came to its end is of " + models.DateOf(last.In(d.zone)).String()
	if d.now.Sub(schedule.Next(last.In(d.zone))) > 6*time.Hour {
		d.warn("night", what, "look whether heatwatch serve runs and what it says; then run heatwatch nightly")
		return
	}
	d.ok("night", what)
}

// checkBackup looks whether backups can be sealed. Whether they are made only their place can tell.
func (d *doctor) checkBackup() {
	to := strings.TrimSpace(d.settings.Backup.Recipient)
	if to == "" {
		d.warn("backup", "nobody is named who can open a backup", "set backup.recipient: `heatwatch backup key` makes a pair of keys")
		return
	}
	if _, err := backup.Recipients(to); err != nil {
		d.failed("backup", err)
		return
	}
	d.ok("backup", "there is a recipient")
}
