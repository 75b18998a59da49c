package drop

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"syscall"

	"github.com/pkg/sftp"
)

// refusal is an error that a client may see: an SFTP status and a fixed text.
// pkg/sftp sends the text as it is and finds the status by unwrapping. The code
// is for the audit log.
type refusal struct {
	code   string
	status error
	text   string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.status }

// All that a client is ever told.
var (
	errNoSuchFile  = &refusal{"no_such_file", sftp.ErrSSHFxNoSuchFile, "no such file"}
	errDenied      = &refusal{"denied", sftp.ErrSSHFxPermissionDenied, "permission denied"}
	errBadName     = &refusal{"bad_name", sftp.ErrSSHFxPermissionDenied, "this name is not allowed: use letters, digits, dot, underscore and hyphen, and begin with a letter or digit"}
	errClosed      = &refusal{"drop_closed", sftp.ErrSSHFxPermissionDenied, "the drop has its manifest and is closed: send another drop"}
	errNoReading   = &refusal{"no_reading", sftp.ErrSSHFxPermissionDenied, "what was sent cannot be read back: see receipts"}
	errUnsupported = &refusal{"unsupported", sftp.ErrSSHFxOpUnsupported, "not supported"}
	errExists      = &refusal{"exists", sftp.ErrSSHFxFailure, "the name is taken"}
	errBusy        = &refusal{"busy", sftp.ErrSSHFxFailure, "an upload to it is under way"}
	errTakenOver   = &refusal{"taken_over", sftp.ErrSSHFxFailure, "another upload took this name over"}
	errGap         = &refusal{"gap", sftp.ErrSSHFxFailure, "a part is missing: send the file again"}
	errScattered   = &refusal{"scattered", sftp.ErrSSHFxFailure, "written in too many separate pieces: send the file from start to end"}
	errFileQuota   = &refusal{"file_quota", sftp.ErrSSHFxFailure, "the file is larger than allowed"}
	errDropQuota   = &refusal{"drop_quota", sftp.ErrSSHFxFailure, "the drop is larger than allowed: send it in parts, as several drops"}
	errDayQuota    = &refusal{"day_quota", sftp.ErrSSHFxFailure, "enough for one day: go on tomorrow, or call the warehouse"}
	errAreaQuota   = &refusal{"area_quota", sftp.ErrSSHFxFailure, "the area is full: wait for the next nightly run or call the warehouse"}
	errCountQuota  = &refusal{"count_quota", sftp.ErrSSHFxFailure, "too many files in the area: wait for the next nightly run or call the warehouse"}
	errHandles     = &refusal{"handles", sftp.ErrSSHFxFailure, "too many open files"}
	errDiskFull    = &refusal{"disk_full", sftp.ErrSSHFxFailure, "the warehouse has no room: call the warehouse"}
	errFailure     = &refusal{"failure", sftp.ErrSSHFxFailure, "failure"}
)

// answer turns any error into one of the fixed set. What it hides goes to the
// log by its errno only: the text of a Go error holds names.
func answer(log *slog.Logger, err error) error {
	var known *refusal
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &known):
		return known
	case errors.Is(err, fs.ErrNotExist):
		return errNoSuchFile
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		log.LogAttrs(context.Background(), slog.LevelError, "no room on disk")
		return errDiskFull
	case errors.As(err, &errno):
		log.LogAttrs(context.Background(), slog.LevelError, "file operation failed", slog.String("errno", errno.Error()))
	default:
		log.LogAttrs(context.Background(), slog.LevelError, "file operation failed", slog.String("errno", "none"))
	}
	return errFailure
}
