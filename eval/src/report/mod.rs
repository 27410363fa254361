//! One page a run, for people: no script, no font, nothing fetched from elsewhere.

mod answers;
mod classify;
mod confusion;
mod flags;
mod html;
mod plots;
mod retrieval;

pub use answers::answers_page;
pub use classify::{Mistake, classify_page, keep_worst, mistakes};
pub use flags::flags_page;
pub use retrieval::retrieval_page;

use std::fmt::Write as _;

use crate::bootstrap::Figure;
use crate::metrics::Metrics;
use html::{escape, table};

const STYLE: &str = include_str!("style.css");

/// A page in the making.
struct Page {
    title: String,
    body: String,
}

impl Page {
    fn new(title: &str, lead: &str) -> Self {
        let body = format!("<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", escape(title), escape(lead));
        Page {
            title: title.to_owned(),
            body,
        }
    }

    /// A heading, a sentence on how to read what follows, and what follows as HTML.
    fn section(&mut self, heading: &str, how: &str, html: &str) {
        let _ = writeln!(
            self.body,
            "<section>\n<h2>{}</h2>\n<p class=\"how\">{}</p>\n{html}\n</section>",
            escape(heading),
            escape(how)
        );
    }

    fn finish(self) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escape(&self.title),
            self.body
        )
    }
}

/// Every figure as a card with its interval, in the order given; others follow.
fn cards(metrics: &Metrics, first: &[(&str, &str)]) -> String {
    let known = first
        .iter()
        .filter_map(|(name, shown)| Some(card(shown, metrics.figures.get(*name)?)));
    let others = metrics
        .figures
        .iter()
        .filter(|(name, _)| first.iter().all(|(first, _)| first != name))
        .map(|(name, figure)| card(&name.replace('_', " "), figure));
    format!("<div class=\"cards\">{}</div>", known.chain(others).collect::<String>())
}

fn card(name: &str, Figure { value, low, high }: &Figure) -> String {
    format!(
        "<div class=\"card\"><div class=\"name\">{}</div><div class=\"value\">{value:.3}</div>\
         <div class=\"interval\">{low:.3} to {high:.3}</div></div>\n",
        escape(name)
    )
}

/// What it was measured on and with.
fn fingerprints(metrics: &Metrics) -> String {
    let prints = &metrics.fingerprints;
    let row = |kind: &str, print: &crate::fingerprint::Fingerprint| {
        vec![
            kind.to_owned(),
            escape(&print.name),
            format!("<code>{}</code>", print.sha256),
        ]
    };
    let rows: Vec<Vec<String>> = prints
        .data
        .iter()
        .map(|print| row("data", print))
        .chain(prints.models.iter().map(|print| row("model", print)))
        .collect();
    table(&["", "name", "SHA-256"], &rows)
}

/// Plots side by side, each with what it shows.
fn figures(plots: &[(String, &str)]) -> String {
    let figure = |(svg, caption): &(String, &str)| {
        format!("<figure>{svg}<figcaption>{}</figcaption></figure>\n", escape(caption))
    };
    format!(
        "<div class=\"plots\">{}</div>",
        plots.iter().map(figure).collect::<String>()
    )
}
