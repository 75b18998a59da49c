package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"heatwatch/etl/deidentify"
	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/models"
)

// agency de-identifies an export of a million services and 20,000 persons. The reference copies the same files with encoding/csv.
func agency() error {
	dir, err := os.MkdirTemp("", "benchlinkage")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	raw := filepath.Join(dir, "raw")
	if err := export(raw, 20_000, 1_000_000); err != nil {
		return err
	}
	var copying, own time.Duration
	for range 3 { // the best of three, one after the other
		start := time.Now()
		if err := copyAll(raw, filepath.Join(dir, "copy")); err != nil {
			return err
		}
		copying = best(copying, time.Since(start))
		kit, err := benchKit(filepath.Join(dir, "kit"), 0)
		if err != nil {
			return err
		}
		out := filepath.Join(dir, "drop")
		start = time.Now()
		if _, err := deidentify.Run(context.Background(), deidentify.Config{FS: durable.OS(), Kit: kit, Raw: raw, Out: out, Now: time.Now()}); err != nil {
			return err
		}
		own = best(own, time.Since(start))
		if err := os.RemoveAll(out); err != nil {
			return err
		}
	}
	fmt.Printf("\ndeidentify, 1,000,000 services and 20,000 persons: %.2f s; a copy by encoding/csv %.2f s: %.2f x its rate; peak memory of the process %s\n", own.Seconds(), copying.Seconds(), copying.Seconds()/own.Seconds(), highWater())
	return nil
}

func best(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

func benchKit(dir string, fill byte) (partner.Kit, error) {
	key, err := partner.NewSecret(bytes.Repeat([]byte{fill}, partner.KeySize))
	if err != nil {
		return partner.Kit{}, err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return partner.Kit{}, err
	}
	start, _ := models.ParseDate("2020-01-01")
	k := partner.NewKit(partner.Keys{Master: key, Linkage: key}, []int{1}, id.Recipient().String(), "bench", true, "shelter-a", partner.Default("shelter", start), "127.0.0.1:2022", "America/Los_Angeles", "")
	k.Dir = dir
	return k, os.MkdirAll(dir, 0o700)
}

func export(dir string, persons, services int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	err := write(filepath.Join(dir, "persons.csv"), func(w *bufio.Writer) {
		w.WriteString("person_key,first_name,last_name,birth_date,ssn,postal_code,gender\n")
		for i := range persons {
			p := someone(i)
			fmt.Fprintf(w, "P-%d,%s,%s,%s,%s,%s,female\n", i, p.First, p.Last, p.Birth, p.Number, p.Postal)
		}
	})
	return errors.Join(err, write(filepath.Join(dir, "services.csv"), func(w *bufio.Writer) {
		w.WriteString("service_id,person_key,service_type,emergency,started_at,started_precision,program\n")
		for i := range services {
			fmt.Fprintf(w, "S-%d,P-%d,legal,no,2026-0%d-1%dT12:00:00-07:00,day,spa\n", i, i%persons, 1+i%6, i%9)
		}
	}))
}

func write(path string, rows func(*bufio.Writer)) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	rows(w)
	return errors.Join(w.Flush(), f.Close())
}

func copyAll(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(from, "*.csv"))
	for _, f := range files {
		err = errors.Join(err, copyCSV(f, filepath.Join(to, filepath.Base(f))))
	}
	return err
}

func copyCSV(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	r, w := csv.NewReader(in), csv.NewWriter(out)
	r.ReuseRecord = true
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return errors.Join(w.Error(), out.Sync())
}

// highWater is the most memory that the process ever had, on Linux.
func highWater() string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, _ := strconv.Atoi(strings.Fields(string(rest))[0])
			return fmt.Sprintf("%d MB", kb>>10)
		}
	}
	return "unknown"
}
