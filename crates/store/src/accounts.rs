//! Client organisations.

use desk::{Account, AccountPatch, Actor, EventKind, NewAccount, SubjectKind};
use uuid::Uuid;

use crate::error::StoreError;
use crate::noun::{Noun, Shared};
use crate::page::{Page, PageRequest};
use crate::row::Columns;
use crate::sql::Arg;
use crate::store::Store;

impl Noun for Account {
    type Fields = NewAccount;
    const TABLE: &'static str = "accounts";
    const COLUMNS: &'static [&'static str] = &["name", "external_id", "domain", "tier"];
    const UNIQUE: &'static str = "external_id";
    const SUBJECT: SubjectKind = SubjectKind::Account;
    const CREATED: EventKind = EventKind::AccountCreated;
    const CHANGED: EventKind = EventKind::AccountChanged;

    fn values(fields: &NewAccount) -> Result<Vec<Arg>, StoreError> {
        Ok(vec![
            fields.name.as_str().into(),
            (&fields.external_id).into(),
            (&fields.domain).into(),
            (&fields.tier).into(),
        ])
    }

    fn read(columns: &mut Columns<'_>) -> Result<NewAccount, StoreError> {
        Ok(NewAccount {
            name: columns.text("account name")?,
            external_id: columns.maybe_text("account external_id")?,
            domain: columns.maybe_text("account domain")?,
            tier: columns.maybe_text("account tier")?,
        })
    }

    fn with(fields: NewAccount, shared: Shared) -> Self {
        Account {
            id: shared.id,
            name: fields.name,
            external_id: fields.external_id,
            domain: fields.domain,
            tier: fields.tier,
            version: shared.version,
            created_at: shared.created_at,
            updated_at: shared.updated_at,
        }
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}

impl Store {
    /// Creates an account.
    ///
    /// **Errors:** `Invalid`, `Taken`, or the database's.
    pub async fn create_account(&self, account: NewAccount, actor: &Actor) -> Result<Account, StoreError> {
        let fields = account.validate().map_err(StoreError::Invalid)?;
        self.create_noun(fields, actor).await
    }

    /// The account with this id.
    ///
    /// **Errors:** the database's.
    pub async fn get_account(&self, id: Uuid) -> Result<Option<Account>, StoreError> {
        self.get_noun(id).await
    }

    /// The account with this external id.
    ///
    /// **Errors:** the database's.
    pub async fn find_account(&self, external_id: &str) -> Result<Option<Account>, StoreError> {
        self.find_noun("external_id", external_id).await
    }

    /// All accounts, oldest first.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_accounts(&self, page: &PageRequest) -> Result<Page<Account>, StoreError> {
        self.list_noun(page).await
    }

    /// Changes an account and gives it back; none when there is no such account.
    ///
    /// **Errors:** `Stale`, `Invalid`, `Taken`, or the database's.
    pub async fn update_account(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        patch: AccountPatch,
        actor: &Actor,
    ) -> Result<Option<Account>, StoreError> {
        let change = |account: &Account| patch.applied_to(account).map_err(StoreError::Invalid);
        self.update_noun(id, expected_version, change, actor).await
    }
}
