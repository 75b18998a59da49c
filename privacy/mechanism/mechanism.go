package mechanism

import (
	"errors"
	"fmt"
	"math"

	"github.com/google/differential-privacy/go/v3/noise"
)

const (
	// MinSigma is the least noise, in units of linf: an item costs mu^2 of at most 1024 l0.
	MinSigma = 1.0 / 32
	// MaxSd is the most noise, in units of the cell.
	MaxSd = 1 << 30
	// MaxChange bounds l0 * linf.
	MaxChange = 1 << 40
	// MaxSum bounds the absolute value of a sum before noise.
	MaxSum = 1 << 52
	// DeltaPerDraw is what each draw costs in delta, because the sampler is not quite a Gaussian.
	DeltaPerDraw = 1.0 / (1 << 45)
)

// BookedDelta is what a number of draws costs in delta.
func BookedDelta(draws int64) float64 { return float64(draws) * DeltaPerDraw }

// Spec is the noise that a plan asks for.
type Spec struct {
	L0    int64   // most cells that one person changes; only checked, the draw is per cell
	Linf  int64   // most that one person changes one cell by
	Sigma float64 // standard deviation in units of Linf
}

// Prepared draws noise of one sd. Only Prepare makes one; the zero Prepared draws nothing.
type Prepared struct {
	linf           int64
	epsilon, delta float64 // the arguments that make the library draw sd; not a privacy loss
	sd             float64
}

// The delta that goes with the searched epsilon. For much noise the larger one would end at sigma 400,000, for little
// noise the smaller one would need an epsilon that the library cannot exponentiate.
const (
	knobDelta     = 1e-6
	knobDeltaWide = 1e-12
	wideFrom      = 1024
)

// The library computes sd to one in a thousand.
const sdAccuracy = 1.0 / 1000

// Prepare finds the library's arguments for spec and refuses what the library would draw wrongly.
func Prepare(spec Spec) (Prepared, error) {
	switch {
	case spec.L0 < 1 || spec.Linf < 1:
		return Prepared{}, fmt.Errorf("mechanism: l0 %d, linf %d: both must be at least 1", spec.L0, spec.Linf)
	case spec.L0 > MaxChange/spec.Linf:
		return Prepared{}, fmt.Errorf("mechanism: l0 %d times linf %d is above 2^40: use a coarser grid", spec.L0, spec.Linf)
	case !(spec.Sigma > 0):
		return Prepared{}, fmt.Errorf("mechanism: sigma is %v: it must be above 0", spec.Sigma)
	}
	sigma := math.Max(spec.Sigma, MinSigma)
	wanted := sigma * float64(spec.Linf)
	if !(wanted <= MaxSd) {
		return Prepared{}, fmt.Errorf("mechanism: sigma %v times linf %d is above 2^30: use a coarser grid", spec.Sigma, spec.Linf)
	}
	p := Prepared{linf: spec.Linf, delta: knobDelta}
	if sigma >= wideFrom {
		p.delta = knobDeltaWide
	}
	// sd falls as epsilon rises, and is zero where e^epsilon is infinite: bisect over the floats between the smallest
	// epsilon that the library takes and that point.
	low, high := math.Float64bits(math.Exp2(-50)), math.Float64bits(1000)
	for high-low > 1 {
		middle := low + (high-low)/2
		if p.sdAt(math.Float64frombits(middle)) >= wanted {
			low = middle
		} else {
			high = middle
		}
	}
	p.epsilon = math.Float64frombits(low)
	p.sd = p.sdAt(p.epsilon)
	if !(p.sd >= wanted && p.sd <= wanted*(1+2*sdAccuracy)) {
		return Prepared{}, fmt.Errorf("mechanism: for sd %v the noise library offers %v: refused", wanted, p.sd)
	}
	return p, nil
}

// sdAt is the library's own sd for the arguments that Draw passes.
func (p Prepared) sdAt(epsilon float64) float64 {
	return noise.SigmaForGaussian(1, float64(p.linf), epsilon, p.delta)
}

// Sd is the standard deviation of the noise as it is drawn, in the unit of the cell, before rounding. It is at least what
// the spec asked for and at most 0.2 % above it. This, not the spec, is what a person's loss is computed from.
func (p Prepared) Sd() float64 { return p.sd }

// Draw returns x with fresh noise. Its errors never hold x.
func (p Prepared) Draw(x int64) (int64, error) {
	if p.sd == 0 {
		return 0, errors.New("mechanism: this noise was not prepared")
	}
	if x > MaxSum || x < -MaxSum {
		return 0, errors.New("mechanism: a sum is beyond 2^52: the measure's bound or its population is wrong")
	}
	noisy, err := noise.Gaussian().AddNoiseInt64(x, 1, p.linf, p.epsilon, p.delta)
	if err != nil { // the library's text is dropped: nobody has promised that it will never hold x
		return 0, errors.New("mechanism: the noise library refused its arguments")
	}
	return noisy, nil
}
