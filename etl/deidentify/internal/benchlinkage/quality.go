package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"heatwatch/etl/link"
)

func quality(dir string) error {
	fmt.Println("Quality, tokens only. F1 over pairs; split: persons in more than one piece; merged: pieces with more than one person.")
	fmt.Printf("%-58s %8s %8s %8s %14s %7s   %s\n", "data", "P", "R", "F1", "split", "merged", "best measured before")
	one, err := febrl(dir, "febrl_dataset1.csv")
	if err != nil {
		return err
	}
	two, err := febrl(dir, "febrl_dataset2.csv")
	if err != nil {
		return err
	}
	three, err := febrl(dir, "febrl_dataset3.csv")
	if err != nil {
		return err
	}
	show := func(name string, q result, before string) {
		fmt.Printf("%-58s %8.4f %8.4f %8.4f %5d (%5.2f %%) %7d   %s\n", name, q.precision, q.recall, q.f1, q.split, 100*float64(q.split)/float64(q.entities), q.merged, before)
	}
	show("FEBRL3 clustered in one batch, all fields", batch(three), "F1 0.9974, split 0.05 %, 6 merged")
	show("FEBRL3 clustered in one batch, names and birth date", batch(names(three)), "F1 0.927, split 12.2 %")
	for _, rule := range []struct {
		name string
		rule link.Rule
	}{{"founder's tokens only", link.FounderOnly}, {"any file's with the founder's agreement (chosen)", link.FoundersAgreement}, {"any file's", link.AnyFile}} {
		q, least := orders(three, rule.rule, 20)
		show("FEBRL3, 20 orders of arrival: "+rule.name, q, fmt.Sprintf("worst order F1 %.4f", least))
	}
	show("FEBRL1 as two files, all fields", twoFiles(one), "F1 0.9992 on FEBRL4")
	show("FEBRL1 as two files, names and birth date", twoFiles(names(one)), "F1 0.944 on FEBRL4")
	show("FEBRL2 as two files, all fields", twoFiles(firstCopies(two)), "")
	show("FEBRL3 as two files, names and birth date", twoFiles(firstCopies(names(three))), "")
	show("34 % overlap (FEBRL3), all fields", twoFiles(overlap(three)), "F1 0.9990 on FEBRL4")
	show("34 % overlap (FEBRL3), names and birth date", twoFiles(overlap(names(three))), "F1 0.938 on FEBRL4")
	show("34 % overlap and 3 % twins, all fields, nobody 1:1", twins(overlap(three), true), "F1 0.969 on FEBRL4")
	show("the same, at most one file of a person and agency", twins(overlap(three), false), "F1 0.9991 on FEBRL4")
	return nil
}

type result struct {
	precision, recall, f1   float64
	split, merged, entities int
}

// judge compares pieces with the truth.
func judge(list []record, piece []int) result {
	type cell struct {
		piece  int
		entity string
	}
	cells, pieces, entities := map[cell]int{}, map[int]int{}, map[string]int{}
	true1, found, there := 0, 0, 0
	for i, r := range list {
		c := cell{piece[i], r.entity}
		true1, found, there = true1+cells[c], found+pieces[piece[i]], there+entities[r.entity]
		cells[c]++
		pieces[piece[i]]++
		entities[r.entity]++
	}
	inPieces, ofPieces := map[string]int{}, map[int]int{}
	for c := range cells {
		inPieces[c.entity]++
		ofPieces[c.piece]++
	}
	q := result{entities: len(entities)}
	for _, n := range inPieces {
		if n > 1 {
			q.split++
		}
	}
	for _, n := range ofPieces {
		if n > 1 {
			q.merged++
		}
	}
	q.precision, q.recall = 1, 1
	if found > 0 {
		q.precision = float64(true1) / float64(found)
	}
	if there > 0 {
		q.recall = float64(true1) / float64(there)
	}
	q.f1 = 2 * q.precision * q.recall / (q.precision + q.recall)
	return q
}

