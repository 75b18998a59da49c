package intake

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxEntries is how many names of a drop's folder, and of folders below it, are looked at.
const maxEntries = 10_000

// peekSize is how much of a file is read to see its first line.
const peekSize = 64 << 10

// findLeak looks for a keymap: by name anywhere below the folder, by its header in every plain file, packed or not. One
// is enough to refuse the whole drop. It does not say which name it was; the folder is to be deleted anyway.
func findLeak(root *os.Root) (bool, error) {
	seen, found := 0, false
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return fs.SkipDir // closed to us, or gone while we looked
		}
		if err != nil {
			return err
		}
		if seen++; seen > maxEntries {
			return fs.SkipAll
		}
		if name != "." && strings.Contains(strings.ToLower(path.Base(name)), "keymap") {
			found = true
			return fs.SkipAll
		}
		if !d.Type().IsRegular() {
			return nil
		}
		leak, err := startsLikeKeymap(root, name)
		if leak {
			found = true
			return fs.SkipAll
		}
		return err
	})
	return found, err
}

func startsLikeKeymap(root *os.Root, name string) (bool, error) {
	f, err := openPlain(root, name)
	if err != nil {
		return false, nil // not ours to read: judged as bad_name, or gone
	}
	defer f.Close()
	head := make([]byte, peekSize)
	n, err := io.ReadFull(f, head)
	if n == 0 {
		return false, ignoreEnd(err)
	}
	if isKeymapHeader(head[:n]) {
		return true, nil
	}
	for ending, begins := range map[string]string{".gz": "\x1f\x8b", ".zst": "\x28\xb5\x2f\xfd"} { // whatever the name says
		if !bytes.HasPrefix(head[:n], []byte(begins)) {
			continue
		}
		s := newSource(bytes.NewReader(head[:n]), ending, DefaultLimits(), nil)
		unpacked := make([]byte, peekSize)
		m, _ := io.ReadFull(s, unpacked)
		s.close()
		if isKeymapHeader(unpacked[:m]) {
			return true, nil
		}
	}
	return false, nil
}

func ignoreEnd(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// isKeymapHeader knows a keymap by the two columns that no other file has.
func isKeymapHeader(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte{0xef, 0xbb, 0xbf})
	if end := lineEnd(head); end >= 0 {
		head = head[:end]
	}
	head = bytes.ToLower(head)
	own, pseudonym := false, false
	for _, v := range bytes.FieldsFunc(head, func(r rune) bool { return strings.ContainsRune(",;\t\" ", r) }) {
		own = own || string(v) == "own_number"
		pseudonym = pseudonym || string(v) == "pseudonym"
	}
	return own && pseudonym
}
