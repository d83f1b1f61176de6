use super::*;
use deepviz_net::random::Stream;
use ndarray::array;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    clusters: usize,
    inertia: f64,
    rows: Vec<Vec<f32>>,
}

/// Made by `scripts/reference/kmeans.py`.
fn reference() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/data/kmeans.json")).unwrap()
}

fn rows_of(case: &Case) -> Array2<f32> {
    let columns = case.rows[0].len();
    Array2::from_shape_vec((case.rows.len(), columns), case.rows.concat()).unwrap()
}

fn go_on() -> AtomicBool {
    AtomicBool::new(false)
}

fn fit_of(rows: &Array2<f32>, clusters: usize, seed: u64, previous: Option<&Previous>) -> Fit {
    let stop = go_on();
    let request = Request { clusters, seed, previous, kmeans: Kmeans::Lloyd, stop: &stop };
    fit(rows.clone(), &request).unwrap().unwrap()
}

fn previous_of(fit: &Fit) -> Previous {
    Previous { centres: fit.centres.clone(), assignments: fit.assignments.clone() }
}

/// `blobs` well separated groups of `each` rows, in turn.
fn blobs(blobs: usize, each: usize, shift: f32) -> Array2<f32> {
    let random = Stream::new(3, &[]);
    Array2::from_shape_fn((blobs * each, 3), |(row, column)| {
        let place = ((row % blobs) * (column + 2) * 7 % 23) as f32 * 5.0;
        place + shift * (column as f32 + 1.0) + random.unit((row * 3 + column) as u64) as f32 - 0.5
    })
}

#[test]
fn inertia_is_as_good_as_scikit_learns_best_of_ten() {
    for case in reference() {
        let rows = rows_of(&case);
        for seed in 0..5 {
            let fit = fit_of(&rows, case.clusters, seed, None);
            assert!(fit.inertia <= case.inertia * 1.01, "{}: {} against {}", case.name, fit.inertia, case.inertia);
        }
    }
}

#[test]
fn inertia_assignments_and_distances_agree() {
    for case in reference() {
        let rows = rows_of(&case);
        let fit = fit_of(&rows, case.clusters, 1, None);
        let mut sum = 0.0;
        for (index, row) in rows.rows().into_iter().enumerate() {
            let distances: Vec<f64> = fit
                .centres
                .rows()
                .into_iter()
                .map(|centre| row.iter().zip(centre).map(|(a, b)| f64::from(a - b).powi(2)).sum())
                .collect();
            let own = distances[usize::from(fit.assignments[index])];
            let min = distances.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(own <= min * 1.0001 + 1e-9, "{}: row {index}: {own} > {min}", case.name);
            assert!((f64::from(fit.squared_distances[index]) - own).abs() <= own * 1e-3 + 1e-8);
            sum += own;
        }
        assert!((fit.inertia - sum).abs() <= sum * 1e-4, "{}: {} against {sum}", case.name, fit.inertia);
    }
}

