//! Versions that are tried out: asked about every ticket beside the one in force, with the same vector, deciding
//! nothing.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use desk::{HeadRole, LabelChoice, Said, ShadowJudgement};

use crate::Triage;
use crate::assess::{Assessment, choice};
use crate::error::TriageError;
use crate::models::{Models, VersionedHead};

impl Triage {
    /// Tries the version in a folder out, in the place of any other of this head; the folder must hold the head of this
    /// `revision`, where one is given.
    ///
    /// **Errors:** `Head`, and nothing changes.
    pub async fn set_challenger(
        &self,
        role: HeadRole,
        version: i64,
        revision: Option<String>,
        folder: PathBuf,
    ) -> Result<(), TriageError> {
        let head = self.open_head(role, revision, folder).await?;
        self.put_challenger(role, Some(VersionedHead::new(version, head)));
        Ok(())
    }

    /// Stops trying out a version of this head.
    pub fn drop_challenger(&self, role: HeadRole) {
        self.put_challenger(role, None);
    }

    fn put_challenger(&self, role: HeadRole, head: Option<VersionedHead>) {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        *models = Arc::new(models.with_challenger(role, head));
    }
}

/// What the versions that are tried out say of a text, beside what was said by those in force.
///
/// One that fails is logged and says nothing: it must never keep a ticket from its decision.
pub(crate) fn judge(models: &Models, text: &str, assessment: &Assessment) -> Vec<ShadowJudgement> {
    if models.challengers().next().is_none() {
        return Vec::new();
    }
    let text = desk::text::without_quoted_history(text);
    models
        .challengers()
        .filter_map(
            |(role, challenger)| match challenger.assess(&text, &assessment.embedded.vector) {
                Ok(assessed) => Some(ShadowJudgement {
                    head: role,
                    active: said(models.head(role).version, assessment.choice(role)),
                    challenger: said(challenger.version, &choice(assessed)),
                }),
                Err(error) => {
                    tracing::warn!(head = %role, version = challenger.version, error = %error, "a challenger failed");
                    None
                }
            },
        )
        .collect()
}

fn said(version: i64, choice: &LabelChoice) -> Said {
    Said {
        version,
        label: choice.best().map(str::to_owned),
        is_sure: choice.label.is_some(),
    }
}
