//! The categories a desk triages into. Any desk may bring its own.

use serde::{Deserialize, Serialize};

use crate::field::{Checks, FieldCode, FieldError, MAX_NAME_CHARS};

/// One category: its label and what belongs there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// The label in JSON, SQL and models, e.g. `how_to`.
    pub label: String,
    /// What belongs there, for people.
    pub description: String,
}

/// The categories of one desk, in the order they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxonomy {
    /// At least one, no label twice.
    pub categories: Vec<Category>,
}

impl Taxonomy {
    /// A taxonomy of these categories.
    ///
    /// **Errors:** no category, a blank label, or a label that occurs twice.
    pub fn new(categories: Vec<Category>) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        if categories.is_empty() {
            checks.refuse("categories", FieldCode::Empty, "must name at least one category");
        }
        for (at, category) in categories.iter().enumerate() {
            let field = format!("categories[{at}].label");
            checks.line(&field, &category.label, MAX_NAME_CHARS);
            if categories[..at].iter().any(|c| c.label == category.label) {
                checks.refuse(&field, FieldCode::Malformed, "occurs more than once");
            }
        }
        checks.finish(Taxonomy { categories })
    }

    /// A taxonomy of bare labels, as a head's manifest lists them.
    ///
    /// **Errors:** as [`Taxonomy::new`].
    pub fn from_labels<L: Into<String>>(labels: impl IntoIterator<Item = L>) -> Result<Self, Vec<FieldError>> {
        let category = |label: L| Category {
            label: label.into(),
            description: String::new(),
        };
        Self::new(labels.into_iter().map(category).collect())
    }

    /// Whether the desk has this category.
    pub fn contains(&self, label: &str) -> bool {
        self.categories.iter().any(|c| c.label == label)
    }

    /// The labels in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().map(|c| c.label.as_str())
    }

    /// Whether the desk has all of these categories.
    ///
    /// **Errors:** each that it does not have, as `categories[0]`.
    pub fn check_categories(&self, labels: &[String]) -> Result<(), Vec<FieldError>> {
        let mut checks = Checks::default();
        for (at, label) in labels.iter().enumerate() {
            self.check(&mut checks, &format!("categories[{at}]"), label);
        }
        checks.finish(())
    }

    pub(crate) fn check(&self, checks: &mut Checks, field: &str, label: &str) {
        if !self.contains(label) {
            let known: Vec<_> = self.labels().collect();
            let message = format!("is none of the categories {}", known.join(", "));
            checks.refuse(field, FieldCode::Unknown, message);
        }
    }
}

/// Label and description of the categories a fresh installation triages into.
const DEFAULT_CATEGORIES: &[(&str, &str)] = &[
    (
        "account_access",
        "cannot sign in: password, locked account, second factor, invitation, user rights",
    ),
    (
        "billing_payment",
        "invoices, charges, refunds, payment methods, tax, agreed prices",
    ),
    (
        "orders_delivery",
        "order status, shipping, wrong or missing goods, returns and exchanges",
    ),
    (
        "technical_problem",
        "something that should work fails: errors, outages, slowness, lost data",
    ),
    (
        "how_to",
        "how something is done, configured, exported or found; no fault",
    ),
    ("feature_request", "wishes for something the product does not do"),
    (
        "onboarding_training",
        "a new client's set-up, kick-off, training, data hand-over",
    ),
    ("cancellation", "cancel, downgrade, not renew, leave, or the threat to"),
    (
        "security_privacy",
        "suspicious activity, phishing, data requests and deletion, compliance",
    ),
    (
        "complaint_feedback",
        "dissatisfaction, praise or survey answers with no other request",
    ),
    ("other", "spam, misdirected, empty, unintelligible, none of the above"),
];

impl Default for Taxonomy {
    fn default() -> Self {
        let categories = DEFAULT_CATEGORIES
            .iter()
            .map(|&(label, description)| Category {
                label: label.to_owned(),
                description: description.to_owned(),
            })
            .collect();
        Taxonomy { categories }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_taxonomy_is_a_valid_one() {
        let default = Taxonomy::default();
        assert_eq!(default.categories.len(), 11);
        assert_eq!(Taxonomy::new(default.categories.clone()), Ok(default));
    }

    #[test]
    fn a_label_twice_and_no_label_are_refused() {
        assert!(Taxonomy::from_labels(["a", "b", "a"]).is_err());
        assert!(Taxonomy::from_labels(Vec::<String>::new()).is_err());
        assert!(Taxonomy::from_labels(["a", " "]).is_err());
    }
}
