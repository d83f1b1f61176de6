//! `deepviz explain`: the attribution map of one image, drawn over it or as numbers.

use std::path::Path;

use anyhow::{Context as _, bail};
use deepviz_net::Run;

use super::rest_client::{RestClient, encoded, write_whole};
use crate::cli::ExplainArgs;
use crate::console::print_line;
use crate::exit_status::ExitStatus;

/// `deepviz explain`
pub fn explain(args: &ExplainArgs) -> anyhow::Result<ExitStatus> {
    Run::open(&args.run).context("cannot open the run")?;
    let format = match args.out.extension().and_then(|extension| extension.to_str()) {
        Some("json") => "json",
        Some("png") => "png",
        // What is no file takes a picture: `/dev/stdout`.
        _ if args.out.exists() && !args.out.is_file() => "png",
        _ => bail!("expected --out with a name that ends in .png or .json, found {}", args.out.display()),
    };
    let client = RestClient::new(&args.run, args.corpus.clone(), None)?;
    let (class, versus) = match &args.versus {
        Some(pair) => match pair.split_once(':') {
            Some((class, versus)) => (Some(class), Some(versus)),
            None => bail!("expected two classes as A:B, found `{pair}`"),
        },
        None => (args.class.as_deref(), None),
    };
    let scale = args.scale.map(|scale| scale.to_string());
    let off = args.off.as_deref();
    let given = [
        ("off", off),
        ("class", class),
        ("versus", versus),
        ("layer", args.layer.as_deref()),
        ("scale", scale.as_deref()),
    ];
    let given = given.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let all = [("method", args.method.as_str()), ("format", format)].into_iter().chain(given);
    let query: Vec<String> = all.map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    let query = query.join("&");
    let route = format!("/api/runs/{}/checkpoints/{}/explain", client.run_id()?, encoded(&args.checkpoint));
    // Digits are an image of the corpus, unless there is such a file.
    let is_id = args.image.bytes().all(|byte| byte.is_ascii_digit()) && !Path::new(&args.image).exists();
    let found = if is_id {
        client.ask(&format!("{route}/{}?{query}", args.image), None)?
    } else {
        let file = std::fs::read(&args.image).with_context(|| format!("cannot read {}", args.image))?;
        client.ask(&format!("{route}?{query}"), Some(file)).with_context(|| format!("cannot explain {}", args.image))?
    };
    write_whole(&args.out, &found).with_context(|| format!("cannot write {}", args.out.display()))?;
    print_line(&format!("{}", args.out.display()));
    Ok(ExitStatus::Success)
}
