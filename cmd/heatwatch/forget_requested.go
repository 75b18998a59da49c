package main

import (
	"context"
	"errors"
	"fmt"

	"heatwatch/etl/intake"
	"heatwatch/etl/trace"
	"heatwatch/reports/render"
)

// forgetRequested forgets everybody whom agencies asked to forget, one after the other. What agencies ask for is theirs to ask: the
// operator says yes once.
func (c *command) forgetRequested(ctx context.Context, reason string, dry bool) error {
	if dry {
		h, err := c.open()
		if err != nil {
			return err
		}
		list, err := intake.ForgetRequests(h.Landing())
		if err != nil {
			return err
		}
		if err := h.accessed("forget --requested --dry-run", reason, named{Files: len(list)}); err != nil {
			return err
		}
		t := render.Table{Columns: render.Cols("partner", "drop", "population", "person_key")}
		for _, r := range list {
			t.Rows = append(t.Rows, []string{r.Partner, r.Drop, r.Population, r.Pseudonym})
		}
		return c.Table(t)
	}
	return c.locked("forget", func(h *house) error {
		list, err := intake.ForgetRequests(h.Landing())
		if err != nil {
			return err
		}
		if err := h.accessed("forget --requested", reason, named{Files: len(list)}); err != nil {
			return err
		}
		if len(list) == 0 {
			c.Say("no agency asks for anybody to be forgotten")
			return nil
		}
		if err := c.Confirm(fmt.Sprintf("forget %d persons for good, as their agencies ask?", len(list))); err != nil {
			return err
		}
		for _, r := range list {
			if err := c.fulfil(ctx, h, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// fulfil carries one request out. The erasure takes it off its list: were it taken off before, a crash could lose it.
func (c *command) fulfil(ctx context.Context, h *house, r intake.Request) error {
	f, err := h.find(r.Partner, r.Population, r.Pseudonym)
	if errors.Is(err, trace.ErrNobody) {
		c.Say("%s, %s: a person whom no drop of it ever named; the request is taken off the list", r.Partner, r.Drop)
		return intake.Fulfil(h.fs, h.Landing(), func(x intake.Request) bool { return x == r })
	}
	if err != nil {
		return err
	}
	if err := h.held(f); err != nil {
		return err
	}
	return c.forget(ctx, h, f)
}
