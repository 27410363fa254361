//! Progress on standard error: how far, how fast, how long still.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

const COUNT: &str = "{msg} [{bar:30}] {human_pos}/{human_len} {pace} {left}";
const BYTES: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left";

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
        .with_key("pace", |state: &ProgressState, to: &mut dyn std::fmt::Write| {
            // A bar has nowhere to report to that a word of it could not be written.
            let _unwritten = to.write_str(&pace(per_second(state)));
        })
        .with_key("left", |state: &ProgressState, to: &mut dyn std::fmt::Write| {
            let steps = state.len().unwrap_or_default().saturating_sub(state.pos());
            let _unwritten = to.write_str(&left(steps, per_second(state)));
        });
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::term_like_with_hz(Box::new(Lines::new(LINE_EVERY)), 1)
    };
    ProgressBar::with_draw_target(Some(total), target)
        .with_style(style)
        .with_message(what.to_owned())
}

/// Steps a second: lately, or on average where a step takes so long that the latest ones say nothing.
fn per_second(state: &ProgressState) -> f64 {
    let average = state.pos() as f64 / state.elapsed().as_secs_f64().max(1e-3);
    let lately = state.per_sec();
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

    /// Whether the next line is due, which it then no longer is.
    fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.elapsed() >= self.every;
        if due {
            *last = Instant::now();
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
        if !line.trim().is_empty() && self.is_due() {
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
    fn a_line_is_due_once_in_a_while() {
        let lines = Lines::new(Duration::from_millis(40));
        assert!(!lines.is_due(), "what is done at once says nothing");
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!([lines.is_due(), lines.is_due()], [true, false]);
    }
}
