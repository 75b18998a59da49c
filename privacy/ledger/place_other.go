//go:build !linux

package ledger

// identify cannot tell a file from its copy here: copied homes are noticed by a witness only.
func identify(string) (string, error) { return "unknown", nil }
