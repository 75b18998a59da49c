package link

import (
	"cmp"
	"math"
	"slices"

	"heatwatch/etl/tokens"
)

// Rule says which tokens of a person are matched. Assign goes by FoundersAgreement; the others are there to be measured beside it.
type Rule uint8

// The rules.
const (
	FounderOnly       Rule = iota // those of the file that founded the person
	FoundersAgreement             // those of every file of the person, where a token of the founder's agrees, too
	AnyFile                       // those of every file of the person
)

const (
	// accept is the least score that makes one person of two files: odds of two to one.
	accept = 1
	// margin is by how much the leading candidate must score more than the next.
	margin = 2
)

// candidate is a person that a file may be about.
type candidate struct {
	person  uint32
	score   float64
	certain bool // names and date, or the number, are the same
	strong  bool // both names agree roughly, or the number: a second file of one agency that does is held
}

// candidates are the persons whom a file matches, best first. Of persons who match equally the one that came first leads.
func (a *assigner) candidates(f File) []candidate {
	best := map[uint32]candidate{}
	for _, t := range sortedTokens(f.Tokens) {
		if p, ok := a.founders[founderKey{f.Population, t.Column, t.Value}]; ok {
			best[p] = candidate{p, math.Inf(1), true, true}
			break // the first column that is known decides
		}
	}
	for _, s := range f.Sets {
		clear(a.met)
		a.index.each(s.Set, func(mine, set, slot int) {
			if a.nodes[set].population != f.Population {
				return
			}
			g := a.met[set]
			if g == nil {
				g = new(Agreement)
				a.met[set] = g
			}
			g.meet(tokens.RecipeOf[mine], tokens.RecipeOf[slot])
		})
		a.judge(best)
	}
	list := make([]candidate, 0, len(best))
	for _, c := range best {
		list = append(list, c)
	}
	slices.SortFunc(list, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.person, y.person))
	})
	return list
}

// judge keeps the best of every person whom the agreements in a.met speak for.
func (a *assigner) judge(best map[uint32]candidate) {
	founders := map[uint32]bool{}
	for set := range a.met {
		if n := a.nodes[set]; n.founding {
			founders[n.person] = true
		}
	}
	for set, g := range a.met {
		n, e := a.nodes[set], g.Evidence()
		score := a.weights.Score(e)
		if !a.weights.Accepted(e) || a.rule != AnyFile && !founders[n.person] {
			continue
		}
		c := best[n.person]
		best[n.person] = candidate{n.person, max(score, c.score), c.certain || e.certain(), c.strong || e.strong()} // accept is above 0
	}
}

// leaders are the candidates that may be taken: none where the first two are too close and the first is not certain, as
// then neither is known to be the one. Of two that are certain the one that matches better leads, or came first: else an
// agency could keep a person's files apart by sending the person's tokens once more. Whoever leads is followed by the rest,
// as the leader may be somebody's who matches better.
func (a *assigner) leaders(list []candidate) []candidate {
	if len(list) > 1 && list[0].score-list[1].score < margin && !list[0].certain {
		return nil
	}
	return list
}

// certain: names and date are the same and numbers do not differ, or the numbers are and a name with the date.
func (e Evidence) certain() bool {
	return e.Name == BothSame && e.Number != NumberDiffers || e.Number == NumberSame && e.Name >= BothClose
}

// strong: both names agree roughly with the date or most of it, or the number does. Less than that, such as a first name and
// a date, two persons of one agency may well have in common.
func (e Evidence) strong() bool { return e.Name >= DatePartly || e.Number >= NumberClose }
