package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"filippo.io/age"

	"heatwatch/etl/partner"
	"heatwatch/etl/tokens"
)

// attacks tries what somebody could who holds some of the keys and files. A control shows first that each attack finds what it
// looks for where the keys are right.
func attacks(dir string) error {
	list, err := febrl(dir, "febrl_dataset2.csv")
	if err != nil {
		return err
	}
	other, err := febrl(dir, "febrl_dataset3.csv")
	if err != nil {
		return err
	}
	linkage, vault, wrong := secret(1), secret(2), secret(3)
	mine, guessed := secret(9), secret(8) // padding is of the agency; who guesses has another
	raw := setsOf(list, linkage, mine)
	kept := rekeyed(raw, vault)
	fmt.Printf("\nAttacks on %d persons; the attacker knows every name, birth date and number that there is\n", len(list))
	guesses := valuesOf(setsOf(list, linkage, guessed))
	show := func(who string, hits int) { fmt.Printf("  %-84s %6d of %d persons\n", who, hits, len(list)) }
	show("control: linkage key and tokens as they are made (on the agency's machine only)", hit(raw, guesses))
	show("vault and vault key, without a linkage key: dictionary", hit(kept, valuesOf(rekeyed(setsOf(list, wrong, guessed), vault))))
	show("linkage key and vault, without the vault key: dictionary", hit(kept, guesses))
	show("linkage key, vault and vault key: dictionary (an operator and an agency together)", hit(kept, valuesOf(rekeyed(setsOf(list, linkage, guessed), vault))))
	sealed, err := seal(raw)
	if err != nil {
		return err
	}
	show("linkage key and files at rest on SFTP: tokens of every person looked for in every byte", inBytes(sealed, raw))
	show("linkage key and the landing of the warehouse: the same", inBytes(plain(kept), raw))
	frequency(list, other, kept)
	graph(kept)
	count(raw)
	return nil
}

func secret(fill byte) partner.Secret {
	s, err := partner.NewSecret(bytes.Repeat([]byte{fill}, partner.KeySize))
	if err != nil {
		panic(err)
	}
	return s
}

func setsOf(list []record, linkage, agency partner.Secret) []tokens.Set {
	m := tokens.NewMaker(linkage, agency, "minors")
	out := make([]tokens.Set, len(list))
	for i, r := range list {
		f := tokens.Read(r.person, 2026)
		out[i], _ = m.Of(&f, fmt.Append(nil, i))
	}
	return out
}

func rekeyed(list []tokens.Set, vault partner.Secret) []tokens.Set {
	r := tokens.NewRekey(vault, "minors")
	out := slices.Clone(list)
	for i := range out {
		r.Apply(&out[i])
	}
	return out
}

// valuesOf leaves padding in: it meets nothing of anybody else.
func valuesOf(list []tokens.Set) map[tokens.Value]bool {
	all := map[tokens.Value]bool{}
	for _, s := range list {
		for _, v := range s {
			all[v] = true
		}
	}
	return all
}

func hit(list []tokens.Set, guesses map[tokens.Value]bool) (n int) {
	for _, s := range list {
		if slices.ContainsFunc(s[:], func(v tokens.Value) bool { return guesses[v] }) {
			n++
		}
	}
	return n
}

func plain(list []tokens.Set) []byte {
	var b []byte
	for i := range list {
		b = append(list[i].AppendText(b), '\n')
	}
	return b
}

func seal(list []tokens.Set) ([]byte, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, id.Recipient())
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, bytes.NewReader(plain(list))); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

// inBytes counts the persons of whom a token stands in the bytes, as it is or in letters. All windows of 16 bytes, and of 26, are looked up.
func inBytes(b []byte, list []tokens.Set) (n int) {
	raw, text := map[[16]byte]bool{}, map[[26]byte]bool{}
	for i := 0; i+26 <= len(b); i++ {
		raw[[16]byte(b[i:])], text[[26]byte(b[i:])] = true, true
		if len(raw) > 2_000_000 { // enough bytes for a measurement
			break
		}
	}
	for i := range list {
		letters := list[i].AppendText(nil)
		for slot, v := range list[i] {
			if raw[[16]byte(v)] || text[[26]byte(letters[slot*26:])] {
				n++
				break
			}
		}
	}
	return n
}

// frequency aligns the values of each recipe by how often they occur with what a reference population has, rank by rank, and counts how many
// records get their own names by it. Guessing at random hits one record in as many as there are values.
func frequency(list, reference []record, kept []tokens.Set) {
	inputs := func(list []record) []tokens.Facts {
		out := make([]tokens.Facts, len(list))
		for i, r := range list {
			out[i] = tokens.Read(r.person, 2026)
		}
		return out
	}
	vault, known := inputs(list), inputs(reference)
	most, where, chance := 0, "", 0.0
	for r := range tokens.Recipes {
		slots := slots(r)
		of := map[tokens.Value]int{}
		owner := map[tokens.Value]int{}
		for i, s := range kept {
			for _, k := range slots {
				of[s[k]]++
				owner[s[k]] = i
			}
		}
		names := map[string]int{}
		for _, f := range known {
			names[name(f)]++
		}
		ranked, guesses := ranks(of, func(a, b tokens.Value) int { return bytes.Compare(a[:], b[:]) }), ranks(names, cmp.Compare[string])
		hits, tried := 0, 0
		for i, v := range ranked {
			if i == len(guesses) || of[v] < 2 {
				break
			}
			tried++
			if name(vault[owner[v]]) == guesses[i] {
				hits++
			}
		}
		if hits >= most && tried > 0 {
			most, where, chance = hits, r.String(), float64(tried)/float64(len(guesses))
		}
	}
	fmt.Printf("  frequency, rank by rank: at most %d names found by one recipe (%s); at random %.2f\n", most, where, chance)
}

func name(f tokens.Facts) string { return fmt.Sprint(f.First, f.Last) }

func slots(r tokens.Recipe) (list []int) {
	for i, q := range tokens.RecipeOf {
		if q == r {
			list = append(list, i)
		}
	}
	return list
}

func ranks[K comparable](count map[K]int, less func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(count), func(a, b K) int { return cmp.Or(cmp.Compare(count[b], count[a]), less(a, b)) })
}

// graph compares the degrees of the similarity graph, which is all that remains of it where only equality can be seen: how many bits
// of a record does the number of records that share a token with it tell?
func graph(kept []tokens.Set) {
	by := map[tokens.Value][]int{}
	for i, s := range kept {
		for _, v := range s {
			by[v] = append(by[v], i)
		}
	}
	degree := make([]map[int]bool, len(kept))
	for _, l := range by {
		for _, a := range l {
			for _, b := range l {
				if a != b {
					if degree[a] == nil {
						degree[a] = map[int]bool{}
					}
					degree[a][b] = true
				}
			}
		}
	}
	count := map[int]int{}
	unique := 0
	for _, d := range degree {
		count[len(d)]++
	}
	for _, n := range count {
		if n == 1 {
			unique++
		}
	}
	fmt.Printf("  graph of shared tokens: %d degrees, %d records have one of their own (of %d)\n", len(count), unique, len(kept))
}

// count is what the number of tokens tells.
func count(raw []tokens.Set) {
	seen := map[int]int{}
	for _, s := range raw {
		different := map[tokens.Value]bool{}
		for _, v := range s {
			different[v] = true
		}
		seen[len(different)]++
	}
	bits := 0.0
	for _, n := range seen {
		p := float64(n) / float64(len(raw))
		bits -= p * math.Log2(p)
	}
	fmt.Printf("  number of different tokens a person: %.3f bits\n", bits)
}
