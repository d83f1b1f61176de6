//! `deepviz inspect`: what a run, a snapshot, a recipe or a corpus holds.

mod layers;
mod recipe;
mod run;
mod snapshot;

use std::path::Path;

use anyhow::bail;
use deepviz_corpus::Reading;

use crate::cli::{ImageCacheArgs, InspectArgs};
use crate::command::corpus;
use crate::console::Console;
use crate::exit_status::ExitStatus;
use crate::recipe as recipes;

/// `deepviz inspect`
pub fn inspect(args: &InspectArgs) -> anyhow::Result<ExitStatus> {
    let Some(target) = &args.target else {
        recipe::list(args.json);
        return Ok(ExitStatus::Success);
    };
    let path = Path::new(target);
    let has_extension = |wanted| path.extension().is_some_and(|found| found == wanted);
    if path.join("run.toml").exists() {
        run::print(path, args.json)?;
    } else if path.is_dir() {
        let options = ImageCacheArgs::default().options(Reading::default(), true);
        let corpus = corpus::open(path, &options, Console::silent())?;
        corpus::print(&corpus, args.json);
    } else if has_extension("safetensors") {
        snapshot::print(path, args.json)?;
    } else if has_extension("toml") || recipes::is_built_in(target) {
        recipe::print(target, args.corpus.as_deref(), args.json)?;
    } else if path.exists() {
        bail!(
            "cannot tell what {target} is; expected a run folder, a snapshot (.safetensors), \
             a recipe (.toml) or a corpus folder"
        );
    } else {
        let names = recipes::names();
        bail!("nothing to inspect: {target} is neither a path nor one of the built-in recipes ({names})");
    }
    Ok(ExitStatus::Success)
}
