//! Prints the description of the interface: `cargo run -p deepviz-server --example openapi > crates/server/openapi.json`.

fn main() {
    println!("{}", deepviz_server::openapi());
}
