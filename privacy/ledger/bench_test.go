package ledger

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkAppendAfter is one more entry after n of twenty items each. An append reads the whole chain again, because another
// process, or a person, may have changed it since; what has the bytes of before is not checked again. So one append grows with n, and
// n appends with its square.
func BenchmarkAppendAfter(b *testing.B) {
	for _, n := range []int{50, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := emptyHome(b)
			l := h.create(b)
			entry := n
			one := func() {
				var items []Item
				for i := range 20 {
					items = append(items, item(fmt.Sprintf("item-%d", i), quarter(entry), 1e5))
				}
				entry++
				e := release(b, l, items...)
				if _, err := l.Append(context.Background(), e); err != nil {
					b.Fatal(err)
				}
			}
			h.grow(b, l, n)
			l = h.open(b)
			b.ResetTimer()
			for range b.N {
				one()
			}
		})
	}
}

// grow writes n releases of twenty items without reading the chain each time.
func (h warehouse) grow(t testing.TB, l *Ledger, n int) {
	t.Helper()
	signer, err := loadSigner(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var items []Item
		for k := range 20 {
			items = append(items, item(fmt.Sprintf("item-%d", k), quarter(i), 1e5))
		}
		if _, err := l.write(release(t, l, items...).of(l.Home()), l.state, signer); err != nil {
			t.Fatal(err)
		}
	}
}

func (e Entry) of(home string) Entry { e.Home = home; return e }
