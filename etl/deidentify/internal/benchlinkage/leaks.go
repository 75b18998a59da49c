package main

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heatwatch/etl/deidentify"
	"heatwatch/etl/intake"
	"heatwatch/etl/leak"
	"heatwatch/internal/durable"
	"heatwatch/models"
)

// hidings are the encodings in which values are planted.
var hidings = map[string]func(string) string{
	"plain":     func(s string) string { return s },
	"capitals":  strings.ToUpper,
	"reversed":  reverse,
	"base64":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64url": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"hex":       func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":       func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"base32": func(s string) string {
		return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(s))
	},
	"spelled out": func(s string) string { return strings.Join(strings.Split(s, ""), ".") },
	"full width": func(s string) string {
		return strings.Map(func(r rune) rune {
			if r > ' ' && r < 0x7f {
				r += 0xfee0
			}
			return r
		}, s)
	},
	"percent": func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, "%%%02x", c)
		}
		return b.String()
	},
	"reversed, then base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(reverse(s))) },
}

func reverse(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// leaks plants 10,000 values where keys stand, and looks for false alarms in drops of a million rows.
func leaks(dir string) error {
	last, err := frequencies(dir, "clkhash_us_last-names.csv")
	if err != nil {
		return err
	}
	first, err := frequencies(dir, "clkhash_us_female-first-names.csv")
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(11, 12))
	short := 0
	kinds := map[string]func() string{
		"last name": func() string {
			for {
				if n := last.draw(r, 0); len(n) >= 4 {
					return n
				}
				short++
			}
		},
		"first and last name": func() string { return first.draw(r, 0) + "_" + last.draw(r, 0) },
		"LastFirst":           func() string { return last.draw(r, 0) + first.draw(r, 0) },
		"ssn":                 func() string { return fmt.Sprintf("%03d-%02d-%04d", 100+r.IntN(500), 1+r.IntN(99), 1+r.IntN(9998)) },
		"telephone":           func() string { return fmt.Sprintf("(%d) %d-%04d", 201+r.IntN(700), 200+r.IntN(799), r.IntN(10000)) },
		"mail":                func() string { return strings.ToLower(first.draw(r, 0)) + "@example.org" },
		"address":             func() string { return fmt.Sprintf("%d %s St", 1+r.IntN(9999), last.draw(r, 0)) },
	}
	e, _ := models.Dictionary().Entity("services")
	missed, planted := map[string]int{}, 0
	ways, whats := slices.Sorted(maps.Keys(hidings)), slices.Sorted(maps.Keys(kinds))
	for planted < 10_000 {
		how, what := ways[planted%len(ways)], whats[planted/len(ways)%len(whats)]
		planted++
		v := hidings[how](kinds[what]())
		// As intake meets it: one row of a file, the value where a key stands.
		text := "service_id,person_key,service_type,emergency,started_at\n\"" + v + "\",p1,legal,no,2026-07-01T10:00:00Z\n"
		res, err := intake.CheckFile(context.Background(), strings.NewReader(text), e, intake.Options{})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(res.Reasons, func(x intake.Reason) bool { return x.Code == "leak" }) || leak.Opaque([]byte(v)) == leak.None {
			missed[what+", "+how]++
		}
	}
	n := 0
	for _, k := range missed {
		n += k
	}
	fmt.Printf("\nLeak gate: %d of %d values found, planted as keys in %d encodings (names by their frequency in the United States; %d of fewer than four letters drawn again: alone they are no name)\n", planted-n, planted, len(ways), short)
	for _, k := range slices.Sorted(maps.Keys(missed)) {
		fmt.Printf("  missed: %4d %s\n", missed[k], k)
	}
	return cleanDrops(5)
}

// cleanDrops makes drops of a million rows under different keys, each through the agency's gate, and checks them as intake does.
func cleanDrops(n int) error {
	dir, err := os.MkdirTemp("", "benchlinkage")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	raw := filepath.Join(dir, "raw")
	if err := export(raw, 20_000, 1_000_000); err != nil {
		return err
	}
	e, _ := models.Dictionary().Entity("services")
	refused := 0
	for k := range n {
		kit, err := benchKit(filepath.Join(dir, fmt.Sprint("kit", k)), byte(k+1))
		if err != nil {
			return err
		}
		out := filepath.Join(dir, fmt.Sprint("drop", k))
		if r, err := deidentify.Run(context.Background(), deidentify.Config{FS: durable.OS(), Kit: kit, Raw: raw, Out: out, Now: time.Now()}); err != nil {
			fmt.Printf("  refused at the agency: %v\n", r.Refused)
			refused++
			continue
		}
		f, err := os.Open(filepath.Join(out, "services.csv"))
		if err != nil {
			return err
		}
		res, err := intake.CheckFile(context.Background(), f, e, intake.Options{})
		f.Close()
		if err != nil {
			return err
		}
		if res.Refused || res.Quarantined > 0 {
			refused++
		}
		os.RemoveAll(out)
	}
	fmt.Printf("  clean drops of 1,020,000 rows, each with its own keys: %d of %d refused by the agency's gate or on arrival\n", refused, n)
	return nil
}
