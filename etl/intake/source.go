package intake

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"heatwatch/models"
)

// What a compressed stream can do to us.
var (
	errTooLarge  = errors.New("expands to more than is taken")
	errSealed    = errors.New("sealed, and there is no key")
	errWrongSeal = errors.New("sealed to another home, or damaged")
	errNotPacked = errors.New("not readable as the compression that its name says")
)

const notPacked = "the file is not packed as its name says, or it is cut off or damaged: pack it again"

// source reads a file as it was sent: it hashes every byte, decompresses by the ending of the name, and stops a stream
// that expands beyond the limits.
type source struct {
	raw     io.Reader
	readErr error // of raw, so that a failing disk is not taken for a damaged archive
	sum     hash.Hash
	sent    int64 // bytes read from raw
	out     int64 // bytes after decompression
	limits  Limits

	plain  io.Reader // nil until the first Read
	packed bool
	open   func(io.Reader) (io.Reader, func(), error)
	close  func()
}

func newSource(raw io.Reader, name string, l Limits, unseal func(io.Reader) (io.Reader, error)) *source {
	s := &source{raw: raw, sum: sha256.New(), limits: l, close: func() {}}
	switch {
	case strings.HasSuffix(name, ".gz"):
		s.packed, s.open = true, openGzip
	case strings.HasSuffix(name, sealedEnding):
		s.packed, s.open = true, func(r io.Reader) (io.Reader, func(), error) {
			if unseal == nil {
				return nil, nil, errSealed
			}
			plain, err := unseal(r)
			if err != nil {
				err = errWrongSeal
			}
			return plain, func() {}, err
		}
	case strings.HasSuffix(name, ".zst"):
		s.packed, s.open = true, func(r io.Reader) (io.Reader, func(), error) { return openZstd(r, l.Window) }
	}
	return s
}

func openGzip(r io.Reader) (io.Reader, func(), error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	return z, func() { z.Close() }, nil
}

func openZstd(r io.Reader, window uint64) (io.Reader, func(), error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

// rawReader is the part of a source before decompression.
type rawReader struct{ *source }

func (r rawReader) Read(p []byte) (int, error) {
	n, err := r.raw.Read(p)
	r.sum.Write(p[:n])
	r.sent += int64(n)
	if err != nil && err != io.EOF {
		r.readErr = err
	}
	return n, err
}

// Read returns decompressed bytes.
func (s *source) Read(p []byte) (int, error) {
	if s.plain == nil {
		if err := s.start(); err != nil {
			return 0, err
		}
	}
	n, err := s.plain.Read(p)
	s.out += int64(n)
	if s.out > s.limits.Bytes || s.packed && s.out > ratioFloor && s.out > s.sent*s.limits.Ratio {
		return 0, errTooLarge
	}
	if err != nil && err != io.EOF {
		err = s.blame(err)
	}
	return n, err
}

func (s *source) start() error {
	s.plain = rawReader{s}
	if !s.packed {
		return nil
	}
	r, done, err := s.open(bufio.NewReaderSize(rawReader{s}, 64<<10))
	if err != nil {
		return s.blame(err)
	}
	s.plain, s.close = r, done
	return nil
}

// blame tells a disk that cannot be read from an archive that is damaged or wants too much memory.
func (s *source) blame(err error) error {
	switch {
	case s.readErr != nil:
		return s.readErr
	case !s.packed:
		return err
	case errors.Is(err, errSealed), errors.Is(err, errWrongSeal):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return errTooLarge
	}
	return errNotPacked
}

// hashRefused is how much of a file that was refused at its first line is read for its hash: to tell a file that was damaged
// on its way, and not to pay for one of any size.
const hashRefused = 256 << 20

// finish reads what is left of the file as it was sent and returns its hash, or nothing where a refused file is too long
// for that.
func (s *source) finish(refused bool) (string, error) {
	most := s.limits.Bytes
	if refused {
		most = min(most, hashRefused)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(rawReader{s}, most+1))
	switch {
	case err != nil:
		return "", err
	case n > most && refused:
		return "", nil
	case n > most:
		return "", errTooLarge
	}
	return hex.EncodeToString(s.sum.Sum(nil)), nil
}

// CheckSource judges one file as it was sent, compressed or not by the ending of its name, and returns the SHA-256 of
// its bytes beside the verdict. The hash is empty where the file was refused before its end.
func CheckSource(ctx context.Context, raw io.Reader, name string, e models.Entity, opts Options) (FileResult, string, error) {
	s := newSource(raw, name, opts.filled().Limits, opts.Unseal)
	res, err := CheckFile(ctx, s, e, opts)
	s.close()
	res.Name = name
	switch {
	case errors.Is(err, errTooLarge):
		return tooLarge(name, e), "", nil
	case errors.Is(err, errSealed): // at the agency: what is in it was checked when it was made
		res = FileResult{Name: name, Entity: e.Name, sealed: true}
	case errors.Is(err, errWrongSeal):
		res = FileResult{Name: name, Entity: e.Name}
		res.fail("wrong_seal", "")
	case errors.Is(err, errNotPacked):
		res = FileResult{Name: name, Entity: e.Name}
		res.failNote("format_not_offered", "", notPacked)
	case err != nil:
		return res, "", err
	}
	sum, err := s.finish(res.Refused)
	if errors.Is(err, errTooLarge) {
		return tooLarge(name, e), "", nil
	}
	return res, sum, err
}

func tooLarge(name string, e models.Entity) FileResult {
	res := FileResult{Name: name, Entity: e.Name}
	res.fail("too_large", "")
	return res
}
