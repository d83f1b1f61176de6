//! Every route means the same class by a name or a number: classes that differ in case, and classes called by numbers.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use deepviz_corpus::{Corpus, Split};
use deepviz_net::{Device, Run};
use deepviz_stats::{Job, compute};
use serde_json::json;

use super::fixture::{TestServer, write_run};

/// In the order in which folders are read.
const CLASSES: [&str; 10] = ["1", "2", "3", "10", "A", "B", "a", "b", "cat", "dog"];
/// A text and the class that it means; none where it is refused.
const MEANT: [(&str, Option<usize>); 12] = [
    ("A", Some(4)),
    ("a", Some(6)),
    ("b", Some(7)),
    ("CAT", Some(8)),
    ("2", Some(1)),
    ("10", Some(3)),
    ("%232", Some(2)),
    ("%2310", None),
    ("9", Some(9)),
    ("0", Some(0)),
    ("11", None),
    ("mouse", None),
];

/// Writes a corpus of these classes, and a run over it with statistics of one split.
fn write(folder: &Path) {
    for (index, class) in CLASSES.iter().enumerate() {
        for (split, images) in [("train", 3), ("test", 2)] {
            let at = folder.join("letters").join(split).join(class);
            std::fs::create_dir_all(&at).unwrap();
            for image in 0..images {
                let colour = [index as u8 * 20, image * 40, 90];
                let pixels = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb(if x > y { colour } else { [9; 3] }));
                pixels.save(at.join(format!("{image}.png"))).unwrap();
            }
        }
    }
    let run = folder.join("runs/letters");
    write_run(&run, &folder.join("letters"));
    let corpus = Corpus::open(&folder.join("letters")).unwrap();
    assert_eq!(corpus.classes(), CLASSES);
    let run = Run::open(&run).unwrap();
    let mut job = Job::new(&run, &corpus, Device::cpu(Some(1), None).unwrap());
    (job.splits, job.clusters, job.nearest) = (vec![Split::Test], 2, 2);
    compute(&job, &mut (), &AtomicBool::new(false)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_means_the_same_class() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let server = TestServer::over(&[folder.path().join("runs")], None, None);
    let corpus = server.json("/api/runs/letters").await["corpus"]["id"].as_str().unwrap().to_owned();
    let run = "/api/runs/letters";
    let at = format!("{run}/checkpoints/3");
    let pixels = |text: &str| format!("{at}/layers/conv1/filters/*/channels/*/apply/class:{text}?format=json");
    for (text, meant) in MEANT {
        let routes = [
            format!("/api/corpora/{corpus}/images?class={text}"),
            format!("{run}/ledger?class={text}"),
            format!("{at}/confusion/{text}/0/images"),
            format!("{at}/confusion/%230/{text}/images"),
            pixels(text),
            format!("{}&minus=class:{text}", pixels("cat")),
        ];
        for route in routes {
            let answer = server.get(&route).await;
            if meant.is_some() {
                assert_eq!(answer.status, 200, "{route}: {}", String::from_utf8_lossy(&answer.body));
            } else {
                assert!(answer.status == 400 || answer.status == 404, "{route}: {}", answer.status);
                let problem = answer.json();
                assert!(problem["detail"].as_str().unwrap().contains("1, 2, 3, 10, A, B, a, b"), "{problem}");
            }
        }
        let Some(class) = meant else { continue };
        let found = server.json(&format!("/api/corpora/{corpus}/images?class={text}")).await;
        assert_eq!(found["total"], 5, "{text}");
        assert!(found["items"].as_array().unwrap().iter().all(|item| item["class"] == json!(class)), "{text}: {found}");
        let ledger = server.json(&format!("{run}/ledger?class={text}")).await;
        assert_eq!(ledger["total"], 2, "{text}");
        assert!(ledger["items"].as_array().unwrap().iter().all(|item| item["true_class"] == json!(class)), "{text}");
        for predicted in 0..CLASSES.len() {
            let cell = server.json(&format!("{at}/confusion/{text}/%23{predicted}/images")).await;
            let items = cell["items"].as_array().unwrap();
            assert!(items.iter().all(|item| item["true_class"] == json!(class)), "{text}: {cell}");
        }
        let ids: Vec<String> = found["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()).collect();
        let tested = format!("{at}/layers/conv1/filters/*/channels/*/apply/images:{}?format=json", ids[3..].join(","));
        assert_eq!(server.json(&pixels(text)).await["values"], server.json(&tested).await["values"], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_fits_several_classes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    for split in ["train", "test"] {
        let classes = folder.path().join("letters").join(split);
        std::fs::rename(classes.join("cat"), classes.join("Dog")).unwrap();
    }
    let server = TestServer::over(&[folder.path().join("runs")], Some(folder.path().join("letters")), None);
    let corpora = server.json("/api/corpora").await;
    let corpus = corpora["corpora"][0]["id"].as_str().unwrap();
    let answer = server.get(&format!("/api/corpora/{corpus}/images?class=DOG")).await;
    assert_eq!(answer.status, 400);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("`Dog` (#") && detail.contains("`dog` (#9)"), "{detail}");
    assert_eq!(server.json(&format!("/api/corpora/{corpus}/images?class=dog")).await["items"][0]["class"], 9);
}
