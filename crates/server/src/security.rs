//! Who may ask: the Host header, the token, the origin; and the headers that every answer carries.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::login::{self, accepts_html, cookies, put_cookie, query_without_token, set_cookie};
use crate::problem::ApiError;

/// The content security policy: everything from this server, scripts and styles only from files.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/// The rules for one server.
pub(crate) struct Access {
    address: SocketAddr,
    token: Option<Token>,
}

/// The longest address that is read.
const MOST_URL_BYTES: usize = 16 << 10;
/// The most headers, and their bytes.
const MOST_HEADERS: usize = 100;
const MOST_HEADER_BYTES: usize = 32 << 10;

/// Hashes of the token and of the cookie that stands for it: compared in constant time by blake3.
pub(crate) struct Token {
    secret: blake3::Hash,
    cookie: blake3::Hash,
    /// Of the cookie. A browser keeps the cookies of all ports of a host together, and behind a proxy those of all
    /// prefixes: the name tells this server and its token from others there, so that none overwrites another's.
    name: String,
    text: String,
}

impl Token {
    /// Whether this is the token.
    pub(crate) fn is_secret(&self, found: &str) -> bool {
        blake3::hash(found.as_bytes()) == self.secret
    }

    fn is_cookie(&self, found: &str) -> bool {
        blake3::hash(found.as_bytes()) == self.cookie
    }

    /// What the browser's keepsake in place of the token is called.
    pub(crate) fn cookie_name(&self) -> &str {
        &self.name
    }

    /// The line that gives it to the browser.
    pub(crate) fn set_cookie(&self, headers: &HeaderMap) -> String {
        set_cookie((&self.name, &self.text), headers)
    }
}

impl Access {
    pub(crate) fn new(address: SocketAddr, token: Option<&str>) -> Self {
        let token = token.map(|token| {
            let session = blake3::Hash::from(blake3::derive_key("deepviz session cookie 1", token.as_bytes()));
            let cookie_text = session.to_hex().to_string();
            let name = blake3::derive_key("deepviz session cookie name 1", token.as_bytes());
            let name = format!("deepviz_session_{}_{}", address.port(), &blake3::Hash::from(name).to_hex()[..8]);
            Token {
                name,
                secret: blake3::hash(token.as_bytes()),
                cookie: blake3::hash(cookie_text.as_bytes()),
                text: cookie_text,
            }
        });
        Self { address, token }
    }

    /// Where there is a token it keeps strangers out, whatever name they use for this server; without one a
    /// web page elsewhere must not reach us under a name of its own that resolves to this machine.
    fn check_host(&self, request: &Request) -> Result<(), ApiError> {
        if self.token.is_some() {
            return Ok(());
        }
        let authority = authority_of(request.headers(), request.uri());
        let host = authority.as_ref().map(Authority::host).unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let known = bare.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == self.address.ip());
        if known {
            return Ok(());
        }
        Err(ApiError::forbidden(format!("this server does not answer to the host name `{host}`"))
            .hint("use localhost or 127.0.0.1; behind a proxy, start the server with a token"))
    }

    fn check_token(&self, request: &Request) -> Result<Admission, ApiError> {
        let Some(token) = &self.token else { return Ok(Admission::Open) };
        let headers = request.headers();
        if bearer(headers).is_some_and(|found| token.is_secret(found))
            || cookies(headers, token.cookie_name()).any(|found| token.is_cookie(found))
        {
            return Ok(Admission::Open);
        }
        if query_token(request.uri()).is_some_and(|found| found.iter().any(|found| token.is_secret(found))) {
            return Ok(Admission::Fresh(token.set_cookie(headers)));
        }
        Err(ApiError::unauthorized("this server asks for its token")
            .hint("send `Authorization: Bearer TOKEN`, or open the page once with ?token=TOKEN"))
    }
}

enum Admission {
    Open,
    /// Admitted by the address; the cookie to set.
    Fresh(String),
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
    response
}

async fn answer(access: &Access, request: Request, next: Next) -> Response {
    if let Err(error) =
        check_form(&request).and_then(|()| access.check_host(&request)).and_then(|()| check_origin(&request))
    {
        return error.into_response();
    }
    let request = match &access.token {
        Some(token) => match login::answer(token, request).await {
            Ok(response) => return response,
            Err(request) => request,
        },
        None => request,
    };
    match access.check_token(&request) {
        Ok(Admission::Open) => next.run(request).await,
        Ok(Admission::Fresh(cookie)) => {
            let mut response = match clean_location(&request) {
                Some(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
                None => next.run(request).await,
            };
            put_cookie(&mut response, &cookie);
            response
        }
        Err(error) => login::page_instead(&request).unwrap_or_else(|| error.into_response()),
    }
}

/// What the connection lets through is bounded already, but by how it is read, not by a promise.
fn check_form(request: &Request) -> Result<(), ApiError> {
    let bytes = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if bytes > MOST_URL_BYTES {
        return Err(ApiError::too_long(format!("the address has {bytes} bytes; at most {MOST_URL_BYTES} are read")));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || bytes > MOST_HEADER_BYTES {
        return Err(ApiError::head_too_long(format!(
            "the request has {} headers of {bytes} bytes; at most {MOST_HEADERS} of {MOST_HEADER_BYTES} are read",
            headers.len()
        )));
    }
    Ok(())
}

/// A page of another origin may not make this server work, even where it knows no secret.
fn check_origin(request: &Request) -> Result<(), ApiError> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    // A browser's own word; behind a proxy the names of the two may differ all the same.
    if request.headers().get("sec-fetch-site").is_some_and(|site| site == "same-origin") {
        return Ok(());
    }
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
    let from = origin.as_ref().and_then(Uri::authority);
    if from.is_some() && from == authority_of(request.headers(), request.uri()).as_ref() {
        return Ok(());
    }
    Err(ApiError::forbidden("the request comes from a page of another origin"))
}

fn authority_of(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match host {
        Some(host) => host.parse().ok(),
        None => uri.authority().cloned(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The parts of a query.
pub(crate) fn query_pairs(uri: &Uri) -> impl Iterator<Item = &str> {
    uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty())
}

/// The token in the address as it may be meant: as forms encode it, and as somebody types it.
fn query_token(uri: &Uri) -> Option<[String; 3]> {
    let value = query_pairs(uri).find_map(|pair| pair.strip_prefix("token="))?;
    let with_plus = crate::text::percent_decoded(&value.replace('+', "%2B"));
    Some([crate::text::percent_decoded(value), with_plus, value.to_owned()])
}

/// Where a browser goes on, so that the token does not stay in its address bar; relative, so that it also
/// holds under the prefix of a proxy. Scripts get their answer at once.
fn clean_location(request: &Request) -> Option<String> {
    if *request.method() != Method::GET || !accepts_html(request.headers()) {
        return None;
    }
    let last = request.uri().path().rsplit('/').next().unwrap_or_default();
    Some(format!("./{last}{}", query_without_token(request.uri())))
}
