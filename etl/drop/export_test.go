package drop

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// Pieces books pieces of a file in the order given and returns how far it is
// whole, and how many pieces wait above.
func Pieces(from, to []int64) (high int64, waiting int) {
	u := &upload{}
	for i := range from {
		u.note(from[i], to[i])
	}
	return u.high, len(u.later)
}

// ServePipe serves raw SFTP packets, without SSH around them.
func ServePipe(root, partner string, rw io.ReadWriteCloser, log *slog.Logger) error {
	a, err := openArea(root, partner, Quota{FileBytes: 1 << 20, AreaBytes: 4 << 20, AreaFiles: 100}.withDefaults(), log)
	if err != nil {
		return err
	}
	defer a.close()
	defer rw.Close()
	v := &visit{area: a, log: log, rec: &recorder{now: time.Now, log: log, day: &day{quota: Quota{}.withDefaults()}}}
	return serveFiles(v, rw, func() {})
}

// Locate says what a path from a partner stands for.
func Locate(p string) (drop, name string, kind int, err error) {
	at, err := locate(p, 512)
	return at.drop, at.name, int(at.kind), err
}

// SameAddress tells whether two remote addresses count as one.
func SameAddress(a, b string) bool {
	remote := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	return addressOf(remote(a)) == addressOf(remote(b))
}
