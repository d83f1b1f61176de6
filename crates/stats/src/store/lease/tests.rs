//! Leases of two workers, judged without a clock but the test's own.

use super::*;
use deepviz_corpus::Split;

fn worker(folder: &std::path::Path) -> Lease {
    Lease::new(Arc::new(Store::open(folder).unwrap())).unwrap()
}

/// A lease as another process left it.
fn insert(lease: &Lease, unit: UnitId, owner: &str, expires: i64) {
    let sql = "INSERT OR REPLACE INTO lease (step, split, owner, expires) VALUES (?1, ?2, ?3, ?4)";
    let values = params![unit.step.0 as i64, unit.split.as_str(), owner, expires];
    lease.store.with("write", |c| Ok(c.execute(sql, values)?)).unwrap();
}

const UNIT: UnitId = UnitId { step: Step(5), split: Split::Test };

fn lease_row(holder: &Holder, expires: i64) -> LeaseRow {
    LeaseRow { holder: holder.clone(), expires }
}
const DAY_MS: i64 = 86_400_000;

#[test]
fn a_unit_belongs_to_one_holder_until_it_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (worker(folder.path()), worker(folder.path()));
    let Claim::Mine(mut held) = a.claim(UNIT).unwrap() else { unreachable!() };
    let Claim::Taken(holder) = b.claim(UNIT).unwrap() else { unreachable!() };
    assert_eq!(holder, held.holder);
    let (unit, awaited) = b.awaited(UnitId { step: Step(6), split: Split::Test }).unwrap().unwrap();
    assert_eq!((unit, awaited), (UNIT, holder));
    assert!(
        b.awaited(UnitId { step: Step(6), split: Split::Train }).unwrap().is_none()
            && b.awaited(UNIT).unwrap().is_none()
    );
    held.release().unwrap();
    let Claim::Mine(held) = b.claim(UNIT).unwrap() else { unreachable!() };
    assert!(matches!(a.claim(UNIT).unwrap(), Claim::Taken(_)));
    drop(held);
    assert!(matches!(a.claim(UNIT).unwrap(), Claim::Mine(_)));
}

#[test]
fn a_lease_is_waited_for_as_long_as_it_changes_and_a_term_longer_whatever_the_clocks_say() {
    let folder = tempfile::tempdir().unwrap();
    let lease = worker(folder.path());
    let start = Instant::now();
    let later = |terms: f64| start + TERM.mul_f64(terms);
    let far = Holder::from_text("process=7 machine=far since=0 claim=0 start=1 space=another".to_owned());
    // The clock over there is a day ahead, or a day behind: neither makes it live or die.
    for clock in [DAY_MS, -DAY_MS] {
        let split = if clock > 0 { Split::Test } else { Split::Train };
        let unit = UnitId { step: Step(clock.unsigned_abs()), split };
        let mark = now_ms() + clock;
        assert!(lease.lives(unit, &lease_row(&far, mark), start));
        assert!(lease.lives(unit, &lease_row(&far, mark), later(0.9)));
        // Renewed: it lives on, for hours if need be.
        for renewal in 1..1000 {
            assert!(lease.lives(unit, &lease_row(&far, mark + renewal), later(0.9 * renewal as f64)));
        }
        let (last, seen) = (mark + 999, 0.9 * 999.0);
        assert!(lease.lives(unit, &lease_row(&far, last), later(seen + 0.99)));
        assert!(!lease.lives(unit, &lease_row(&far, last), later(seen + 1.0)));
        // Another holder has a term of its own.
        let next = Holder::from_text("whoever".to_owned());
        assert!(lease.lives(unit, &lease_row(&next, last), later(seen + 1.1)));
    }
}

#[test]
fn only_the_lease_that_was_judged_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let lease = worker(folder.path());
    insert(&lease, UNIT, "them", DAY_MS);
    let (them, me) = (Holder::from_text("them".to_owned()), Holder::new());
    lease.store.renew(&them).unwrap();
    assert!(!lease.store.seize(UNIT, &lease_row(&them, DAY_MS), &me).unwrap(), "it was renewed meanwhile");
    let LeaseRow { holder: found, expires } = lease.store.lease_of(UNIT).unwrap().unwrap();
    assert_eq!(found, them);
    assert!(expires > DAY_MS);
    assert!(lease.store.seize(UNIT, &lease_row(&them, expires), &me).unwrap());
    assert_eq!(lease.store.lease_of(UNIT).unwrap().unwrap().holder, me);
    assert!(!lease.store.take(UNIT, &Holder::new()).unwrap(), "it is mine already");
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_killed_process_held_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let lease = worker(folder.path());
    let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let (own, id) = (Holder::new(), child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = own.as_str().replace(&format!("process={} ", std::process::id()), &format!("process={id} "));
    insert(&lease, UNIT, &killed, now_ms() + DAY_MS);
    assert!(lease.awaited(UnitId { step: Step(6), split: Split::Test }).unwrap().is_none());
    assert!(matches!(lease.claim(UNIT).unwrap(), Claim::Mine(_)));
}
