package mechanism

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every test of randomness below rejects a right program with a probability of at most 1e-9. There are about 30 of
// them, so the package raises a false alarm once in 30 million runs. A failure is never retried: it is real.

const draws = 200_000

// z is the two-sided quantile of the normal distribution for 8e-11; the rest up to 1e-9 is for the skewness of sums of
// 200,000 squares or products.
const z = 6.5

func drawMany(t testing.TB, p Prepared, x int64, n int) []int64 {
	t.Helper()
	out := make([]int64, n)
	for i := range out {
		v, err := p.Draw(x)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = v - x
	}
	return out
}

// moment is E R^power of a rounded Gaussian, summed cell by cell; an independent way to VarRounded.
func moment(sd float64, power float64) float64 {
	var sum float64
	for k := 1.0; k < 12*sd+3; k++ {
		cell := (math.Erfc((k-0.5)/(sd*math.Sqrt2)) - math.Erfc((k+0.5)/(sd*math.Sqrt2)))
		sum += math.Pow(k, power) * cell
	}
	return sum
}

// ks is the largest distance of the empirical distribution from that of a rounded Gaussian.
func ks(sample []int64, sd float64) float64 {
	s := slices.Clone(sample)
	slices.Sort(s)
	cdf := func(k float64) float64 { return math.Erfc(-(k+0.5)/(sd*math.Sqrt2)) / 2 }
	var worst float64
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] == s[i] {
			j++
		}
		k := float64(s[i])
		worst = max(worst, math.Abs(float64(j)/float64(len(s))-cdf(k)), math.Abs(float64(i)/float64(len(s))-cdf(k-1)))
		i = j
	}
	return worst
}

// ksLimit is Massart's form of the Dvoretzky-Kiefer-Wolfowitz inequality, 2 exp(-2 n e^2) = 1e-9, which also holds for
// distributions with atoms.
func ksLimit(n int) float64 { return math.Sqrt(math.Log(2e9) / (2 * float64(n))) }

// meanSquareLimit is how far the mean of n squares may be from its expectation.
func meanSquareLimit(sd float64, n int) float64 {
	v := moment(sd, 2)
	return z * math.Sqrt((moment(sd, 4)-v*v)/float64(n))
}

func TestNoiseIsARoundedGaussianOfTheSdThatIsBooked(t *testing.T) {
	for _, spec := range []Spec{
		{1, 1, 0.5}, {1, 1, 1}, {1, 1, 2}, {1, 1, 6}, {3, 1, 11.3}, {1, 5, 9}, {2, 183, 14}, {1, 186, 0.4}, {1, 1, 5000},
	} {
		t.Run(fmt.Sprintf("linf %d sigma %v", spec.Linf, spec.Sigma), func(t *testing.T) {
			t.Parallel()
			p, err := Prepare(spec)
			if err != nil {
				t.Fatal(err)
			}
			sample := drawMany(t, p, 12345, draws)
			var sum, squares float64
			for _, v := range sample {
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
			want := VarRounded(p.Sd())
			if d := math.Abs(squares/draws - want); d > meanSquareLimit(p.Sd(), draws) {
				t.Errorf("mean square %v, want %v within %v", squares/draws, want, meanSquareLimit(p.Sd(), draws))
			}
			if m := sum / draws; math.Abs(m) > z*math.Sqrt(want/draws) {
				t.Errorf("mean %v, want 0 within %v", m, z*math.Sqrt(want/draws))
			}
			if d := ks(sample, p.Sd()); d > ksLimit(draws) {
				t.Errorf("Kolmogorov-Smirnov distance %v is above %v", d, ksLimit(draws))
			}
			// The same sample must not pass for noise of another size.
			for _, other := range []float64{p.Sd() / 1.1, p.Sd() * 1.1} {
				if d := math.Abs(squares/draws - VarRounded(other)); d <= meanSquareLimit(other, draws) {
					t.Errorf("the test of the variance cannot tell sd %v from %v", p.Sd(), other)
				}
				if p.Sd() >= 1 && ks(sample, other) <= ksLimit(draws) {
					t.Errorf("the test of the distribution cannot tell sd %v from %v", p.Sd(), other)
				}
			}
		})
	}
}

// Noise that is reused for neighbouring cells is taken out by a subtraction. The mean product of n independent pairs
// has standard deviation var/sqrt(n).
func TestCellsAreIndependent(t *testing.T) {
	p, err := Prepare(Spec{L0: 1, Linf: 1, Sigma: 50})
	if err != nil {
		t.Fatal(err)
	}
	sample := drawMany(t, p, 0, draws)
	for _, lag := range []int{1, 2, 3, 10} {
		var products float64
		n := len(sample) - lag
		for i := range n {
			products += float64(sample[i]) * float64(sample[i+lag])
		}
		r := products / float64(n) / VarRounded(p.Sd())
		if math.Abs(r) > z/math.Sqrt(float64(n)) {
			t.Errorf("draws %d apart have correlation %v", lag, r)
		}
	}
}

const childVariable = "HEATWATCH_TEST_PRINT_DRAWS"

// TestChildPrintsDraws is the child of the test below.
func TestChildPrintsDraws(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("runs only as a child process")
	}
	p, err := Prepare(Spec{L0: 1, Linf: 1, Sigma: MaxSd / 1.002})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range drawMany(t, p, 0, 64) {
		fmt.Printf("draw %d\n", v)
	}
}

// Two processes must not share draws, at any shift. Two Gaussians with sd 2^30 are equal with probability 2.7e-10;
// among 64 x 64 pairs one is, with probability 1.1e-6, and three or more are with 2e-19.
func TestTwoProcessesNeverRepeatDraws(t *testing.T) {
	child := func() map[int64]bool {
		cmd := exec.Command(os.Args[0], "-test.run=^TestChildPrintsDraws$", "-test.v")
		cmd.Env = append(os.Environ(), childVariable+"=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[int64]bool{}
		lines := bufio.NewScanner(strings.NewReader(string(out)))
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "draw "); ok {
				v, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				seen[v] = true
			}
		}
		if len(seen) < 62 {
			t.Fatalf("a child drew %d different numbers, want 64", len(seen))
		}
		return seen
	}
	first, second := child(), child()
	common := 0
	for v := range first {
		if second[v] {
			common++
		}
	}
	if common >= 3 {
		t.Errorf("two processes share %d of 64 draws", common)
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, sigma := range []float64{MinSigma, 6, 1e6} {
		b.Run(fmt.Sprint("sigma ", sigma), func(b *testing.B) {
			p, err := Prepare(Spec{L0: 1, Linf: 1, Sigma: sigma})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				_, _ = p.Draw(1000)
			}
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	for b.Loop() {
		_, _ = Prepare(Spec{L0: 1, Linf: 1, Sigma: 6})
	}
}
