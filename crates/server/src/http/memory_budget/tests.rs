//! Reservations that wait, grow, and are lost to others.

use super::*;
use tokio::time::timeout;

const MB: usize = 1 << 20;
/// Bounds a hang, and nothing else.
const HANG: Duration = Duration::from_mins(10);

#[tokio::test]
async fn reservations_are_returned_and_never_exceed_the_budget() {
    let budget = MemoryBudget::new(10 * MB);
    let refused = budget.take(10 * MB + 1).await.err().unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.to_string().contains("at most 10 MB"), "{refused}");
    let (one, two) = (budget.take(4 * MB).await.unwrap(), budget.take(5 * MB).await.unwrap());
    assert_eq!(budget.free_bytes(), MB);
    let mut third = Box::pin(budget.take(2 * MB));
    assert!(timeout(3 * RETRY_INTERVAL, &mut third).await.is_err());
    one.shrink_to(3 * MB);
    let third = timeout(HANG, third).await.unwrap().unwrap();
    one.grow_to(3 * MB).await.unwrap();
    drop((one, two, third));
    assert_eq!(budget.free_bytes(), 10 * MB);
    assert!(lock(&budget.holders).all.is_empty());
}

/// The server's own work is never cut short, nor a client that is fast enough; of those who are late the greediest
/// leaves first, and only while others wait.
#[tokio::test]
async fn who_is_late_gives_way_to_those_who_wait() {
    let budget = MemoryBudget::new(10 * MB);
    let reservations =
        [budget.take(6 * MB).await.unwrap(), budget.take(3 * MB).await.unwrap(), budget.take(MB).await.unwrap()];
    let [working, greedy, modest] = &reservations;
    greedy.awaits_client();
    modest.awaits_client();
    sleep(LEEWAY + RETRY_INTERVAL).await;
    assert!(reservations.iter().all(|reservation| !reservation.has_left()), "no request waits");
    let waiting = tokio::spawn({
        let budget = Arc::clone(&budget);
        async move { budget.take(2 * MB).await }
    });
    timeout(HANG, greedy.must_leave()).await.unwrap();
    assert!(greedy.has_left() && !working.has_left());
    // What was told to leave does not come back by moving or working.
    greedy.moved(MB);
    greedy.awaits_server();
    assert!(greedy.has_left());
    drop(reservations);
    timeout(HANG, waiting).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_burst_earns_no_more_than_the_leeway() {
    let budget = MemoryBudget::new(MB);
    let reservation = budget.take(MB).await.unwrap();
    reservation.awaits_client();
    reservation.moved(1000 * MB);
    let now = Instant::now();
    assert!(!reservation.holder.is_late(now));
    assert!(reservation.holder.is_late(now + LEEWAY + Duration::from_millis(1)));
}

/// Clients that hold a part and wait for the rest do not wait for each other for ever.
#[tokio::test]
async fn two_reservations_that_wait_for_each_other_end() {
    let budget = MemoryBudget::new(4 * MB);
    let (one, two) = (budget.take(2 * MB).await.unwrap(), budget.take(2 * MB).await.unwrap());
    one.awaits_client();
    two.awaits_client();
    let grow = |reservation: Reservation| async move { reservation.grow_to(3 * MB).await.map(|()| drop(reservation)) };
    let ends = timeout(HANG, async { tokio::join!(grow(one), grow(two)) }).await.unwrap();
    let cut = [&ends.0, &ends.1].into_iter().filter_map(|end| end.as_ref().err()).collect::<Vec<_>>();
    assert!(cut.len() == 1 && cut[0].status() == 503, "{cut:?}");
    assert_eq!(budget.free_bytes(), 4 * MB);
}
