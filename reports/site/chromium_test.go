package site

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"heatwatch/internal/durable"
)

// browser is a headless Chromium that is spoken to over two pipes.
type browser struct {
	t       testing.TB
	in      io.WriteCloser
	out     *bufio.Reader
	n       int
	session string
	events  []event
}

type event struct {
	Method string
	Params json.RawMessage
}

func chromium(t testing.TB) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium: install the Debian package chromium")
		}
		t.Skip("no Chromium: install the Debian package chromium to open the pages in a browser")
	}
	ctx, stop := context.WithTimeout(context.Background(), 4*time.Minute)
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir())
	toR, toW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromR, fromW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{toR, fromW} // 3 and 4 in the child
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toR.Close()
	fromW.Close()
	b := &browser{t: t, in: toW, out: bufio.NewReaderSize(fromR, 1<<20)}
	t.Cleanup(func() {
		b.session = ""
		_ = b.send("Browser.close", nil)
		toW.Close()
		_ = cmd.Wait()
		stop()
		fromR.Close()
	})
	return b
}

func (b *browser) send(method string, params any) error {
	b.n++
	msg := map[string]any{"id": b.n, "method": method}
	if params != nil {
		msg["params"] = params
	}
	if b.session != "" {
		msg["sessionId"] = b.session
	}
	line, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	_, err = b.in.Write(append(line, 0))
	return err
}

// call sends a command and waits for its answer; what happens meanwhile is kept in events.
func (b *browser) call(method string, params any, into any) {
	b.t.Helper()
	if err := b.send(method, params); err != nil {
		b.t.Fatal(method, err)
	}
	for {
		id, ev, result, failed := b.read()
		if id == 0 {
			b.events = append(b.events, ev)
			continue
		}
		if failed != "" {
			b.t.Fatalf("%s: %s", method, failed)
		}
		if id == b.n {
			if into != nil {
				if err := json.Unmarshal(result, into); err != nil {
					b.t.Fatal(method, err)
				}
			}
			return
		}
	}
}

func (b *browser) read() (id int, ev event, result json.RawMessage, failed string) {
	b.t.Helper()
	line, err := b.out.ReadBytes(0)
	if err != nil {
		b.t.Fatal("the browser went away:", err)
	}
	var msg struct {
		ID     int
		Method string
		Params json.RawMessage
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.Unmarshal(bytes.TrimRight(line, "\x00"), &msg); err != nil {
		b.t.Fatal(err)
	}
	if msg.Error != nil {
		failed = msg.Error.Message
	}
	return msg.ID, event{msg.Method, msg.Params}, msg.Result, failed
}

// wait reads on until the event has come.
func (b *browser) wait(method string) {
	b.t.Helper()
	for {
		if slices.ContainsFunc(b.events, func(e event) bool { return e.Method == method }) {
			return
		}
		if id, ev, _, _ := b.read(); id == 0 {
			b.events = append(b.events, ev)
		}
	}
}

// tab opens a fresh page, with scripts switched off as our readers may have it.
func (b *browser) tab(width int, scripts bool, features ...string) {
	b.t.Helper()
	b.session = ""
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Log", "Runtime", "Network", "DOM", "Accessibility"} {
		b.call(domain+".enable", nil, nil)
	}
	if !scripts {
		b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	}
	media := []map[string]string{}
	for _, f := range features {
		k, v, _ := strings.Cut(f, "=")
		media = append(media, map[string]string{"name": k, "value": v})
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": media}, nil)
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false}, nil)
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.events = nil
	b.call("Page.navigate", map[string]any{"url": (&url.URL{Scheme: "file", Path: path}).String()}, nil)
	b.wait("Page.loadEventFired")
}

// complaints are console errors, policy violations and requests beyond the page itself.
func (b *browser) complaints(page string) []string {
	var out []string
	for _, e := range b.events {
		switch e.Method {
		case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Network.loadingFailed":
			out = append(out, e.Method+" "+string(e.Params))
		case "Network.requestWillBeSent":
			var r struct{ Request struct{ URL string } }
			if json.Unmarshal(e.Params, &r) == nil && !strings.HasSuffix(r.Request.URL, page) {
				out = append(out, "requested "+r.Request.URL)
			}
		}
	}
	return out
}

type size struct{ Width, Height float64 }

func (b *browser) size() size {
	b.t.Helper()
	var m struct{ CSSContentSize size }
	b.call("Page.getLayoutMetrics", nil, &m)
	return m.CSSContentSize
}

