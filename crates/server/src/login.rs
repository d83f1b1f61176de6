//! The page that asks for the token, and the cookie it becomes.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::security::{Token, query_pairs};
use crate::text::percent_decoded;

/// The address of the form, relative to the root of the server.
const FORM: &str = "/login";
/// Where the cookie is given back.
const OUT: &str = "/logout";
const STYLE: &str = "/login.css";
const PAGE: &str = include_str!("login.html");
const SHEET: &str = include_str!("login.css");
/// A form with a token and an address has no more bytes.
const MOST_BYTES: usize = 32 << 10;
/// A wrong token is answered late, so that guessing takes long.
const DELAY: Duration = Duration::from_millis(400);

/// Answers what belongs to the page; everything else is not its business.
pub(crate) async fn answer(token: &Token, request: Request) -> Result<Response, Request> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, FORM) => Ok(enter(token, request).await),
        (&Method::POST, OUT) => Ok(leave(token, request.headers())),
        (&Method::GET | &Method::HEAD, STYLE) => {
            let kind = HeaderValue::from_static("text/css; charset=utf-8");
            Ok(([(header::CONTENT_TYPE, kind)], SHEET).into_response())
        }
        _ => Err(request),
    }
}

/// The page in place of one that may not be seen yet, where a person asks for one.
pub(crate) fn page_instead(request: &Request) -> Option<Response> {
    let headers = request.headers();
    let wants_page = accepts_html(headers) && *request.method() == Method::GET;
    let path = request.uri().path();
    if !wants_page || path.starts_with("/api/") {
        return None;
    }
    let next = format!("{}{}", path.trim_start_matches('/'), query_without_token(request.uri()));
    Some(page(&next, path.matches('/').count().saturating_sub(1), ""))
}

async fn enter(token: &Token, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let form = to_bytes(body, MOST_BYTES).await.unwrap_or_default();
    let form = String::from_utf8_lossy(&form);
    let field = |name: &str| {
        let pair = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        pair.map(percent_decoded).unwrap_or_default()
    };
    let next = field("next");
    if !token.is_secret(field("token").trim()) {
        tokio::time::sleep(DELAY).await;
        return page(&next, 0, "That is not the token.");
    }
    let mut response = redirect(&next);
    put_cookie(&mut response, &token.set_cookie(&parts.headers));
    response
}

fn leave(token: &Token, headers: &HeaderMap) -> Response {
    let mut response = redirect("");
    put_cookie(&mut response, &format!("{}; Max-Age=0", set_cookie((token.cookie_name(), ""), headers)));
    response
}

/// Stays below the root, whatever it is called: nothing behind `./` names another server.
fn redirect(next: &str) -> Response {
    let location = HeaderValue::from_str(&format!("./{next}")).unwrap_or(HeaderValue::from_static("./"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

fn page(next: &str, depth: usize, problem: &str) -> Response {
    let html = PAGE.replacen("{base}", &"../".repeat(depth), 1).replacen("{problem}", problem, 1).replacen(
        "{next}",
        &escaped(next),
        1,
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::WWW_AUTHENTICATE, "Bearer"),
        // Without a referrer the form would come from the origin `null`.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    let headers: [(HeaderName, HeaderValue); 4] = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (StatusCode::UNAUTHORIZED, headers, html).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The session's cookie; over https it is never sent in clear.
pub(crate) fn set_cookie((name, value): (&str, &str), headers: &HeaderMap) -> String {
    let is_https = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let secure = if is_https { "; Secure" } else { "" };
    format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/{secure}")
}

/// Adds a cookie to an answer.
pub(crate) fn put_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The values of a cookie in a request.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(move |(name, value)| (name == wanted).then_some(value))
}

/// Whether a person with a browser asks.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"))
}

/// The query with its question mark, without a token.
pub(crate) fn query_without_token(uri: &Uri) -> String {
    let rest: Vec<_> = query_pairs(uri).filter(|pair| !pair.starts_with("token=")).collect();
    if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) }
}
