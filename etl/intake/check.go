package intake

import (
	"context"
	"io"
	"sync"

	"heatwatch/models"
)

// CheckFile judges one decompressed CSV file. What is wrong with the file or its rows is in the result; an error means
// that we could not read it to its end or not write what we had to, and that the result counts for nothing.
func CheckFile(ctx context.Context, r io.Reader, e models.Entity, opts Options) (FileResult, error) {
	opts = opts.filled()
	res := FileResult{Entity: e.Name, Reasons: []Reason{}}
	s := &splitter{r: r, size: opts.block}
	buf := make([]byte, opts.block+1+padding)
	line, refused, err := s.header(buf, opts.Limits)
	if err != nil {
		return res, err
	}
	if refused.code != "" {
		res.failNote(refused.code, "", refused.note)
		return res, nil
	}
	fields, bad := readHeader(line, e, opts)
	for _, b := range bad {
		res.failNote(b.code, b.column, b.note)
	}
	if res.Refused {
		return res, nil
	}
	if opts.Columns != nil {
		opts.Columns(namesOf(fields))
	}
	p := newPlan(e, fields, opts)
	run := &run{plan: p, ctx: ctx, splitter: s, spare: buf, line: 2}
	if opts.Landing != nil {
		run.landing = newLanding(opts.Landing, p)
	}
	if err := run.all(); err != nil {
		return res, err
	}
	run.report(&res)
	return res, nil
}

// job is one block on its way through a worker.
type job struct {
	buf     []byte
	n       int
	offset  int64
	tooLong bool // no block: one line was passed over
	err     error
	batch   *batch
	faults  []fault
	warned  []int64
	done    chan verdict
}

// run is the checking of one file: the splitter reads ahead, workers judge blocks and encode row groups, and the
// collector takes their results in the order of the file. Only the collector adds up and writes.
type run struct {
	*plan
	ctx      context.Context
	splitter *splitter
	spare    []byte
	landing  *landing

	line    int64 // number of the next block's first line
	rows    int64
	bad     int64
	blank   int64
	tally   tally
	warned  []int64
	batches []*batch // to be used again
}

func (r *run) all() error {
	ctx, cancel := context.WithCancel(r.ctx)
	workers := r.opts.Workers
	free := make(chan *job, workers+2)
	for range cap(free) {
		free <- &job{done: make(chan verdict, 1)}
	}
	jobs, order := make(chan *job, cap(free)), make(chan *job, cap(free))
	encode := make(chan encoding, workers)
	var wg sync.WaitGroup
	wg.Go(func() { r.split(ctx, free, jobs, order) })
	stop := make(chan struct{})
	for range workers {
		wg.Go(func() { work(newChecker(r.plan), newEncoder(r.opts.Location), jobs, encode, stop) })
	}
	err := r.collect(ctx, order, free, encode)
	if err == nil && r.landing != nil {
		err = r.landing.close(encode, r)
	}
	cancel()
	close(stop)
	wg.Wait()
	return err
}

// split reads blocks until the end, an error, or until nobody wants more.
func (r *run) split(ctx context.Context, free <-chan *job, jobs, order chan<- *job) {
	defer close(order)
	defer close(jobs)
	for {
		var j *job
		select {
		case j = <-free:
		case <-ctx.Done():
			return
		}
		if j.buf == nil {
			if j.buf, r.spare = r.spare, nil; j.buf == nil {
				j.buf = make([]byte, r.opts.block+1+padding)
			}
		}
		j.n, j.offset, j.tooLong, j.err = r.splitter.next(j.buf)
		if j.n > 0 {
			jobs <- j // both have room for every job there is
		}
		order <- j
		if j.err != nil || j.n == 0 && !j.tooLong {
			return
		}
	}
}

// work prefers encoding: a row group that waits holds far more memory than a block.
func work(c *checker, e *encoder, jobs <-chan *job, encode <-chan encoding, stop <-chan struct{}) {
	for {
		select {
		case g := <-encode:
			e.run(g)
			continue
		default:
		}
		select {
		case g := <-encode:
			e.run(g)
		case j, ok := <-jobs:
			if !ok {
				jobs = nil
				continue
			}
			b := j.batch
			if b == nil {
				b = newBatch(c.fields)
			}
			v := c.check(j.buf[:j.n], b, j.faults)
			j.warned = append(j.warned[:0], c.warned...) // c goes on to the next block
			j.done <- v
		case <-stop:
			return
		}
	}
}

// collect takes the verdicts in order. Every job goes back to the splitter with a fresh batch.
func (r *run) collect(ctx context.Context, order <-chan *job, free chan<- *job, encode chan<- encoding) error {
	r.warned = make([]int64, len(r.entity.Warnings())+1)
	for j := range order {
		switch {
		case j.err != nil:
			return j.err
		case j.tooLong:
			if err := r.reject(fault{code: "line_too_long", field: -1}, j.offset); err != nil {
				return err
			}
			r.line++
			r.bad++
		case j.n > 0:
			if err := r.take(j, <-j.done, encode); err != nil {
				return err
			}
		}
		if j.n > 0 {
			j.batch = r.reuse()
		}
		free <- j
	}
	return ctx.Err()
}

func (r *run) take(j *job, v verdict, encode chan<- encoding) error {
	j.faults = v.faults
	for _, f := range v.faults {
		if err := r.reject(f, j.offset); err != nil {
			return err
		}
	}
	for i, n := range j.warned {
		r.warned[i] += n
	}
	r.rows += int64(v.batch.rows)
	r.bad += v.bad
	r.blank += v.blank
	v.batch.base = r.line
	r.line += v.lines
	if r.opts.progress != nil {
		r.opts.progress(r.rows+r.bad, r.bad)
	}
	if r.opts.keys != nil {
		r.opts.keys.see(r.plan, v.batch)
	}
	if r.landing == nil || v.batch.rows == 0 {
		r.release(v.batch)
		return nil
	}
	return r.landing.add(v.batch, encode, r)
}

func (r *run) reject(f fault, offset int64) error {
	line := r.line + int64(f.line)
	column := f.column
	r.tally.add(f.code, column, line)
	if r.opts.Rejects == nil {
		return nil
	}
	return r.opts.Rejects(Reject{Line: line, Offset: offset + int64(f.offset), Column: column, Code: f.code, Class: f.class})
}

func (r *run) release(b *batch) {
	b.reset()
	r.batches = append(r.batches, b)
}

func (r *run) reuse() *batch {
	n := len(r.batches)
	if n == 0 {
		return nil
	}
	b := r.batches[n-1]
	r.batches = r.batches[:n-1]
	return b
}

func (r *run) report(res *FileResult) {
	res.Accepted, res.Quarantined, res.Blank = r.rows, r.bad, r.blank
	res.Rows = r.rows + r.bad + r.blank
	res.Reasons = r.tally.list()
	for i, w := range r.entity.Warnings() {
		res.warn(w.Name, r.warned[i])
	}
	res.warn("coverage", r.warned[len(r.warned)-1])
}

func (f *FileResult) warn(code string, n int64) {
	if n > 0 {
		f.Warnings = append(f.Warnings, Count{Code: code, Count: n})
	}
}

func namesOf(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}
