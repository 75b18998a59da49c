package drop

import (
	"bytes"
	"crypto/rsa"
	"crypto/subtle"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"heatwatch/etl/partner"
)

// PartnerKeys is a partner that may log in.
type PartnerKeys struct {
	Name           string
	AuthorizedKeys []byte // lines as in OpenSSH's authorized_keys
}

// authorized is one key that opens an area.
type authorized struct {
	key    ssh.PublicKey
	source string    // addresses it may come from, comma separated; "" for any
	until  time.Time // when it stops opening anything; zero for never
}

// CheckAuthorizedKeys says what is wrong with authorized_keys lines, each
// problem with its line number; the server ignores such lines.
func CheckAuthorizedKeys(lines []byte) (good int, problems []string) {
	keys, problems := parseAuthorized(lines, time.UTC)
	return len(keys), problems
}

// parseAuthorized reads the lines one by one. A line that is not understood in
// full opens nothing: an option that we would ignore may be a restriction. Times
// without a zone of their own are in zone.
func parseAuthorized(lines []byte, zone *time.Location) (keys []authorized, problems []string) {
	number := 0
	for line := range bytes.SplitSeq(lines, []byte("\n")) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		k, err := parseAuthorizedLine(line, zone)
		if err != nil {
			problems = append(problems, fmt.Sprintf("line %d: %v", number, err))
			continue
		}
		keys = append(keys, k)
	}
	return keys, problems
}

func parseAuthorizedLine(line []byte, zone *time.Location) (authorized, error) {
	key, _, options, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return authorized{}, fmt.Errorf("not a public key as in OpenSSH's authorized_keys")
	}
	if err := strongEnough(key); err != nil {
		return authorized{}, err
	}
	a := authorized{key: key}
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		switch strings.ToLower(name) {
		case "restrict", "no-pty", "no-port-forwarding", "no-agent-forwarding", "no-x11-forwarding", "no-user-rc":
			// forbids what this server does not have
		case "from":
			if a.source, err = sources(value); err != nil {
				return authorized{}, err
			}
		case "expiry-time":
			if a.until, err = partner.ParseExpiry(value, zone); err != nil {
				return authorized{}, err
			}
		default:
			return authorized{}, fmt.Errorf("the option %.20q is not supported: remove it", name)
		}
	}
	return a, nil
}

// sources takes the addresses of a from option. Names and patterns are refused:
// they would have to be looked up, and a wrong answer opens the door.
func sources(value string) (string, error) {
	value = strings.Trim(value, `"`)
	for part := range strings.SplitSeq(value, ",") {
		if _, err := netip.ParseAddr(part); err == nil {
			continue
		}
		if _, err := netip.ParsePrefix(part); err != nil {
			return "", fmt.Errorf("from= may hold addresses and networks (192.0.2.0/24) only")
		}
	}
	return value, nil
}

func strongEnough(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256:
		return nil
	case ssh.KeyAlgoRSA:
		if c, ok := key.(ssh.CryptoPublicKey); ok {
			if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() >= 2048 {
				return nil
			}
		}
		return fmt.Errorf("an RSA key needs at least 2048 bits: make one with ssh-keygen -t ed25519")
	}
	return fmt.Errorf("keys of this type are not taken: make one with ssh-keygen -t ed25519")
}

// find returns the entry for key, or nil.
func find(keys []authorized, key ssh.PublicKey) *authorized {
	want := key.Marshal()
	var found *authorized
	for i := range keys {
		if subtle.ConstantTimeCompare(keys[i].key.Marshal(), want) == 1 {
			found = &keys[i]
		}
	}
	return found
}