func (b *browser) shoot(file string, width int) {
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": width, "height": min(b.size().Height, 9000), "scale": 1}}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// TestBrowser opens the pages from the disk in a real browser. HEATWATCH_SHOTS names a folder that gets a picture of
// every page; without it two are taken, to see that it works. HEATWATCH_SITE names a site to look at instead of the sample.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	b := chromium(t)
	dir := os.Getenv("HEATWATCH_SITE")
	if dir == "" {
		s, reports := sample(t, 1)
		dir = filepath.Join(t.TempDir(), "site")
		if err := put(t.Context(), durable.OS(), dir, built(t, s, reports), mtime(s.Updated)); err != nil {
			t.Fatal(err)
		}
	}
	shots, every := os.Getenv("HEATWATCH_SHOTS"), true
	if shots == "" {
		shots, every = t.TempDir(), false
	}
	all, err := walk(durable.OS(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	names := slices.DeleteFunc(all, func(n string) bool { return !strings.HasSuffix(n, ".html") })

	for _, width := range []int{320, 360, 1280} {
		b.tab(width, false)
		for _, n := range names {
			b.open(filepath.Join(dir, n))
			for _, c := range b.complaints(n) {
				t.Errorf("%s at %d px: %s", n, width, c)
			}
			if got := b.size(); got.Width > float64(width) {
				t.Errorf("%s scrolls sideways: %v px wide on %d", n, got.Width, width)
			}
			if width != 320 && (every || n == "index.html") {
				b.shoot(filepath.Join(shots, fmt.Sprintf("%s-%d.png", strings.NewReplacer("/", "-", ".html", "").Replace(n), width)), width)
			}
		}
	}
	for _, look := range []string{"prefers-color-scheme=dark", "forced-colors=active"} {
		b.tab(1280, false, look)
		for _, n := range []string{"index.html", "measures/placement-stability.html"} {
			if !every {
				break
			}
			b.open(filepath.Join(dir, n))
			_, value, _ := strings.Cut(look, "=")
			b.shoot(filepath.Join(shots, fmt.Sprintf("%s-%s.png", strings.NewReplacer("/", "-", ".html", "").Replace(n), value)), 1280)
		}
	}
	// Charts in the accessibility tree: each is one image with a name and a description.
	b.tab(1280, false)
	for _, n := range names {
		b.open(filepath.Join(dir, n))
		var tree struct {
			Nodes []struct {
				Role, Name, Description struct{ Value any }
				Ignored                 bool
			}
		}
		b.call("Accessibility.getFullAXTree", nil, &tree)
		images := 0
		for _, node := range tree.Nodes {
			if r, _ := node.Role.Value.(string); !node.Ignored && (r == "image" || r == "img") {
				images++
				if name, _ := node.Name.Value.(string); strings.TrimSpace(name) == "" {
					t.Errorf("%s: an image without a name", n)
				}
			}
		}
		page, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		if want := bytes.Count(page, []byte("<svg")); images != want {
			t.Errorf("%s: %d images in the accessibility tree for %d charts", n, images, want)
		}
	}
	// Text is 12 px or larger, and no two labels of a chart cover each other. Measuring needs scripts.
	for _, width := range []int{320, 1280} {
		b.tab(width, true)
		for _, n := range names {
			b.open(filepath.Join(dir, n))
			var got struct{ Result struct{ Value string } }
			b.call("Runtime.evaluate", map[string]any{"returnByValue": true, "expression": measureText}, &got)
			if got.Result.Value != "" {
				t.Errorf("%s at %d px: %s", n, width, got.Result.Value)
			}
		}
	}
}

// measureText finds text under 12 px, labels that cover each other and labels that stand outside their chart.
const measureText = `(() => {
  const bad = [];
  for (const e of document.body.querySelectorAll('*')) {
    const text = [...e.childNodes].some(c => c.nodeType === 3 && c.data.trim());
    if (text && getComputedStyle(e).display !== 'none' && parseFloat(getComputedStyle(e).fontSize) < 12) bad.push('small text: ' + e.textContent.slice(0, 40));
  }
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll('text')].filter(t => getComputedStyle(t).display !== 'none')
      .map(t => [t.textContent, t.getBoundingClientRect()]);
    for (const [name, r] of boxes) {
      if (r.left < frame.left - 1 || r.right > frame.right + 1 || r.top < frame.top - 1 || r.bottom > frame.bottom + 1) bad.push('outside its chart: ' + name);
    }
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
      const [a, r] = boxes[i], [b, q] = boxes[j];
      if (r.left < q.right && q.left < r.right && r.top + 2 < q.bottom - 2 && q.top + 2 < r.bottom - 2) bad.push('overlap in ' + svg.getAttribute('aria-labelledby').split(' ')[0] + ': ' + a + ' / ' + b);
    }
  }
  return bad.slice(0, 12).join('; ');
})()`
