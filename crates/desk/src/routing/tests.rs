//! What routing promises, on named cases and on many generated desks.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::*;

const EPOCH: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn team(id: u128, name: &str, categories: &[&str]) -> Team {
    Team {
        id: Uuid::from_u128(id),
        name: name.to_owned(),
        categories: categories.iter().map(|&c| c.to_owned()).collect(),
        version: 1,
        created_at: EPOCH,
        updated_at: EPOCH,
    }
}

fn load(id: u128, level: f32, language: &str, open_tickets: i32, capacity: i32) -> AgentLoad {
    AgentLoad {
        agent: Agent {
            id: Uuid::from_u128(id),
            name: format!("agent {id}"),
            email: None,
            team_id: Some(Uuid::from_u128(1)),
            skills: BTreeMap::from([("how_to".to_owned(), level)]),
            languages: vec![language.to_owned()],
            capacity,
            availability: Availability::Available,
            version: 1,
            created_at: EPOCH,
            updated_at: EPOCH,
        },
        open_tickets,
    }
}

fn how_to(language: &str) -> RoutingRequest<'_> {
    RoutingRequest {
        category: Some("how_to"),
        priority: Some(Priority::Normal),
        language: Some(language),
    }
}

fn check(candidates: &[AgentLoad], winner: Option<u128>) -> Routing {
    let routing = route(&how_to("es"), &[team(1, "Guides", &["how_to"])], candidates, &[]);
    assert_eq!(
        routing.agent_id(),
        winner.map(Uuid::from_u128),
        "{:#?}",
        routing.reasons
    );
    routing
}

#[test]
fn expertise_language_and_room_decide() {
    check(&[load(10, 0.9, "es", 2, 10), load(11, 0.4, "es", 2, 10)], Some(10));
    check(&[load(10, 0.6, "en", 0, 10), load(11, 0.4, "es", 0, 10)], Some(11));
    check(&[load(10, 0.5, "es", 9, 10), load(11, 0.5, "es", 1, 10)], Some(11));
}

#[test]
fn equals_are_split_by_load_then_id() {
    check(&[load(11, 0.5, "es", 2, 4), load(10, 0.5, "es", 4, 8)], Some(11));
    check(&[load(11, 0.5, "es", 2, 4), load(10, 0.5, "es", 2, 4)], Some(10));
}

#[test]
fn nobody_free_leaves_it_to_the_team_in_words() {
    let mut away = load(10, 1.0, "es", 0, 10);
    away.agent.availability = Availability::Away;
    let routing = check(&[away, load(11, 1.0, "es", 3, 3)], None);
    assert_eq!(routing.team_id(), Some(Uuid::from_u128(1)));
    let why: Vec<_> = routing.passed_over.iter().map(|p| p.reason.as_str()).collect();
    assert_eq!(why, ["is away", "is full with 3 of 3 open tickets"]);
    assert!(routing.reasons[1].starts_with("Nobody of Guides is available"));
}

#[test]
fn no_category_or_no_team_is_said() {
    let none = route(&RoutingRequest::default(), &[], &[], &[]);
    assert_eq!((none.team_id(), none.reasons.len()), (None, 1));
    let unserved = route(&how_to("es"), &[team(1, "Money", &["billing_payment"])], &[], &[]);
    assert_eq!(
        unserved.reasons,
        ["No team serves the category how_to; a person decides."]
    );
}

#[test]
fn of_two_serving_teams_the_one_with_the_better_agent_is_chosen() {
    let mut other = load(20, 0.9, "es", 0, 5);
    other.agent.team_id = Some(Uuid::from_u128(2));
    let teams = [team(1, "A", &["how_to"]), team(2, "B", &["how_to"])];
    let routing = route(&how_to("es"), &teams, &[load(10, 0.1, "es", 0, 5), other], &[]);
    assert_eq!(routing.team_id(), Some(Uuid::from_u128(2)));
}

#[test]
fn experience_counts() {
    let history = [Resolved {
        agent_id: Uuid::from_u128(11),
        category: "how_to".into(),
        tickets: 30,
    }];
    let candidates = [load(10, 0.5, "es", 1, 10), load(11, 0.5, "es", 1, 10)];
    let routing = route(&how_to("es"), &[team(1, "G", &["how_to"])], &candidates, &history);
    assert_eq!(routing.agent_id(), Some(Uuid::from_u128(11)));
}

/// A small generator (xorshift64*): reproducible desks without a dependency.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

fn any_load(dice: &mut Dice, id: u128) -> AgentLoad {
    let level = dice.roll(5) as f32 / 4.0;
    let language = ["en", "es"][dice.roll(2) as usize];
    let capacity = dice.roll(4) as i32;
    let mut load = load(id, level, language, dice.roll(5) as i32, capacity);
    load.agent.team_id = [None, Some(1), Some(2)][dice.roll(3) as usize].map(Uuid::from_u128);
    if dice.roll(3) == 0 {
        load.agent.availability = Availability::Away;
    }
    load
}

fn any_desk(seed: u64) -> Vec<AgentLoad> {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let agents = dice.roll(8) as u128;
    (0..agents).map(|at| any_load(&mut dice, 100 + at)).collect()
}

#[test]
fn on_any_desk_only_those_who_can_take_it_are_ranked_and_order_is_irrelevant() {
    let teams = [team(1, "A", &["how_to"]), team(2, "B", &["billing_payment"])];
    for seed in 0..2_000 {
        let mut desk = any_desk(seed);
        let routing = route(&how_to("es"), &teams, &desk, &[]);
        let ranked: Vec<_> = routing.winner.iter().chain(&routing.runners_up).collect();
        for scored in &ranked {
            let load = desk
                .iter()
                .find(|l| l.agent.id == scored.agent_id)
                .expect("a candidate");
            assert!(can_take(load), "seed {seed}: {load:?}");
            assert_eq!(load.agent.team_id, routing.team_id(), "seed {seed}");
            let sum: f32 = scored.factors.iter().map(|f| f.contribution).sum();
            assert!((sum - scored.score).abs() < 1e-3, "seed {seed}");
        }
        assert!(
            ranked.windows(2).all(|pair| pair[0].score >= pair[1].score),
            "seed {seed}"
        );
        let someone = desk.iter().any(|l| can_take(l) && l.agent.team_id == routing.team_id());
        assert_eq!(routing.winner.is_some(), someone, "seed {seed}");

        desk.reverse();
        assert_eq!(route(&how_to("es"), &teams, &desk, &[]), routing, "seed {seed}");
        let half = desk.len() / 2;
        desk.rotate_left(half);
        assert_eq!(route(&how_to("es"), &teams, &desk, &[]), routing, "seed {seed}");
    }
}
