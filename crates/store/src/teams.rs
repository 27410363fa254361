//! Teams and the categories they serve.

use desk::{Actor, EventKind, NewTeam, SubjectKind, Team, TeamPatch};
use uuid::Uuid;

use crate::error::StoreError;
use crate::noun::{Noun, Shared};
use crate::page::{Page, PageRequest};
use crate::row::{Columns, json};
use crate::sql::Arg;
use crate::store::Store;

impl Noun for Team {
    type Fields = NewTeam;
    const TABLE: &'static str = "teams";
    const COLUMNS: &'static [&'static str] = &["name", "categories"];
    const UNIQUE: &'static str = "name";
    const SUBJECT: SubjectKind = SubjectKind::Team;
    const CREATED: EventKind = EventKind::TeamCreated;
    const CHANGED: EventKind = EventKind::TeamChanged;

    fn values(fields: &NewTeam) -> Result<Vec<Arg>, StoreError> {
        Ok(vec![
            fields.name.as_str().into(),
            json("team categories", &fields.categories)?.into(),
        ])
    }

    fn read(columns: &mut Columns<'_>) -> Result<NewTeam, StoreError> {
        Ok(NewTeam {
            name: columns.text("team name")?,
            categories: columns.json("team categories")?,
        })
    }

    fn with(fields: NewTeam, shared: Shared) -> Self {
        Team {
            id: shared.id,
            name: fields.name,
            categories: fields.categories,
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
    /// Creates a team.
    ///
    /// **Errors:** `Invalid`, `Taken`, or the database's.
    pub async fn create_team(&self, team: NewTeam, actor: &Actor) -> Result<Team, StoreError> {
        let fields = team.validate().map_err(StoreError::Invalid)?;
        self.create_noun(fields, actor).await
    }

    /// The team with this id.
    ///
    /// **Errors:** the database's.
    pub async fn get_team(&self, id: Uuid) -> Result<Option<Team>, StoreError> {
        self.get_noun(id).await
    }

    /// The team with this name.
    ///
    /// **Errors:** the database's.
    pub async fn find_team(&self, name: &str) -> Result<Option<Team>, StoreError> {
        self.find_noun("name", name).await
    }

    /// All teams, oldest first.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_teams(&self, page: &PageRequest) -> Result<Page<Team>, StoreError> {
        self.list_noun(page).await
    }

    /// Changes a team and gives it back; none when there is no such team.
    ///
    /// **Errors:** `Stale`, `Invalid`, `Taken`, or the database's.
    pub async fn update_team(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        patch: TeamPatch,
        actor: &Actor,
    ) -> Result<Option<Team>, StoreError> {
        let change = |team: &Team| patch.applied_to(team).map_err(StoreError::Invalid);
        self.update_noun(id, expected_version, change, actor).await
    }
}
