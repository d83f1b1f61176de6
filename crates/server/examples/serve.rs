//! Serves run folders: `cargo run -p deepviz-server --example serve -- RUN_OR_FOLDER... [--addr ADDR] [--corpus PATH]
//! [--cache-mb MB] [--token TOKEN]`.

use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = deepviz_server::Config {
        runs: Vec::new(),
        addr: ([127, 0, 0, 1], 7878).into(),
        corpus: None,
        cache_dir: None,
        cache_bytes: 512 << 20,
        token: None,
        trusted_proxies: Vec::new(),
        allow_upload: false,
        upload_bytes: 0,
        device: None,
        worker: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--addr" => config.addr = words.next().ok_or("--addr needs an address")?.parse()?,
            "--corpus" => config.corpus = Some(words.next().ok_or("--corpus needs a path")?.into()),
            "--cache-mb" => {
                config.cache_bytes = words.next().ok_or("--cache-mb needs a number")?.parse::<u64>()? << 20;
            }
            "--token" => config.token = Some(words.next().ok_or("--token needs a word")?),
            _ => config.runs.push(PathBuf::from(word)),
        }
    }
    let server = deepviz_server::bind(config).await?;
    println!("http://{}", server.address());
    server
        .serve(async {
            // Without a signal handler the server runs until it is killed.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}
