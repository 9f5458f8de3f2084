// The published crate is a Rust library; this makes the static C library of it.
pub use wasmtime_c_api;
