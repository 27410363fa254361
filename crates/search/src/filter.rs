//! Which points a query may find, by their payload.

use serde::{Deserialize, Serialize};

use crate::{CollectionSpec, Error};

/// A payload field that filters may name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its key in the payload; a field that holds a list matches when one of its values does.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
}

impl Field {
    /// The field `name` that holds `kind`.
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            name: name.into(),
            kind,
        }
    }
}

/// What a payload field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text compared as a whole.
    Keyword,
    /// Whole numbers.
    Integer,
}

impl FieldKind {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Integer => "integer",
        }
    }
}

/// A point passes when it meets every condition; without any, each does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Each must hold.
    pub all: Vec<Condition>,
}

impl Filter {
    /// A filter of conditions that must all hold.
    pub fn all(conditions: impl Into<Vec<Condition>>) -> Self {
        Self { all: conditions.into() }
    }

    pub(crate) fn check(&self, spec: &CollectionSpec) -> Result<(), Error> {
        self.all.iter().try_for_each(|condition| condition.check(spec))
    }
}

/// A value to compare a field with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// For a keyword field.
    Keyword(String),
    /// For an integer field.
    Integer(i64),
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Keyword(value.to_owned())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

/// One statement about one payload field; a point that lacks the field does not meet it.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The field has this value.
    Is {
        /// The field.
        field: String,
        /// Its value.
        value: Value,
    },
    /// The keyword field has one of these values.
    OneOf {
        /// The field.
        field: String,
        /// The values; none of them means nothing passes.
        values: Vec<String>,
    },
}

impl Condition {
    /// The field has this value.
    pub fn is(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Is {
            field: field.into(),
            value: value.into(),
        }
    }

    /// The keyword field has one of these values.
    pub fn one_of<S: Into<String>>(field: impl Into<String>, values: impl IntoIterator<Item = S>) -> Self {
        Self::OneOf {
            field: field.into(),
            values: values.into_iter().map(Into::into).collect(),
        }
    }

    fn field(&self) -> &str {
        match self {
            Self::Is { field, .. } | Self::OneOf { field, .. } => field,
        }
    }

    fn fits(&self, kind: FieldKind) -> bool {
        match self {
            Self::Is { value, .. } => matches!(
                (value, kind),
                (Value::Keyword(_), FieldKind::Keyword) | (Value::Integer(_), FieldKind::Integer)
            ),
            Self::OneOf { .. } => kind == FieldKind::Keyword,
        }
    }

    fn check(&self, spec: &CollectionSpec) -> Result<(), Error> {
        let name = self.field();
        let Some(field) = spec.fields.iter().find(|field| field.name == name) else {
            return Err(Error::UnknownField {
                collection: spec.name.clone(),
                field: name.to_owned(),
            });
        };
        if !self.fits(field.kind) {
            return Err(Error::FieldKind {
                field: name.to_owned(),
                kind: field.kind.name(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> CollectionSpec {
        CollectionSpec::new("tickets", 2)
            .with_field(Field::new("state", FieldKind::Keyword))
            .with_field(Field::new("number", FieldKind::Integer))
    }

    #[test]
    fn a_filter_may_name_declared_fields_only() {
        assert!(Filter::default().check(&spec()).is_ok());
        assert!(Filter::all([Condition::is("state", "open")]).check(&spec()).is_ok());
        assert!(matches!(
            Filter::all([Condition::is("mood", "sad")]).check(&spec()),
            Err(Error::UnknownField { field, .. }) if field == "mood"
        ));
    }

    #[test]
    fn a_value_must_be_of_the_fields_kind() {
        assert!(matches!(
            Filter::all([Condition::is("number", "seven")]).check(&spec()),
            Err(Error::FieldKind { kind: "integer", .. })
        ));
    }
}
