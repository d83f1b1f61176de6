"""The version of package and binary, the one in Cargo.toml."""

VERSION = "0.1.0"
