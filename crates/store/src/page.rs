//! Lists in pages: a stable order and a cursor that says where the next page starts.

use serde::{Deserialize, Serialize};

use crate::cursor;
use crate::error::StoreError;
use crate::store::Store;

/// Rows of a page when the caller names no number.
const DEFAULT_ROWS: u32 = 50;
/// Most rows of a page.
const MAX_ROWS: u32 = 1_000;

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Rows wanted, 1 to 1,000; 50 when left out. Larger numbers are cut.
    pub limit: Option<u32>,
    /// [`Page::next`] of the page before, none for the first.
    pub cursor: Option<String>,
}

impl PageRequest {
    /// The first page with this many rows.
    pub fn first(limit: u32) -> Self {
        PageRequest {
            limit: Some(limit),
            cursor: None,
        }
    }

    /// The page after one that ended in this cursor.
    pub fn after(limit: u32, cursor: String) -> Self {
        PageRequest {
            limit: Some(limit),
            cursor: Some(cursor),
        }
    }

    pub(crate) fn rows(&self) -> i64 {
        self.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS).into()
    }
}

/// Some rows of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows in the list's order.
    pub items: Vec<T>,
    /// Cursor of the next page; none at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Acts on every row of a list, of which `read` gives one page.
    ///
    /// **Errors:** those of `read`.
    pub async fn each<E, F: Future<Output = Result<Page<T>, E>>>(
        mut read: impl FnMut(PageRequest) -> F,
        mut act: impl FnMut(T),
    ) -> Result<(), E> {
        let mut request = PageRequest::first(MAX_ROWS);
        loop {
            let page = read(request).await?;
            page.items.into_iter().for_each(&mut act);
            let Some(next) = page.next else { return Ok(()) };
            request = PageRequest::after(MAX_ROWS, next);
        }
    }

    /// Every row of a list, of which `read` gives one page.
    ///
    /// **Errors:** those of `read`.
    pub async fn all<E, F: Future<Output = Result<Page<T>, E>>>(
        read: impl FnMut(PageRequest) -> F,
    ) -> Result<Vec<T>, E> {
        let mut rows = Vec::new();
        Page::each(read, |row| rows.push(row)).await?;
        Ok(rows)
    }
}

impl Store {
    /// Where a page of `list` starts: the position of the row before it.
    pub(crate) fn position(&self, page: &PageRequest, list: &str) -> Result<Option<String>, StoreError> {
        let open = |cursor: &String| cursor::open(self.cursor_key(), list, cursor).ok_or(StoreError::ForeignCursor);
        page.cursor.as_ref().map(open).transpose()
    }

    /// A page of rows that were read with one more than wanted.
    pub(crate) fn page<T>(
        &self,
        mut items: Vec<T>,
        page: &PageRequest,
        list: &str,
        position: impl Fn(&T) -> String,
    ) -> Page<T> {
        let wanted = page.rows() as usize;
        let more = items.len() > wanted;
        items.truncate(wanted);
        let last = items.last().filter(|_| more);
        let next = last.map(|last| cursor::seal(self.cursor_key(), list, &position(last)));
        Page { items, next }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn all_rows_come_page_by_page() {
        let pages = |request: PageRequest| async move {
            let (items, next) = match request.cursor.as_deref() {
                None => (vec![1, 2], Some("second".to_owned())),
                Some("second") => (vec![3], Some("third".to_owned())),
                _ => (vec![], None),
            };
            Ok::<_, Infallible>(Page { items, next })
        };
        assert_eq!(Page::all(pages).await, Ok(vec![1, 2, 3]));
    }
}
