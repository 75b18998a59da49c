package main

import (
	"bytes"
	"os"
	"path/filepath"

	"heatwatch/etl/intake"
	"heatwatch/etl/lake"
)

// rowsAccounted looks through every drop that was taken: no row may be unaccounted for, and each receipt must still say what
// the record says.
func (h *house) rowsAccounted() (found []lake.Damage, err error) {
	drops, err := intake.EveryDrop(h.Landing())
	if err != nil {
		return nil, err
	}
	for _, d := range drops {
		where := "landing/" + d.Partner + "/" + d.Name
		wrong, err := intake.Account(h.Landing(), d)
		if err != nil {
			wrong = []string{"the list of rejects cannot be read"}
		}
		for _, w := range wrong {
			found = append(found, lake.Damage{What: w, Where: where, Restore: "restore the folder from a backup"})
		}
		asJSON, asText, err := intake.Receipt(d)
		if err != nil {
			return nil, err
		}
		for name, want := range map[string][]byte{d.Name + ".json": asJSON, d.Name + ".txt": asText} {
			path := filepath.Join(h.SFTP(), d.Partner, "receipts", name)
			if b, err := os.ReadFile(path); err == nil && !bytes.Equal(b, want) {
				found = append(found, lake.Damage{What: "the receipt is not as it was written", Where: "sftp/" + d.Partner + "/receipts/" + name,
					Restore: "restore it from a backup: the drop has left the area, and a receipt is written once"})
			}
		}
	}
	return found, nil
}
