//! The token and the sessions that stand for it: who a request comes from.

use axum::extract::Request;
use axum::http::{HeaderMap, Uri, header};

use crate::http::peer::Peer;
use crate::http::percent_encoding::percent_decoded;
use crate::http::proxy::Proxies;
use crate::http::session::{SessionHandle, Sessions, cookie, cookies};
use crate::http::token_throttle::TokenThrottle;

/// Characters of a path that are logged.
const LOGGED_CHARS: usize = 100;

/// The token of a server, and who has shown it.
pub(crate) struct Authentication {
    /// Compared in constant time by blake3.
    secret: blake3::Hash,
    /// Of the sessions' cookie. A browser keeps the cookies of all ports of a host together, and behind a proxy those of
    /// all prefixes: the name tells this server and its token from others there, so that none overwrites another's.
    cookie_name: String,
    sessions: Sessions,
    throttle: TokenThrottle,
    proxies: Proxies,
}

/// A token that was shown, and the path that was requested with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) source: TokenSource,
    pub(crate) path: &'a str,
}

/// The ways to show a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TokenSource {
    /// In the header `Authorization`.
    Bearer,
    /// In the URL, as `?token=`.
    Address,
    /// In the form of the login page.
    Login,
    /// As a session's cookie.
    Session,
}

impl TokenSource {
    fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Address => "address",
            Self::Login => "login form",
            Self::Session => "cookie",
        }
    }
}

/// Whom a request comes from.
pub(crate) enum Identity {
    /// The client is authenticated.
    Known {
        /// In this session.
        session: Option<SessionHandle>,
        /// The token is in the URL.
        by_address: bool,
    },
    /// It shows a token, or the cookie of a session, and none that is right.
    Wrong(TokenSource),
    /// It shows nothing.
    None,
}

impl Authentication {
    pub(crate) fn new(port: u16, token: &str, proxies: Proxies) -> Self {
        let mark = blake3::Hash::from(blake3::derive_key("deepviz session cookie name 1", token.as_bytes()));
        Self {
            secret: blake3::hash(token.as_bytes()),
            cookie_name: format!("deepviz_session_{port}_{}", &mark.to_hex()[..8]),
            sessions: Sessions::default(),
            throttle: TokenThrottle::default(),
            proxies,
        }
    }

    /// True for the token.
    pub(crate) fn is_secret(&self, found: &str) -> bool {
        blake3::hash(found.as_bytes()) == self.secret
    }

    /// The identity of a request; one proof that is right is enough, whatever else is wrong.
    pub(crate) fn identify(&self, request: &Request) -> Identity {
        let headers = request.headers();
        let in_address = query_token(request.uri());
        let by_address = in_address.as_ref().is_some_and(|found| found.iter().any(|found| self.is_secret(found)));
        let session = cookies(headers, &self.cookie_name).find_map(|id| self.sessions.find(id));
        let bearer = bearer(headers);
        if by_address || session.is_some() || bearer.is_some_and(|found| self.is_secret(found)) {
            return Identity::Known { session, by_address };
        }
        match (bearer, in_address, cookies(headers, &self.cookie_name).next()) {
            (Some(_), ..) => Identity::Wrong(TokenSource::Bearer),
            (_, Some(_), _) => Identity::Wrong(TokenSource::Address),
            (.., Some(_)) => Identity::Wrong(TokenSource::Session),
            _ => Identity::None,
        }
    }

    /// Begins a session for a client that has shown the token: the `Set-Cookie` line.
    pub(crate) fn begin_session(&self, peer: &Peer, headers: &HeaderMap) -> String {
        cookie(&self.cookie_name, &self.sessions.begin(), self.proxies.is_https(peer.address, headers))
    }

    /// Ends the session of a request, here and in the browser: the `Set-Cookie` line that deletes the cookie.
    pub(crate) fn end_session(&self, peer: &Peer, headers: &HeaderMap) -> String {
        for id in cookies(headers, &self.cookie_name) {
            self.sessions.end(id);
        }
        let gone = cookie(&self.cookie_name, "", self.proxies.is_https(peer.address, headers));
        format!("{gone}; Max-Age=0")
    }

    /// Logs a wrong token, and returns when its delay is over.
    pub(crate) async fn wrong(&self, peer: &Peer, headers: &HeaderMap, attempt: Attempt<'_>) {
        let Attempt { source, path } = attempt;
        let wrong = self.throttle.record_wrong(peer.address);
        if let Some(unlogged) = wrong.log {
            let behind = self.proxies.client(peer.address, headers);
            let behind = behind.map(|client| format!(" (a proxy, for {client})")).unwrap_or_default();
            let path: String = path.chars().take(LOGGED_CHARS).collect();
            let more =
                if unlogged == 0 { String::new() } else { format!("; {unlogged} more were not logged before it") };
            let (source, address) = (source.name(), peer.address.to_canonical());
            tracing::warn!("wrong token: {source}, from {address}{behind}, for {}{more}", path.escape_debug());
        }
        tokio::time::sleep(wrong.delay).await;
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

/// The query with its question mark, without a token.
pub(crate) fn query_without_token(uri: &Uri) -> String {
    let rest: Vec<_> = query_pairs(uri).filter(|pair| !pair.starts_with("token=")).collect();
    if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) }
}

/// The token in the address as it may be meant: as forms encode it, and as people type it.
fn query_token(uri: &Uri) -> Option<[String; 3]> {
    let value = query_pairs(uri).find_map(|pair| pair.strip_prefix("token="))?;
    let with_plus = percent_decoded(&value.replace('+', "%2B"));
    Some([percent_decoded(value), with_plus, value.to_owned()])
}
