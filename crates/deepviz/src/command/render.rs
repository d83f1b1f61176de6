//! `deepviz render`: one picture of the REST interface, drawn into a file.

use anyhow::{Context as _, anyhow, bail};
use deepviz_corpus::ImageId;
use deepviz_net::Run;

use super::rest_client::{RestClient, encoded, write_whole};
use super::stats::corpus_of;
use crate::cli::{ImageCacheArgs, NormaliseChoice, RenderArgs};
use crate::console::{Console, print_line};
use crate::exit_status::ExitStatus;

/// `deepviz render`
pub fn render(args: &RenderArgs) -> anyhow::Result<ExitStatus> {
    let run = Run::open(&args.run).context("cannot open the run")?;
    let image = image(args, &run)?;
    let client = RestClient::new(&args.run, args.corpus.clone(), args.worker.clone())?;
    let ask = |path: String, body: Option<Vec<u8>>| client.ask(&path, body);
    let id = client.run_id()?;
    let drawn = ask(path(args, &id, image.is_some()), image);
    let png = match &args.image {
        Some(file) => drawn.with_context(|| format!("cannot draw the layer on {}", file.display()))?,
        None => drawn?,
    };
    if !png.starts_with(b"\x89PNG") {
        bail!("expected one sheet: --checkpoint and --layer must name one each, found more");
    }
    write_whole(&args.out, &png).with_context(|| format!("cannot write {}", args.out.display()))?;
    print_line(&format!("{}", args.out.display()));
    Ok(ExitStatus::Success)
}

fn path(args: &RenderArgs, id: &str, is_applied: bool) -> String {
    let normalise = match args.normalise {
        NormaliseChoice::Sheet => "sheet",
        NormaliseChoice::Filter => "filter",
        NormaliseChoice::Timeline => "timeline",
    };
    let parts = [&args.checkpoint, &args.layer, &args.filters, &args.channels].map(|part| encoded(part));
    let [checkpoint, layer, filters, channels] = parts;
    let apply = if is_applied { "/apply" } else { "" };
    format!(
        "/api/runs/{id}/checkpoints/{checkpoint}/layers/{layer}/filters/{filters}/channels/{channels}{apply}\
         ?normalise={normalise}&scale={}",
        args.scale
    )
}

/// The image file that the layer is applied to, if any: given, or a picture of the corpus.
fn image(args: &RenderArgs, run: &Run) -> anyhow::Result<Option<Vec<u8>>> {
    if let Some(file) = &args.image {
        return std::fs::read(file).map(Some).with_context(|| format!("cannot read {}", file.display()));
    }
    let Some(id) = args.apply else { return Ok(None) };
    let corpus = corpus_of(run, args.corpus.as_deref(), &ImageCacheArgs::default(), Console::silent())?;
    let pixels = corpus.pixels(ImageId(id)).ok_or_else(|| {
        let last = corpus.len().saturating_sub(1);
        anyhow!("no image {id}; corpus {} has 0 to {last}", corpus.name())
    })?;
    let grid = deepviz_render::Grid { columns: 1, scale: 1 };
    deepviz_render::atlas(&[pixels], grid).map(Some).context("cannot draw the image")
}
