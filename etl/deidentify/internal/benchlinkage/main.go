// Command benchlinkage measures linkage by tokens alone on data whose truth is known, its speed, and what attacks find. The
// truth is used to count, never to tune. Data: the FEBRL sets in ../shared/data/linkage.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	data := flag.String("data", "../shared/data/linkage", "folder of the data sets")
	only := flag.String("only", "", "parts to run, separated by commas: agency, quality, estimates, leaks, scale, attacks (default all)")
	persons := flag.Int("persons", 5000, "persons known to each of 20 agencies, for scale")
	flag.Parse()
	wanted := func(part string) bool { return *only == "" || strings.Contains(","+*only+",", ","+part+",") }
	for _, part := range []struct {
		name string
		run  func() error
	}{{"agency", agency}, {"quality", func() error { return quality(*data) }}, {"estimates", func() error { return estimates(*data) }}, {"leaks", func() error { return leaks(*data) }}, {"scale", func() error { return scale(*persons) }}, {"attacks", func() error { return attacks(*data) }}} {
		if !wanted(part.name) {
			continue
		}
		if err := part.run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
