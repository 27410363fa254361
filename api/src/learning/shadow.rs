//! How a version that is tried out stands beside the one in force.

use desk::model_version::active_version;
use desk::{Challenger, HeadRole, ShadowCounts};
use eval::paired::Paired;
use store::{Store, StoreError};

/// A version that is tried out, and what is known of it.
#[derive(Debug, Clone)]
pub struct Shadow {
    /// The version.
    pub challenger: Challenger,
    /// The version in force beside which it is tried out.
    pub active: i64,
    /// What both said.
    pub counts: ShadowCounts,
}

/// How the challenger of a head stands; none while none is tried out.
///
/// **Errors:** the database's.
pub async fn shadow(store: &Store, head: HeadRole) -> Result<Option<Shadow>, StoreError> {
    let challengers = store.list_challengers().await?;
    let Some(challenger) = challengers.into_iter().find(|challenger| challenger.head == head) else {
        return Ok(None);
    };
    let active = active_version(&store.list_activations(head).await?);
    let counts = store.shadow_counts(head, challenger.version, active).await?;
    Ok(Some(Shadow {
        challenger,
        active,
        counts,
    }))
}

impl Shadow {
    /// Both on the settled tickets; A is the version in force.
    pub fn settled(&self) -> Paired {
        Paired {
            both: self.counts.both_right,
            a_alone: self.counts.active_alone,
            b_alone: self.counts.challenger_alone,
            neither: self.counts.both_wrong,
        }
    }
}
