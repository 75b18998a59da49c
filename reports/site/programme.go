package site

// programmeView is the page about the programme itself: its logic model, and which agencies reported.
type programmeView struct {
	Objectives  []objectiveView
	OnlyEnglish bool
	Periods     []censusView
}

type objectiveView struct {
	Title  text
	Stages []stageView
}

type stageView struct {
	Name  string
	Lines []lineView
}

type lineView struct {
	Says  text
	Links []link
	Why   text // why no measure shows it
}

type censusView struct {
	Period string
	Rows   []censusRow
}

type censusRow struct {
	CensusKind
	Name text
}

func (b builder) programme() programmeView {
	var v programmeView
	english := func(s string) text {
		if b.lang.Code == "en" {
			return text{Text: s}
		}
		v.OnlyEnglish = true
		return text{Text: s, Lang: "en"}
	}
	for _, o := range b.site.Logic {
		ov := objectiveView{Title: b.lang.own(b.lang.key("objective", o.Says), o.Says)}
		for _, l := range o.Lines {
			if n := len(ov.Stages); n == 0 || ov.Stages[n-1].Name != b.lang.must("stage."+l.Stage) {
				ov.Stages = append(ov.Stages, stageView{Name: b.lang.must("stage." + l.Stage)})
			}
			lv := lineView{Says: english(l.Says)}
			for _, m := range b.site.Measures {
				for _, id := range l.Measures {
					if id == m.ID {
						q := b.lang.own("q."+m.ID, m.Title)
						lv.Links = append(lv.Links, link{m.ID, q.Text, q.Lang})
					}
				}
			}
			if len(lv.Links) == 0 {
				lv.Why = english(l.Why)
			}
			last := &ov.Stages[len(ov.Stages)-1]
			last.Lines = append(last.Lines, lv)
		}
		v.Objectives = append(v.Objectives, ov)
	}
	for _, c := range b.site.Census {
		cv := censusView{Period: b.lang.period(c.Period)}
		for _, k := range c.Kinds {
			name := text{Text: b.lang.must("census.all")}
			if k.Kind != "" {
				name = b.lang.label("value", k.Kind)
			}
			cv.Rows = append(cv.Rows, censusRow{k, name})
		}
		v.Periods = append(v.Periods, cv)
	}
	return v
}
