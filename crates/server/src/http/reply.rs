//! Answers with their `ETag`: conditional requests, and what may be kept forever.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::problem::ApiError;

/// The `Cache-Control` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// The address names the content: forever.
    Immutable,
    /// To be requested again, at the price of a 304.
    Revalidate,
}

impl CachePolicy {
    /// Forever where the address carries the hash of what it names (or the first 8 or more digits of it).
    pub(crate) fn by_hash(given: Option<&str>, hash: &str) -> Self {
        if given.is_some_and(|given| given.len() >= 8 && hash.starts_with(given)) {
            Self::Immutable
        } else {
            Self::Revalidate
        }
    }
}

/// Bytes to answer with.
pub(crate) struct Content {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Bytes,
    /// The tag, without quotes.
    pub(crate) tag: String,
}

impl Content {
    /// Content tagged by a hash of its bytes.
    pub(crate) fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let tag = tag(&[&bytes]);
        Self { media_type, bytes, tag }
    }

    /// The answer, or 304 where the client has this very content.
    pub(crate) fn reply(self, request: &HeaderMap, cache_policy: CachePolicy) -> Response {
        let quoted = format!("\"{}\"", self.tag);
        let known = request
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            // A tag may come back marked as weak where a proxy compressed the answer.
            .any(|found| found.trim().trim_start_matches("W/") == quoted || found.trim() == "*");
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(Body::from(self.bytes));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
            response
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&quoted) {
            headers.insert(header::ETAG, tag);
        }
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(match cache_policy {
                CachePolicy::Immutable => "public, max-age=31536000, immutable",
                CachePolicy::Revalidate => "no-cache",
            }),
        );
        response
    }
}

/// A short tag for bytes that follow one another.
pub(crate) fn tag(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// A value as JSON, with its tag.
pub(crate) fn json<T: Serialize>(request: &HeaderMap, value: &T) -> Result<Response, ApiError> {
    json_with_policy(request, value, CachePolicy::Revalidate)
}

/// A value as JSON, with its tag and this cache policy.
pub(crate) fn json_with_policy<T: Serialize>(
    request: &HeaderMap,
    value: &T,
    cache_policy: CachePolicy,
) -> Result<Response, ApiError> {
    Ok(json_content(value)?.reply(request, cache_policy))
}

/// A value as JSON, with its tag, to be answered with.
pub(crate) fn json_content<T: Serialize>(value: &T) -> Result<Content, ApiError> {
    let bytes = serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Content::new("application/json", bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(tag: &str) -> HeaderMap {
        [(header::IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap())].into_iter().collect()
    }

    #[test]
    fn known_content_is_not_sent_again() {
        let content = || Content::new("image/png", vec![1, 2, 3]);
        let tag = format!("\"{}\"", content().tag);
        for (sent, status) in [
            (tag.clone(), 304),
            (format!("W/{tag}"), 304),
            (format!("\"other\", {tag}"), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            assert_eq!(content().reply(&request(&sent), CachePolicy::Revalidate).status().as_u16(), status, "{sent}");
        }
    }

    #[test]
    fn forever_only_with_the_right_hash() {
        assert_eq!(CachePolicy::by_hash(Some("0123456789"), "0123456789abcdef"), CachePolicy::Immutable);
        for given in [None, Some(""), Some("0123"), Some("123456789")] {
            assert_eq!(CachePolicy::by_hash(given, "0123456789abcdef"), CachePolicy::Revalidate);
        }
    }
}
