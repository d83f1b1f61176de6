"""The version of package and binary: Cargo.toml's."""

VERSION = "0.1.0"
