package names

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The tables that names.bin was made from, where they are at hand.
func TestSharesAreThoseOfTheTables(t *testing.T) {
	f, err := os.Open("../../../shared/data/linkage/clkhash_us_last-names.csv")
	if err != nil {
		t.Skip("the census table is not here")
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[1:] {
		n, _ := strconv.Atoi(strings.TrimSpace(r[1]))
		name := strings.ToLower(r[0])
		if want := min(-math.Log2(float64(n)/lastTotal), unlisted); math.Abs(LastBits(name)-want) > 0.07 || !Known(name) {
			t.Fatalf("a name has %.2f bits, want %.2f", LastBits(name), want)
		}
	}
}

func TestUnknownNamesAreRare(t *testing.T) {
	for _, n := range []string{"", "quixovik", "zuzuvkz"} {
		if LastBits(n) != unlisted || FirstBits(n) != unlisted || Known(n) {
			t.Errorf("%q has %.1f and %.1f bits", n, FirstBits(n), LastBits(n))
		}
	}
	if FirstBits("james") > 7 || LastBits("smith") > 8 {
		t.Error("the most frequent names are not frequent")
	}
}
