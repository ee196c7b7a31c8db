# Everyday verbs; `make` lists them. What a change must pass is .ci/run.
.DEFAULT_GOAL := help
.PHONY: help build test race lint fmt proto demo bench ci clean

help: ## list these verbs
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  make %-7s %s\n", $$1, $$2}'

build: ## build ./baton, without cgo
	CGO_ENABLED=0 go build -trimpath -o baton ./cmd/baton

test: ## run all tests
	go test ./...

race: ## run the packages with goroutines under the race detector
	.ci/run race

lint: ## check formatting, go vet and staticcheck
	.ci/run format sleeps vet lint

fmt: ## format all Go files
	gofmt -w $$(git ls-files --cached --others --exclude-standard -- '*.go')

proto: ## make the gRPC code again from its schema
	go run ./server/rpc/gen

demo: build ## the whole story on an embedded ledger, then the API
	./baton demo

bench: ## benchmarks of the hot functions, the limit or peer beside them
	go test -run '^$$' -bench . -benchtime 1s ./ledger ./ledger/pebblestore ./ledger/notary ./ledger/relay ./ledger/webhook ./projections ./replay ./server ./server/rpc
	go run ./cmd/baton bench --quick

ci: ## everything a change must pass
	.ci/run

clean: ## remove what build made; never ./baton-data
	rm -f baton baton.exe coverage.out
	rm -rf bin dist
