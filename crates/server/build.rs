//! Notices a new web bundle: without this the embedded files would be those of the last compilation.

fn main() {
    // A missing folder counts as changed, so the crate is checked again until there is a bundle.
    println!("cargo::rerun-if-changed=../../web/dist");
}
