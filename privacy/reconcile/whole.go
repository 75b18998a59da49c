package reconcile

import (
	"math"
	"slices"
)

// micro is a real number on a fixed grid of 2^-20. Comparisons that decide which number is rounded up are made on it: the
// same on every machine, with ties that are ties.
type micro int64

const one micro = 1 << 20

func fixed(x float64) micro { return micro(math.Round(x * float64(one))) }

// round goes to the nearest whole number, halves down.
func (m micro) round() int64 { return int64((m + one/2 - 1) >> 20) }

// more is what it costs, in squares, to go from x to x+1 where m is wanted; less, from x to x-1.
func (m micro) more(x int64) micro { return 2*(micro(x)*one-m) + one }
func (m micro) less(x int64) micro { return 2*(m-micro(x)*one) + one }

// list fills a list that adds up to a total: the nearest numbers that are not below zero, by largest remainder.
func (st stage) list(x []int64, want []float64) {
	total := x[st.rows[0].parent]
	w := make([]float64, len(st.cells))
	for i, c := range st.cells {
		w[i] = want[c]
	}
	cut := level(w, float64(total))
	target := make([]micro, len(w))
	for i := range w {
		target[i] = fixed(math.Max(0, w[i]-cut))
		x[st.cells[i]] = int64(target[i] >> 20)
		total -= x[st.cells[i]]
	}
	for ; total != 0; total -= sign(total) {
		best, least := -1, micro(math.MaxInt64)
		for i, c := range st.cells {
			cost := target[i].more(x[c])
			if total < 0 {
				cost = target[i].less(x[c])
				if x[c] == 0 {
					continue
				}
			}
			if cost < least {
				best, least = c, cost
			}
		}
		x[best] += sign(total)
	}
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}

// level is the number to take from every w, those below it becoming zero, so that they add up to a total of at least 0.
func level(w []float64, total float64) float64 {
	down := slices.Clone(w)
	slices.Sort(down)
	slices.Reverse(down)
	var all float64
	cut := down[0] - total
	for i, v := range down {
		all += v
		if c := (all - total) / float64(i+1); i == 0 || v > c {
			cut = c
		} else {
			break
		}
	}
	return cut
}

// How far the two margins of a table are brought together in real numbers; whole numbers do the rest.
const (
	rounds = 100
	near   = 1e-7
)

// table fills a table between its margins: x = max(0, wanted - row's part - column's part), the parts found in turn
// (dual ascent for the nearest table that is not below zero), then whole numbers by shortest augmenting paths.
func (st stage) table(x []int64, want []float64) {
	rows, cols := st.part(x, st.rows, 0), st.part(x, st.cols, 1)
	w := make([]float64, len(st.cells))
	for i, c := range st.cells {
		w[i] = want[c]
	}
	rowCut, colCut := make([]float64, len(rows)), make([]float64, len(cols))
	var buffer []float64
	for range rounds {
		var moved float64
		for i, r := range rows {
			buffer = buffer[:0]
			for _, k := range r.cells {
				buffer = append(buffer, w[k]-colCut[st.at[k][1]])
			}
			cut := level(buffer, float64(r.total))
			moved = math.Max(moved, math.Abs(cut-rowCut[i]))
			rowCut[i] = cut
		}
		for j, c := range cols {
			buffer = buffer[:0]
			for _, k := range c.cells {
				buffer = append(buffer, w[k]-rowCut[st.at[k][0]])
			}
			cut := level(buffer, float64(c.total))
			moved = math.Max(moved, math.Abs(cut-colCut[j]))
			colCut[j] = cut
		}
		if moved < near {
			break
		}
	}
	target := make([]micro, len(w))
	for k := range w {
		target[k] = fixed(math.Max(0, w[k]-rowCut[st.at[k][0]]-colCut[st.at[k][1]]))
		x[st.cells[k]] = target[k].round()
	}
	st.balance(x, target, rows, cols)
}

// margin is a row or column of a table: its total, and which of the table's cells are in it.
type margin struct {
	total int64
	cells []int
}

func (st stage) part(x []int64, sums []sum, side int) []margin {
	out := make([]margin, len(sums))
	for i, s := range sums {
		out[i].total = x[s.parent]
	}
	for k, at := range st.at {
		out[at[side]].cells = append(out[at[side]].cells, k)
	}
	return out
}

// balance moves units along shortest paths until every margin is met. It starts from the whole numbers nearest to the
// targets and keeps to the least sum of squares (successive shortest paths with convex costs: Ahuja, Magnanti and Orlin,
// "Network Flows", 14.5). A path always exists, for the table has a cell in every place and margins of one total.
func (st stage) balance(x []int64, target []micro, rows, cols []margin) {
	r := len(rows)
	over := make([]int64, r+len(cols)) // what a row has still to send, what a column has received too much
	for i, m := range rows {
		over[i] = m.total
	}
	for j, m := range cols {
		over[r+j] = -m.total
	}
	for k, at := range st.at {
		over[at[0]] -= x[st.cells[k]]
		over[r+at[1]] += x[st.cells[k]]
	}
	const far = micro(math.MaxInt64 / 4)
	dist := make([]micro, len(over))
	via := make([]int, len(over)) // cell over which the path comes, -1 at its start
	for {
		start := false
		for v := range dist {
			dist[v], via[v] = far, -1
			if over[v] > 0 {
				dist[v], start = 0, true
			}
		}
		if !start {
			return
		}
		for changed := true; changed; {
			changed = false
			for k, at := range st.at {
				a, b := at[0], r+at[1]
				if d := dist[a] + target[k].more(x[st.cells[k]]); dist[a] < far && d < dist[b] {
					dist[b], via[b], changed = d, k, true
				}
				if d := dist[b] + target[k].less(x[st.cells[k]]); dist[b] < far && x[st.cells[k]] > 0 && d < dist[a] {
					dist[a], via[a], changed = d, k, true
				}
			}
		}
		end := -1
		for v := range over {
			if over[v] < 0 && (end < 0 || dist[v] < dist[end]) {
				end = v
			}
		}
		over[end]++
		for via[end] >= 0 {
			k := via[end]
			if end >= r {
				x[st.cells[k]]++
				end = st.at[k][0]
			} else {
				x[st.cells[k]]--
				end = r + st.at[k][1]
			}
		}
		over[end]--
	}
}
