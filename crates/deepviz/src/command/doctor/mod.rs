//! `deepviz doctor`: what this machine has, and whether its arithmetic agrees with itself.

mod cases;
mod check;
mod machine;
mod training;

use deepviz_net::cuda::{Cuda, libraries};
use serde_json::{Value, json};

use crate::cli::DoctorArgs;
use crate::console::{Console, print_json, print_line};
use crate::device::gpus_of;
use crate::exit_status::ExitStatus;
use crate::format;
use crate::table::Table;

/// `deepviz doctor`
pub fn doctor(args: &DoctorArgs) -> anyhow::Result<ExitStatus> {
    let machine = machine::Machine::here();
    let (gpus, problems) = gpus_of(args.device)?;
    if !args.json {
        print_line(&format!("processor  {}", machine.processor));
        print_line(&format!("threads    {}", machine.threads));
        print_line(&format!("vectors    {} (of {})", machine.vector_level, machine.vector_levels.join(", ")));
        print_line(&format!("memory     {}", machine.memory()));
        for line in gpus.iter().map(gpu_words).chain(problems.iter().cloned()) {
            print_line(&format!("gpu        {line}"));
        }
        for library in libraries() {
            let found = library.path.map_or_else(|| "not found".to_owned(), |path| path.display().to_string());
            let version = library.version.map_or_else(String::new, |version| format!(", {version}"));
            print_line(&format!("{:<11}{found}{version}", library.name.to_lowercase()));
        }
        print_line("");
    }
    let console = if args.json { Console::silent() } else { Console::for_people() };
    let mut checks = check::all(console, &gpus)?;
    checks.extend(training::all(console, &gpus)?);
    let is_good = checks.iter().all(check::Check::is_good);
    if args.json {
        print_json(&json!({
            "kind": "doctor",
            "machine": machine,
            "gpus": gpus.iter().map(gpu_json).collect::<Vec<_>>(),
            "gpu_problems": problems,
            "libraries": libraries().iter().map(|library| json!({
                "name": library.name, "path": library.path, "version": library.version,
            })).collect::<Vec<_>>(),
            "good": is_good,
            "checks": checks,
        }));
    } else {
        print(&checks);
        print_line("");
        print_line(if is_good { "everything agrees" } else { "MISMATCH: results of this machine cannot be trusted" });
    }
    Ok(if is_good { ExitStatus::Success } else { ExitStatus::Failure })
}

fn gpu_words(cuda: &Cuda) -> String {
    let facts = cuda.device_info();
    let (major, minor) = facts.capability;
    let (driver, memory) = (facts.driver, format::bytes(facts.memory as u64));
    format!(
        "cuda:{} {}, compute capability {major}.{minor}, {memory}, driver for CUDA {}.{}; kernels: {}",
        facts.ordinal,
        facts.name,
        driver / 1000,
        driver % 1000 / 10,
        facts.kernels
    )
}

fn gpu_json(cuda: &Cuda) -> Value {
    let facts = cuda.device_info();
    let (major, minor) = facts.capability;
    json!({
        "ordinal": facts.ordinal,
        "name": facts.name,
        "compute_capability": format!("{major}.{minor}"),
        "memory_bytes": facts.memory,
        "cuda_version": facts.driver,
        "kernels": facts.kernels,
    })
}

fn print(checks: &[check::Check]) {
    let mut table = Table::new(&["operation", "what", "judge", "against", "places", "difference", "allowed", ""]);
    for check in checks {
        table.row([
            check.operation.to_owned(),
            check.what.to_owned(),
            check.judge.clone(),
            check.against.clone(),
            check.places.to_string(),
            format!("{:.1e}", check.difference),
            format!("{:.0e}", check.allowed),
            if check.is_good() { "good".to_owned() } else { "MISMATCH".to_owned() },
        ]);
    }
    table.print();
}
