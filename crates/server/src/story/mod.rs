//! The story of a run: sentences that rules find in its statistics, each with its evidence, its picture and the view that
//! shows it; and the sentences that users add.
//!
//! A rule reads [`Material`](material::Material) and tells one [`Sentence`](sentence::Sentence), or why it tells none. It
//! compares means of several checkpoints ([`windows`]): a change within their spread is not reported.

pub(crate) mod counts;
pub(crate) mod material;
pub(crate) mod rules;
pub(crate) mod sentence;
pub(crate) mod user_sentences;
pub(crate) mod windows;
pub(crate) mod words;
