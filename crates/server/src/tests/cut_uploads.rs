//! Uploads that are broken off, collide, or are made to take for ever.

use std::io::Write as _;

use axum::body::Body;

use super::fixture::{get, images, write_run};
use super::upload_store::{Store, TOKEN, plain_tar_of, tar_of};

/// The client goes away between two files, within a header, within a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_goes_away_leaves_nothing() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    write_run(&made.path().join("run"), &images());
    let whole = plain_tar_of(&made.path().join("run"));
    for share in 1..12 {
        for way in ["an error", "an end"] {
            let part = whole[..whole.len() * share / 12 / 512 * 512 + [0, 100, 600][share % 3]].to_vec();
            let (sender, receiver) = tokio::sync::mpsc::channel(2);
            sender.send(Ok(part)).await.unwrap();
            if way == "an error" {
                let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                sender.send(Err(reset)).await.unwrap();
            }
            drop(sender);
            let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
            let request = get("/api/uploads/runs/cut").method("PUT").header("authorization", format!("Bearer {TOKEN}"));
            let answer = store.server.send(request.body(body).unwrap()).await;
            assert!(answer.status.is_client_error(), "{way} at {share}/12: {:?}", answer.body);
            assert_eq!(store.names(), [""; 0], "{way} at {share}/12");
        }
    }
    assert_eq!(store.put("/api/uploads/runs/cut", whole).await.status, 201, "the name is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_uploads_of_one_name_one_is_accepted() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    write_run(&made.path().join("run"), &images());
    let whole = tar_of(&made.path().join("run"), ".");
    let put = || store.put("/api/uploads/runs/one", whole.clone());
    let answers = tokio::join!(put(), put(), put(), put(), put(), put());
    let mut statuses = [&answers.0, &answers.1, &answers.2, &answers.3, &answers.4, &answers.5].map(|a| a.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    assert_eq!(store.names(), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_of_very_many_empty_parts_comes_to_an_end() {
    let store = Store::new();
    let mut empty = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    empty.flush().unwrap();
    let empty = empty.finish().unwrap();
    let answer = store.put("/api/uploads/runs/empty", empty.repeat(200_000)).await;
    assert!(answer.status.is_client_error(), "{:?}", answer.body);
    assert_eq!(store.names(), [""; 0]);
}
