//! The `deepviz` command: reads the command line, calls the other crates, reports, exits.

mod browser;
mod cli;
mod command;
mod console;
mod device;
mod exit_status;
mod format;
mod printable;
mod recipe;
mod stop;
mod table;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{Cli, Command, CorpusCommand};
use crate::exit_status::ExitStatus;

/// glibc's own keeps what the server has freed: under load its arenas grew on past `--cache-mb` (docs/benchmarks.md).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return answered(&answer),
    };
    log_to_stderr(cli.verbose);
    match run(&cli.command) {
        Ok(ExitStatus::Success) if console::has_lost_output() => ExitCode::FAILURE,
        Ok(status) => status.into(),
        Err(error) => {
            console::clear_bars();
            console::note(&format!("error: {}", console::message(&error)));
            ExitCode::FAILURE
        }
    }
}

/// Prints what the parser of arguments answers: help and version on stdout, and wrong usage, with exit code 2, on
/// stderr.
fn answered(answer: &clap::Error) -> ExitCode {
    if let Err(error) = answer.print()
        && !answer.use_stderr()
    {
        console::lost_output(&error);
    }
    if console::has_lost_output() {
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2))
}

fn run(command: &Command) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Corpus(CorpusCommand::Make(args)) => command::corpus::make(args),
        Command::Corpus(CorpusCommand::Fetch(args)) => command::fetch::fetch(args),
        Command::Corpus(CorpusCommand::List(args)) => Ok(command::fetch::list(args)),
        Command::Corpus(CorpusCommand::Info(args)) => command::corpus::info(args),
        Command::Demo(args) => command::demo::demo(args),
        Command::Train(args) => command::train::train(args),
        Command::Stats(args) => command::stats::stats(args),
        Command::Serve(args) => command::serve::serve(args),
        Command::Explain(args) => command::explain::explain(args),
        Command::Compare(args) => command::compare::compare(args),
        Command::Render(args) => command::render::render(args),
        Command::Import(args) => command::import::import(args),
        Command::Inspect(args) => command::inspect::inspect(args),
        Command::Doctor(args) => command::doctor::doctor(args),
    }
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(console::Log)
        .with_ansi(console::stderr_takes_colours())
        .with_target(false)
        .init();
}
