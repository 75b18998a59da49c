package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"heatwatch/etl/link"
	"heatwatch/etl/tokens"
)

// scale links 20 agencies that know the same persons and some of their own, in one night; then a night with 1 % new ones.
// The reference is sorting the same values: whoever joins by equality must at least do that.
func scale(persons int) error {
	const agencies = 20
	l := newLab()
	var files []link.File
	for a := range agencies {
		for i := range persons {
			n := i
			if i%2 == 1 { // every other is the agency's own
				n = (a+1)*persons + i
			}
			files = append(files, l.file(record{person: someone(n)}, "agency"+strconv.Itoa(a), strconv.Itoa(n), int64(a)))
		}
	}
	fmt.Printf("\nScale: %d agencies x %d persons x %d slots\n", agencies, persons, tokens.Count)
	sorted := timed(func() {
		values := make([]tokens.Value, 0, len(files)*tokens.Count)
		for _, f := range files {
			values = append(values, f.Sets[0].Set[:]...)
		}
		slices.SortFunc(values, func(a, b tokens.Value) int { return slices.Compare(a[:], b[:]) })
	})
	var out link.Outcome
	runtime.GC()
	before := heap()
	full := timed(func() { out = assign(files, link.Known{}) })
	fmt.Printf("  first night: %.1f s, %d MB more than the sets (%d MB); sorting the values %.1f s; %d persons\n", full.Seconds(), (peak()-before)>>20, len(files)*tokens.Count*16>>20, sorted.Seconds(), len(out.Persons))
	var fresh []link.File
	for i := range len(files) / 100 {
		fresh = append(fresh, l.file(record{person: someone(1_000_000_000 + i)}, "agency0", "new"+strconv.Itoa(i), 99))
	}
	next := timed(func() {
		known := link.Known{Last: out.Last}
		sieve := link.NewSieve(fresh)
		for _, s := range out.Sets {
			if sieve.Meets(s) {
				known.Sets = append(known.Sets, s)
			}
		}
		assign(fresh, known)
	})
	fmt.Printf("  a night with 1 %% new: %.2f s, %.1f %% of the first\n", next.Seconds(), 100*next.Seconds()/full.Seconds())
	tenth := files[:len(files)/10]
	small := timed(func() { assign(tenth, link.Known{}) })
	fmt.Printf("  a tenth of the files: %.2f s; ten times as many take %.1f times as long per file\n", small.Seconds(), full.Seconds()/small.Seconds()/10)
	return nil
}

func assign(files []link.File, known link.Known) link.Outcome {
	out, err := link.Assign(files, known, 0, zeros{})
	if err != nil {
		panic(err)
	}
	return out
}

func timed(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// peak is what the process has of the system, without what the collector could give back.
func peak() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.FreeOSMemory()
	return m.HeapSys - m.HeapReleased
}

// someone is a youth: names of syllables, born within nine years, some without a number.
func someone(n int) tokens.Person {
	h := uint64(n)*0x9e3779b97f4a7c15 + 1
	next := func(k int) int {
		h ^= h >> 29
		h *= 0xbf58476d1ce4e5b9
		return int(h >> 33 % uint64(k))
	}
	syllable := func() string { return string("bdfgklmnprstvz"[next(14)]) + string("aeiou"[next(5)]) }
	p := tokens.Person{First: syllable() + syllable() + "n", Last: syllable() + syllable() + syllable() + "k", Birth: fmt.Sprintf("%d-%02d-%02d", 2005+next(9), 1+next(12), 1+next(28)), Postal: strconv.Itoa(94600 + next(40))}
	if next(10) < 4 {
		p.Number = strconv.Itoa(201020001 + next(500_000_000))
	}
	return p
}
