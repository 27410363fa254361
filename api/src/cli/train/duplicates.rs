//! `deskwise train duplicates`: from tickets with known matters to the model that flags probable duplicates.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use desk::DuplicateModel;
use desk::duplicate::{FEATURES, SPEAKS_FOR, Weights};
use eval::flags::{Said, figures};
use eval::matters::{self, Look, Observed, Row};
use eval::{Kind, Metrics};
use search::{Search, SearchConfig};
use training::duplicates::{Fitted, Pair, fit};
use training::parameters;

use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// How candidates are looked for and compared.
const LOOK: Look = Look {
    candidates: 20,
    identifier_texts: 4,
};
/// Share of what is flagged that should be right.
const TARGET_PRECISION: f64 = 0.9;

/// What to learn from.
#[derive(Debug, Args)]
pub struct Options {
    /// JSON Lines of tickets with their matter.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// JSON Lines of tickets about other matters, the rest of a desk.
    #[arg(long, value_name = "FILE")]
    background: Option<PathBuf>,
    /// Folder to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    let rows = matters::read(&options.data, options.background.as_deref())?;
    let observed = observe(rows, config).await?;
    let fitted = learn(&observed)?;
    let metrics = cross_validated(&observed, &fitted);
    let model = model(&fitted)?;
    let card = card(&observed, &model, &metrics);
    parameters::write(
        manifest::Kind::Duplicates,
        &toml::Table::try_from(&model)?,
        &card,
        &options.out,
    )?;
    super::report(&metrics, metrics.to_markdown(), options.json, &options.out)
}

/// Compares every ticket with its candidates, found by a search of their own, as the desk's is.
pub async fn observe(rows: Vec<Row>, config: &Config) -> Result<Observed> {
    let encoder = open::encoder(config)?;
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let search = Search::open(SearchConfig::edge(place.path()).with_fusion(open::fusion(config)?)).await?;
    let bar = meter::counting("tickets", 0);
    let observed = Observed::of(rows, LOOK, &search, &encoder, &mut meter::moved(&bar)).await?;
    bar.finish_and_clear();
    Ok(observed)
}

/// Fits on all pairs, judged by folds over families of matters.
pub fn learn(observed: &Observed) -> Result<Fitted> {
    let groups = observed.groups();
    let pair = |compared: &matters::Compared| Pair {
        features: compared.shared.features().to_vec(),
        same: observed.is_same(compared),
        group: groups[compared.ticket],
    };
    let pairs: Vec<Pair> = observed.pairs.iter().map(pair).collect();
    fit(&pairs, &SPEAKS_FOR, TARGET_PRECISION)
}

/// Figures of what fits on other folds say, each flag by the threshold of those folds.
pub fn cross_validated(observed: &Observed, fitted: &Fitted) -> Metrics {
    judged(observed, &said_out_of_fold(fitted))
}

/// What fits on other folds say of each pair. **Shape:** `[pairs]`.
pub fn said_out_of_fold(fitted: &Fitted) -> Vec<Said> {
    let said = fitted.out_of_fold.iter().map(|pair| Said {
        probability: pair.probability,
        flagged: pair.flagged,
    });
    said.collect()
}

/// Figures of what a model says that was fitted on other tickets.
pub fn as_shipped(observed: &Observed, model: &DuplicateModel) -> Metrics {
    let said = observed.pairs.iter().map(|pair| {
        let probability = model.probability(&pair.shared);
        Said {
            probability,
            flagged: probability >= model.threshold,
        }
    });
    judged(observed, &said.collect::<Vec<_>>())
}

/// Figures of what was said of each pair. **Shape:** `said` `[pairs]`.
pub fn judged(observed: &Observed, said: &[Said]) -> Metrics {
    let mut metrics = Metrics::new(Kind::Duplicates, observed.rows.len(), []);
    for (name, figure) in figures(observed, said) {
        metrics.add(&name, figure);
    }
    metrics.fact("target_precision", TARGET_PRECISION);
    metrics.fact("pairs_known", observed.known().len() as f64);
    metrics.fact("pairs_flagged", said.iter().filter(|said| said.flagged).count() as f64);
    metrics
}

fn model(fitted: &Fitted) -> Result<DuplicateModel> {
    let weights: [f64; FEATURES] = fitted
        .logistic
        .weights
        .clone()
        .try_into()
        .ok()
        .context("the fit has another number of weights")?;
    Ok(DuplicateModel {
        revision: String::new(),
        candidates: LOOK.candidates,
        threshold: fitted.threshold,
        identifier_texts: LOOK.identifier_texts,
        weights: Weights::new(fitted.logistic.bias, weights),
    })
}

/// How the data were seen is told here, so that a card can never lag behind its weights.
fn card(observed: &Observed, model: &DuplicateModel, metrics: &Metrics) -> String {
    let told = observed.rows.iter().filter(|row| row.matter.is_some()).count();
    let background = observed.rows.len() - told;
    let pairs = observed.known().len() / 2;
    let unused = unused(&model.weights);
    format!(
        "# duplicates\n\nSays how probable it is that two tickets are about the same matter: a logistic model over \
         what they share, put before an agent, never merging by itself. Fitted by `deskwise train duplicates`; no \
         term is set by hand.\n\n\
         **Learnt from** {told} tickets with known matters ({pairs} pairs of one matter) among {background} others, \
         every one asked for its {candidates} candidates by the desk's own search and compared by the desk's own \
         functions. A weight whose sign would make no sense is left out and the rest fitted again; left out here: \
         {unused}.\n\n\
         **Measured** by five-fold cross-validation over families of matters (a matter and its near misses stay \
         together); each flag by the threshold that reaches precision {TARGET_PRECISION} on the other folds. Intervals \
         resample families. Recall counts every known pair, those that were no candidates among them; `ece` is over \
         each ticket's most probable candidate; `cross` are pairs of two languages.\n\n{figures}\n\n\
         **What it cannot tell.** The tickets were written for this purpose: each matter has near misses (another \
         order, another code, the same customer with another matter), so mistakes are more frequent than at a desk, \
         and who wrote what, and when, is the writers' idea of it. The others are lent to the same customers and \
         spread over the same two weeks at random. So the weights of requester, account and time are fitted, but to \
         invented circumstances. Pairs of two languages share no words, and the encoder was trained on English: of \
         those it finds the fewest. Where one matter is cut into sibling tickets, written within minutes in the same \
         words, as bug trackers do, siblings look to it like one matter: such a desk should fit it on its own merges, \
         and where these bear no flag out, none is raised.\n",
        candidates = model.candidates,
        figures = metrics.to_markdown(),
    )
}

fn unused(weights: &Weights) -> String {
    let Ok(table) = toml::Table::try_from(weights) else {
        return String::new();
    };
    let zero = table.iter().filter(|(_, weight)| weight.as_float() == Some(0.0));
    let names: Vec<&str> = zero.map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
