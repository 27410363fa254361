//! Reading columns back as what they should be.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::StoreError;
use crate::micros;

/// Reads the columns of one row from left to right.
pub(crate) struct Columns<'r> {
    row: &'r AnyRow,
    at: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r AnyRow) -> Self {
        Columns { row, at: 0 }
    }

    pub(crate) fn maybe_text(&mut self, what: &'static str) -> Result<Option<String>, StoreError> {
        self.next(what)
    }

    pub(crate) fn maybe_int(&mut self, what: &'static str) -> Result<Option<i64>, StoreError> {
        self.next(what)
    }

    pub(crate) fn text(&mut self, what: &'static str) -> Result<String, StoreError> {
        self.maybe_text(what)?
            .ok_or_else(|| StoreError::corrupt(what, "is null"))
    }

    pub(crate) fn int(&mut self, what: &'static str) -> Result<i64, StoreError> {
        self.maybe_int(what)?
            .ok_or_else(|| StoreError::corrupt(what, "is null"))
    }

    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<Vec<u8>, StoreError> {
        self.next(what)
    }

    pub(crate) fn small(&mut self, what: &'static str) -> Result<i32, StoreError> {
        let int = self.int(what)?;
        i32::try_from(int).map_err(|error| StoreError::corrupt(what, error))
    }

    /// A value written as one word: an id, or an enum of `desk`.
    pub(crate) fn word<T>(&mut self, what: &'static str) -> Result<T, StoreError>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let text = self.text(what)?;
        text.parse().map_err(|error| StoreError::corrupt(what, error))
    }

    pub(crate) fn maybe_word<T>(&mut self, what: &'static str) -> Result<Option<T>, StoreError>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let parse = |text: String| text.parse().map_err(|error| StoreError::corrupt(what, error));
        self.maybe_text(what)?.map(parse).transpose()
    }

    pub(crate) fn id(&mut self, what: &'static str) -> Result<Uuid, StoreError> {
        self.word(what)
    }

    pub(crate) fn maybe_id(&mut self, what: &'static str) -> Result<Option<Uuid>, StoreError> {
        self.maybe_word(what)
    }

    pub(crate) fn time(&mut self, what: &'static str) -> Result<OffsetDateTime, StoreError> {
        let micros = self.int(what)?;
        micros::to_time(micros).ok_or_else(|| StoreError::corrupt(what, "is no time"))
    }

    pub(crate) fn maybe_time(&mut self, what: &'static str) -> Result<Option<OffsetDateTime>, StoreError> {
        let micros = self.maybe_int(what)?;
        let time = |micros| micros::to_time(micros).ok_or_else(|| StoreError::corrupt(what, "is no time"));
        micros.map(time).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self, what: &'static str) -> Result<T, StoreError> {
        let text = self.text(what)?;
        serde_json::from_str(&text).map_err(|error| StoreError::corrupt(what, error))
    }

    fn next<T>(&mut self, what: &'static str) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        self.at += 1;
        self.row
            .try_get(self.at - 1)
            .map_err(|error| StoreError::corrupt(what, error))
    }
}

/// A value as the JSON a row holds.
pub(crate) fn json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::corrupt(what, error))
}
