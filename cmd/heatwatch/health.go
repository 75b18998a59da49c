package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"heatwatch/internal/schedule"
)

// overdue is how long after its time a night may end. A large county needs an hour.
const overdue = 6 * time.Hour

// readiness is what a monitor learns: nothing about partners, no counts.
type readiness struct {
	Ready    bool       `json:"ready"`
	State    string     `json:"state"` // of the last night; "none" before the first
	Overdue  bool       `json:"overdue"`
	Started  *time.Time `json:"started,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
	Age      *int64     `json:"age_seconds,omitempty"` // since the last night began
	Next     time.Time  `json:"next"`
}

func readinessOf(n nightNote, now time.Time, next func(time.Time) time.Time) readiness {
	r := readiness{State: n.State, Next: next(now)}
	if r.State == "" {
		r.State = "none"
	}
	from := n.Since
	if !n.Started.IsZero() {
		started, finished, age := n.Started.UTC(), n.Finished.UTC(), int64(now.Sub(n.Started)/time.Second)
		r.Started, r.Finished, r.Age = &started, &finished, &age
		if from.Before(n.Started) {
			from = n.Started
		}
	}
	r.Overdue = now.After(next(from).Add(overdue))
	r.Ready = !r.Overdue && r.State != nightFailure
	return r
}

// serveHealth answers a monitor on loopback.
func (c *command) serveHealth(ctx context.Context, h *house, due schedule.Schedule, l net.Listener) {
	alive := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte("ok\n"))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", alive)
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		n, err := h.lastNight()
		if err != nil {
			http.Error(w, "the note about the last night cannot be read", http.StatusInternalServerError)
			return
		}
		r := readinessOf(n, c.System(), due.Next)
		w.Header().Set("Content-Type", "application/json")
		if !r.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		json.NewEncoder(w).Encode(r)
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		srv.Shutdown(end)
	}()
	srv.Serve(l)
}
