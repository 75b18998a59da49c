package deidentify

import (
	"context"
	"io"

	"filippo.io/age"

	"heatwatch/internal/problem"
)

// sealing seals what is written to it to the home, whose public key the kit names.
func sealing(out io.Writer, to string) (io.WriteCloser, error) {
	key, err := age.ParseX25519Recipient(to)
	if err != nil {
		return nil, problem.New(problem.Usage, "kit.json", "it does not say whom persons and requests are sealed to", "ask the warehouse for a new kit: it gives the same pseudonyms")
	}
	return age.Encrypt(out, key)
}

// runSealed writes a file that leaves sealed to the home: no disk ever holds its rows in clear.
func (tb *table) runSealed(ctx context.Context, in records, out io.Writer, name string) error {
	sealed, err := sealing(out, tb.sealTo)
	if err != nil {
		return err
	}
	if err := tb.runGated(ctx, in, sealed, name); err != nil {
		return err
	}
	return sealed.Close()
}
