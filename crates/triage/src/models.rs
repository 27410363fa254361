//! The models that take part in triage.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use classifier::{EncoderId, Head};
use desk::model_version::FIRST_VERSION;
use desk::{DuplicateModel, HeadRole, ModelRef};
use encoder::Encoder;

/// The encoder, the two heads and the model of duplicates, as one revision of the desk's judgement.
pub struct Models {
    /// Text to unit vector.
    pub encoder: Encoder,
    /// What a ticket is about.
    pub category: VersionedHead,
    /// How soon it needs someone.
    pub priority: VersionedHead,
    /// Which tickets are about the same matter.
    pub duplicates: Arc<DuplicateModel>,
    /// Versions that are tried out.
    challengers: BTreeMap<HeadRole, VersionedHead>,
    /// What the desk asks of heads in the place of their manifests.
    precisions: BTreeMap<HeadRole, f64>,
}

/// A head and which of the desk's versions of it this is.
#[derive(Clone)]
pub struct VersionedHead {
    /// The number of the version.
    pub version: i64,
    head: Arc<Head>,
}

impl VersionedHead {
    pub(crate) fn new(version: i64, head: Head) -> Self {
        VersionedHead {
            version,
            head: Arc::new(head),
        }
    }
}

impl std::ops::Deref for VersionedHead {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl Models {
    /// The first versions of the two heads from their folders, on an encoder that is already open.
    ///
    /// **Errors:** a head that is incomplete, has a wrong sum, or was trained on another encoder.
    pub fn open(
        encoder: Encoder,
        category: &Path,
        priority: &Path,
        duplicates: DuplicateModel,
    ) -> Result<Self, classifier::ClassifierError> {
        let given = identity(&encoder);
        let head = |folder: &Path| -> Result<Head, classifier::ClassifierError> {
            let head = Head::open(folder)?;
            head.accept_encoder(&given)?;
            Ok(head)
        };
        let category = head(category)?;
        let priority = head(priority)?.sharing_features_of(&category);
        Ok(Models {
            category: VersionedHead::new(FIRST_VERSION, category),
            priority: VersionedHead::new(FIRST_VERSION, priority),
            encoder,
            duplicates: Arc::new(duplicates),
            challengers: BTreeMap::new(),
            precisions: BTreeMap::new(),
        })
    }

    /// The same models with one head asked for another precision than its manifest says; so is every version that takes
    /// its place or is tried out.
    ///
    /// **Errors:** a precision that is not between 0 and 1.
    pub fn with_target_precision(mut self, role: HeadRole, target: f64) -> Result<Self, classifier::ClassifierError> {
        self.precisions.insert(role, target);
        let VersionedHead { version, head } = self.head(role).clone();
        let head = self.aimed(role, Arc::unwrap_or_clone(head))?;
        Ok(self.with_head(role, VersionedHead::new(version, head)))
    }

    /// A head of this role, asked for what the desk asks of it.
    ///
    /// **Errors:** as [`Models::with_target_precision`].
    pub(crate) fn aimed(&self, role: HeadRole, head: Head) -> Result<Head, classifier::ClassifierError> {
        match self.precisions.get(&role) {
            Some(&target) => head.with_target_precision(target),
            None => Ok(head),
        }
    }

    /// The head of a role.
    pub fn head(&self, role: HeadRole) -> &VersionedHead {
        match role {
            HeadRole::Category => &self.category,
            HeadRole::Priority => &self.priority,
        }
    }

    /// The version of a head that is tried out beside the one in use; none while none is.
    pub fn challenger(&self, role: HeadRole) -> Option<&VersionedHead> {
        self.challengers.get(&role)
    }

    /// Every version that is tried out.
    pub(crate) fn challengers(&self) -> impl Iterator<Item = (HeadRole, &VersionedHead)> {
        self.challengers.iter().map(|(role, head)| (*role, head))
    }

    /// The same models with another version of a head tried out, or none.
    pub(crate) fn with_challenger(&self, role: HeadRole, head: Option<VersionedHead>) -> Self {
        let mut models = self.with_head(role, self.head(role).clone());
        match head {
            Some(head) => models.challengers.insert(role, head),
            None => models.challengers.remove(&role),
        };
        models
    }

    /// The same models with another version of one head.
    pub(crate) fn with_head(&self, role: HeadRole, head: VersionedHead) -> Self {
        let (category, priority) = match role {
            HeadRole::Category => (head, self.priority.clone()),
            HeadRole::Priority => (self.category.clone(), head),
        };
        Models {
            encoder: self.encoder.clone(),
            category,
            priority,
            duplicates: Arc::clone(&self.duplicates),
            challengers: self.challengers.clone(),
            precisions: self.precisions.clone(),
        }
    }

    /// Name and revision of each, as a decision keeps them.
    pub fn refs(&self) -> Vec<ModelRef> {
        let model = |role: &str, name: &str, revision: &str| ModelRef {
            role: role.to_owned(),
            name: name.to_owned(),
            revision: revision.to_owned(),
        };
        vec![
            model("encoder", self.encoder.model(), self.encoder.revision()),
            model("category", self.category.name(), self.category.revision()),
            model("priority", self.priority.name(), self.priority.revision()),
            model("duplicates", "duplicates", &self.duplicates.revision),
        ]
    }
}

/// What the heads must have been trained on.
pub(crate) fn identity(encoder: &Encoder) -> EncoderId {
    EncoderId {
        name: encoder.model().to_owned(),
        revision: encoder.revision().to_owned(),
        dimensions: encoder.dimensions(),
        max_tokens: encoder.max_tokens(),
    }
}
