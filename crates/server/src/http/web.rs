//! The dashboard's files, embedded; any other path is the dashboard too (its state is in the address).

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::http::problem::ApiError;
use crate::http::reply::{CachePolicy, Content};

#[derive(rust_embed::Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Bundle;

const MISSING: &str = include_str!("missing.html");

/// Everything that no route took.
pub(crate) async fn fallback(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Err(ApiError::not_found(format!("no route {method} /{path}"))
            .hint("GET /api/openapi.json describes every route"));
    }
    if method != Method::GET && method != Method::HEAD {
        return Err(ApiError::not_found(format!("no route {method} /{path}")));
    }
    Ok(page(path, &headers))
}

fn page(path: &str, headers: &HeaderMap) -> Response {
    if let Some(file) = Bundle::get(path).filter(|_| path != "index.html") {
        let name = path.rsplit('/').next().unwrap_or(path);
        let cache_policy = if path.starts_with("assets/") && is_hashed(name) {
            CachePolicy::Immutable
        } else {
            CachePolicy::Revalidate
        };
        return Content {
            media_type: media_type(path),
            bytes: bytes_of(file.data),
            tag: hex(&file.metadata.sha256_hash()[..16]),
        }
        .reply(headers, cache_policy);
    }
    // A file that is missing is an error, and not a page under its name.
    let last = path.rsplit('/').next().unwrap_or_default();
    if path.starts_with("assets/") || (last.contains('.') && last != "index.html" && known_type(last)) {
        return ApiError::not_found(format!("the dashboard has no file {path}")).into_response();
    }
    let Some(index) = Bundle::get("index.html") else {
        let html = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
        return (StatusCode::OK, html, MISSING).into_response();
    };
    let depth = path.matches('/').count();
    let html = with_base(&String::from_utf8_lossy(&index.data), depth);
    Content::new("text/html; charset=utf-8", html.into_bytes()).reply(headers, CachePolicy::Revalidate)
}

/// The page with a `<base>` as many folders up as its path is deep: its relative URLs then hold at any depth and under
/// any prefix.
fn with_base(html: &str, depth: usize) -> String {
    if depth == 0 {
        return html.to_owned();
    }
    html.replacen("<head>", &format!("<head><base href=\"{}\">", "../".repeat(depth)), 1)
}

/// True where the bundler put a hash into the name, as in `index-Ab12Cd34.js`.
fn is_hashed(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    stem.rsplit_once('-').is_some_and(|(_, hash)| hash.len() >= 8)
        || (stem.len() > 9 && stem.as_bytes()[stem.len() - 9] == b'-')
}

fn known_type(name: &str) -> bool {
    mime_guess::from_path(name).first_raw().is_some()
}

fn media_type(path: &str) -> &'static str {
    let guess = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
    match guess {
        "text/html" => "text/html; charset=utf-8",
        "text/css" => "text/css; charset=utf-8",
        "text/javascript" => "text/javascript; charset=utf-8",
        other => other,
    }
}

fn bytes_of(data: std::borrow::Cow<'static, [u8]>) -> axum::body::Bytes {
    match data {
        std::borrow::Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => bytes.into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_addresses_find_their_files() {
        let html = "<html><head><script src=\"./a.js\"></script></head></html>";
        assert_eq!(with_base(html, 0), html);
        assert!(with_base(html, 2).contains("<head><base href=\"../../\"><script"));
    }

    #[test]
    fn only_names_with_a_hash_are_cached_forever() {
        assert!(is_hashed("index-Ab12Cd34.js"));
        assert!(is_hashed("Inter-_x1-c34d.woff2"));
        assert!(!is_hashed("favicon.svg"));
        assert!(!is_hashed("vega-lite.js"));
    }
}
