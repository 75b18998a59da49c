package home

import "syscall"

// Room is how many bytes a user who is not root may still write on the disk of a path.
func Room(path string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
