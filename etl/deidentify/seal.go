package deidentify

import (
	"bufio"
	"context"
	"errors"
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

// runSealed writes a file that leaves sealed to the home. Its rows pass the gate on their way: no disk ever holds them in clear.
func (tb *table) runSealed(ctx context.Context, in records, out io.Writer, name string) error {
	sealed, err := sealing(out, tb.sealTo)
	if err != nil {
		return err
	}
	pipe, plain := io.Pipe()
	g := newGate(tb.e, name, tb.clear)
	read := make(chan error, 1)
	go func() {
		err := g.read(pipe)
		pipe.CloseWithError(err) // the writer must not wait for a gate that stopped
		read <- err
	}()
	w := bufio.NewWriterSize(io.MultiWriter(sealed, plain), 1<<16)
	err = tb.run(ctx, in, w)
	if err == nil {
		err = w.Flush()
	}
	plain.Close()
	if gateErr := <-read; err == nil || errors.Is(err, gateErr) {
		err = gateErr
	}
	if err != nil {
		return err
	}
	if g.rows != tb.rep.Rows {
		return broken(name)
	}
	g.report(tb.report.refuse)
	return sealed.Close()
}
