//! The origin of a request: its form, the name it calls this server by, and the page that a browser sent it for.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri, header};

use crate::http::problem::ApiError;

/// The longest address that is read.
const MAX_URL_BYTES: usize = 16 << 10;
/// The most headers, and their bytes.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 32 << 10;

/// Refuses requests with too long an address or headers. The connection bounds them too, but only by how it reads them.
pub(crate) fn check_form(request: &Request) -> Result<(), ApiError> {
    let bytes = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if bytes > MAX_URL_BYTES {
        return Err(ApiError::too_long(format!("the address has {bytes} bytes; at most {MAX_URL_BYTES} are read")));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(ApiError::head_too_long(format!(
            "the request has {} headers of {bytes} bytes; at most {MAX_HEADERS} of {MAX_HEADER_BYTES} are read",
            headers.len()
        )));
    }
    // Two servers in a row could take one each.
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 {
        return Err(ApiError::bad(format!("the request has {hosts} Host headers; expected one")));
    }
    Ok(())
}

/// A web page elsewhere must not reach a server that asks for no token under a name of its own that resolves to this
/// machine: only names of this machine, and the address that is served on, are answered.
pub(crate) fn check_host(request: &Request, served: IpAddr) -> Result<(), ApiError> {
    let authority = authority_of(request.headers(), request.uri());
    let host = authority.as_ref().map(Authority::host).unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_local = |ip: IpAddr| ip.is_loopback() || ip == served.to_canonical();
    let known = bare.strip_suffix('.').unwrap_or(bare).eq_ignore_ascii_case("localhost")
        || bare.parse().is_ok_and(|ip: IpAddr| is_local(ip.to_canonical()));
    if known {
        return Ok(());
    }
    Err(ApiError::forbidden(format!("this server does not answer to the host name `{host}`"))
        .hint("use localhost or 127.0.0.1; behind a proxy, start the server with a token"))
}

/// A page of another origin may not make this server work, even where it knows no secret and cannot read the answer.
pub(crate) fn check_origin(request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    let header_value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let refused = || Err(ApiError::forbidden("the request comes from a page of another origin"));
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match header_value("sec-fetch-site") {
        // A browser's own word; behind a proxy the names of the two may differ all the same.
        Some("same-origin") => return Ok(()),
        // Another port of this host is another origin, and may be another user's.
        Some("cross-site" | "same-site") => {
            // A navigation by a link, and neither a frame in that page nor what a browser loads in advance.
            let is_followed = header_value("sec-fetch-mode") == Some("navigate")
                && header_value("sec-fetch-dest").is_none_or(|kind| kind == "document")
                && header_value("sec-purpose").is_none();
            return if is_followed && is_read { Ok(()) } else { refused() };
        }
        _ => {}
    }
    if is_read {
        return Ok(());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
    let from = origin.as_ref().and_then(Uri::authority);
    if from.is_some() && from == authority_of(headers, request.uri()).as_ref() {
        return Ok(());
    }
    refused()
}

/// The name of the server in a request: that of a whole address goes before the header (RFC 9112, 3.2.2).
fn authority_of(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    let named = uri.authority().cloned().or_else(|| headers.get(header::HOST)?.to_str().ok()?.parse().ok());
    // With a user's name in front it is no name of a server.
    named.filter(|authority| !authority.as_str().contains('@'))
}
