//! Which points a query may find, by their payload.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

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
    /// Numbers.
    Float,
    /// True or false.
    Bool,
    /// Points in time, in RFC 3339.
    Time,
    /// Running text in which phrases are looked up.
    Text,
}

impl FieldKind {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Text => "text",
        }
    }
}

/// A point passes when it meets every condition of `all`, one of `any` (where there are some) and none of `none`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Each must hold.
    pub all: Vec<Condition>,
    /// One must hold, unless this is empty.
    pub any: Vec<Condition>,
    /// None may hold.
    pub none: Vec<Condition>,
}

impl Filter {
    /// A filter of conditions that must all hold.
    pub fn all(conditions: impl Into<Vec<Condition>>) -> Self {
        Self {
            all: conditions.into(),
            ..Self::default()
        }
    }

    pub(crate) fn check(&self, spec: &CollectionSpec) -> Result<(), Error> {
        let mut conditions = self.all.iter().chain(&self.any).chain(&self.none);
        conditions.try_for_each(|condition| condition.check(spec))
    }
}

/// A value to compare a field with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// For a keyword field.
    Keyword(String),
    /// For an integer field.
    Integer(i64),
    /// For a bool field.
    Bool(bool),
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

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
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
    /// The number is at least `from` and at most `to`.
    Between {
        /// The field.
        field: String,
        /// None leaves this end open.
        from: Option<f64>,
        /// None leaves this end open.
        to: Option<f64>,
    },
    /// The moment is `from` or later and before `until`.
    During {
        /// The field.
        field: String,
        /// None leaves this end open.
        from: Option<OffsetDateTime>,
        /// None leaves this end open.
        until: Option<OffsetDateTime>,
    },
    /// The words of `phrase` stand in the text field side by side, in this order.
    Phrase {
        /// The field.
        field: String,
        /// The words.
        phrase: String,
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

    /// The words of `phrase` stand in the text field side by side.
    pub fn phrase(field: impl Into<String>, phrase: impl Into<String>) -> Self {
        Self::Phrase {
            field: field.into(),
            phrase: phrase.into(),
        }
    }

    fn field(&self) -> &str {
        match self {
            Self::Is { field, .. }
            | Self::OneOf { field, .. }
            | Self::Between { field, .. }
            | Self::During { field, .. }
            | Self::Phrase { field, .. } => field,
        }
    }

    fn fits(&self, kind: FieldKind) -> bool {
        match self {
            Self::Is { value, .. } => matches!(
                (value, kind),
                (Value::Keyword(_), FieldKind::Keyword)
                    | (Value::Integer(_), FieldKind::Integer)
                    | (Value::Bool(_), FieldKind::Bool)
            ),
            Self::OneOf { .. } => kind == FieldKind::Keyword,
            Self::Between { .. } => matches!(kind, FieldKind::Integer | FieldKind::Float),
            Self::During { .. } => kind == FieldKind::Time,
            Self::Phrase { .. } => kind == FieldKind::Text,
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
        let wrong = Filter {
            none: vec![Condition::is("number", "seven")],
            ..Filter::default()
        };
        assert!(matches!(
            wrong.check(&spec()),
            Err(Error::FieldKind { kind: "integer", .. })
        ));
    }
}
