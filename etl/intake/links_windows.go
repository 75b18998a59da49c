package intake

import "io/fs"

// notToWait: there are no pipes among the files of a folder.
const notToWait = 0

// oneName: on Windows only the agency's own check runs, on the agency's own files.
func oneName(fs.FileInfo) bool { return true }
