//! The routes: one module a subject, and the table of all of them.

pub(crate) mod ablated;
pub(crate) mod activity;
pub(crate) mod captions;
pub(crate) mod checkpoint_layer;
pub(crate) mod cluster_choice;
pub(crate) mod cluster_mean;
pub(crate) mod cluster_members;
pub(crate) mod clusters;
pub(crate) mod compare;
pub(crate) mod confusion;
pub(crate) mod connection_history;
pub(crate) mod connections;
pub(crate) mod corpora;
pub(crate) mod curves;
pub(crate) mod duplicates;
pub(crate) mod errors;
pub(crate) mod events;
pub(crate) mod example_stats;
pub(crate) mod explain;
pub(crate) mod explain_film;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod image_units;
pub(crate) mod images;
pub(crate) mod label_issue_export;
pub(crate) mod label_issues;
pub(crate) mod layer_ablation;
pub(crate) mod made_pictures;
pub(crate) mod method_checks;
pub(crate) mod metrics;
pub(crate) mod nearest;
pub(crate) mod params;
pub(crate) mod parts;
pub(crate) mod predict;
pub(crate) mod prediction_changes;
pub(crate) mod review;
pub(crate) mod run_detail;
pub(crate) mod run_list;
pub(crate) mod selectivity;
pub(crate) mod sent_images;
pub(crate) mod separation;
pub(crate) mod sheets;
pub(crate) mod slice;
pub(crate) mod status;
pub(crate) mod story;
pub(crate) mod strip;
pub(crate) mod top;
pub(crate) mod uploads;
pub(crate) mod versus;
pub(crate) mod weights;

use axum::Json;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::http::problem::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "deepViz",
        description = "See a convolutional network learn: its filters, activations, predictions, confusions and \
                       clusters at every checkpoint. Checkpoints are counted from 0 in step order. Errors are \
                       problem documents (RFC 9457). Pictures are immutable when the address carries `v`, the \
                       hash of the checkpoint (or the identity of the corpus).",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "runs", description = "Runs, their networks and measurements"),
        (name = "sheets", description = "Filters and activations as pictures and numbers"),
        (name = "statistics", description = "What was computed over the whole corpus"),
        (name = "compare", description = "Two runs, or two checkpoints of one, side by side"),
        (name = "corpora", description = "The images"),
        (name = "uploads", description = "Runs and corpora sent as archives, listed and deleted")
    )
)]
struct Document;

/// Every route of the interface, and its description at `/api/openapi.json`.
pub(crate) fn router() -> axum::Router<AppState> {
    let (router, document) = routes().split_for_parts();
    router.route("/api/openapi.json", get(move || async move { Json(document) }))
}

/// The description of the interface as JSON.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// Routes that take archives of any size; their own limits hold.
fn archives() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(uploads::list))
        .routes(routes!(uploads::put_run, uploads::delete_run))
        .routes(routes!(uploads::put_corpus, uploads::delete_corpus))
        .layer(DefaultBodyLimit::disable())
}

/// Why a network answers as it does.
fn explanations() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(explain::explain))
        .routes(routes!(explain_film::explanation_film))
        .routes(routes!(method_checks::method_checks))
        .routes(routes!(ablated::ablated))
        .routes(routes!(made_pictures::visualisation))
        .routes(routes!(made_pictures::inversion))
        .routes(routes!(layer_ablation::layer_ablation))
}

/// Two runs, two checkpoints of one, or two classes, side by side.
fn comparisons() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(compare::clock::clock))
        .routes(routes!(compare::errors::compared_errors))
        .routes(routes!(compare::images::compared_images))
        .routes(routes!(compare::layers::compared_layers))
        .routes(routes!(compare::units::compared_units))
        .routes(routes!(compare::lifelines::lifelines))
        .routes(routes!(separation::separation))
        .routes(routes!(versus::versus))
}

fn routes() -> OpenApiRouter<AppState> {
    let pictures = OpenApiRouter::new()
        .routes(routes!(sheets::sent_sheets))
        .routes(routes!(sheets::sent_layer_sheets))
        .routes(routes!(predict::predict_sent))
        .routes(routes!(explain::explain_sent))
        .routes(routes!(sent_images::send));
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(run_list::list_runs))
        .routes(routes!(curves::curves))
        .routes(routes!(run_detail::run_detail))
        .routes(routes!(graph::graph))
        .routes(routes!(status::status))
        .routes(routes!(metrics::metrics))
        .routes(routes!(story::story))
        .routes(routes!(story::own_sentences, story::put_own_sentences))
        .routes(routes!(events::events))
        .routes(routes!(sheets::weight_sheets))
        .routes(routes!(sheets::applied_sheets))
        .routes(routes!(sheets::layer_sheets))
        .routes(routes!(strip::strip))
        .routes(routes!(selectivity::preference))
        .routes(routes!(history::layer_history))
        .routes(routes!(predict::predict))
        .routes(routes!(predict::image_history))
        .routes(routes!(sent_images::sent_image))
        .routes(routes!(nearest::near))
        .routes(routes!(image_units::image_units))
        .routes(routes!(confusion::confusion))
        .routes(routes!(confusion::confusions))
        .routes(routes!(confusion::cell))
        .routes(routes!(clusters::clusters))
        .routes(routes!(clusters::cluster_history))
        .routes(routes!(captions::captions))
        .routes(routes!(cluster_members::members))
        .routes(routes!(cluster_members::overlap))
        .routes(routes!(cluster_mean::mean))
        .routes(routes!(slice::slice))
        .routes(routes!(top::top))
        .routes(routes!(connections::connections))
        .routes(routes!(connection_history::connection_history))
        .routes(routes!(activity::layer_activity))
        .routes(routes!(activity::activity_history))
        .routes(routes!(weights::weight_history))
        .routes(routes!(example_stats::ledger))
        .routes(routes!(example_stats::image_ledger))
        .routes(routes!(prediction_changes::moves))
        .routes(routes!(label_issues::suspects))
        .routes(routes!(label_issue_export::export_suspects))
        .routes(routes!(duplicates::duplicates))
        .routes(routes!(review::review))
        .routes(routes!(review::set_verdict, review::withdraw_verdict))
        .routes(routes!(corpora::list_corpora))
        .routes(routes!(corpora::search_images))
        .routes(routes!(corpora::image_detail))
        .routes(routes!(images::pixels))
        .routes(routes!(images::atlas))
        .merge(explanations())
        .merge(comparisons())
        .merge(pictures)
        .merge(archives())
}
