package lake

import (
	"hash/maphash"
	"slices"

	"github.com/parquet-go/parquet-go"

	"heatwatch/models"
)

// soughtRows is up to how many rows of a file repeated keys are looked for by hash, 8 bytes of memory for each.
const soughtRows = 8 << 20

// mayRepeat reports whether a file may hold a key twice. false is certain: most files hold each once, and to find that out by 64 bits of
// a hash costs a fifth of what the engine takes to group texts.
func mayRepeat(path string, e models.Entity) (bool, error) {
	var hashes []uint64
	may := false
	seed := maphash.MakeSeed()
	err := openParquet(path, func(f *parquet.File) error {
		if may = f.NumRows() > soughtRows; may {
			return nil
		}
		plan, err := rowPlan(e, f.Schema())
		if err != nil {
			return err
		}
		plan = slices.DeleteFunc(plan, func(c rowColumn) bool { return !slices.Contains(e.Key, c.name) })
		hashes = make([]uint64, 0, f.NumRows())
		r := newRowReader(plan, nil, func(row []byte) { hashes = append(hashes, maphash.Bytes(seed, row)) })
		for _, g := range f.RowGroups() {
			if err := r.group(g, 0, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || may {
		return may, err
	}
	slices.Sort(hashes)
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			return true, nil
		}
	}
	return false, nil
}
