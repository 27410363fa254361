//! People who write in.

use desk::{Actor, Contact, ContactPatch, EventKind, NewContact, SubjectKind};
use uuid::Uuid;

use crate::error::StoreError;
use crate::noun::{Noun, Shared};
use crate::page::{Page, PageRequest};
use crate::row::Columns;
use crate::sql::Arg;
use crate::store::Store;

impl Noun for Contact {
    type Fields = NewContact;
    const TABLE: &'static str = "contacts";
    const COLUMNS: &'static [&'static str] = &["account_id", "name", "email", "language"];
    const UNIQUE: &'static str = "email";
    const SUBJECT: SubjectKind = SubjectKind::Contact;
    const CREATED: EventKind = EventKind::ContactCreated;
    const CHANGED: EventKind = EventKind::ContactChanged;

    fn values(fields: &NewContact) -> Result<Vec<Arg>, StoreError> {
        Ok(vec![
            fields.account_id.into(),
            fields.name.as_str().into(),
            (&fields.email).into(),
            (&fields.language).into(),
        ])
    }

    fn read(columns: &mut Columns<'_>) -> Result<NewContact, StoreError> {
        Ok(NewContact {
            account_id: columns.maybe_id("contact account_id")?,
            name: columns.text("contact name")?,
            email: columns.maybe_text("contact email")?,
            language: columns.maybe_text("contact language")?,
        })
    }

    fn with(fields: NewContact, shared: Shared) -> Self {
        Contact {
            id: shared.id,
            account_id: fields.account_id,
            name: fields.name,
            email: fields.email,
            language: fields.language,
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

    fn references(fields: &NewContact) -> Vec<(&'static str, &'static str, Option<Uuid>)> {
        vec![("accounts", "account_id", fields.account_id)]
    }
}

impl Store {
    /// Creates a contact.
    ///
    /// **Errors:** `Invalid`, `Taken`, `Unknown` account, or the database's.
    pub async fn create_contact(&self, contact: NewContact, actor: &Actor) -> Result<Contact, StoreError> {
        let fields = contact.validate().map_err(StoreError::Invalid)?;
        self.create_noun(fields, actor).await
    }

    /// The contact with this id.
    ///
    /// **Errors:** the database's.
    pub async fn get_contact(&self, id: Uuid) -> Result<Option<Contact>, StoreError> {
        self.get_noun(id).await
    }

    /// The contact with this mail address.
    ///
    /// **Errors:** the database's.
    pub async fn find_contact(&self, email: &str) -> Result<Option<Contact>, StoreError> {
        self.find_noun("email", email).await
    }

    /// All contacts, oldest first.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_contacts(&self, page: &PageRequest) -> Result<Page<Contact>, StoreError> {
        self.list_noun(page).await
    }

    /// Changes a contact and gives it back; none when there is no such contact.
    ///
    /// **Errors:** `Stale`, `Invalid`, `Taken`, `Unknown` account, or the database's.
    pub async fn update_contact(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        patch: ContactPatch,
        actor: &Actor,
    ) -> Result<Option<Contact>, StoreError> {
        let change = |contact: &Contact| patch.applied_to(contact).map_err(StoreError::Invalid);
        self.update_noun(id, expected_version, change, actor).await
    }
}
