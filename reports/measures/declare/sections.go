package declare

import "strings"

const heading = "-- vector: "

// Sections splits a file of vectors at its "-- vector: NAME" lines.
func Sections(sql string) map[string]string {
	all := map[string]string{}
	for i, part := range strings.Split("\n"+sql, "\n"+heading) {
		if name, body, ok := strings.Cut(part, "\n"); ok && i > 0 {
			all[strings.TrimSpace(name)] = strings.TrimSpace(body)
		}
	}
	return all
}
