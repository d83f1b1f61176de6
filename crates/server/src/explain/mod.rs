//! Why a network answers as it does: attribution maps over images, and what switching units off changes.
//! Computed on request, cached.

pub(crate) mod ablated;
pub(crate) mod ablation;
pub(crate) mod checks;
pub(crate) mod maps;
pub(crate) mod pictures;
pub(crate) mod switched_off;
pub(crate) mod test_sample;

use crate::http::problem::ApiError;

impl From<deepviz_attribution::Error> for ApiError {
    fn from(error: deepviz_attribution::Error) -> Self {
        use deepviz_attribution::Error;
        match error {
            Error::Net(source) => source.into(),
            Error::NotFinite => Self::unusable(error.to_string()),
            _ => Self::bad(error.to_string()),
        }
    }
}
