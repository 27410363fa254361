//! The models that take part in triage.

use std::path::Path;

use classifier::{EncoderId, Head};
use desk::ModelRef;
use encoder::Encoder;

/// The encoder and the two heads, as one revision of the desk's judgement.
pub struct Models {
    /// Text to unit vector.
    pub encoder: Encoder,
    /// What a ticket is about.
    pub category: Head,
    /// How soon it needs someone.
    pub priority: Head,
}

impl Models {
    /// The two heads from their folders, on an encoder that is already open.
    ///
    /// **Errors:** a head that is incomplete, has a wrong sum, or was trained on another encoder.
    pub fn open(encoder: Encoder, category: &Path, priority: &Path) -> Result<Self, classifier::ClassifierError> {
        let given = EncoderId {
            name: encoder.model().to_owned(),
            revision: encoder.revision().to_owned(),
            dimensions: encoder.dimensions(),
        };
        let head = |folder: &Path| -> Result<Head, classifier::ClassifierError> {
            let head = Head::open(folder)?;
            head.accept_encoder(&given)?;
            Ok(head)
        };
        Ok(Models {
            category: head(category)?,
            priority: head(priority)?,
            encoder,
        })
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
        ]
    }
}
