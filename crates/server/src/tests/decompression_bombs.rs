//! Small archives that promise more than there is room for.

use axum::body::Body;

use super::fixture::{TestResponse, TestServer, get};

const TOKEN: &str = "open-sesame";

/// A picture of one colour, in a file a thousand times smaller than its pixels.
fn one_colour(side: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    let mut rows = writer.stream_writer().unwrap();
    for _ in 0..side {
        std::io::Write::write_all(&mut rows, &vec![7; 3 * side as usize]).unwrap();
    }
    rows.finish().unwrap();
    drop(writer);
    file
}

/// A corpus of `count` copies of a picture.
fn archive(picture: &[u8], count: usize) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for number in 0..count {
        let mut header = tar::Header::new_gnu();
        header.set_size(picture.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("train/{}/{number}.png", number % 2), picture).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

async fn send(server: &TestServer, method: &str, path: &str, body: Vec<u8>) -> TestResponse {
    let request = get(path).method(method).header("authorization", format!("Bearer {TOKEN}"));
    server.send(request.body(Body::from(body)).unwrap()).await
}

/// Forty pictures of 8192 x 8192 pixels in a few kilobytes.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_do_not_fit_decoded_are_refused_before_decoding() {
    let folder = tempfile::tempdir().unwrap();
    // The files fit into the limit; a single decoded picture, of 201 MB, does not.
    let server = TestServer::taking_uploads_of(100 << 20, folder.path(), TOKEN);
    let bomb = archive(&one_colour(8192), 40);
    let answer = send(&server, "PUT", "/api/uploads/corpora/bomb", bomb).await;
    assert_eq!(answer.status, 413, "{:?}", answer.body);
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("201326592 bytes") && detail.contains("there is room for"), "{detail}");
    assert!(problem["hint"].as_str().unwrap().contains("DELETE"), "{problem}");
    assert_eq!(send(&server, "GET", "/api/uploads", Vec::new()).await.json()["bytes"], 0);
}

/// Decoded images count, and are released with their corpus.
#[tokio::test(flavor = "multi_thread")]
async fn decoded_images_count_towards_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::taking_uploads_of(10 << 20, folder.path(), TOKEN);
    let four = archive(&one_colour(500), 4);
    assert_eq!(send(&server, "PUT", "/api/uploads/corpora/one", four.clone()).await.status, 201);
    let listed = send(&server, "GET", "/api/uploads", Vec::new()).await.json();
    // Four pictures of 750,000 bytes.
    assert!((3_000_000..4_000_000).contains(&listed["bytes"].as_u64().unwrap()), "{listed}");
    for name in ["two", "three"] {
        assert_eq!(send(&server, "PUT", &format!("/api/uploads/corpora/{name}"), four.clone()).await.status, 201);
    }
    assert_eq!(send(&server, "PUT", "/api/uploads/corpora/four", four.clone()).await.status, 413);
    assert_eq!(send(&server, "DELETE", "/api/uploads/corpora/two", Vec::new()).await.status, 204);
    assert_eq!(send(&server, "PUT", "/api/uploads/corpora/four", four).await.status, 201);
}
