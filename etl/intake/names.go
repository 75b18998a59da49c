package intake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"heatwatch/etl/leak"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// endings are the formats that a drop may hold.
var endings = []string{".csv", ".csv.gz", ".csv.zst", ".csv" + sealedEnding}

// sealedEnding ends the name of a file that is sealed to the home.
const sealedEnding = ".age"

// entityOf judges a file's name: an entity's name with one of the endings, and nothing else, so that a name that was
// judged is also a safe path. The code is empty where the name is good.
func entityOf(d *models.Dict, name string) (e models.Entity, code string) {
	base, rest, found := strings.Cut(name, ".")
	e, known := d.Entity(base)
	if !known || !found || !utf8.ValidString(rest) || strings.ContainsAny(rest, "/\\\x00") {
		return models.Entity{}, "bad_name"
	}
	for _, ending := range endings {
		if "."+rest == ending {
			return e, ""
		}
	}
	return e, "format_not_offered"
}

var harmlessFile = regexp.MustCompile(`^[a-z0-9_]{1,40}(\.[a-z0-9_]{1,10}){0,3}$`)

// fileName is how a file may be spoken of: partners choose names, and a name can be a person's.
func fileName(name string, position int) string {
	if base, _, _ := strings.Cut(name, "."); harmlessFile.MatchString(name) && leak.Opaque([]byte(base)) == leak.None {
		return name
	}
	return fmt.Sprintf("file %d", position+1)
}

// badFile is the code of a file that has no place in a drop: a leak where its name is somebody's.
func badFile(name, code string) string {
	if base, _, _ := strings.Cut(name, "."); leak.Title([]byte(base)) != leak.None {
		return "leak"
	}
	return code
}

// ScorecardName is the name of a file that stands beside a partner's receipts, which no drop may take.
const ScorecardName = "scorecard"

// goodDropName tells whether a drop's name can be a folder of ours.
func goodDropName(name string) bool {
	if name == "" || name == ScorecardName || len(name) > 150 || name[0] == '.' || !utf8.ValidString(name) || strings.ContainsAny(name, `/\`) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) // nor marks that turn the direction of a line
}

// errBadName is for what is in the place of a plain file.
var errBadName = errors.New("not a plain file")

// openPlain opens a plain file of the drop's folder. Links, pipes, devices and folders are refused, and so is a file with
// a second name: whoever holds that name could change the content behind our back.
func openPlain(root *os.Root, name string) (*os.File, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, senders(err)
	}
	if !plain(before) {
		return nil, errBadName
	}
	f, err := root.OpenFile(name, os.O_RDONLY|notToWait, 0) // not to wait for a pipe that took its place
	if err != nil {
		return nil, senders(err)
	}
	after, err := f.Stat()
	if err == nil && (!plain(after) || !os.SameFile(before, after)) {
		err = errBadName
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// senders turns what a sender can bring about, a file that we may not read, into a verdict on the file.
func senders(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return errBadName
	}
	return err
}

func plain(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && oneName(info)
}

// cannotRead is an error about our own disk, for a person.
func cannotRead(err error, partner, drop string) error {
	return problem.Wrap(err, problem.Failed, partner+"/"+drop, "the drop's folder cannot be read", "check the disk and the permissions, then run again")
}
