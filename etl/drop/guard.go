package drop

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// guard stands between the wire and pkg/sftp and lets through only packets whose
// handle the client has been told. pkg/sftp counts its handles from 1 and
// registers one before the file is open; a client that guesses the number and
// writes at once makes two of its goroutines meet in one string without a lock
// (found by FuzzPackets under the race detector), and a torn string would end
// the whole process. A client that has waited for its handle never notices.
type guard struct {
	io.ReadWriteCloser
	in    *bufio.Reader
	rest  int    // bytes of the current packet that are still to be read
	alive func() // a whole packet has gone by; bytes alone and keepalives of the transport are no life

	mu      sync.Mutex
	handles map[string]bool

	out     []byte // beginning of the packet on its way to the client
	outRest int    // bytes of it that are still to be written, after out is complete
}

// SFTP packets with a handle, and the one that gives it.
const (
	fxpClose    = 4
	fxpRead     = 5
	fxpWrite    = 6
	fxpFstat    = 8
	fxpFsetstat = 10
	fxpReaddir  = 12
	fxpHandle   = 102

	maxPacket = 256 << 10     // as pkg/sftp
	maxHandle = 20            // a number
	fixedPart = 4 + 1 + 4 + 4 // length, type, request, length of the handle
)

var errProtocol = errors.New("packet out of order")

func newGuard(rwc io.ReadWriteCloser, alive func()) *guard {
	return &guard{ReadWriteCloser: rwc, in: bufio.NewReaderSize(rwc, 64<<10), alive: alive, handles: map[string]bool{}}
}

func (g *guard) Read(p []byte) (int, error) {
	if g.rest == 0 {
		if err := g.nextPacket(); err != nil {
			return 0, err
		}
	}
	n, err := g.in.Read(p[:min(len(p), g.rest)])
	if g.rest -= n; g.rest == 0 && n > 0 {
		g.alive()
	}
	return n, err
}

// nextPacket looks at the beginning of a packet without taking it.
func (g *guard) nextPacket() error {
	head, err := g.in.Peek(5)
	if err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head)
	if length == 0 || length > maxPacket {
		return errProtocol
	}
	switch kind := head[4]; kind {
	case fxpClose, fxpRead, fxpWrite, fxpFstat, fxpFsetstat, fxpReaddir:
		if err := g.checkHandle(kind, int(length)+4); err != nil {
			return err
		}
	}
	g.rest = int(length) + 4
	return nil
}

func (g *guard) checkHandle(kind byte, total int) error {
	head, err := g.in.Peek(fixedPart)
	if err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[fixedPart-4:])
	if n > maxHandle || fixedPart+int(n) > total {
		return errProtocol
	}
	if head, err = g.in.Peek(fixedPart + int(n)); err != nil {
		return err
	}
	handle := string(head[fixedPart:])
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.handles[handle] {
		return errProtocol
	}
	if kind == fxpClose {
		delete(g.handles, handle)
	}
	return nil
}

// Write notes the handles that are given out, before they are. pkg/sftp writes
// one packet at a time, in one piece or several.
func (g *guard) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		rest = rest[g.follow(rest):]
	}
	n, err := g.ReadWriteCloser.Write(p)
	if err == nil {
		g.alive()
	}
	return n, err
}

// follow takes some bytes of p, at least one.
func (g *guard) follow(p []byte) int {
	if g.outRest > 0 {
		n := min(g.outRest, len(p))
		g.outRest -= n
		return n
	}
	g.out = append(g.out, p[0])
	if len(g.out) < 4 {
		return 1
	}
	length := int(binary.BigEndian.Uint32(g.out))
	switch {
	case len(g.out) == 4 && length == 0:
		g.out = g.out[:0]
	case len(g.out) == 5 && g.out[4] != fxpHandle:
		g.out, g.outRest = g.out[:0], length-1
	case len(g.out) == length+4:
		if length >= 9 {
			g.mu.Lock()
			g.handles[string(g.out[fixedPart:])] = true
			g.mu.Unlock()
		}
		g.out = g.out[:0]
	}
	return 1
}
