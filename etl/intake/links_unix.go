//go:build !windows

package intake

import (
	"io/fs"
	"syscall"
)

// notToWait opens a pipe that took a file's place without waiting for its writer.
const notToWait = syscall.O_NONBLOCK

// oneName tells whether a file has no second name by which it could change.
func oneName(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink == 1
}
