//! This crate's filters and points as Qdrant Edge takes them.

use std::collections::HashMap;

use qdrant_edge::{
    Condition as EdgeCondition, Filter as EdgeFilter, Payload as EdgePayload, PayloadFieldSchema, PointId,
    PointStructPersisted, SparseVector, VectorPersisted, VectorStructPersisted,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::candidates::{DENSE, SPARSE, TITLE};
use crate::search::Prepared;
use crate::{Condition, Error, FieldKind, Filter, Value};

/// The filter and, where given, only certain ids let in; none where everything passes.
pub(super) fn filter(filter: &Filter, only: Option<&[Uuid]>) -> Result<Option<EdgeFilter>, Error> {
    let passing = passing(filter)?;
    let Some(only) = only else { return Ok(passing) };
    let mut passing = passing.unwrap_or_default();
    let ids = only.iter().copied().map(PointId::Uuid).collect();
    passing.must.get_or_insert_default().push(EdgeCondition::HasId(ids));
    Ok(Some(passing))
}

fn passing(filter: &Filter) -> Result<Option<EdgeFilter>, Error> {
    if filter.all.is_empty() {
        return Ok(None);
    }
    let all: Vec<Json> = filter.all.iter().map(condition).collect();
    let filter = json!({ "must": all });
    serde_json::from_value(filter).map(Some).map_err(Error::Translate)
}

fn condition(condition: &Condition) -> Json {
    match condition {
        Condition::Is { field, value } => json!({ "key": field, "match": { "value": plain(value) } }),
        Condition::OneOf { field, values } => json!({ "key": field, "match": { "any": values } }),
    }
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Keyword(text) => json!(text),
        Value::Integer(number) => json!(number),
    }
}

/// The index of a field.
pub(super) fn index(kind: FieldKind) -> Result<PayloadFieldSchema, Error> {
    let schema = match kind {
        FieldKind::Keyword => json!("keyword"),
        FieldKind::Integer => json!("integer"),
    };
    serde_json::from_value(schema).map_err(Error::Translate)
}

/// The point as it is stored; without words it has no sparse vector.
pub(super) fn point(point: Prepared) -> PointStructPersisted {
    let mut vectors = HashMap::from([(DENSE.to_owned(), VectorPersisted::Dense(point.dense))]);
    if let Some(title) = point.title {
        vectors.insert(TITLE.to_owned(), VectorPersisted::Dense(title));
    }
    if !point.sparse.is_empty() {
        let sparse = SparseVector {
            indices: point.sparse.indices,
            values: point.sparse.values,
        };
        vectors.insert(SPARSE.to_owned(), VectorPersisted::Sparse(sparse));
    }
    PointStructPersisted {
        id: PointId::Uuid(point.id),
        vector: VectorStructPersisted::Named(vectors),
        payload: Some(EdgePayload(point.payload)),
    }
}

/// The id, where it is one of ours.
pub(super) fn uuid(id: PointId) -> Option<Uuid> {
    match id {
        PointId::Uuid(uuid) => Some(uuid),
        PointId::NumId(_) => None,
    }
}
