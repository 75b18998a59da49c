package privacy

import "testing"

// A share of so few persons that the noise hides how many says that it may be anything; one of many says nothing.
func TestAFigureThatMayBeAnythingSaysSo(t *testing.T) {
	key := func(item string) cellKey { return cellKey{readingKey: readingKey{item: item}} }
	share := func(persons float64) Figure {
		r := readings{
			{item: "yes"}: {est: []float64{persons / 3}, sd: 11, vars: 121},
			{item: "all"}: {est: []float64{persons}, sd: 11, vars: 121},
		}
		d := derivation{formula: Formula{Unit: "share", High: 1}, above: form{key("yes"): 1}, below: form{key("all"): 1}, scale: 1}
		return d.figure(Schema{}, r, false)
	}
	few, many := share(3), share(300)
	if v, ok := few.Value(); !ok || v <= 0 || few.Low() != 0 || few.High() != 1 || few.Note() != noteUnbounded {
		t.Errorf("of three persons: %v, %v to %v, note %q", v, few.Low(), few.High(), few.Note())
	}
	if _, ok := many.Value(); !ok || many.Note() != "" || many.High()-many.Low() > 0.2 {
		t.Errorf("of three hundred: %v to %v, note %q", many.Low(), many.High(), many.Note())
	}
}
