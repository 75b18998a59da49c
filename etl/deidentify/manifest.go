package deidentify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"time"

	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/models"
)

const manifestName = "manifest.json"

// manifest is the paper that goes with a drop. etl/intake owns the form and reads it; this is the half that writes,
// kept apart so that the agency's program needs nothing of the warehouse's.
type manifest struct {
	Schema  int            `json:"schema"`
	Partner string         `json:"partner"`
	Created string         `json:"created"`
	Covers  manifestCovers `json:"covers"`
	Mode    string         `json:"mode"`
	Files   []manifestFile `json:"files"`
	Home    string         `json:"home,omitempty"`    // id of the home that the kit came from
	Consent string         `json:"consent,omitempty"` // in_force: the agency attests that every person in the drop agreed, and that it holds on the day of created

	Forget *manifestForget `json:"forget,omitempty"`
}

// manifestForget says that the drop asks for persons to be forgotten.
type manifestForget struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

type manifestCovers struct {
	From models.Date `json:"from"`
	To   models.Date `json:"to"`
}

type manifestFile struct {
	Name   string `json:"name"`
	Entity string `json:"entity"`
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"`
}

// writeManifest completes the drop.
func writeManifest(cfg Config, files []made, forget *manifestForget) error {
	m := manifest{Schema: 1, Partner: cfg.Kit.Partner, Created: cfg.Now.UTC().Format(time.RFC3339),
		Covers: manifestCovers{cfg.Covers.From, cfg.Covers.To}, Mode: "snapshot", Home: cfg.Kit.Home, Forget: forget}
	if cfg.Kit.Agreement.Sharing == partner.SharingConsented {
		m.Consent = "in_force"
	}
	for _, f := range files {
		m.Files = append(m.Files, manifestFile{f.name(), f.entity, f.rows, f.sha256})
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(cfg.Out, manifestName)
	// By rename: the folder is ours alone, and a crash at this point may leave no second name in it.
	if err := durable.Replace(cfg.FS, path, append(b, '\n'), 0o600); err != nil {
		return cannotWrite(path, err)
	}
	return nil
}
