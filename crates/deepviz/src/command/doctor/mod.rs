//! `deepviz doctor`: what this machine has, and whether its arithmetic agrees with itself.

mod check;
mod machine;

use anyhow::bail;
use serde_json::json;

use crate::Ending;
use crate::cli::{DeviceChoice, DoctorArgs};
use crate::console::{Console, print_json, print_line};
use crate::device::NO_CUDA;
use crate::table::Table;

/// `deepviz doctor`
pub fn doctor(args: &DoctorArgs) -> anyhow::Result<Ending> {
    if let DeviceChoice::Cuda(_) = args.device {
        bail!("{NO_CUDA}: nothing to check; use --device cpu");
    }
    let machine = machine::Machine::here();
    if !args.json {
        print_line(&format!("processor  {}", machine.processor));
        print_line(&format!("threads    {}", machine.threads));
        print_line(&format!("vectors    {} (of {})", machine.vector_level, machine.vector_levels.join(", ")));
        print_line(&format!("memory     {}", machine.memory()));
        print_line(&format!("gpus       {NO_CUDA}"));
        print_line("");
    }
    let console = if args.json { Console::silent() } else { Console::for_people() };
    let checks = check::all(console)?;
    let is_good = checks.iter().all(check::Check::is_good);
    if args.json {
        print_json(
            &json!({ "kind": "doctor", "machine": machine, "cuda": NO_CUDA, "good": is_good, "checks": checks }),
        );
    } else {
        print(&checks);
        print_line("");
        print_line(if is_good { "everything agrees" } else { "MISMATCH: results of this machine cannot be trusted" });
    }
    Ok(if is_good { Ending::Good } else { Ending::Bad })
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
