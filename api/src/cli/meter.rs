//! Progress on standard error: how far, how fast, how long still.

use indicatif::{ProgressBar, ProgressStyle};

const COUNT: &str = "{msg} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta} left";
const BYTES: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left";

/// A bar that counts things.
pub fn counting(what: &str, total: u64) -> ProgressBar {
    bar(what, total, COUNT)
}

/// A bar that counts bytes.
pub fn bytes(what: &str, total: u64) -> ProgressBar {
    bar(what, total, BYTES)
}

fn bar(what: &str, total: u64, template: &str) -> ProgressBar {
    // The templates are constants of this file; the plain style stands in for one with a typo.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(what.to_owned())
}

/// Moves a bar to so many of so many.
pub fn moved(bar: &ProgressBar) -> impl FnMut(usize, usize) {
    let bar = bar.clone();
    move |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }
}
