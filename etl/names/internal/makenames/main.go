// Command makenames makes names.bin from the census tables of first and last names: run it where the tables lie.
//
//	go run ./etl/names/internal/makenames ../shared/data/linkage etl/names/names.bin
package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"heatwatch/etl/names"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir, out string) error {
	first, last := map[string]int{}, map[string]int{}
	for file, into := range map[string]map[string]int{"clkhash_us_female-first-names.csv": first, "clkhash_us_male-first-names.csv": first, "clkhash_us_last-names.csv": last} {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			return err
		}
		for _, r := range rows[1:] {
			n, err := strconv.Atoi(strings.TrimSpace(r[1]))
			if err != nil {
				return err
			}
			into[strings.ToLower(strings.TrimSpace(r[0]))] += n
		}
	}
	return os.WriteFile(out, names.Pack(first, last), 0o644)
}
