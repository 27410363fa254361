//! `/openapi.json` and the page that makes it browsable.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// What the document says besides its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Deskwise",
        description = "A support desk's tickets, triaged as they come in: category, priority, team, agent, language, \
            similar tickets and the reasons.\n\nErrors are RFC 9457 problem documents that name every bad field. Every \
            answer carries `X-Request-Id`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Bearer),
    security(("token" = [])),
    tags(
        (name = "tickets", description = "Submit, read, list and change tickets."),
        (name = "triage", description = "What the desk would decide, without storing anything."),
        (name = "accounts", description = "The client organisations."),
        (name = "contacts", description = "The people who write in."),
        (name = "teams", description = "Who answers which categories."),
        (name = "agents", description = "The people who answer tickets."),
        (name = "knowledge", description = "Articles, their versions, and the search that answers from them."),
        (name = "embeddings", description = "Vectors in the shape of OpenAI's API."),
        (name = "models", description = "Versions of the heads: which one decides, and how to switch."),
        (name = "operation", description = "For those who run the desk.")
    )
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document
            .components
            .get_or_insert_with(Default::default)
            .add_security_scheme("token", scheme);
    }
}
