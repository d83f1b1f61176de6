//! The errors of routes as the description of the interface names them, once for each kind of route.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// A status and what it means.
type Documented = (&'static str, &'static str);

const MALFORMED: Documented = ("400", "the question cannot be read");
const FORBIDDEN: Documented = ("403", "uploads are not allowed here");
const NOT_FOUND: Documented = ("404", "there is no such thing");
const NOT_READY: Documented = ("409", "statistics or images that are needed are not there (yet)");
const TOO_LARGE: Documented = ("413", "the upload is too large");
const NOT_AN_IMAGE: Documented = ("415", "the upload is not an image");
const UNUSABLE: Documented = ("422", "a file on disk cannot be used");

/// Problem documents (RFC 9457) by status.
fn problems(documented: &[Documented]) -> BTreeMap<String, RefOr<Response>> {
    let response = |(status, description): &Documented| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(*description).content("application/problem+json", content);
        ((*status).to_owned(), RefOr::T(response.build()))
    };
    documented.iter().map(response).collect()
}

/// A kind of route and the errors that it answers with.
macro_rules! errors {
    ($($(#[$documentation:meta])* $name:ident: [$($error:expr),+ $(,)?];)+) => {$(
        $(#[$documentation])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                problems(&[$($error),+])
            }
        }
    )+};
}

errors! {
    /// Of routes that read a run, without a query.
    RunErrors: [NOT_FOUND, UNUSABLE];
    /// Of routes that read what a query chooses in a run.
    QueryErrors: [MALFORMED, NOT_FOUND, UNUSABLE];
    /// Of routes that need the statistics or the images of a run.
    StatisticsErrors: [MALFORMED, NOT_FOUND, NOT_READY, UNUSABLE];
    /// Of routes that take verdicts on labels.
    ReviewErrors: [
        MALFORMED,
        ("403", "the folder that holds the run cannot be written"),
        NOT_FOUND,
        NOT_READY,
        UNUSABLE,
        ("507", "the disk is full"),
    ];
    /// Of routes that read a corpus.
    CorpusErrors: [MALFORMED, NOT_FOUND, NOT_READY];
    /// Of routes that take an image as the body.
    SentImageErrors: [MALFORMED, NOT_FOUND, TOO_LARGE, NOT_AN_IMAGE, UNUSABLE];
    /// Of the route that takes the sentences that users write into a story.
    StoryErrors: [
        ("400", "the sentences cannot be read, or are too many or too long"),
        ("403", "the place beside the run cannot be written"),
        NOT_FOUND,
        ("409", "the sentences have changed since they were read"),
        ("422", "the file that is there cannot be used"),
        ("507", "the disk is full"),
    ];
    /// Of routes that take archives.
    ArchiveErrors: [
        ("400", "the archive or its name cannot be read"),
        FORBIDDEN,
        ("409", "there is one of that name"),
        ("413", "the archive is too large"),
        ("422", "what is in the archive cannot be used"),
        ("507", "the disk is full"),
    ];
    /// Of routes that list and delete uploads.
    UploadsForbidden: [FORBIDDEN];
}

/// The client has the answer already: its `If-None-Match` names it.
pub(crate) struct NotModified;

impl IntoResponses for NotModified {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response = ResponseBuilder::new().description("the client has it").build();
        [("304".to_owned(), RefOr::T(response))].into()
    }
}