// batch is the transitive closure of all accepted pairs.
func batch(list []record) result {
	l := newLab()
	files := make([]link.File, len(list))
	parent := make([]int, len(list))
	for i, r := range list {
		files[i], parent[i] = l.file(r, "a", strconv.Itoa(i), 0), i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	w := link.Default()
	link.Pairs(files, func(i, j int, e link.Evidence) {
		if w.Accepted(e) {
			parent[find(i)] = find(j)
		}
	})
	for i := range parent {
		parent[i] = find(i)
	}
	return judge(list, parent)
}

// assigned is what the nightly makes of records: the n-th copies come from the n-th agency, in that order of creation.
func assigned(list []record, rule link.Rule, created func(copy int) int64, repeats bool) result {
	l := newLab()
	files := make([]link.File, len(list))
	for i, r := range list {
		files[i] = l.file(r, "agency"+strconv.Itoa(r.copy), fmt.Sprintf("%x-%d", i*7919%100003, i), created(r.copy))
		files[i].Repeats = repeats
	}
	out, err := link.AssignBy(rule, files, link.Known{}, 0, zeros{})
	if err != nil {
		panic(err)
	}
	piece := make([]int, len(list))
	for _, row := range out.Rows {
		i, _ := strconv.Atoi(row.PersonKey[len(row.PersonKey)-len(trailing(row.PersonKey)):])
		piece[i] = int(row.Person)
	}
	return judge(list, piece)
}

func trailing(key string) string {
	for i := len(key) - 1; i >= 0; i-- {
		if key[i] == '-' {
			return key[i+1:]
		}
	}
	return key
}

// orders is the mean over random orders in which the agencies send, and the worst F1.
func orders(list []record, rule link.Rule, n int) (mean result, least float64) {
	least = 1
	for seed := range uint64(n) {
		order := rand.New(rand.NewPCG(seed, 7)).Perm(16)
		q := assigned(list, rule, func(copy int) int64 { return int64(order[copy]) }, false)
		mean.precision += q.precision / float64(n)
		mean.recall += q.recall / float64(n)
		mean.f1 += q.f1 / float64(n)
		mean.split, mean.merged, mean.entities = mean.split+q.split, mean.merged+q.merged, q.entities
		least = min(least, q.f1)
	}
	mean.split, mean.merged = (mean.split+n/2)/n, (mean.merged+n/2)/n
	return mean, least
}

func twoFiles(list []record) result {
	return assigned(list, link.FoundersAgreement, func(copy int) int64 { return int64(copy) }, false)
}

// firstCopies are originals and their first duplicates.
func firstCopies(list []record) []record {
	return slices.DeleteFunc(slices.Clone(list), func(r record) bool { return r.copy > 1 })
}

// overlap draws 62 % of the originals and 59 % of the first duplicates: what both hold is 34 to 37 % of either's persons.
func overlap(list []record) []record {
	r := rand.New(rand.NewPCG(3, 4))
	return slices.DeleteFunc(firstCopies(list), func(x record) bool { return r.Float64() > []float64{0.62, 0.59}[x.copy] })
}

// twins gives 3 % of the persons a twin: another first name and number, the rest the same. Whoever has both knows it.
func twins(list []record, repeats bool) result {
	r := rand.New(rand.NewPCG(5, 6))
	var firsts []string
	for _, x := range list {
		if x.person.First != "" {
			firsts = append(firsts, x.person.First)
		}
	}
	chosen, first, number := map[string]bool{}, map[string]string{}, map[string]string{}
	for _, x := range list {
		if x.copy == 0 && r.Float64() < 0.03 {
			chosen[x.entity], first[x.entity] = true, firsts[r.IntN(len(firsts))]
			number[x.entity] = strconv.Itoa(1000000 + r.IntN(8999999))
		}
	}
	all := slices.Clone(list)
	for i, x := range list {
		if !chosen[x.entity] {
			continue
		}
		twin := x
		twin.entity, twin.person.First, twin.person.Number = "twin of "+x.entity, first[x.entity], number[x.entity]
		all[i].twin, twin.twin = true, true
		all = append(all, twin)
	}
	return assigned(all, link.FoundersAgreement, func(copy int) int64 { return int64(copy) }, repeats)
}
