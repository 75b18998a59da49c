// Package drop carries drops to the warehouse and receipts back, over SFTP.
//
// # The server
//
// A partner is a user name with public keys; there is no password and no other
// way in. What a partner sees is its own area and nothing else:
//
//	/incoming/<drop>/<file>   write, list, stat; no reading back
//	/receipts/<name>          read, list, stat
//
// What was sent cannot be fetched again, not even by the sender: a stolen key
// must not open what was delivered before the theft.
//
// A drop is open until it has a manifest.json. While it is open its files may be
// written, resumed, renamed (also from one open drop to another, the drop's own
// folder too) and removed. The manifest closes it for good: from then on nothing
// in it changes, and uploads to it that are still under way end with an error.
// Whoever sent something wrong sends another drop. manifest.json appears only
// whole, by link, after its upload was closed properly; an upload that was cut
// never makes one. Every other file is written in place, so that it can be
// resumed, and proves nothing: completeness is the manifest's. After a cut the
// file is shortened to what arrived without a gap (clients send several pieces
// at once), which is where a client that resumes will go on.
//
// A successful close means that the file and its name are on disk.
//
// A second upload to a name takes it over from the first: a client whose line
// broke need not wait until the server notices.
//
// Names are made of letters, digits, dot, underscore and hyphen and begin with a
// letter or digit; everything is opened under os.Root, symbolic links and special files
// that somebody put into an area do not exist for the partner, and
// there is no request that could make one. Modes, owners and times
// that a client wants to set are ignored; a size may only shrink.
//
// Refused: shell, exec, pty, environment, forwarding of any kind, agents, every
// subsystem but sftp, every channel type but session, keys with options that are
// not understood, RSA below 2048 bits, everything without authenticated encryption.
//
// Every error that a client gets is one of the fixed set in refusal.go: a Go error would
// tell our folders. Logs name partners, drops (they have passed the rule for names),
// sizes and addresses; no file names, no user names of strangers, no content.
//
// Keys are read again at each login. A key may have an expiry-time, as OpenSSH
// writes it, so that an old key and its successor open side by side for a while.
// A key that is taken away or ends ends no session that is open;
// Server.Disconnect does.
//
// What a partner and strangers can take up is bounded: see Quota and Times. A
// client is idle that moves no whole SFTP packet; one that sends its packet byte
// by byte, or does not read its answer, is.
//
// Config.Audit is told what each partner did: login or failed login, every
// upload with how it ended, names made, changed and removed, receipts fetched,
// what was refused with a code, logout. A login whose line cannot be written is
// refused. A line about something done follows it, so a kill between the two
// leaves it out; the kill itself shows as a session without logout. File names
// that no drop can have are replaced, for they may be a person's.
//
// # The client
//
// Pull fetches complete drops from a partner that runs an OpenSSH server of its
// own, and PushReceipts brings receipts there. The server's key must stand
// in known_hosts beforehand; nothing is learned on first use. Each drop comes file by file, into
// temporary names that a later run goes on with, and gets its manifest last. What the
// manifest says about SHA-256 decides whether a resumed file is whole; if not, it is fetched
// once more from the start. A drop that is here is never touched again; if the partner's copy
// has another manifest, that is reported and nothing stored. Symbolic links are not followed,
// and a server that sends more than it announced is cut off.
//
// # After a crash
//
// The server leaves temporary names (.tmp-upload-*), removed at the partner's next login;
// the client leaves .tmp-pull-*, used by its next run. Both are invisible to partners and
// are no part of a drop.
package drop
