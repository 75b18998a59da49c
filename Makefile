# The two commands a new machine needs: make demo, make test. Both need Go and g++; the rest they install (as root, on
# Debian) or name.
GO     ?= go
CGO_ENABLED := 1
export CGO_ENABLED
# Releases name the code that made them: from git, where there is a repository that git will read.
VCS     = $(shell git status --short >/dev/null 2>&1 && echo auto || echo false)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
RACE   := ./internal/... ./models ./etl/drop ./etl/intake ./etl/link ./etl/deidentify ./etl/partner ./privacy/ledger

.PHONY: agree dist fuzz planted build demo test lint race audit bench bench-intake bench-lake bench-measures bench-privacy bench-nightly bench-linkage chaos truth clean setup setup-test

build: setup ## both binaries into bin/
	$(GO) build -trimpath -buildvcs=$(VCS) -o bin/heatwatch ./cmd/heatwatch
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=$(VCS) -o bin/heatwatch-partner ./cmd/heatwatch-partner

DIST := linux/amd64 linux/arm64 windows/amd64 windows/arm64 darwin/amd64 darwin/arm64

dist: ## the agencies' program for six kinds of machines into dist/, with SHA256SUMS; no cgo, each under 25 MB
	rm -rf dist
	mkdir dist
	for at in $(DIST); do os=$${at%/*}; arch=$${at#*/}; ending=; if [ $$os = windows ]; then ending=.exe; fi; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -buildvcs=$(VCS) -ldflags "-s -w" -o dist/heatwatch-partner-$$os-$$arch$$ending ./cmd/heatwatch-partner || exit 1; done
	cd dist && sha256sum heatwatch-partner-* >SHA256SUMS
	@test -z "$$(find dist -size +25000k)" || { echo "a program is larger than 25 MB"; exit 1; }

demo: build ## the whole story on a synthetic county, into demo/
	rm -rf demo
	./bin/heatwatch demo --out demo

test: setup-test lint ## everything that must hold, in under 25 minutes
	$(GO) test -timeout 35m ./...
	$(MAKE) race

lint: setup
	@test -z "$$(gofmt -l cmd etl models reports privacy fixtures internal)" || { gofmt -l cmd etl models reports privacy fixtures internal; echo "run gofmt"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

race: setup ## the packages with goroutines, under the race detector
	$(GO) test -race -short -timeout 15m $(RACE)
	$(GO) test -race -short -timeout 5m -run OpenSSH ./cmd/heatwatch
	$(GO) test -race -short -timeout 5m -run 'HashRows|WholeNight|Waiting' ./etl/lake ./etl/nightly

audit: setup-test ## neighbours, noise and planted bugs at full size: an hour and more on two cores; docs/audit.md
	HEATWATCH_AUDIT=1 $(GO) test ./privacy -run '^(TestOnePerson|TestMuIs|TestDrawnNoise|TestNoFalseAlarm|TestOtherRecords|TestTheSameStatements|TestDrawsOfARelease)' -count 1 -timeout 3h -v
	$(GO) test ./privacy/mechanism -run 'TestTwoProcesses|TestNoiseIsARounded|TestCellsAreIndependent' -count 1
	$(GO) run ./privacy/audit

fuzz: # a million inputs each: rows against encoding/csv and plain rules, whole files, manifests; half an hour and more on two cores. CI runs the seeds
	for target in FuzzRows FuzzCheckFile FuzzManifest; do \
		$(GO) test ./etl/intake -run '^$$' -fuzz "^$$target\$$" -fuzzminimizetime 1x -fuzztime "$${HEATWATCH_FUZZ:-1000000x}" || exit 1; done

agree: # 10,000 counties drawn at random, every figure of every measure: SQL against the second implementation; an hour
	HEATWATCH_AGREE="$${HEATWATCH_AGREE:-10000}" $(GO) test ./reports/measures/agree -run '^TestSQLAgrees' -count 1 -v -timeout 4h

planted: setup-test ## every planted kind of bad input through real SFTP sessions into serve; a minute
	TEST_PLANTED=all $(GO) test ./cmd/heatwatch -run '^TestEveryPlantedKind' -count 1 -v

chaos: setup-test ## 500 commands of a loaded home killed at random moments; a quarter of an hour
	TEST_CHAOS="$${TEST_CHAOS:-500}" $(GO) test ./cmd/heatwatch -run '^TestKilledNights' -count 1 -v -timeout 2h

bench: bench-intake bench-lake bench-measures bench-nightly bench-linkage ## ratios to a reference on the same work in the same run

bench-intake:
	$(GO) run ./etl/intake/internal/benchintake

bench-lake: # the passes that sort and spill: duplicates, references, order by person
	$(GO) test ./etl/lake -run '^$$' -bench Build -benchtime 1x -count 1

bench-measures: # all measures over Parquet files of 5 and 10 million service rows, then bounds against none
	HEATWATCH_BENCH_MEASURES="$${HEATWATCH_BENCH_MEASURES:-5000000 10000000}" $(GO) test ./privacy -run '^TestBenchMeasures$$' -count 1 -v -timeout 2h
	$(GO) test ./privacy -run '^$$' -bench 'Bounds' -benchtime 3x -count 1

bench-privacy: # one table; fails if a statistical bar is missed. HEATWATCH_BENCH_PRIVACY="median share" makes some of its rows
	HEATWATCH_BENCH_PRIVACY="$${HEATWATCH_BENCH_PRIVACY:-all}" $(GO) test ./privacy -run '^TestBenchPrivacy$$' -count 1 -v -timeout 2h

bench-nightly: # whole nights against DuckDB on the same files: 20 agencies, then one large one
	$(GO) test ./cmd/heatwatch -run '^$$' -bench 'Night|Help' -benchtime 1x -count 1
	$(GO) run ./etl/nightly/internal/benchnight
	$(GO) run ./etl/nightly/internal/benchnight -agencies 1 -rows 5000000

bench-linkage: build # quality with known truth, estimates beside it, speed, attacks, and the demo's agencies two by two; the truth is used to count, never to tune
	$(GO) run ./etl/deidentify/internal/benchlinkage
	at=$$(mktemp -d) && ./bin/heatwatch demo --out $$at/demo --linkage --format table && rm -r $$at

truth: setup-test ## every figure of every measure in a county of 3,000 persons and five years, almost without noise, against its truth; ten minutes
	$(GO) test ./cmd/heatwatch -run '^TestFiguresEqualTheTruth$$' -count 1 -v -timeout 3h -persons 3000 -first 2021Q1 -quarters 20

setup:
	@sh .ci/setup build

setup-test:
	@sh .ci/setup test

clean:
	rm -rf bin demo
