package tokens

import "heatwatch/etl/partner"

// Rekey puts a set under the vault's key: what the warehouse keeps can be compared with what it keeps, and with nothing
// that an agency can make. It is not safe for concurrent use.
type Rekey struct{ keyed }

// NewRekey is for sets of one population; vault is the home's own key of tokens.
func NewRekey(vault partner.Secret, population string) *Rekey {
	return &Rekey{newKeyed(vault.Derive("rekey", Form, population).Bytes())}
}

// Apply replaces every value of the set.
func (r *Rekey) Apply(s *Set) {
	for i := range s {
		s[i] = Value(r.of(s[i][:]))
	}
	shuffle(s)
}
