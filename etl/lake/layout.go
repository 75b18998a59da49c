package lake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

// Names of the files of a generation beside <entity>/<partner>.parquet.
const (
	manifestName  = "manifest.json"
	peopleName    = "people.parquet"
	crosswalkName = "crosswalk.parquet"
	tokensName    = "tokens.parquet"
)

func currentPath(h home.Home) string     { return filepath.Join(h.Lake(), "current") }
func generationsPath(h home.Home) string { return filepath.Join(h.Lake(), "generations") }
func generationPath(h home.Home, n int) string {
	return filepath.Join(generationsPath(h), strconv.Itoa(n))
}

// Current is the number of the generation that readers get, 0 before there is one.
func Current(h home.Home) (int, error) {
	b, err := os.ReadFile(currentPath(h))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, problem.Wrap(err, problem.Failed, currentPath(h), "the lake's pointer cannot be read", "check the permissions of the home")
	}
	n, err := strconv.Atoi(strings.TrimSuffix(string(b), "\n"))
	if err != nil || n < 0 || string(b) != fmt.Sprintf("%d\n", n) {
		return 0, problem.Wrap(err, problem.Failed, currentPath(h), "the lake's pointer holds no number",
			"write the highest complete number of lake/generations into it, then run `heatwatch verify`")
	}
	return n, nil
}

// Generations are the numbers of the folders in lake/generations, complete or not, in order.
func Generations(h home.Home) ([]int, error) {
	list, err := os.ReadDir(generationsPath(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, generationsPath(h), "the generations cannot be listed", "check the permissions of the home")
	}
	var all []int
	for _, e := range list {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > 0 && e.IsDir() {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}
