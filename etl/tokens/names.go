package tokens

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// spellings are letters that Unicode does not take apart.
var spellings = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'þ': "th", 'ħ': "h", 'ı': "i", 'ŋ': "n", 'ŧ': "t"}

// words takes a name apart: lower case, letters only, without marks. Apostrophes join, every other sign separates.
func words(name string) []string {
	var parts []string
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			parts = append(parts, b.String())
			b.Reset()
		}
	}
	for _, r := range norm.NFKD.String(name) {
		r = unicode.ToLower(r)
		switch s, ok := spellings[r]; {
		case ok:
			b.WriteString(s)
		case unicode.IsLetter(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’' || r == 'ʼ' || r == '`':
		default:
			end()
		}
	}
	end()
	return parts
}

// titles stand before a name, suffixes behind it; neither belongs to it.
var (
	titles   = set("mr mrs ms miss mx dr prof rev sr sra srta fr hon")
	suffixes = set("jr sr ii iii iv junior senior esq md phd")
	// particles belong to the word behind them: de la cruz, van der berg, abd al rahman.
	particles = set("de del della di da do dos das la las le los el al abd abdul abu bin ben bint ibn van von der den ter st san santa mc mac o y e")
)

// placeholders are what systems and people write where there is no name.
var placeholders = set(`unknown unk unknwn unkown noname nofirstname nolastname nonegiven notgiven notprovided none null na nil baby babyboy babygirl
	babyof boyof girlof infant newborn boy girl test tester testing testclient testperson testpatient dummy sample anonymous anon refused declined withheld confidential client
	minor victim juvenile juveniledoe janedoe johndoe doe jdoe tbd xx xxx xxxx asdf qwerty firstname lastname surname name givenname person patient
	zztest ztest zzz deceased duplicate void donotuse`)

func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// Name is a name as it is compared: folded words, particles joined to what they belong to. Empty where there is none, or a
// placeholder stands in its place.
type Name []string

// ParseFirst folds a first name: titles go.
func ParseFirst(s string) Name { return parse(s, titles) }

// ParseLast folds a last name: titles and suffixes go.
func ParseLast(s string) Name { return parse(s, suffixes) }

func parse(s string, drop map[string]bool) Name {
	all := words(s)
	if placeholders[strings.Join(all, "")] || len(all) > 0 && len(all) <= 2 && placeholders[all[0]] {
		return nil
	}
	var n Name
	particle := ""
	for i, w := range all {
		if drop[w] && len(all) > 1 {
			continue
		}
		if particles[w] && i+1 < len(all) {
			particle += w
			continue
		}
		n = append(n, particle+w)
		particle = ""
	}
	if particle != "" {
		n = append(n, particle)
	}
	if name := n.joined(); utf8.RuneCountInString(name) < 2 && !ideographs(name) {
		return nil // an initial
	}
	return n
}

// ideographs tells whether a name is written in signs that are words: one of them is a whole name.
func ideographs(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana)
	})
}

// latin tells whether a name has letters that the tables of frequencies know.
func latin(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) })
}

// formal is the name with the names that nicknames stand for.
func (n Name) formal() string {
	var b strings.Builder
	for _, w := range n {
		b.WriteString(formal(w))
	}
	return b.String()
}

// joined is the whole name without spaces.
func (n Name) joined() string { return strings.Join(n, "") }

// deletions are at most most-1 different strings with one letter of s left out, the string itself first. Of a longer name
// those at its start are kept back, where typing errors are rarest.
func deletions(s string, most int) []string {
	list := make([]string, 1, most)
	list[0] = s
	r := []rune(s)
	if len(r) < 3 {
		return list
	}
	for i := len(r) - 1; i >= 0 && len(list) < most; i-- {
		if i > 0 && r[i] == r[i-1] {
			continue // leaving out either of two equal neighbours is the same
		}
		list = append(list, string(r[:i])+string(r[i+1:]))
	}
	return list
}

// soundex is the American Soundex code (NARA's rule: h and w do not separate letters of one code). Letters outside a to z
// are left out; no letters, no code.
func soundex(s string) string {
	const codes = "01230120022455012623010202" // a to z
	out := make([]byte, 0, 4)
	var last byte
	for _, r := range s {
		if r < 'a' || r > 'z' {
			continue
		}
		c := codes[r-'a']
		switch {
		case len(out) == 0:
			out = append(out, byte(r)-'a'+'A')
			last = c
		case c == '0':
			if r != 'h' && r != 'w' {
				last = c
			}
		case c != last:
			out = append(out, c)
			last = c
		}
		if len(out) == 4 {
			break
		}
	}
	if len(out) == 0 {
		return ""
	}
	for len(out) < 4 {
		out = append(out, '0')
	}
	return string(out)
}

// letters picks those at the places (from 1) of a name, 2 where the name is too short (SLK-581).
func letters(s string, places ...int) string {
	r := []rune(s)
	b := make([]rune, 0, len(places))
	for _, p := range places {
		if p <= len(r) {
			b = append(b, r[p-1])
		} else {
			b = append(b, '2')
		}
	}
	return string(b)
}

// initial is the first n letters.
func initial(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
