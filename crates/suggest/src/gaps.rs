//! What the knowledge base lacks: solved tickets that no article answers, grouped by what they are about, each group
//! with a draft of the article from the replies that solved it.

use std::collections::{BTreeMap, HashMap};

use desk::{Message, NewArticle, Ticket};
use linfa::ParamGuard;
use linfa::traits::Transformer;
use linfa_clustering::Dbscan;
use linfa_nn::CommonNearestNeighbour;
use linfa_nn::distance::L2Dist;
use ndarray::Array2;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::SuggestError;
use crate::{Suggest, dot};

/// Tickets of one matter below which it is no gap: one ticket is no pattern.
const TICKETS_MIN: usize = 2;
/// Replies quoted in a draft.
const DRAFT_REPLIES: usize = 3;
const SECONDS_PER_HOUR: f64 = 3_600.0;

/// A matter that customers write about and no article answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// The tickets, the most typical first.
    pub tickets: Vec<Ticket>,
    /// How long they took on average. **Units:** hours.
    pub mean_hours: f64,
    /// What the article could say, word for word from the accepted replies; none where nobody replied.
    pub draft: Option<NewArticle>,
}

impl Gap {
    /// What the gap costs, by which gaps are ranked: how often times how long. **Units:** hours.
    pub fn hours(&self) -> f64 {
        self.mean_hours * self.tickets.len() as f64
    }
}

/// Solved tickets that nothing answers, and what each says as a vector. **Shape:** `[tickets]`, `[tickets, hidden]`.
#[derive(Default)]
struct Unanswered {
    tickets: Vec<Ticket>,
    vectors: Vec<Vec<f32>>,
}

impl Suggest {
    /// The gaps that tickets solved since a time show, the dearest first. At most `tickets` of the latest are looked at.
    ///
    /// **Errors:** the encoder is busy or down, or the index or the store is.
    pub async fn gaps(&self, since: OffsetDateTime, tickets: u32) -> Result<Vec<Gap>, SuggestError> {
        let Unanswered { tickets, vectors } = self.unanswered(since, tickets).await?;
        let cosine = self.config.gap_cosine;
        // Every vector is compared with every other, for which nobody else should wait.
        let clusters = tokio::task::spawn_blocking(move || clusters(&vectors, cosine)).await?;
        let ids: Vec<Uuid> = tickets.iter().map(|ticket| ticket.id).collect();
        let replies = self.triage.store().last_replies(&ids).await?;
        let replies: HashMap<Uuid, Message> = replies.into_iter().map(|reply| (reply.ticket_id, reply)).collect();
        let mut gaps: Vec<Gap> = clusters
            .into_iter()
            .map(|members| gap(&tickets, &members, &replies))
            .collect();
        gaps.sort_by(|one, other| other.hours().total_cmp(&one.hours()));
        Ok(gaps)
    }

    async fn unanswered(&self, since: OffsetDateTime, tickets: u32) -> Result<Unanswered, SuggestError> {
        let solved = self.triage.store().solved_since(since, tickets).await?;
        let said: Vec<String> = solved
            .iter()
            .map(|ticket| desk::text::without_quoted_history(&ticket.text()))
            .collect();
        let mut unanswered = Unanswered::default();
        if said.is_empty() {
            return Ok(unanswered);
        }
        let vectors = self.knowledge.embed_to_compare(said.clone()).await?;
        for ((ticket, said), vector) in solved.into_iter().zip(said).zip(vectors) {
            if !self.knowledge.answers(&said, vector.clone()).await? {
                unanswered.tickets.push(ticket);
                unanswered.vectors.push(vector);
            }
        }
        Ok(unanswered)
    }
}

