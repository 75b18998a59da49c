// Package partner keeps what was agreed with each agency, and the keys of the home and of its agencies.
//
// An agreement is one strict YAML file, partners/NAME.yaml: an unknown or misspelt field is an error with its line,
// never a default. What an agreement does not name is not agreed: Allows denies. Beside it lie the agency's public
// keys for SFTP, partners/NAME.keys, one OpenSSH line each.
//
// The home's secret keys are random and live in keys/, one hexadecimal file each, readable by the owner only; reading
// refuses wider permissions. An agency's key is derived from the master key, so that a lost kit can be made again and
// gives the same pseudonyms. A Secret cannot be printed, logged or marshalled by accident.
//
// A kit is what an agency needs to make drops: it holds its own key and the linkage key, and travels by a safe channel.
//
// Every write is whole or absent (internal/durable). The caller holds the home's lock.
package partner
