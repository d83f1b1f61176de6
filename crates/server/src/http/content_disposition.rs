//! A name for every answer that is a file: what `curl -OJ` and "save as" call it.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::authentication::query_pairs;
use crate::http::percent_encoding::percent_decoded;

/// Bytes of a name without its ending.
const MAX_BYTES: usize = 100;

/// The middleware that names pictures, values and selections of them.
pub(crate) async fn name_files(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::POST);
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK || response.headers().contains_key(header::CONTENT_DISPOSITION) {
        return response;
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let query: Vec<(&str, String)> = query_pairs(&uri)
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key, percent_decoded(value)))
        .collect();
    let Some(name) = ending_of(kind).and_then(|ending| file_name(uri.path(), &query, ending)) else {
        return response;
    };
    // Shown in the page as before; the name is for a saved copy.
    if let Ok(value) = HeaderValue::from_str(&format!("inline; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn ending_of(media_type: &str) -> Option<&'static str> {
    match media_type.split(';').next().unwrap_or_default() {
        "image/png" => Some("png"),
        "application/octet-stream" => Some("f32"),
        "application/json" => Some("json"),
        "multipart/mixed" => Some("multipart"),
        _ => None,
    }
}

/// `conv1-weights-c12.png`: layer, what of it, checkpoint, and what was selected of it. `None` where the path names no
/// selection of layers and no picture.
fn file_name(path: &str, query: &[(&str, String)], ending: &str) -> Option<String> {
    let segments: Vec<String> = path.trim_matches('/').split('/').map(percent_decoded).collect();
    let after = |key: &str| {
        let index = segments.iter().position(|segment| segment == key)?;
        segments.get(index + 1).map(String::as_str)
    };
    let asked = |key: &str| query.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str());
    let name = match segments.get(1).map(String::as_str)? {
        "runs" => {
            let layer = after("layers")?;
            let mut parts = vec![layer.to_owned()];
            let is_uploaded = segments.last().is_some_and(|segment| segment == "apply");
            parts.push(match after("apply").or_else(|| asked("apply")) {
                Some(image) if image.bytes().all(|byte| byte.is_ascii_digit()) => format!("activations-image{image}"),
                Some(images) => format!("activations-{images}"),
                None if is_uploaded => "activations".to_owned(),
                None => what_of(&segments).to_owned(),
            });
            if segments.last().is_some_and(|segment| segment == "strip") {
                parts.push("strip".to_owned());
            }
            let axes = [
                ("c", after("checkpoints").or_else(|| asked("checkpoints"))),
                ("f", after("filters").or_else(|| asked("filters"))),
                ("ch", after("channels").or_else(|| asked("channels"))),
            ];
            let chosen = axes.iter().filter_map(|(axis, value)| Some((axis, value.filter(|value| *value != "*")?)));
            parts.extend(chosen.map(|(axis, value)| format!("{axis}{value}")));
            parts.join("-")
        }
        "corpora" if ending == "png" => {
            let corpus = segments.get(2)?;
            match after("images").or_else(|| asked("ids")) {
                Some(images) => format!("{corpus}-image{images}"),
                None => format!("{corpus}-images"),
            }
        }
        _ => return None,
    };
    let name: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(MAX_BYTES).collect();
    let name = name.trim_start_matches('.');
    Some(format!("{}.{ending}", if name.is_empty() { "deepviz" } else { name }))
}

/// The part of a layer that a route shows: its weights, unless its last segment says otherwise.
fn what_of(segments: &[String]) -> &str {
    match segments.last().map(String::as_str) {
        Some(last @ ("preference" | "versus" | "history" | "activity" | "top")) => last,
        _ => "weights",
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.,+".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_names_its_file() {
        let sheet = "/api/runs/a/checkpoints/12/layers/conv1/filters/*/channels/*";
        for (path, query, ending, expected) in [
            (sheet, vec![], "png", "conv1-weights-c12.png"),
            (sheet, vec![], "f32", "conv1-weights-c12.f32"),
            (
                "/api/runs/a/checkpoints/12/layers/conv1/filters/3/channels/0,2",
                vec![],
                "json",
                "conv1-weights-c12-f3-ch0,2.json",
            ),
            (
                "/api/runs/a/checkpoints/last/layers/fc10/filters/*/channels/*/apply/7",
                vec![],
                "png",
                "fc10-activations-image7-clast.png",
            ),
            (
                "/api/runs/a/checkpoints/0-8:2/layers/*/filters/*/channels/*",
                vec![],
                "multipart",
                "_-weights-c0-8_2.multipart",
            ),
            (
                "/api/runs/a/checkpoints/1/layers/relu1",
                vec![("apply", "class:cat".to_owned()), ("filters", "2".to_owned())],
                "png",
                "relu1-activations-class_cat-c1-f2.png",
            ),
            ("/api/runs/a/checkpoints/1/layers/relu1/apply", vec![], "png", "relu1-activations-c1.png"),
            ("/api/runs/a/layers/conv1/strip", vec![], "png", "conv1-weights-strip.png"),
            ("/api/corpora/pets/images/9/pixels", vec![], "png", "pets-image9.png"),
            ("/api/corpora/pets/sheet", vec![("ids", "1,2".to_owned())], "png", "pets-image1,2.png"),
            ("/api/runs/a/checkpoints/1/layers/..%2F%22x%0A", vec![], "png", "__x_-weights-c1.png"),
        ] {
            let found = file_name(path, &query, ending).unwrap();
            assert_eq!(found, expected, "{path}");
            assert!(!found.starts_with('.') && found.chars().all(is_plain), "{found}");
        }
        assert_eq!(file_name("/api/runs/a", &[], "json"), None);
        assert_eq!(file_name("/api/runs", &[], "json"), None);
        assert_eq!(file_name("/", &[], "json"), None);
    }
}
