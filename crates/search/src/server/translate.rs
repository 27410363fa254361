//! This crate's filters and points as the Qdrant server takes them.

use std::collections::HashMap;

use qdrant_client::Payload as ServerPayload;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vector_output::Vector as StoredVector;
use qdrant_client::qdrant::with_vectors_selector::SelectorOptions;
use qdrant_client::qdrant::{
    Condition as ServerCondition, FieldType, Filter as ServerFilter, NamedVectors, PointId, PointStruct, Query,
    QueryPoints, QueryPointsBuilder, RetrievedPoint, Value as ServerValue, Vector, VectorInput, VectorsSelector,
};
use uuid::Uuid;

use crate::candidates::{By, DENSE, Lookup, SPARSE, TITLE};
use crate::search::Prepared;
use crate::{Condition, FieldKind, Filter, Payload, Stored, Value};

/// The question as one query of a batch.
pub(super) fn query(collection: &str, lookup: &Lookup) -> QueryPoints {
    let (vector, using) = match &lookup.by {
        By::Dense(vector) => (VectorInput::new_dense(vector.clone()), DENSE),
        By::Title(vector) => (VectorInput::new_dense(vector.clone()), TITLE),
        By::Sparse(words) => (
            VectorInput::new_sparse(words.indices.clone(), words.values.clone()),
            SPARSE,
        ),
    };
    QueryPointsBuilder::new(collection)
        .query(Query::new_nearest(vector))
        .using(using)
        .limit(lookup.limit_with_excluded() as u64)
        .filter(filter(&lookup.filter, lookup.only.as_deref()))
        .with_payload(false)
        .build()
}

/// The filter and, where given, only certain ids let in.
pub(super) fn filter(filter: &Filter, only: Option<&[Uuid]>) -> ServerFilter {
    let all = filter.all.iter().map(condition);
    ServerFilter::must(all.chain(only.map(has_id)))
}

fn has_id(ids: &[Uuid]) -> ServerCondition {
    ServerCondition::has_id(ids.iter().copied().map(point_id))
}

fn condition(condition: &Condition) -> ServerCondition {
    match condition {
        Condition::Is { field, value } => ServerCondition::matches(field, plain(value)),
        Condition::OneOf { field, values } => ServerCondition::matches(field, values.clone()),
    }
}

/// Named one by one: the client's own conversion would look a keyword with a space in it up word by word.
fn plain(value: &Value) -> MatchValue {
    match value {
        Value::Keyword(text) => MatchValue::Keyword(text.clone()),
        Value::Integer(number) => MatchValue::Integer(*number),
    }
}

/// The index of a field.
pub(super) fn index(kind: FieldKind) -> FieldType {
    match kind {
        FieldKind::Keyword => FieldType::Keyword,
        FieldKind::Integer => FieldType::Integer,
    }
}

/// The point as it is stored; without words it has no sparse vector.
pub(super) fn point(point: Prepared) -> PointStruct {
    let mut vectors = NamedVectors::default().add_vector(DENSE, Vector::new_dense(point.dense));
    if let Some(title) = point.title {
        vectors = vectors.add_vector(TITLE, Vector::new_dense(title));
    }
    if !point.sparse.is_empty() {
        vectors = vectors.add_vector(SPARSE, Vector::new_sparse(point.sparse.indices, point.sparse.values));
    }
    PointStruct::new(point_id(point.id), vectors, ServerPayload::from(point.payload))
}

/// The id as the server takes it.
pub(super) fn point_id(id: Uuid) -> PointId {
    PointId::from(id.to_string())
}

/// The id, where it is one of ours.
pub(super) fn uuid(id: Option<PointId>) -> Option<Uuid> {
    match id?.point_id_options? {
        PointIdOptions::Uuid(text) => text.parse().ok(),
        PointIdOptions::Num(_) => None,
    }
}

/// The selection of the dense vector of the text.
pub(super) fn dense_alone() -> SelectorOptions {
    SelectorOptions::Include(VectorsSelector {
        names: vec![DENSE.to_owned()],
    })
}

/// A point as it is stored; none without an id of ours or a vector.
pub(super) fn stored(point: RetrievedPoint) -> Option<Stored> {
    let StoredVector::Dense(vector) = point.vectors?.get_vector_by_name(DENSE)? else {
        return None;
    };
    Some(Stored {
        id: uuid(point.id)?,
        vector: vector.data,
        payload: payload(point.payload),
    })
}

/// The caller's own data.
pub(super) fn payload(payload: HashMap<String, ServerValue>) -> Payload {
    payload.into_iter().map(|(key, value)| (key, value.into())).collect()
}
