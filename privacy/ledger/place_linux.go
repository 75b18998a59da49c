package ledger

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// identify tells a file from a copy of it: its inode and its time of birth. A second hard link makes it another: then there
// are two folders that hold the same file. Where the file system keeps no time of birth (0) an inode that was used
// again is taken for the same.
func identify(path string) (string, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME|unix.STATX_NLINK, &st); err != nil {
		return "", fmt.Errorf("statx: %w", err)
	}
	var born unix.StatxTimestamp
	if st.Mask&unix.STATX_BTIME != 0 {
		born = st.Btime
	}
	return fmt.Sprintf("inode %d born %d.%09d links %d", st.Ino, born.Sec, born.Nsec, st.Nlink), nil
}
