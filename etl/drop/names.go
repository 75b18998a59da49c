package drop

import (
	"path"
	"strings"
)

// The two folders of an area, and the file that closes a drop.
const (
	incomingDir  = "incoming"
	receiptsDir  = "receipts"
	manifestName = "manifest.json"
)

const (
	maxName     = 128     // bytes of one name
	maxManifest = 1 << 20 // intake reads no larger one
)

// ValidName tells whether a drop, a file or a partner may be called so: a name
// that means the same on every file system and in every log.
func ValidName(name string) bool {
	if len(name) == 0 || len(name) > maxName || !alnum(name[0]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !alnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// kind is what a path of a partner stands for.
type kind int

const (
	atRoot     kind = iota // /
	atIncoming             // /incoming
	atDrop                 // /incoming/<drop>
	atFile                 // /incoming/<drop>/<file>
	atReceipts             // /receipts
	atReceipt              // /receipts/<name>
)

// place is a path from a partner that has been understood. Its names are valid.
type place struct {
	kind kind
	drop string
	name string
}

// in is the path below the incoming folder.
func (p place) in() string {
	if p.kind == atDrop {
		return p.drop
	}
	return path.Join(p.drop, p.name)
}

func (p place) manifest() bool { return p.kind == atFile && p.name == manifestName }

// locate understands a path. "..", "." and double slashes are resolved as text,
// before anything is opened: above the root is the root.
func locate(p string, maxPath int) (place, error) {
	if len(p) > maxPath {
		return place{}, errBadName
	}
	p = path.Clean("/" + p)
	if p == "/" {
		return place{kind: atRoot}, nil
	}
	parts := strings.Split(p[1:], "/")
	for _, part := range parts[1:] {
		if !ValidName(part) {
			return place{}, errBadName
		}
	}
	if parts[0] == incomingDir && len(parts) > 1 && parts[1] == scorecard {
		return place{}, errBadName // its receipt would stand in the way of ours
	}
	switch {
	case parts[0] == incomingDir && len(parts) == 1:
		return place{kind: atIncoming}, nil
	case parts[0] == incomingDir && len(parts) == 2:
		return place{kind: atDrop, drop: parts[1]}, nil
	case parts[0] == incomingDir && len(parts) == 3:
		return place{kind: atFile, drop: parts[1], name: parts[2]}, nil
	case parts[0] == receiptsDir && len(parts) == 1:
		return place{kind: atReceipts}, nil
	case parts[0] == receiptsDir && len(parts) == 2:
		return place{kind: atReceipt, name: parts[1]}, nil
	}
	return place{}, errNoSuchFile
}
