//! The address of one sheet, as a list of sheets gives it.

use crate::api::sheets::params::SheetParams;
use crate::http::percent_encoding::percent_encoded;
use crate::http::problem::ApiError;
use crate::http::selection::text_from_indices;
use crate::sheet::model_input::ModelInput;
use crate::sheet::request::SheetRequest;

/// The address of the picture of a sheet, relative to the root of the server.
///
/// # Errors
/// 400 for an image that was sent: no address names it.
pub(super) fn address(params: &SheetParams, request: &SheetRequest, index: usize) -> Result<String, ApiError> {
    let apply = match &request.input {
        None => String::new(),
        Some(ModelInput::CorpusImage { id, .. }) => format!("/apply/{}", id.0),
        Some(ModelInput::UploadedImage(image)) => format!("/apply/{}", image.id.0),
        Some(ModelInput::Group { group, .. }) => format!("/apply/{}", percent_encoded(&group.text)),
        Some(ModelInput::SentImage { .. }) => {
            return Err(ApiError::bad("an uploaded image is applied at one checkpoint and one layer at a time"));
        }
    };
    let mut url = format!(
        "api/runs/{}/checkpoints/{index}/layers/{}/filters/{}/channels/{}{apply}?v={}",
        percent_encoded(&request.run.id),
        percent_encoded(&request.layer().name),
        text_from_indices(&request.filters),
        text_from_indices(&request.channels),
        request.listing.entries[index].hash,
    );
    let style = &params.style;
    let mut query = vec![
        ("normalise", style.normalise.clone()),
        ("palette", style.palette.clone()),
        ("scale", style.scale.map(|scale| scale.to_string())),
        ("columns", style.columns.map(|columns| columns.to_string())),
        ("space", style.space.clone()),
        ("percentile", style.percentile.map(|percentile| percentile.to_string())),
    ];
    if let Some(ModelInput::Group { minus, .. }) = &request.input {
        let limit = params.group.limit.map(|limit| limit.to_string());
        let minus = minus.as_ref().map(|minus| percent_encoded(&minus.text));
        query.extend([("minus", minus), ("split", params.group.split.clone()), ("limit", limit)]);
    }
    for (name, value) in query {
        if let Some(value) = value {
            url.extend(["&", name, "=", &value]);
        }
    }
    Ok(url)
}
