//! API tokens: a random secret shown once, its hash kept.

use desk::{Actor, ApiToken, EventKind, NewToken, Subject, SubjectKind};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::idempotency::{hex, sha256_hex};
use crate::page::{Page, PageRequest};
use crate::row::Columns;
use crate::sql::{Sql, insert_rows};
use crate::store::Store;
use crate::{events, micros};

const COLUMNS: &str = "id, name, role, prefix, created_at, revoked_at";
/// How secrets begin, so that they are found where they should not be.
const SECRET_START: &str = "desk_";
/// Characters of a secret that may be shown.
const PREFIX_CHARS: usize = 13;

/// A token that was just made; the only time its secret is seen.
#[derive(Clone)]
pub struct CreatedToken {
    /// The token as it is kept.
    pub token: ApiToken,
    /// What its holder sends. 256 random bits; only its SHA-256 is kept.
    pub secret: String,
}

/// Shows the token but never the secret.
impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedToken")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// What a secret is worth.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenCheck {
    /// It is of this token.
    Valid(ApiToken),
    /// It was of a token that was revoked.
    Revoked(ApiToken),
    /// It is of no token.
    Unknown,
}

impl Store {
    /// Makes a token.
    ///
    /// **Errors:** `Invalid`, or the database's.
    pub async fn create_token(&self, token: NewToken, actor: &Actor) -> Result<CreatedToken, StoreError> {
        let fields = token.validate().map_err(StoreError::Invalid)?;
        let secret = format!("{SECRET_START}{}", hex(&rand::random::<[u8; 32]>()));
        let token = ApiToken {
            id: Uuid::now_v7(),
            name: fields.name,
            role: fields.role,
            prefix: secret.chars().take(PREFIX_CHARS).collect(),
            created_at: micros::now(),
            revoked_at: None,
        };
        let mut transaction = self.database().begin().await?;
        let row = vec![
            token.id.into(),
            token.name.as_str().into(),
            token.role.as_str().into(),
            token.prefix.as_str().into(),
            token.created_at.into(),
            token.revoked_at.into(),
            secret_hash(&secret).into(),
        ];
        insert_rows(
            &mut transaction,
            &format!("INSERT INTO api_tokens ({COLUMNS}, secret_hash)"),
            vec![row],
        )
        .await
        .map_err(failed("store a token"))?;
        let data = [("name", token.name.clone()), ("role", token.role.to_string())];
        let event = events::event(
            token.created_at,
            actor,
            EventKind::TokenCreated,
            subject(token.id),
            data,
        );
        events::insert(&mut transaction, &[event]).await?;
        commit(transaction).await?;
        Ok(CreatedToken { token, secret })
    }

    /// All tokens, revoked ones too, oldest first.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_tokens(&self, page: &PageRequest) -> Result<Page<ApiToken>, StoreError> {
        let after = self.position(page, "tokens")?.unwrap_or_default();
        let text = format!("SELECT {COLUMNS} FROM api_tokens WHERE id > $1 ORDER BY id LIMIT $2");
        let sql = Sql::new(&text, [after.into(), (page.rows() + 1).into()]);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list tokens"))?;
        let tokens = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(self.page(tokens, page, "tokens", |token: &ApiToken| token.id.to_string()))
    }

    /// Revokes a token and gives it back; none when there is no such token.
    /// Revoking twice keeps the first time.
    ///
    /// **Errors:** the database's.
    pub async fn revoke_token(&self, id: Uuid, actor: &Actor) -> Result<Option<ApiToken>, StoreError> {
        let now = micros::now();
        let mut transaction = self.database().begin().await?;
        let text = "UPDATE api_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
        let revoked = Sql::new(text, [now.into(), id.into()]).execute(&mut transaction).await;
        if revoked.map_err(failed("revoke a token"))? > 0 {
            let event = events::event(now, actor, EventKind::TokenRevoked, subject(id), []);
            events::insert(&mut transaction, &[event]).await?;
        }
        let text = format!("SELECT {COLUMNS} FROM api_tokens WHERE id = $1");
        let row = Sql::new(&text, [id.into()]).optional(&mut transaction).await;
        let row = row.map_err(failed("read a token"))?;
        commit(transaction).await?;
        row.as_ref().map(read).transpose()
    }

    /// Whose secret this is.
    ///
    /// **Errors:** the database's.
    pub async fn check_token(&self, secret: &str) -> Result<TokenCheck, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM api_tokens WHERE secret_hash = $1");
        let mut reader = self.database().reader().await?;
        let row = Sql::new(&text, [secret_hash(secret).into()])
            .optional(&mut reader)
            .await;
        let token = row.map_err(failed("check a token"))?.as_ref().map(read).transpose()?;
        Ok(match token {
            Some(token) if token.revoked_at.is_some() => TokenCheck::Revoked(token),
            Some(token) => TokenCheck::Valid(token),
            None => TokenCheck::Unknown,
        })
    }
}

/// A plain hash is enough: the secret is random, there is nothing to guess.
fn secret_hash(secret: &str) -> String {
    sha256_hex(&[secret.as_bytes()])
}

fn subject(id: Uuid) -> Subject {
    Subject {
        kind: SubjectKind::Token,
        id,
    }
}

fn read(row: &AnyRow) -> Result<ApiToken, StoreError> {
    let mut columns = Columns::of(row);
    Ok(ApiToken {
        id: columns.id("token id")?,
        name: columns.text("token name")?,
        role: columns.word("token role")?,
        prefix: columns.text("token prefix")?,
        created_at: columns.time("token creation")?,
        revoked_at: columns.maybe_time("token revocation")?,
    })
}
