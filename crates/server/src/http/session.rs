//! Sessions: what a browser holds in place of the token.
//!
//! Each login has a session of its own with an id that is random and known to no other client. Sessions are kept in memory
//! only: they end when the server does.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use tokio::sync::watch;

/// Sessions at a time; for one more the one that was used longest ago ends.
const MAX_SESSIONS: usize = 1_024;
/// A session that is not used for so long ends.
const IDLE: Duration = Duration::from_hours(7 * 24);
/// However much it is used, it ends so long after the login.
const LIFE: Duration = Duration::from_hours(30 * 24);

/// The sessions of one server.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<blake3::Hash, Session>>);

struct Session {
    began: Instant,
    used: Instant,
    /// Dropped with the session, which ends the receivers.
    ended: watch::Sender<()>,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.used) >= IDLE || now.duration_since(self.began) >= LIFE
    }
}

/// A session that a request came with.
pub(crate) struct SessionHandle(watch::Receiver<()>);

impl SessionHandle {
    /// Completes when the session has ended, by logout or otherwise.
    pub(crate) async fn ended(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

impl Sessions {
    /// Begins a session: its id, 64 hexadecimal digits.
    pub(crate) fn begin(&self) -> String {
        self.begin_at(Instant::now())
    }

    fn begin_at(&self, now: Instant) -> String {
        let id = blake3::Hash::from(rand::random::<[u8; 32]>()).to_hex().to_string();
        let mut sessions = self.all();
        sessions.retain(|_, session| !session.is_over(now));
        if sessions.len() >= MAX_SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(key(&id), Session { began: now, used: now, ended: watch::Sender::new(()) });
        id
    }

    /// The session of this id, which is used by this.
    pub(crate) fn find(&self, id: &str) -> Option<SessionHandle> {
        self.find_at(id, Instant::now())
    }

    fn find_at(&self, id: &str, now: Instant) -> Option<SessionHandle> {
        let mut sessions = self.all();
        let session = sessions.get_mut(&key(id)).filter(|session| !session.is_over(now))?;
        session.used = now;
        Some(SessionHandle(session.ended.subscribe()))
    }

    /// Ends a session, where there is one of this id.
    pub(crate) fn end(&self, id: &str) {
        self.all().remove(&key(id));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<blake3::Hash, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looked up by hash, so that the time it takes tells nothing of how much of an id is right.
fn key(id: &str) -> blake3::Hash {
    blake3::hash(id.as_bytes())
}

/// The line that gives a cookie to the browser; over https it is never sent in clear.
pub(crate) fn cookie(name: &str, value: &str, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/{secure}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_login_has_a_session_of_its_own_until_logout() {
        let sessions = Sessions::default();
        let (one, two) = (sessions.begin(), sessions.begin());
        assert_ne!(one, two);
        assert_eq!(one.len(), 64);
        assert!(sessions.find(&one).is_some() && sessions.find(&two).is_some());
        sessions.end(&one);
        assert!(sessions.find(&one).is_none() && sessions.find(&two).is_some());
        assert!(sessions.find("").is_none() && sessions.find(&two[..63]).is_none());
    }

    #[test]
    fn sessions_end_when_nobody_uses_them_and_after_a_month() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let (left, used) = (sessions.begin_at(start), sessions.begin_at(start));
        let mut day = start;
        for _ in 0..29 {
            day += Duration::from_hours(24);
            assert!(sessions.find_at(&used, day).is_some());
        }
        assert!(sessions.find_at(&left, start + IDLE).is_none());
        assert!(sessions.find_at(&used, start + LIFE).is_none());
        sessions.begin_at(start + LIFE);
        assert_eq!(sessions.all().len(), 1, "sessions that are over are forgotten");
    }

    #[test]
    fn there_are_so_many_and_the_one_used_longest_ago_goes() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let at = |number: usize| start + Duration::from_secs(number as u64);
        let ids: Vec<String> = (0..MAX_SESSIONS).map(|number| sessions.begin_at(at(number))).collect();
        assert!(sessions.find_at(&ids[0], at(MAX_SESSIONS)).is_some());
        sessions.begin_at(at(MAX_SESSIONS + 1));
        assert_eq!(sessions.all().len(), MAX_SESSIONS);
        assert!(sessions.find_at(&ids[0], at(MAX_SESSIONS + 2)).is_some());
        assert!(sessions.find_at(&ids[1], at(MAX_SESSIONS + 2)).is_none());
    }

    #[tokio::test]
    async fn who_holds_a_session_hears_that_it_ended() {
        let sessions = Sessions::default();
        let id = sessions.begin();
        let ended = sessions.find(&id).unwrap().ended();
        sessions.end(&id);
        ended.await;
    }
}
