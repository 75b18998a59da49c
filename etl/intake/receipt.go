package intake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"heatwatch/models"
)

// receipt is the form that partners and outside checks read.
type receipt struct {
	Schema     int          `json:"schema"`
	Partner    string       `json:"partner"`
	Drop       string       `json:"drop"`
	State      string       `json:"state"`
	Files      []FileResult `json:"files"`
	Reasons    []Reason     `json:"reasons"`
	NotChecked []string     `json:"not_checked,omitempty"`
}

// Receipt is what a partner gets to see of a drop: a file for programs and one for people. It is a function of the drop
// alone, and holds no time of ours.
func Receipt(d Drop) (jsonFile, text []byte, err error) {
	return Checked{Drop: d}.Receipt()
}

// Receipt is the receipt of a check without a warehouse; it names what only the warehouse can find.
func (c Checked) Receipt() (jsonFile, text []byte, err error) {
	r := receipt{Schema: 1, Partner: c.Partner, Drop: c.Name, State: c.State, Files: []FileResult{}, Reasons: c.Reasons, NotChecked: c.NotChecked}
	if r.Reasons == nil {
		r.Reasons = []Reason{}
	}
	for _, f := range c.Files {
		r.Files = append(r.Files, f.FileResult)
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	return append(b, '\n'), c.text(), nil
}

var stateSays = map[string]string{
	Accepted: "everything was taken",
	Partial:  "some of it was not taken; the rest is loaded",
	Refused:  "nothing of it was taken",
}

// text is for the clerk who finds it in the morning: first what happened, then every reason with its remedy.
func (c Checked) text() []byte {
	var b bytes.Buffer
	if c.Name != "" {
		fmt.Fprintf(&b, "Drop %s", c.Name)
		if c.Partner != "" {
			fmt.Fprintf(&b, " of %s", c.Partner)
		}
		b.WriteByte('\n')
	}
	if !c.Created.IsZero() {
		fmt.Fprintf(&b, "covers %s to %s, %s\n", c.Covers.From, c.Covers.To, c.Mode)
	}
	fmt.Fprintf(&b, "Result: %s - %s.\n", c.State, stateSays[c.State])
	for _, r := range c.Reasons {
		b.WriteByte('\n')
		c.reason(&b, r, "The whole drop")
	}
	for _, f := range c.Files {
		fileText(&b, f.FileResult)
	}
	if len(c.NotChecked) > 0 {
		fmt.Fprintf(&b, "\nNot checked here, only in the warehouse: %s.\n", strings.Join(c.NotChecked, ", "))
	}
	return b.Bytes()
}

func (c Checked) reason(b *bytes.Buffer, r Reason, subject string) {
	if r.Code == "unlisted_file" {
		subject = r.File
	}
	fmt.Fprintf(b, "%s: %s\n", subject, r.Code)
	explain(b, r)
}

func fileText(b *bytes.Buffer, f FileResult) {
	fmt.Fprintf(b, "\n%s: ", f.Name)
	if f.Refused {
		b.WriteString("refused, none of its rows was taken\n")
	} else {
		fmt.Fprintf(b, "%s, %d accepted, %d quarantined", count(f.Rows, "row"), f.Accepted, f.Quarantined)
		if f.Blank > 0 {
			fmt.Fprintf(b, ", %d blank", f.Blank)
		}
		b.WriteByte('\n')
	}
	for _, r := range f.Reasons {
		fmt.Fprintf(b, "\n  %s", r.Code)
		if r.Column != "" {
			fmt.Fprintf(b, " in %s", r.Column)
		}
		if !f.Refused {
			fmt.Fprintf(b, ": %s, %s", count(r.Count, "row"), linesText(r))
		}
		b.WriteByte('\n')
		explain(b, r)
	}
	for i, w := range f.Warnings {
		if i == 0 {
			b.WriteString("\n  Loaded, but worth a look:\n")
		}
		fmt.Fprintf(b, "    %s: %s\n", w.Code, count(w.Count, "row"))
	}
}

// explain says what a reason means and what to do.
func explain(b *bytes.Buffer, r Reason) {
	if m, ok := models.LookupReason(r.Code); ok {
		fmt.Fprintf(b, "    what it means: %s\n", m.Meaning)
		if r.Note != "" {
			fmt.Fprintf(b, "    more exactly:  %s\n", r.Note)
		}
		fmt.Fprintf(b, "    what to do:    %s\n", m.Remedy)
	}
}

// shownLines is how many line numbers the text shows; the JSON has more.
const shownLines = 20

func linesText(r Reason) string {
	var parts []string
	for _, n := range r.Lines[:min(len(r.Lines), shownLines)] {
		parts = append(parts, fmt.Sprint(n))
	}
	s := "line " + strings.Join(parts, ", ")
	if len(parts) > 1 {
		s = "lines " + strings.Join(parts, ", ")
	}
	if r.Count > int64(len(parts)) {
		s += ", ..."
	}
	return s
}

func count(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