#[test]
fn our_step_is_linfas_step() {
    // linfa counts the old centre as one more member: the difference shrinks with the cluster's size.
    for case in reference() {
        let rows = rows_of(&case);
        let start = rows.slice(ndarray::s![..case.clusters, ..]).to_owned();
        let ours = lloyd::step(rows.view(), &start);
        let theirs = linfa::steps(rows.view(), start.clone(), 1).unwrap();
        let (assignments, _) = lloyd::nearest_centres(rows.view(), &start);
        for cluster in 0..case.clusters {
            let members = assignments.iter().filter(|&&c| usize::from(c) == cluster).count() as f32;
            for ((ours, theirs), old) in ours.row(cluster).iter().zip(theirs.row(cluster)).zip(start.row(cluster)) {
                let expected = (ours * members + old) / (members + 1.0);
                assert!((theirs - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{}: {cluster}", case.name);
            }
        }
    }
}

#[test]
fn linfa_and_our_steps_converge_to_the_same_inertia() {
    let stop = go_on();
    for case in reference() {
        let rows = rows_of(&case);
        let of = |kmeans| {
            let request = Request { clusters: case.clusters, seed: 4, previous: None, kmeans, stop: &stop };
            fit(rows.clone(), &request).unwrap().unwrap()
        };
        let (ours, theirs) = (of(Kmeans::Lloyd), of(Kmeans::Linfa));
        assert!(
            (ours.inertia / theirs.inertia - 1.0).abs() < 0.01,
            "{}: {} {}",
            case.name,
            ours.inertia,
            theirs.inertia
        );
    }
}

#[test]
fn a_step_does_not_depend_on_the_number_of_threads() {
    let rows = blobs(6, 900, 0.0);
    let start = rows.slice(ndarray::s![..6, ..]).to_owned();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| lloyd::step(rows.view(), &start))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn the_same_seed_gives_the_same_clusters() {
    let case = &reference()[0];
    let rows = rows_of(case);
    let (a, b) = (fit_of(&rows, 15, 9, None), fit_of(&rows, 15, 9, None));
    assert_eq!(a.assignments, b.assignments);
    assert_eq!(a.centres, b.centres);
}

#[test]
fn clusters_keep_their_numbers_while_the_rows_drift() {
    let mut last = fit_of(&blobs(6, 40, 0.0), 6, 1, None);
    let first = last.assignments.clone();
    for moment in 1..=12 {
        let fit = fit_of(&blobs(6, 40, 0.3 * moment as f32), 6, moment, Some(&previous_of(&last)));
        assert_eq!(fit.assignments, first, "at moment {moment}");
        assert_ne!(fit.origin, Origin::Fresh);
        last = fit;
    }
}

#[test]
fn a_better_fresh_start_is_taken_and_gets_the_old_numbers() {
    let rows = blobs(6, 40, 0.0);
    let good = fit_of(&rows, 6, 1, None);
    // A stuck start: two centres in one group, none of their own for the groups 4 and 5.
    let mut stuck = previous_of(&good);
    let group = |g: usize| usize::from(good.assignments[g]);
    let twin = stuck.centres.row(group(0)).to_owned() + &array![0.1, 0.1, 0.1];
    stuck.centres.row_mut(group(5)).assign(&twin);
    let between = (&stuck.centres.row(group(4)) + &good.centres.row(group(5))) / 2.0;
    stuck.centres.row_mut(group(4)).assign(&between);
    for (row, cluster) in stuck.assignments.iter_mut().enumerate() {
        if row % 6 == 5 {
            *cluster = good.assignments[4];
        }
    }
    let fit = fit_of(&rows, 6, 2, Some(&stuck));
    assert_eq!(fit.origin, Origin::Matched);
    assert!(fit.inertia <= good.inertia * 1.001);
    for row in (0..rows.nrows()).filter(|row| row % 6 < 4) {
        assert_eq!(fit.assignments[row], stuck.assignments[row], "row {row}");
    }
}

#[test]
fn a_row_on_the_border_stays_and_one_beyond_it_moves() {
    // Two groups at 0 and 10, and three rows between them: in the middle, a little beyond it, and far beyond.
    let between = [5.0_f32, 5.05, 6.0];
    let place = |row: usize| if row < 4000 { (row % 2) as f32 * 10.0 } else { between[row - 4000] };
    let rows = Array2::from_shape_fn((4003, 1), |(row, _)| place(row));
    let mut previous = previous_of(&fit_of(&rows, 2, 1, None));
    let (left, right) = (previous.assignments[0], previous.assignments[1]);
    let mut centres = None;
    for side in [left, right] {
        previous.assignments[4000..].fill(side);
        let fit = fit_of(&rows, 2, 2, Some(&previous));
        assert_eq!((fit.assignments[0], fit.assignments[1]), (left, right));
        assert_eq!(fit.assignments[4000..], [side, side, right]);
        // A row that stays has the distance to the centre where it stays, and the centres are as without it.
        let mut sum = 0.0;
        for (row, &cluster) in fit.assignments.iter().enumerate() {
            let squared = (place(row) - fit.centres[[usize::from(cluster), 0]]).powi(2);
            assert!((fit.squared_distances[row] - squared).abs() < 1e-3, "row {row}");
            sum += f64::from(squared);
        }
        assert!((fit.inertia - sum).abs() < 1e-2);
        assert_eq!(*centres.get_or_insert_with(|| fit.centres.clone()), fit.centres, "wherever rows stay");
        assert_eq!(fit_of(&rows, 2, 2, Some(&previous)).assignments, fit.assignments, "again the same");
    }
    // A number that no cluster has is no place to stay.
    previous.assignments[4000] = 9;
    assert!(fit_of(&rows, 2, 2, Some(&previous)).assignments.iter().all(|&cluster| cluster < 2));
}

#[test]
fn equal_rows_give_one_cluster_and_empty_ones() {
    let fit = fit_of(&Array2::from_elem((50, 10), 0.1), 30, 1, None);
    assert!(fit.inertia.abs() < 1e-9, "{}", fit.inertia);
    assert!(fit.assignments.iter().all(|&c| c == fit.assignments[0]));
    assert!(fit.centres.iter().all(|x| (x - 0.1).abs() < 1e-6));
    let next = fit_of(&Array2::from_elem((50, 10), 0.2), 30, 1, Some(&previous_of(&fit)));
    assert_eq!(next.assignments.len(), 50);
    assert!(next.inertia.abs() < 1e-9);
}

#[test]
fn fewer_rows_or_fewer_different_rows_than_clusters() {
    let few = array![[0.0_f32, 0.0], [1.0, 0.0], [0.0, 5.0]];
    let fit = fit_of(&few, 30, 1, None);
    assert_eq!(fit.centres.dim(), (30, 2));
    assert!(fit.inertia < 1e-9);
    let mut used = fit.assignments.clone();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used.len(), 3, "each row its own cluster");
    let repeated = Array2::from_shape_fn((90, 2), |(row, column)| few[[row % 3, column]]);
    assert!(fit_of(&repeated, 30, 1, Some(&previous_of(&fit))).inertia < 1e-9);
}

#[test]
fn tiny_and_huge_rows_are_clustered_correctly() {
    let rows = blobs(4, 30, 0.0);
    let unscaled = fit_of(&rows, 4, 1, None);
    for scale in [1e-20_f32, 1e15] {
        let fit = fit_of(&(&rows * scale), 4, 1, None);
        assert_eq!(fit.assignments, unscaled.assignments, "scaled by {scale}");
    }
}

#[test]
fn a_change_of_the_number_of_clusters_starts_afresh() {
    let rows = blobs(6, 40, 0.0);
    let six = fit_of(&rows, 6, 1, None);
    assert_eq!(fit_of(&rows, 5, 1, Some(&previous_of(&six))).origin, Origin::Fresh);
}

#[test]
fn told_to_stop_it_stops() {
    let rows = blobs(6, 40, 0.0);
    let stop = AtomicBool::new(true);
    let previous = previous_of(&fit_of(&rows, 6, 1, None));
    for previous in [None, Some(&previous)] {
        let request = Request { clusters: 6, seed: 1, previous, kmeans: Kmeans::Lloyd, stop: &stop };
        assert!(fit(rows.clone(), &request).unwrap().is_none());
    }
}
