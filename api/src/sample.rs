//! The sample desk: a fictional vendor of retail systems with its clients, people and a history of tickets.
//!
//! Loaded once per data folder. Every step finds what an interrupted load had stored, so it can simply run again.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use desk::routing::{Scored, TeamRef};
use desk::{
    Actor, Agent, Channel, Decision, HeadRole, LabelChoice, NewAccount, NewAgent, NewContact, NewTeam, NewTicket,
    Priority, Probability, Routing, Team, Ticket, TicketPatch, TriageState, WorkStatus,
};
use serde::Deserialize;
use store::{Store, StoreError, Submission};
use time::OffsetDateTime;
use uuid::Uuid;

const TEAMS: &str = include_str!("../sample/teams.json");
const AGENTS: &str = include_str!("../sample/agents.json");
const ACCOUNTS: &str = include_str!("../sample/accounts.json");
const CONTACTS: &str = include_str!("../sample/contacts.json");
const TICKETS: &str = include_str!("../../training/data/tickets.jsonl");
/// The rows of the tickets' file that are written to this vendor.
const SECTOR: &str = "larkfield";
/// The namespace of the tickets' external ids.
const SOURCE: &str = "sample";
/// The setting that says the sample was loaded.
const LOADED: &str = "sample.loaded";
/// The newest tickets of the history are still open: one in so many.
const OPEN_SHARE: usize = 12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleAgent {
    name: String,
    email: String,
    team: String,
    skills: std::collections::BTreeMap<String, f32>,
    languages: Vec<String>,
    capacity: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleContact {
    name: String,
    email: String,
    account: String,
    language: String,
}

/// A labelled ticket of the history.
#[derive(Clone, Deserialize)]
pub struct SampleTicket {
    id: String,
    language: String,
    #[serde(default)]
    subject: String,
    body: String,
    category: String,
    priority: Priority,
    #[serde(default)]
    channel: Option<Channel>,
    #[serde(default)]
    sector: String,
}

/// People and teams that are already stored.
struct People {
    teams: Vec<Team>,
    agents: Vec<Agent>,
    accounts_of: HashMap<String, Vec<(Uuid, Uuid, String)>>,
}

/// Loads the sample desk where it was not loaded before; how many tickets were.
///
/// **Errors:** the database's.
pub async fn load(store: &Store) -> Result<usize> {
    if store.get_setting(LOADED).await?.is_some() {
        return Ok(0);
    }
    let people = load_people(store).await?;
    let history = tickets();
    let stored = submit(store, &history, &people).await?;
    decide(store, &history, &stored, &people).await?;
    store.set_setting(LOADED, "1").await?;
    Ok(stored.len())
}

/// Every ticket of the sample desk.
pub fn tickets() -> Vec<SampleTicket> {
    rows().filter(|ticket| ticket.sector == SECTOR).collect()
}

/// The texts of all tickets written for this project, for benchmarks.
pub fn texts() -> Vec<(String, String)> {
    rows().map(|ticket| (ticket.subject, ticket.body)).collect()
}

/// The texts of all tickets written for this project with the label a head learns: what the shipped heads learnt from.
pub fn labelled_texts(head: HeadRole) -> impl Iterator<Item = (String, String)> {
    rows().map(move |ticket| {
        let label = match head {
            HeadRole::Category => ticket.category.clone(),
            HeadRole::Priority => ticket.priority.to_string(),
        };
        (desk::text::joined(&ticket.subject, &ticket.body), label)
    })
}

fn rows() -> impl Iterator<Item = SampleTicket> {
    // The file is part of the binary and read whole by a test.
    TICKETS.lines().filter_map(|line| serde_json::from_str(line).ok())
}

async fn load_people(store: &Store) -> Result<People> {
    let actor = actor();
    for team in parsed::<Vec<NewTeam>>(TEAMS)? {
        unless_there(store.create_team(team, &actor).await)?;
    }
    let mut teams = Vec::new();
    let mut agents = Vec::new();
    for sample in parsed::<Vec<SampleAgent>>(AGENTS)? {
        let team = store
            .find_team(&sample.team)
            .await?
            .with_context(|| format!("no team {}", sample.team))?;
        unless_there(store.create_agent(agent(&sample, team.id), &actor).await)?;
        agents.extend(store.find_agent(&sample.email).await?);
        if !teams.contains(&team) {
            teams.push(team);
        }
    }
    Ok(People {
        teams,
        agents,
        accounts_of: load_clients(store).await?,
    })
}

/// Account, contact and address by language.
async fn load_clients(store: &Store) -> Result<HashMap<String, Vec<(Uuid, Uuid, String)>>> {
    let actor = actor();
    for account in parsed::<Vec<NewAccount>>(ACCOUNTS)? {
        unless_there(store.create_account(account, &actor).await)?;
    }
    let mut clients: HashMap<String, Vec<_>> = HashMap::new();
    for sample in parsed::<Vec<SampleContact>>(CONTACTS)? {
        let account = store
            .find_account(&sample.account)
            .await?
            .with_context(|| format!("no account {}", sample.account))?;
        let contact = NewContact {
            account_id: Some(account.id),
            name: sample.name,
            email: Some(sample.email.clone()),
            language: Some(sample.language.clone()),
        };
        unless_there(store.create_contact(contact, &actor).await)?;
        let contact = store
            .find_contact(&sample.email)
            .await?
            .with_context(|| format!("no contact {}", sample.email))?;
        clients
            .entry(sample.language)
            .or_default()
            .push((account.id, contact.id, sample.email));
    }
    Ok(clients)
}

async fn submit(store: &Store, history: &[SampleTicket], people: &People) -> Result<Vec<Ticket>> {
    let now = OffsetDateTime::now_utc();
    let mut submissions = Vec::with_capacity(history.len());
    for (at, sample) in history.iter().enumerate() {
        let age = time::Duration::hours(3 + 7 * (history.len() - at) as i64);
        let ticket = new_ticket(sample, at, people, now - age).validate();
        let ticket = ticket.map_err(|errors| anyhow::anyhow!("sample ticket {}: {errors:?}", sample.id))?;
        // Claimed for as long as the load may take, so that nobody triages what has its labels already.
        submissions.push(Submission {
            ticket,
            key: None,
            actor: actor(),
            claim: Duration::from_secs(600),
        });
    }
    let stored = store.submit_tickets(submissions).await;
    Ok(stored
        .into_iter()
        .map(|stored| stored.map(|stored| stored.ticket))
        .collect::<Result<_, _>>()?)
}

fn new_ticket(sample: &SampleTicket, at: usize, people: &People, created_at: OffsetDateTime) -> NewTicket {
    let clients = people
        .accounts_of
        .get(&sample.language)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let client = clients.get(at % clients.len().max(1));
    NewTicket {
        subject: Some(sample.subject.clone()).filter(|subject| !desk::field::is_blank(subject)),
        channel: sample.channel.unwrap_or(Channel::Email),
        account_id: client.map(|(account, _, _)| *account),
        contact_id: client.map(|(_, contact, _)| *contact),
        requester_email: client.map(|(_, _, email)| email.clone()),
        external_id: Some(sample.id.clone()),
        source: Some(SOURCE.to_owned()),
        created_at: Some(created_at),
        ..NewTicket::from_body(sample.body.clone())
    }
}

async fn decide(store: &Store, history: &[SampleTicket], stored: &[Ticket], people: &People) -> Result<()> {
    let open_from = history.len() - history.len() / OPEN_SHARE;
    for (at, (sample, ticket)) in history.iter().zip(stored).enumerate() {
        let decision = decision(sample, ticket, people, at);
        let decided = store.record_decision(decision, &actor()).await?.into_ticket();
        let solved = TicketPatch {
            status: Some(WorkStatus::Solved),
            ..TicketPatch::default()
        };
        if let Some(ticket) = decided.filter(|ticket| at < open_from && ticket.status == WorkStatus::Open) {
            store.patch_ticket(ticket.id, None, &solved, &actor()).await?;
        }
    }
    Ok(())
}

fn decision(sample: &SampleTicket, ticket: &Ticket, people: &People, at: usize) -> Decision {
    Decision {
        id: Uuid::now_v7(),
        ticket_id: ticket.id,
        outcome: TriageState::Triaged,
        language: Some(sample.language.clone()),
        category: given(&sample.category),
        priority: given(sample.priority.as_str()),
        neighbours: Vec::new(),
        duplicates: Vec::new(),
        routing: routing(sample, people, at),
        models: Vec::new(),
        reasons: vec!["Part of the sample desk's history, labelled by hand.".to_owned()],
        created_at: ticket.created_at,
    }
}

/// A label that a person gave.
fn given(label: &str) -> LabelChoice {
    LabelChoice {
        label: Some(label.to_owned()),
        confidence: 1.0,
        threshold: 0.0,
        probabilities: vec![Probability {
            label: label.to_owned(),
            probability: 1.0,
        }],
        alternatives: Vec::new(),
        out_of_scope: false,
        energy: None,
    }
}

/// The members of the team who speak the language take turns.
fn routing(sample: &SampleTicket, people: &People, at: usize) -> Routing {
    let team = people.teams.iter().find(|team| team.serves(&sample.category));
    let speaks = |agent: &&Agent| agent.team_id == team.map(|team| team.id) && agent.speaks(&sample.language);
    let members: Vec<&Agent> = people.agents.iter().filter(speaks).collect();
    let winner = members.get(at % members.len().max(1)).map(|agent| Scored {
        agent_id: agent.id,
        name: agent.name.clone(),
        score: 0.0,
        open_tickets: 0,
        factors: Vec::new(),
    });
    let team = team.map(|team| TeamRef {
        id: team.id,
        name: team.name.clone(),
    });
    Routing {
        team,
        winner,
        ..Routing::default()
    }
}

fn agent(sample: &SampleAgent, team_id: Uuid) -> NewAgent {
    NewAgent {
        name: sample.name.clone(),
        email: Some(sample.email.clone()),
        team_id: Some(team_id),
        skills: sample.skills.clone(),
        languages: sample.languages.clone(),
        capacity: sample.capacity,
        availability: desk::Availability::Available,
    }
}

/// Nothing, where the row was created now or by an interrupted load.
fn unless_there<T>(created: Result<T, StoreError>) -> Result<(), StoreError> {
    match created {
        Ok(_) | Err(StoreError::Taken { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).context("the sample desk cannot be read")
}

fn actor() -> Actor {
    Actor::operator("sample desk")
}

#[cfg(test)]
mod tests {
    use desk::Taxonomy;

    use super::*;

    #[test]
    fn every_row_of_the_history_is_read_and_fits_the_taxonomy() {
        assert_eq!(rows().count(), TICKETS.lines().filter(|line| !line.is_empty()).count());
        let taxonomy = Taxonomy::default();
        for ticket in rows() {
            assert!(
                taxonomy.contains(&ticket.category),
                "{}: {}",
                ticket.id,
                ticket.category
            );
        }
        assert!(tickets().len() >= 50, "{}", tickets().len());
    }

    #[test]
    fn every_category_has_a_team_and_every_team_its_agents() {
        let teams: Vec<NewTeam> = parsed(TEAMS).expect("teams");
        let agents: Vec<SampleAgent> = parsed(AGENTS).expect("agents");
        for label in Taxonomy::default().labels() {
            let serving: Vec<_> = teams
                .iter()
                .filter(|team| team.categories.iter().any(|c| c == label))
                .collect();
            assert_eq!(serving.len(), 1, "{label}");
            for language in ["en", "es"] {
                let can = |agent: &&SampleAgent| {
                    agent.team == serving[0].name && agent.languages.iter().any(|l| l == language)
                };
                assert!(agents.iter().any(|agent| can(&agent)), "{label} in {language}");
            }
        }
    }
}
