package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"

	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

//go:embed units.tmpl
var unitsText string

var unitsTemplate = template.Must(template.New("units").Parse(unitsText))

// unitNames are the units that can be printed: serve, or, where there is no need for SFTP here, the nightly alone.
var unitNames = []string{"heatwatch.service", "heatwatch-nightly.service", "heatwatch-nightly.timer"}

// allUnits asks for all of them.
const allUnits = "all"

// unit is what the templates need. Paths and arguments are quoted for systemd.
type unit struct {
	User, Program, Home string
	ProtectHome         string
	Calendar            string
}

// printUnits writes one unit, or all with the names under which they are installed.
func (c *command) printUnits(h *house, which string) error {
	u, err := unitOf(h.Home)
	if err != nil {
		return err
	}
	if which != unitNames[0] {
		if u.Calendar, err = calendar(h.settings.Nightly.Schedule, h.settings.Timezone); err != nil {
			return problem.Wrap(err, problem.Usage, "nightly.schedule", "this schedule cannot be said to systemd: "+err.Error(), "write the timer by hand, or use `--print-unit=heatwatch.service`")
		}
	}
	for _, name := range unitNames {
		if which != allUnits && which != name {
			continue
		}
		var b bytes.Buffer
		if err := unitsTemplate.ExecuteTemplate(&b, name, u); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.Out, "# /etc/systemd/system/%s\n%s", name, b.String()); err != nil {
			return err
		}
		if which == allUnits && name != unitNames[len(unitNames)-1] {
			fmt.Fprintln(c.Out)
		}
	}
	return nil
}

func unitOf(h home.Home) (unit, error) {
	program, err := os.Executable()
	if err != nil {
		return unit{}, err
	}
	u := unit{User: owner(h.Dir), ProtectHome: "yes"}
	for _, p := range []string{"/home/", "/root/", "/run/user/"} { // else systemd hides them from us
		if strings.HasPrefix(h.Dir, p) || strings.HasPrefix(program, p) {
			u.ProtectHome = "read-only"
		}
	}
	if u.Program, err = quoted(program); err == nil {
		u.Home, err = quoted(filepath.Clean(h.Dir))
	}
	return u, err
}

// owner is the user whose home it is; one of its own where that would be root.
func owner(dir string) string {
	const own = "heatwatch"
	var st syscall.Stat_t
	if syscall.Stat(dir, &st) != nil || st.Uid == 0 {
		return own
	}
	if u, err := user.LookupId(fmt.Sprint(st.Uid)); err == nil {
		return u.Username
	}
	return fmt.Sprint(st.Uid)
}

// quoted writes a path as systemd reads it back.
func quoted(path string) (string, error) {
	if strings.ContainsAny(path, "\"\\$\n") {
		return "", problem.New(problem.Usage, path, "a path with quotes, dollars or backslashes cannot be put into a unit", "choose another place")
	}
	path = strings.ReplaceAll(path, "%", "%%")
	if strings.ContainsAny(path, " '") {
		path = `"` + path + `"`
	}
	return path, nil
}

// calendar says a schedule of numbers, lists, ranges and steps as systemd's OnCalendar.
func calendar(spec, zone string) (string, error) {
	f := strings.Fields(spec)
	if len(f) != 5 {
		return "", errors.New("five fields are wanted")
	}
	for _, part := range f {
		if strings.Trim(part, "0123456789,-/*") != "" {
			return "", errors.New("it holds names")
		}
	}
	if f[2] != "*" && f[4] != "*" {
		return "", errors.New("it names days of the month and of the week")
	}
	days := ""
	if f[4] != "*" {
		if strings.Contains(f[4], "/") {
			return "", errors.New("it has steps in days of the week")
		}
		names := strings.NewReplacer("0", "Sun", "1", "Mon", "2", "Tue", "3", "Wed", "4", "Thu", "5", "Fri", "6", "Sat", "-", "..")
		days = names.Replace(f[4]) + " "
	}
	part := func(s string) string {
		if rest, ok := strings.CutPrefix(s, "*/"); ok {
			s = "0/" + rest
		}
		return strings.ReplaceAll(s, "-", "..")
	}
	from1 := func(s string) string { return strings.Replace(part(s), "0/", "1/", 1) } // months and days begin at 1
	return fmt.Sprintf("%s*-%s-%s %s:%s:00 %s", days, from1(f[3]), from1(f[2]), part(f[1]), part(f[0]), zone), nil
}
