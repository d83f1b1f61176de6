//! The page that asks for the token, and the cookie it becomes.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::http::authentication::{Attempt, Authentication, TokenSource, query_without_token};
use crate::http::peer::Peer;
use crate::http::percent_encoding::percent_decoded;
use crate::http::problem::ApiError;

/// The address of the form, relative to the root of the server.
const FORM: &str = "/login";
/// The address of the logout.
const OUT: &str = "/logout";
const STYLE: &str = "/login.css";
const PAGE: &str = include_str!("login.html");
const CSS: &str = include_str!("login.css");
/// A form with a token and an address has no more bytes.
const MAX_BYTES: usize = 32 << 10;
/// The longest time for a form to arrive: it was typed before.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers the requests of the login page, and passes all others on.
pub(crate) async fn answer(
    authentication: &Authentication,
    peer: &Peer,
    request: Request,
) -> Result<Response, Request> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, FORM) => Ok(enter(authentication, peer, request).await),
        (&Method::POST, OUT) => Ok(redirect("", Some(&authentication.end_session(peer, request.headers())))),
        (&Method::GET | &Method::HEAD, STYLE) => {
            let kind = HeaderValue::from_static("text/css; charset=utf-8");
            Ok(([(header::CONTENT_TYPE, kind)], CSS).into_response())
        }
        _ => Err(request),
    }
}

/// The login page in place of a page that needs the token; `None` for requests of programs.
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

async fn enter(authentication: &Authentication, peer: &Peer, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let form = match read(body).await {
        Ok(form) => form,
        Err(error) => return error.into_response(),
    };
    let field = |name: &str| {
        let pair = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        pair.map(percent_decoded).unwrap_or_default()
    };
    let next = field("next");
    if !authentication.is_secret(field("token").trim()) {
        authentication.wrong(peer, &parts.headers, Attempt { source: TokenSource::Login, path: FORM }).await;
        return page(&next, 0, "That is not the token.");
    }
    redirect(&next, Some(&authentication.begin_session(peer, &parts.headers)))
}

/// Reads a form from a client that has not shown a token.
async fn read(body: Body) -> Result<String, ApiError> {
    let form = timeout(FORM_TIMEOUT, to_bytes(body, MAX_BYTES)).await;
    let form =
        form.map_err(|_| ApiError::bad(format!("the form did not arrive within {} s", FORM_TIMEOUT.as_secs())))?;
    let form = form.map_err(|_| ApiError::bad(format!("the form was cut, or has more than {MAX_BYTES} bytes")))?;
    Ok(String::from_utf8_lossy(&form).into_owned())
}

/// Redirects to a path below the server's root: nothing behind `./` names another server. Relative, so that it also
/// holds under the prefix of a proxy.
pub(crate) fn redirect(next: &str, cookie: Option<&str>) -> Response {
    let location = HeaderValue::from_str(&format!("./{next}")).unwrap_or(HeaderValue::from_static("./"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
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

/// True for a request for a page.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"))
}
