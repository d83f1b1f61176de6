//! Members, means and captions of clusters, compared with the images themselves.

use deepviz_corpus::Corpus;
use serde_json::{Value, json};

use super::fixture::{TestServer, images};

const POINT: &str = "/api/runs/tiny/checkpoints/2";

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The ids of each cluster's images, read page by page.
async fn members(server: &TestServer, set: &str) -> Vec<Vec<u64>> {
    let mut all = Vec::new();
    for cluster in 0..4 {
        let mut ids = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            let path = format!("{POINT}/clusters/{cluster}/images?limit=4&cursor={cursor}&{set}");
            let page = server.json(&path).await;
            assert!(list(&page["items"]).len() <= 4);
            ids.extend(list(&page["items"]).iter().map(|item| item["id"].as_u64().unwrap()));
            if let Some(next) = page["next_cursor"].as_str() {
                next.clone_into(&mut cursor);
            } else {
                assert_eq!(page["total"], json!(ids.len()));
                break;
            }
        }
        all.push(ids);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_image_is_on_one_page_of_one_cluster() {
    let server = TestServer::shared();
    server.json("/api/corpora/shapes/images/0").await;
    let clusters = server.json(&format!("{POINT}/clusters")).await;
    let found = members(&server, "").await;
    let mut all: Vec<u64> = found.concat();
    all.sort_unstable();
    assert_eq!(all, (90..120).collect::<Vec<u64>>());
    for (cluster, ids) in list(&clusters["clusters"]).iter().zip(&found) {
        assert_eq!(cluster["size"], json!(ids.len()));
        // The nearest first, then by id.
        let nearest: Vec<u64> = list(&cluster["nearest"]).iter().map(|near| near["id"].as_u64().unwrap()).collect();
        assert_eq!(ids[..nearest.len()], nearest);
        assert!(ids[nearest.len()..].is_sorted());
    }
    let page = server.json(&format!("{POINT}/clusters/0/images?limit=1")).await;
    let item = &page["items"][0];
    let detail = server.json(&format!("/api/corpora/shapes/images/{}", item["id"])).await;
    assert_eq!(item["true_class"], detail["class"]);
    let predicted = server.json(&format!("{POINT}/predict/{}", item["id"])).await;
    let best = list(&predicted["probabilities"]).iter().map(number).enumerate();
    assert_eq!(item["predicted"], json!(best.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_counts_images_and_not_numbers() {
    let server = TestServer::shared();
    let (here, there) = (members(&server, "").await, members(&server, "layer=fc10&metric=euclidean").await);
    for (cluster, ids) in here.iter().enumerate() {
        let path = format!("{POINT}/clusters/{cluster}/overlap?to_layer=fc10&to_metric=euclidean");
        let found = server.json(&path).await;
        assert_eq!(found["images"], json!(ids.len()));
        let parts = list(&found["parts"]);
        assert!(parts.is_sorted_by(|a, b| a["images"].as_u64() >= b["images"].as_u64()));
        assert_eq!(parts.iter().map(|part| part["images"].as_u64().unwrap()).sum::<u64>(), ids.len() as u64);
        for part in parts {
            let other = &there[part["cluster"].as_u64().unwrap() as usize];
            assert_eq!(part["images"], json!(ids.iter().filter(|id| other.contains(id)).count()));
            assert_eq!(part["size"], json!(other.len()));
        }
    }
    // In its own set a cluster is where it is.
    let own = server.json(&format!("{POINT}/clusters/1/overlap?to_layer=relu2&to_metric=cosine")).await;
    let parts: Vec<_> = list(&own["parts"]).iter().map(|part| (&part["cluster"], &part["images"])).collect();
    assert_eq!(parts, [(&json!(1), &json!(here[1].len()))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mean_images_are_those_of_their_pixels() {
    let server = TestServer::shared();
    let corpus = Corpus::open(&images()).unwrap();
    let all = members(&server, "").await;
    for (of, is_inside) in [("members", true), ("rest", false)] {
        let (width, height, pixels) = server.get(&format!("{POINT}/clusters/1/mean?of={of}")).await.pixels();
        assert_eq!((width, height), (32, 32));
        let ids: Vec<u64> = (90..120).filter(|id| all[1].contains(id) == is_inside).collect();
        for (y, x, c) in [(0, 0, 0), (16, 16, 1), (31, 5, 2)] {
            let value = |id: &u64| f64::from(corpus.pixels(deepviz_corpus::ImageId(*id as u32)).unwrap()[[c, y, x]]);
            let mean = ids.iter().map(value).sum::<f64>() / ids.len() as f64;
            assert!((f64::from(pixels[(y * 32 + x) * 4 + c]) - mean).abs() <= 0.5, "{of} {mean}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn captions_are_of_the_images() {
    let server = TestServer::shared();
    let found = server.json(&format!("{POINT}/clusters/captions")).await;
    assert_eq!((&found["images"], &found["measured"], &found["against"]), (&json!(30), &json!(30), &json!("rest")));
    let corpus = Corpus::open(&images()).unwrap();
    let brightness = |id: u64| {
        let image = corpus.pixels(deepviz_corpus::ImageId(id as u32)).unwrap();
        let mean = |c: usize| image.index_axis(ndarray::Axis(0), c).iter().map(|v| f64::from(*v)).sum::<f64>() / 1024.0;
        (0.299 * mean(0) + 0.587 * mean(1) + 0.114 * mean(2)) / 255.0
    };
    let all = members(&server, "").await;
    let mut shown = 0;
    for cluster in list(&found["clusters"]) {
        let captions = list(&cluster["captions"]);
        assert!(captions.is_sorted_by(|a, b| number(&a["effect"]).abs() >= number(&b["effect"]).abs()));
        let inside = &all[cluster["index"].as_u64().unwrap() as usize];
        for caption in captions {
            shown += 1;
            assert!(number(&caption["effect"]).abs() >= 0.2, "{caption}");
            let interval: Vec<f64> = list(&caption["interval"]).iter().map(number).collect();
            assert!(interval[0] > 0.0 || interval[1] < 0.0, "{caption}");
            if caption["name"] == "brightness" {
                let mean = inside.iter().map(|id| brightness(*id)).sum::<f64>() / inside.len() as f64;
                assert!((number(&caption["inside"]) - mean).abs() < 1e-6, "{caption} {mean}");
            }
        }
    }
    // Random features already go with the light of the images.
    assert!(shown > 0, "{found}");
    let one = server.json(&format!("{POINT}/clusters/captions?cluster=2&limit=1&against=class")).await;
    let clusters = list(&one["clusters"]);
    assert_eq!((clusters.len(), &clusters[0]["index"]), (1, &json!(2)));
    assert!(clusters[0]["class"].is_u64() && list(&clusters[0]["captions"]).len() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_have_the_errors_of_the_predictions() {
    let server = TestServer::shared();
    let confusion = server.json(&format!("{POINT}/confusion")).await;
    let counts: Vec<Vec<u64>> = serde_json::from_value(confusion["counts"].clone()).unwrap();
    let errors = |class: usize| counts[class].iter().sum::<u64>() - counts[class][class];
    let all: u64 = (0..10).map(errors).sum();
    for class in [0, 3] {
        let found = server.json(&format!("{POINT}/slice?subject=class&name={class}&limit=2")).await;
        let images: u64 = counts[class].iter().sum();
        assert_eq!(found["inside"]["images"], json!(images));
        assert_eq!(found["inside"]["wrong"], json!(errors(class)));
        assert_eq!(found["outside"]["images"], json!(30 - images));
        assert_eq!(found["outside"]["wrong"], json!(all - errors(class)));
        assert_eq!(list(&found["outside"]["examples"]).len(), 2);
        let error = errors(class) as f64 / images as f64;
        assert!((number(&found["inside"]["error"]) - error).abs() < 1e-12);
        let difference = error - (all - errors(class)) as f64 / (30 - images) as f64;
        assert!((number(&found["difference"]["value"]) - difference).abs() < 1e-12);
        assert_eq!(found["within_classes"], json!(null));
        let other = server.json(&format!("{POINT}/slice?subject=class&name={class}&side=below")).await;
        assert_eq!(other["inside"]["images"], json!(30 - images));
    }
    let dark = server.json(&format!("{POINT}/slice?subject=property&name=background&side=below&threshold=0.5")).await;
    let light = server.json(&format!("{POINT}/slice?subject=property&name=background&threshold=0.5")).await;
    assert_eq!(dark["inside"]["images"], light["outside"]["images"]);
    assert!(dark["inside"]["images"].as_u64().unwrap() > 0 && light["inside"]["images"].as_u64().unwrap() > 0);
    assert_eq!((&dark["text"], &light["text"]), (&json!("dark background"), &json!("light background")));
    // As it was called before.
    let old = server.json(&format!("{POINT}/slice?subject=property&name=ground&threshold=0.5")).await;
    assert_eq!(old, light);
    assert!((number(&dark["difference"]["value"]) + number(&light["difference"]["value"])).abs() < 1e-12);
    // Nothing is so light: one side is empty.
    let none = server.json(&format!("{POINT}/slice?subject=property&name=background&threshold=2")).await;
    assert_eq!((&none["inside"]["error"], &none["difference"]), (&json!(null), &json!(null)));
}
