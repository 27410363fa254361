//! Progress on standard error: how far, how fast, how long still.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::style::ProgressTracker;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

const COUNT: &str = "{msg} [{bar:30}] {human_pos}/{human_len} {pace} {left}";
const BYTES: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {left}";

/// A file or a pipe gets a line this often, and none where all is done sooner.
const LINE_EVERY: Duration = Duration::from_secs(30);
/// Width of such a line. **Units:** characters.
const LINE_WIDTH: u16 = 120;

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
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("pace", Rate::said(|_, per_second| pace(per_second)))
        .with_key("left", Rate::said(left));
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::term_like_with_hz(Box::new(Lines::new(LINE_EVERY)), 1)
    };
    ProgressBar::with_draw_target(Some(total), target)
        .with_style(style)
        .with_message(what.to_owned())
}

/// Says something of a bar by the steps it makes a second.
#[derive(Clone)]
struct Rate {
    /// Where the bar was first seen: what is gone on with was done in another time.
    first: Option<u64>,
    say: fn(u64, f64) -> String,
}

impl Rate {
    /// By the steps that are left and those a second.
    fn said(say: fn(u64, f64) -> String) -> Self {
        Rate { first: None, say }
    }
}

impl ProgressTracker for Rate {
    fn clone_box(&self) -> Box<dyn ProgressTracker> {
        Box::new(self.clone())
    }

    fn tick(&mut self, state: &ProgressState, _: Instant) {
        self.first.get_or_insert(state.pos());
    }

    fn reset(&mut self, _: &ProgressState, _: Instant) {
        self.first = None;
    }

    fn write(&self, state: &ProgressState, to: &mut dyn std::fmt::Write) {
        let done = state.pos().saturating_sub(self.first.unwrap_or_default());
        let steps = state.len().unwrap_or_default().saturating_sub(state.pos());
        let per_second = per_second(state.per_sec(), done, state.elapsed());
        // A bar has nowhere to report to that a word of it could not be written.
        let _unwritten = to.write_str(&(self.say)(steps, per_second));
    }
}

/// Steps a second: lately, or on average where a step takes so long that the latest ones say nothing.
fn per_second(lately: f64, done: u64, elapsed: Duration) -> f64 {
    let average = done as f64 / elapsed.as_secs_f64().max(1e-3);
    if lately > average / 10.0 { lately } else { average }
}

/// How fast, in words; nothing before there is anything to go by.
fn pace(per_second: f64) -> String {
    if per_second >= 1.0 {
        return format!("{per_second:.0}/s");
    }
    match Duration::try_from_secs_f64(1.0 / per_second) {
        Ok(time) => format!("{:#} each", HumanDuration(time)),
        Err(_) => String::new(),
    }
}

/// How long so many steps still take, in words; nothing before there is anything to go by.
fn left(steps: u64, per_second: f64) -> String {
    match Duration::try_from_secs_f64(steps as f64 / per_second) {
        Ok(time) => format!("{:#} left", HumanDuration(time)),
        Err(_) => String::new(),
    }
}

/// Moves a bar to so many of so many.
pub fn moved(bar: &ProgressBar) -> impl FnMut(usize, usize) {
    let bar = bar.clone();
    move |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }
}

/// Moves a bar through acts that follow each other: which one, and so many of so many. Each has its own pace.
pub fn acted(bar: &ProgressBar) -> impl FnMut(&'static str, usize, usize) + use<> {
    let bar = bar.clone();
    let mut under_way = "";
    move |act, done, total| {
        if act != under_way {
            under_way = act;
            bar.set_message(act);
            bar.reset();
        }
        // The place first: from there on its pace is told.
        bar.set_position(done as u64);
        bar.set_length(total as u64);
    }
}

/// Where no cursor can be moved: now and then the bar as a line of its own.
#[derive(Debug)]
struct Lines {
    every: Duration,
    last: Mutex<Instant>,
}

impl Lines {
    fn new(every: Duration) -> Self {
        Lines {
            every,
            last: Mutex::new(Instant::now()),
        }
    }

    /// Whether the next line is due at `now`, which it then no longer is.
    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_duration_since(*last) >= self.every;
        if due {
            *last = now;
        }
        due
    }
}

impl TermLike for Lines {
    fn width(&self) -> u16 {
        LINE_WIDTH
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(line)
    }

    fn write_str(&self, line: &str) -> io::Result<()> {
        // What only fills the rest of a line is blank.
        if !line.trim().is_empty() && self.is_due(Instant::now()) {
            eprintln!("{}", line.trim_end());
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_steps_have_a_pace_and_an_end() {
        assert_eq!([pace(380.7483), pace(1.0 / 240.0), pace(0.0)], ["381/s", "4m each", ""]);
        assert_eq!(
            [left(5, 1.0 / 240.0), left(0, 2.0), left(5, 0.0)],
            ["20m left", "0s left", ""]
        );
    }

    #[test]
    fn a_pace_is_that_of_late_unless_steps_are_slow() {
        let minute = Duration::from_secs(60);
        assert_eq!(per_second(5.0, 60, minute), 5.0);
        assert_eq!(per_second(1e-9, 60, minute), 1.0);
        assert_eq!(per_second(0.0, 0, Duration::ZERO), 0.0);
    }

    #[test]
    fn what_is_gone_on_with_and_what_comes_next_have_their_own_pace() {
        let bar = counting("train", 0);
        let mut moved = acted(&bar);
        moved("embed", 9_000, 10_000);
        assert_eq!(
            (bar.message().as_str(), bar.position(), bar.length()),
            ("embed", 9_000, Some(10_000))
        );
        let long = Duration::from_secs(10);
        let bar = bar.with_elapsed(long);
        moved("fit", 0, 6);
        assert_eq!(
            (bar.message().as_str(), bar.position(), bar.length()),
            ("fit", 0, Some(6))
        );
        assert!(bar.elapsed() < long, "what came before is not counted");
    }

    #[test]
    fn a_line_is_due_once_in_a_while() {
        let every = Duration::from_secs(60);
        let (lines, now) = (Lines::new(every), Instant::now());
        assert!(!lines.is_due(now), "what is done at once says nothing");
        assert_eq!([lines.is_due(now + every), lines.is_due(now + every)], [true, false]);
    }
}
