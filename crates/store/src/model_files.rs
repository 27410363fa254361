//! The files of versions of heads, kept where every server on this database finds them.

use desk::HeadRole;
use desk::model_version::FIRST_VERSION;
use sqlx::AnyConnection;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::row::Columns;
use crate::sql::Sql;
use crate::store::Store;

/// One file of a version.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// Where it lies below the version's folder.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Shows how long it is, not what is in it.
impl std::fmt::Debug for ModelFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.path, self.bytes.len())
    }
}

impl Store {
    /// The files of a version, by their paths; nothing where none are kept.
    ///
    /// **Errors:** the database's.
    pub async fn model_files(&self, head: HeadRole, version: i64) -> Result<Vec<ModelFile>, StoreError> {
        let text = "SELECT path, bytes FROM model_files WHERE head = $1 AND version = $2 ORDER BY path";
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(text, [head.as_str().into(), version.into()])
            .all(&mut reader)
            .await;
        let rows = rows.map_err(failed("read the files of a version"))?;
        let file = |row| {
            let mut columns = Columns::of(row);
            Ok(ModelFile {
                path: columns.text("path of a model file")?,
                bytes: columns.bytes("bytes of a model file")?,
            })
        };
        rows.iter().map(file).collect()
    }

    /// The versions of a head whose files are not kept, but for the first, which comes with the program.
    ///
    /// **Errors:** the database's.
    pub async fn versions_without_files(&self, head: HeadRole) -> Result<Vec<i64>, StoreError> {
        let text = "SELECT version FROM model_versions WHERE head = $1 AND version <> $2 \
                    AND version NOT IN (SELECT version FROM model_files WHERE head = $1) ORDER BY version";
        let mut reader = self.database().reader().await?;
        let rows = Sql::new(text, [head.as_str().into(), FIRST_VERSION.into()])
            .all(&mut reader)
            .await;
        let rows = rows.map_err(failed("list the versions without files"))?;
        let version = |row| Columns::of(row).int("version without files");
        rows.iter().map(version).collect()
    }

    /// Keeps the files of a version that is known already; those that are kept stay as they are.
    ///
    /// **Errors:** the database's; no such version is one.
    pub async fn keep_model_files(&self, head: HeadRole, version: i64, files: &[ModelFile]) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        insert(&mut transaction, head, version, files).await?;
        commit(transaction).await
    }
}

pub(crate) async fn insert(
    to: &mut AnyConnection,
    head: HeadRole,
    version: i64,
    files: &[ModelFile],
) -> Result<(), StoreError> {
    let text = "INSERT INTO model_files (head, version, path, bytes) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (head, version, path) DO NOTHING";
    for file in files {
        let values = [
            head.as_str().into(),
            version.into(),
            file.path.as_str().into(),
            file.bytes.clone().into(),
        ];
        let kept = Sql::new(text, values).execute(to).await;
        kept.map_err(failed("keep a file of a version"))?;
    }
    Ok(())
}
