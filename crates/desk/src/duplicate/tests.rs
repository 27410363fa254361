//! The model is monotone in what it should be, and what it cannot flag is known beforehand.

use time::{Duration, OffsetDateTime};

use super::*;
use crate::ticket::{Channel, TriageState, WorkStatus};

fn model() -> DuplicateModel {
    DuplicateModel {
        revision: "test".to_owned(),
        candidates: 20,
        threshold: 0.8,
        identifier_texts: 4,
        weights: Weights::new(
            -4.0,
            [
                -0.5, 1.0, 8.0, 1.0, 0.5, 0.5, 1.0, 0.5, 4.0, -1.0, -4.0, 1.0, -1.0, 1.0, 0.5, -0.5,
            ],
        ),
    }
}

fn ticket(subject: &str, body: &str) -> Ticket {
    Ticket {
        id: Uuid::nil(),
        number: 1,
        source: String::new(),
        external_id: None,
        channel: Channel::Web,
        subject: subject.to_owned(),
        body: body.to_owned(),
        account_id: None,
        contact_id: None,
        requester_email: None,
        requester_name: None,
        tags: Vec::new(),
        language: None,
        state: TriageState::Received,
        status: WorkStatus::Open,
        category: None,
        priority: None,
        team_id: None,
        agent_id: None,
        version: 1,
        attempts: 0,
        last_error: None,
        next_attempt_at: None,
        created_at: OffsetDateTime::UNIX_EPOCH,
        updated_at: OffsetDateTime::UNIX_EPOCH,
        triaged_at: None,
        merged_into: None,
    }
}

#[test]
fn each_term_moves_the_probability_its_way() {
    let nothing = Shared {
        days: 1.0,
        ..Shared::default()
    };
    let changes: [fn(&mut Shared); 16] = [
        |shared| shared.rank = 1,
        |shared| shared.cosine = 0.5,
        |shared| shared.standout = 0.5,
        |shared| shared.lead = 0.5,
        |shared| shared.subject = 0.5,
        |shared| shared.subject_lead = 0.5,
        |shared| shared.words = 0.5,
        |shared| shared.words_lead = 0.5,
        |shared| shared.named = 0.5,
        |shared| shared.other_identifiers = true,
        |shared| shared.conflict = true,
        |shared| shared.figures.push("8.4.0".to_owned()),
        |shared| shared.other_figures = true,
        |shared| shared.same_requester = true,
        |shared| shared.same_account = true,
        |shared| shared.days = 10.0,
    ];
    for (change, speaks_for) in changes.into_iter().zip(SPEAKS_FOR) {
        let mut shared = nothing.clone();
        change(&mut shared);
        let rises = model().probability(&shared) > model().probability(&nothing);
        assert_eq!(rises, speaks_for, "{shared:?}");
    }
    let after = |days| {
        model().probability(&Shared {
            days,
            named: 0.5,
            ..Shared::default()
        })
    };
    assert_eq!(after(14.0), after(3_000.0));
}

#[test]
fn what_cannot_be_flagged_is_known_from_the_cosines() {
    let model = model();
    let could_flag = |subject, cosines: &[f64]| {
        let (ticket, wording) = (ticket(subject, ""), Wording::of(subject, ""));
        model.could_flag((&ticket, &wording), cosines)
    };
    assert!(!could_flag("Printer jams", &[0.3, 0.31, 0.29]));
    assert!(could_flag("Printer LK-40231 jams", &[0.3, 0.31, 0.29]));
    let standing_out = [&[0.95][..], &[0.2; 19]].concat();
    assert!(could_flag("Printer jams", &standing_out));
    assert!(
        !could_flag("Printer jams", &standing_out[..3]),
        "nobody knows what is usual"
    );
    assert!(!could_flag("Printer LK-40231 jams", &[]));
}

fn wording(ticket: &Ticket) -> Wording {
    Wording::of(&ticket.subject, &ticket.body)
}

/// Tickets that share much, little and nothing with one another.
fn tickets() -> Vec<Ticket> {
    let texts = [
        (
            "Sync fails with E4012",
            "Since 10:15 the till shows E4012, version 8.4.2.",
        ),
        ("E4012", "till shows E4012 after update to 8.4.2, since 10:15"),
        ("Order LK-40231", "The printer of order LK-40231 is missing."),
        ("Order LK-40777", "The printer of order LK-40777 is missing."),
        ("", "hello"),
        ("Invoice", ""),
    ];
    let ticket = |(at, (subject, body)): (i64, (&str, &str))| Ticket {
        created_at: OffsetDateTime::UNIX_EPOCH + Duration::hours(at),
        requester_email: (at < 4).then(|| format!("person{}@books.example", at % 2)),
        account_id: (at < 3).then_some(Uuid::nil()),
        ..ticket(subject, body)
    };
    (0..).zip(texts).map(ticket).collect()
}

#[test]
fn no_candidate_is_flagged_that_could_not_be() {
    let tickets = tickets();
    let wordings: Vec<Wording> = tickets.iter().map(wording).collect();
    let told = |at: usize| (&tickets[at], &wordings[at]);
    let cosines = [0.82, 0.4, 0.35, 0.1, 0.55];
    let mut refused = 0;
    for intercept in -9..=0 {
        let mut model = model();
        model.weights.intercept = f64::from(intercept);
        for own in (0..tickets.len()).map(told) {
            // Every part of the candidates: any of them may have been merged.
            for part in 1_u32..32 {
                let is_in = |at: &usize| part & (1 << at) != 0;
                let kept = |at: usize| (told(at + 1), cosines[at]);
                let candidates: Vec<(Told<'_>, f64)> = (0..cosines.len()).filter(is_in).map(kept).collect();
                let flagged = model.assess(own, &candidates).iter().any(|found| found.flagged);
                let could = model.could_flag(own, &cosines);
                assert!(could || !flagged, "{intercept} {part} {own:?}");
                refused += usize::from(!could);
            }
        }
    }
    assert!(refused > 100, "the bound refuses {refused} only");
}

fn compare(one: &Ticket, other: &Ticket) -> Shared {
    let (said, theirs) = (wording(one), wording(other));
    let found = shared(&Telling::of(one, &said), &[(Telling::of(other, &theirs), 0.8)], 4);
    found.into_iter().next().expect("one candidate")
}

#[test]
fn a_lead_is_over_the_second_highest_other() {
    assert_eq!(leads(&[0.5, 0.75, 0.25, 1.0]), [-0.25, 0.25, -0.5, 0.5]);
    assert_eq!(leads(&[0.5, 0.75]), [-0.25, 0.25]);
    assert_eq!(leads(&[0.7]), [0.0]);
    assert_eq!(leads(&[]), [0.0; 0]);
}

#[test]
fn what_two_tickets_share_is_seen() {
    let tickets = tickets();
    let outage = compare(&tickets[0], &tickets[1]);
    assert_eq!(outage.identifiers, ["e4012"]);
    assert_eq!(outage.figures, ["10:15", "8.4.2"]);
    assert!(outage.words > 0.0 && outage.subject > 0.0 && !outage.conflict && !outage.other_figures);
    assert!(outage.same_account && !outage.same_requester, "{outage:?}");
    let orders = compare(&tickets[2], &tickets[3]);
    assert!(orders.conflict && orders.other_identifiers, "{orders:?}");
    assert!(
        orders.identifiers.is_empty() && orders.named < outage.named,
        "{orders:?}"
    );
}
