package accountant

import (
	"fmt"
	"math"
	"math/big"
)

// Item is one vector of sums to which Gaussian noise is added: a person changes at most L0 of its cells, each
// by at most Linf, and every cell gets noise of standard deviation Sd, in the unit of the cell, as it is drawn.
type Item struct {
	L0   int64
	Linf int64
	Sd   float64
}

func (it Item) check() error {
	switch {
	case it.L0 < 1 || it.Linf < 1:
		return fmt.Errorf("accountant: l0 %d, linf %d: both must be at least 1", it.L0, it.Linf)
	case !(it.Sd > 0) || math.IsInf(it.Sd, 0):
		return fmt.Errorf("accountant: sd is %v: an item without noise has no finite loss", it.Sd)
	}
	return nil
}

// Loss is what one person can lose by the item: L0 Linf^2 / Sd^2, computed without rounding and then rounded
// up to whole units.
func (it Item) Loss() (Mu2, error) {
	if err := it.check(); err != nil {
		return 0, err
	}
	linf := big.NewInt(it.Linf)
	num := new(big.Int).Mul(big.NewInt(it.L0), linf)
	num.Mul(num, linf)
	sd := new(big.Rat).SetFloat64(it.Sd)
	return ceil(new(big.Rat).Quo(new(big.Rat).SetInt(num), sd.Mul(sd, sd)))
}

// ItemsLoss is what one person can lose who is in all items: the sum of their losses. It is at most one unit per item
// above the true sum.
func ItemsLoss(items []Item) (Mu2, error) {
	var total Mu2
	for _, it := range items {
		m, err := it.Loss()
		if err != nil {
			return 0, err
		}
		if total, err = total.Add(m); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// Vector is the difference of two neighbouring tables in the cells of one item, with the noise on each cell.
type Vector struct {
	Diff []int64
	Sd   float64
}

// maxWorstCells keeps explicit vectors in memory bounds. Real items have l0 below 100.
const maxWorstCells = 1 << 22

// WorstCase writes the differences out that the bounds allow at most: Linf, with alternating sign, in L0 cells.
func WorstCase(items []Item) ([]Vector, error) {
	vectors := make([]Vector, 0, len(items))
	cells := int64(0)
	for _, it := range items {
		if err := it.check(); err != nil {
			return nil, err
		}
		if it.L0 > maxWorstCells-cells {
			return nil, fmt.Errorf("accountant: more than %d changed cells: too many to write out", maxWorstCells)
		}
		cells += it.L0
		diff := make([]int64, it.L0)
		for i := range diff {
			diff[i] = it.Linf
			if i%2 == 1 {
				diff[i] = -it.Linf
			}
		}
		vectors = append(vectors, Vector{Diff: diff, Sd: it.Sd})
	}
	return vectors, nil
}

// VectorsLoss is mu^2 of the given differences: the squared length of all of them after each cell was
// divided by the sd of its own noise. One sd for the raw vector would be another mechanism.
func VectorsLoss(vectors []Vector) float64 {
	var sum, lost float64 // Kahan: the error does not grow with the number of cells
	for _, v := range vectors {
		for _, d := range v.Diff {
			w := float64(d) / v.Sd
			term := w*w - lost
			next := sum + term
			lost = (next - sum) - term
			sum = next
		}
	}
	return sum
}

// SameLoss says whether the two ways to compute a plan's loss agree: at most one unit per item plus the rounding
// of floats apart, and never with the integer below the vectors.
func SameLoss(fromItems Mu2, fromVectors float64, items int) bool {
	a, b := float64(fromItems), fromVectors*float64(Unit)
	slack := 1e-12*b + 1e-3
	return a >= b-slack && a <= b+float64(items)+slack
}
