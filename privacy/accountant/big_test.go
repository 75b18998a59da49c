package accountant

import "math/big"

// The formula of Balle and Wang, as printed, in 500 bits. It shares nothing with epsilon.go: no
// substitution, no float64 function, e^epsilon is written out whatever its size.

const prec = 500

func num(x float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(x) }
func add(a, b *big.Float) *big.Float {
	return new(big.Float).SetPrec(prec).Add(a, b)
}
func sub(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Sub(a, b) }
func mul(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Mul(a, b) }
func quo(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Quo(a, b) }

// bigExp halves the argument until it is small, sums Taylor's series, and squares back.
func bigExp(x *big.Float) *big.Float {
	halvings := 40
	r := new(big.Float).SetPrec(prec+80).SetMantExp(x, -halvings)
	sum, term := new(big.Float).SetPrec(prec+80).SetInt64(1), new(big.Float).SetPrec(prec+80).SetInt64(1)
	for k := int64(1); k < 60; k++ {
		term.Mul(term, r).Quo(term, new(big.Float).SetInt64(k))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

// pi by Machin's formula.
func bigPi() *big.Float {
	arctan := func(inverse int64) *big.Float {
		x := quo(num(1), new(big.Float).SetInt64(inverse))
		square, power, sum := mul(x, x), x, num(0)
		for k := int64(0); k < 400; k++ {
			term := quo(power, new(big.Float).SetInt64(2*k+1))
			if k%2 == 0 {
				sum = add(sum, term)
			} else {
				sum = sub(sum, term)
			}
			power = mul(power, square)
		}
		return sum
	}
	return mul(num(4), sub(mul(num(4), arctan(5)), arctan(239)))
}

var rootTwoPi = new(big.Float).SetPrec(prec).Sqrt(mul(num(2), bigPi()))

func bigDensity(x *big.Float) *big.Float {
	return quo(bigExp(quo(mul(x, x), num(-2))), rootTwoPi)
}

// bigPhi is the distribution function of the standard normal: Taylor's series around zero, and the
// continued fraction in the tails.
func bigPhi(x *big.Float) *big.Float {
	if x.Sign() > 0 {
		return sub(num(1), bigPhi(new(big.Float).SetPrec(prec).Neg(x)))
	}
	y := new(big.Float).SetPrec(prec).Neg(x)
	if y.Cmp(num(7)) < 0 {
		term, sum, square := y, y, mul(y, y)
		for k := 1; k < 700; k++ {
			term = quo(mul(term, square), num(float64(2*k+1)))
			sum = add(sum, term)
		}
		return sub(num(0.5), mul(bigDensity(y), sum))
	}
	f := y
	for k := 400; k >= 1; k-- {
		f = add(y, quo(num(float64(k)), f))
	}
	return quo(bigDensity(y), f)
}

func bigDelta(eps, mu *big.Float) *big.Float {
	ratio, half := quo(eps, mu), quo(mu, num(2))
	return sub(bigPhi(sub(half, ratio)), mul(bigExp(eps), bigPhi(sub(num(0), add(ratio, half)))))
}

// bigEpsilon bisects bigDelta.
func bigEpsilon(mu, delta float64) *big.Float {
	low, high := num(0), num(1)
	for bigDelta(high, num(mu)).Cmp(num(delta)) > 0 {
		high = mul(high, num(2))
	}
	for range 100 {
		middle := quo(add(low, high), num(2))
		if bigDelta(middle, num(mu)).Cmp(num(delta)) > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
