package intake

import (
	"io"
	"runtime"
	"time"

	"heatwatch/etl/partner"
	"heatwatch/models"
)

// Limits bound what one file may cost us.
type Limits struct {
	Line    int   // longest line in bytes; a longer one costs its row
	Columns int   // most columns of a header
	Bytes   int64 // most bytes after decompression
	Ratio   int64 // most decompressed bytes per compressed byte, once ratioFloor bytes came out
	Window  uint64
}

// DefaultLimits are the limits of the contract with partners.
func DefaultLimits() Limits {
	return Limits{Line: 1 << 20, Columns: 1000, Bytes: 20 << 30, Ratio: 200, Window: 64 << 20}
}

// ratioFloor is how much may come out of a compressed file before its ratio is judged: short files of equal rows are
// legal and compress very well.
const ratioFloor = 16 << 20

// Options say how one file is checked.
type Options struct {
	Allowed  func(column string) bool           // the agreement's column rule; nil allows what the dictionary lists
	Created  time.Time                          // of the manifest; zero: "future" is not checked
	Covers   Covers                             // of the manifest; zero: the warning "coverage" is not counted
	Location *time.Location                     // where local dates are read; nil is UTC
	Vault    partner.Secret                     // puts token sets under the vault's key on their way to Landing; zero: they stay as they are
	Epochs   []int                              // of linkage keys whose token sets are taken; nil: any
	Unseal   func(io.Reader) (io.Reader, error) // opens a file that was sealed to the home; nil: there is no key
	Landing  io.Writer                          // takes the Parquet file of the accepted rows; nil: none
	Rejects  func(Reject) error                 // called in the order of lines; nil: not wanted
	Columns  func(names []string)               // told the header of a file that is not refused for it; nil: not wanted
	Workers  int                                // 0: as many as there are processors
	Limits   Limits                             // zero fields: the defaults

	keys     *keyWatch                     // CheckPath's own look across rows
	progress func(rows, quarantined int64) // after each block; nil: not wanted
	block    int                           // size of a block; tests make it small
}

func (o Options) filled() Options {
	d := DefaultLimits()
	if o.Limits.Line <= 0 {
		o.Limits.Line = d.Line
	}
	if o.Limits.Columns <= 0 {
		o.Limits.Columns = d.Columns
	}
	if o.Limits.Bytes <= 0 {
		o.Limits.Bytes = d.Bytes
	}
	if o.Limits.Ratio <= 0 {
		o.Limits.Ratio = d.Ratio
	}
	if o.Limits.Window == 0 {
		o.Limits.Window = d.Window
	}
	if o.block <= 0 {
		o.block = max(blockSize, 2*o.Limits.Line)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Allowed == nil {
		o.Allowed = func(string) bool { return true }
	}
	return o
}

// Covers is the time that a drop speaks for, both days included.
type Covers struct {
	From models.Date `json:"from"`
	To   models.Date `json:"to"`
}
