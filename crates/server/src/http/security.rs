//! Access: the middleware around every route, and the headers that every answer carries.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::authentication::{Attempt, Authentication, Identity, query_without_token};
use crate::http::body_until::BodyUntil;
use crate::http::login::{self, accepts_html};
use crate::http::origin::{check_form, check_host, check_origin};
use crate::http::peer::Peer;
use crate::http::problem::ApiError;
use crate::http::proxy::Proxies;

/// The content security policy: everything from this server, scripts and styles only from files.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/// The rules for one server.
pub(crate) struct Access {
    address: SocketAddr,
    authentication: Option<Authentication>,
}

impl Access {
    pub(crate) fn new(address: SocketAddr, token: Option<&str>, proxies: Proxies) -> Self {
        Self { address, authentication: token.map(|token| Authentication::new(address.port(), token, proxies)) }
    }
}

/// The middleware around every route.
pub(crate) async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let mut response = answer(&access, request, next).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if access.authentication.is_some() {
        keep_private(headers);
    }
    response
}

async fn answer(access: &Access, request: Request, next: Next) -> Response {
    let peer = Peer::of(request.extensions());
    if let Err(error) = check_form(&request).and_then(|()| check_origin(&request)) {
        return error.into_response();
    }
    let Some(authentication) = &access.authentication else {
        return match check_host(&request, access.address.ip()) {
            Ok(()) => {
                peer.is_let_in();
                next.run(request).await
            }
            Err(error) => error.into_response(),
        };
    };
    // Without a token nothing is answered, whatever name the client uses for this server.
    let request = match login::answer(authentication, &peer, request).await {
        Ok(response) => return response,
        Err(request) => request,
    };
    match authentication.identify(&request) {
        Identity::Known { session, by_address } => {
            peer.is_let_in();
            if let Some(location) = clean_location(&request).filter(|_| by_address) {
                let cookie = session.is_none().then(|| authentication.begin_session(&peer, request.headers()));
                return login::redirect(&location, cookie.as_deref());
            }
            let response = next.run(request).await;
            match session {
                // Other answers end by themselves.
                Some(session) if is_event_stream(&response) => {
                    response.map(|body| Body::new(BodyUntil::new(body, session.ended())))
                }
                _ => response,
            }
        }
        Identity::Wrong(source) => {
            authentication.wrong(&peer, request.headers(), Attempt { source, path: request.uri().path() }).await;
            refusal(&request)
        }
        Identity::None => refusal(&request),
    }
}

fn refusal(request: &Request) -> Response {
    login::page_instead(request).unwrap_or_else(|| {
        ApiError::unauthorized("this server asks for its token")
            .hint("send `Authorization: Bearer TOKEN`, or open the page once with ?token=TOKEN")
            .into_response()
    })
}

fn is_event_stream(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Answers that were given for a token are cached by the client alone, not by proxies; those with a cookie not at all.
fn keep_private(headers: &mut HeaderMap) {
    let cache_control = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or("no-cache");
    let private = if headers.contains_key(header::SET_COOKIE) || cache_control == "no-store" {
        "no-store".to_owned()
    } else {
        format!("private, {}", cache_control.trim_start_matches("public, "))
    };
    if let Ok(private) = HeaderValue::from_str(&private) {
        headers.insert(header::CACHE_CONTROL, private);
    }
    headers.append(header::VARY, HeaderValue::from_static("authorization, cookie"));
}

/// The address that a browser is redirected to, so that the token does not stay in its address bar; relative to the page.
/// Scripts get their answer at once.
fn clean_location(request: &Request) -> Option<String> {
    if *request.method() != Method::GET || !accepts_html(request.headers()) {
        return None;
    }
    let last = request.uri().path().rsplit('/').next().unwrap_or_default();
    Some(format!("{last}{}", query_without_token(request.uri())))
}
