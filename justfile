# The usual commands; `just` lists them.

_list:
    @just --list

# every test
test:
    cargo test --workspace

# what must be clean before a commit
check:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo xtask check-wiring

# all that CI does
ci:
    bash .ci/run

# the real CLIs of the engines, or of those that are named
live *engines:
    cargo xtask live-engines {{engines}}

# the examples, with the crates as they would be published
examples:
    cargo xtask examples

# the binary as it is shipped
dist:
    cargo build -p takopi --profile dist

# figures: building the registry, what the store takes, and what starting costs
bench:
    cargo bench -p takopi
    cargo xtask bench-startup