/// Groups of neighbours by density, as positions, each with its most typical member first.
///
/// **Source**: Ester, Kriegel, Sander and Xu, A Density-Based Algorithm for Discovering Clusters, 1996.
fn clusters(vectors: &[Vec<f32>], cosine: f32) -> Vec<Vec<usize>> {
    let dimensions = vectors.first().map_or(0, Vec::len);
    let Ok(points) = Array2::from_shape_vec((vectors.len(), dimensions), vectors.concat()) else {
        return Vec::new();
    };
    // Unit vectors: |a - b|² = 2 - 2 cos.
    let distance = (2.0 - 2.0 * cosine.clamp(-1.0, 1.0)).sqrt().max(f32::EPSILON);
    let params = Dbscan::params_with(TICKETS_MIN, L2Dist, CommonNearestNeighbour::LinearSearch).tolerance(distance);
    let Ok(params) = params.check() else {
        return Vec::new();
    };
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, group) in params.transform(&points).into_iter().enumerate() {
        if let Some(group) = group {
            groups.entry(group).or_default().push(at);
        }
    }
    let groups = groups.into_values().filter(|group| group.len() >= TICKETS_MIN);
    groups.map(|group| most_typical_first(vectors, &group)).collect()
}

/// By likeness to all of the group together.
fn most_typical_first(vectors: &[Vec<f32>], group: &[usize]) -> Vec<usize> {
    let likeness = |at: usize| -> f32 { group.iter().map(|&other| dot(&vectors[at], &vectors[other])).sum() };
    let mut ranked: Vec<(f32, usize)> = group.iter().map(|&at| (likeness(at), at)).collect();
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranked.into_iter().map(|(_, at)| at).collect()
}

fn gap(tickets: &[Ticket], members: &[usize], replies: &HashMap<Uuid, Message>) -> Gap {
    let tickets: Vec<Ticket> = members.iter().map(|&at| tickets[at].clone()).collect();
    let hours = |ticket: &Ticket| (ticket.updated_at - ticket.created_at).as_seconds_f64().max(0.0) / SECONDS_PER_HOUR;
    Gap {
        mean_hours: tickets.iter().map(hours).sum::<f64>() / tickets.len().max(1) as f64,
        draft: draft(&tickets, replies),
        tickets,
    }
}

/// A draft that quotes what customers asked and what agents answered.
fn draft(tickets: &[Ticket], replies: &HashMap<Uuid, Message>) -> Option<NewArticle> {
    let first = tickets.first()?;
    let answered = |ticket: &Ticket| Some((ticket.number, replies.get(&ticket.id)?.body.clone()));
    let answers: Vec<(i64, String)> = tickets.iter().filter_map(answered).take(DRAFT_REPLIES).collect();
    if answers.is_empty() {
        return None;
    }
    let asked: Vec<String> = tickets.iter().map(question).collect();
    let mut body = String::from("## What customers ask\n\n");
    for question in &asked {
        body.push_str(&format!("- {question}\n"));
    }
    body.push_str("\n## What helped\n");
    for (number, answer) in answers {
        let quoted = desk::text::without_quoted_history(&answer);
        body.push_str(&format!("\n{quoted}\n\n(from the reply on ticket #{number})\n"));
    }
    Some(NewArticle {
        language: first.language.clone(),
        tags: first.category.clone().into_iter().collect(),
        ..NewArticle::draft(asked.into_iter().next()?, body)
    })
}

/// The subject, or else the first line.
fn question(ticket: &Ticket) -> String {
    let lines = [ticket.subject.as_str(), ticket.body.as_str()];
    let first = lines
        .iter()
        .flat_map(|text| text.lines())
        .find(|line| !desk::field::is_blank(line));
    let line = first.unwrap_or_default().trim();
    line.chars().take(desk::field::MAX_SUBJECT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_one_group_and_what_stands_alone_is_none() {
        let vectors = [[1.0, 0.0], [0.0, 1.0], [0.96, 0.28], [0.98, 0.2], [-1.0, 0.0]].map(Vec::from);
        assert_eq!(clusters(&vectors, 0.9), [vec![3, 2, 0]]);
        assert!(clusters(&[], 0.9).is_empty());
        assert!(clusters(&vectors[..2], 0.9).is_empty());
    }
}
