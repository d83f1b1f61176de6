//! Pictures and values as they are answered with.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use ndarray::Array4;

use crate::http::reply::{CachePolicy, Content};
use crate::sheet::render::Picture;

/// A picture with its geometry in the header.
pub(crate) fn png(rendered: &Picture, headers: &HeaderMap, cache_policy: CachePolicy) -> Response {
    let content = Content { media_type: "image/png", bytes: rendered.png.clone(), tag: rendered.tag.clone() };
    let mut response = content.reply(headers, cache_policy);
    insert(&mut response, "x-deepviz-sheet", &rendered.geometry);
    response
}

pub(crate) fn insert(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// Values as little-endian bytes.
pub(crate) fn bytes_of(values: &Array4<f32>) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The shape of values, as a header words it.
pub(crate) fn shape_of(values: &Array4<f32>) -> String {
    format!("{:?}", values.shape()).replace(' ', "")
}
