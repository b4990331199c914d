//! Progress of long tasks: a bar on a terminal, plain lines elsewhere, with the time that is left.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use hrinet::error::one_line;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::messages::{Verbosity, add_bar, tell};
use crate::{logging, slicer_cli};

/// Time between two plain lines without a terminal.
pub const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Time between two frames of a spinner, and two updates of the time that is left.
const TICK: Duration = Duration::from_millis(100);

/// Adds a bar of `total` steps to those on the terminal; `None` where there is no terminal.
pub fn bar(total: u64, template: &str) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = add_bar(ProgressBar::new(total));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    Some(bar)
}

/// Progress of a long task.
pub struct Progress {
    shown: Shown,
    rate: Rate,
}

/// Where the progress of a task is shown.
enum Shown {
    Nowhere,
    Bar(ProgressBar),
    Lines(Lines),
    Tags(slicer_cli::Tags),
}

/// Plain lines, one every [`PLAIN_EVERY`].
struct Lines {
    what: String,
    last: Instant,
}

impl Progress {
    /// Starts a task of `total` steps.
    pub fn new(verbosity: &Verbosity, what: &str, total: u64) -> Progress {
        let shown = if verbosity.quiet {
            Shown::Nowhere
        } else if verbosity.slicer {
            Shown::Tags(slicer_cli::Tags::start(what, total))
        } else if let Some(bar) = bar(total, "{msg} [{wide_bar}] {pos}/{len}{prefix}") {
            Shown::Bar(bar.with_message(what.to_string()))
        } else {
            if total > 0 {
                tell(format_args!("{what}: 0 of {total}"));
            }
            Shown::Lines(Lines { what: what.to_string(), last: Instant::now() })
        };
        Progress { shown, rate: Rate { total, first: None } }
    }

    /// Starts a task of unknown length: a spinner on a terminal, one line elsewhere.
    pub fn busy(verbosity: &Verbosity, what: &str) -> Progress {
        let rate = Rate { total: 0, first: None };
        if verbosity.quiet {
            return Progress { shown: Shown::Nowhere, rate };
        }
        if verbosity.slicer || !std::io::stderr().is_terminal() {
            verbosity.say(what);
            return Progress { shown: Shown::Nowhere, rate };
        }
        let bar = add_bar(ProgressBar::new_spinner().with_message(one_line(what)));
        bar.enable_steady_tick(TICK);
        Progress { shown: Shown::Bar(bar), rate }
    }

    /// Shows that `done` steps are done. The first call starts the clock of the time that is left,
    /// so it says where the task begins: at 0, or where a resumed one goes on.
    pub fn set(&mut self, done: u64) {
        let now = Instant::now();
        let left = self.rate.left(done, now);
        let total = self.rate.total;
        match &mut self.shown {
            Shown::Nowhere => {}
            Shown::Bar(bar) => {
                bar.set_prefix(left.map_or(String::new(), in_words));
                bar.set_position(done);
            }
            Shown::Lines(lines) => {
                if now - lines.last > PLAIN_EVERY || done == total {
                    lines.last = now;
                    let left = left.filter(|_| done < total).map_or(String::new(), in_words);
                    tell(format_args!("{}: {done} of {total}{left}", lines.what));
                }
            }
            Shown::Tags(tags) => tags.set(done),
        }
    }

    /// Changes what a spinner says.
    pub fn describe(&self, what: &str) {
        if let Shown::Bar(bar) = &self.shown {
            bar.set_message(one_line(what));
        }
    }

    /// Prints a line above the bar, unless quiet.
    pub fn say(&self, line: &str) {
        match self.shown {
            Shown::Bar(_) | Shown::Lines(_) => tell(line),
            Shown::Nowhere | Shown::Tags(_) => logging::note("said", line),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        match &self.shown {
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Tags(tags) => tags.finish(),
            Shown::Nowhere | Shown::Lines(_) => {}
        }
    }
}

/// A time that is left, as it follows the count of what is done.
fn in_words(left: Duration) -> String {
    format!(", {} left", HumanDuration(left))
}

/// How fast a task goes, by all of its steps so far.
struct Rate {
    total: u64,
    /// When the task began, and the steps that were done before.
    first: Option<(Instant, u64)>,
}

impl Rate {
    /// Time that is left when `done` steps are done; `None` before a step was measured.
    fn left(&mut self, done: u64, now: Instant) -> Option<Duration> {
        let (start, before) = *self.first.get_or_insert((now, done));
        let measured = done.checked_sub(before).filter(|&steps| steps > 0)?;
        let share = self.total.saturating_sub(done) as f64 / measured as f64;
        Duration::try_from_secs_f64((now - start).as_secs_f64() * share).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_comes_from_measured_steps() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate { total: 60, first: None };
        assert_eq!(rate.left(0, start), None);
        assert_eq!(rate.left(0, after(30)), None, "no step is measured");
        assert_eq!(rate.left(6, after(60)), Some(Duration::from_secs(540)));
        assert_eq!(rate.left(60, after(600)), Some(Duration::ZERO));
        // Goes on at 20: ten steps in 40 s, and thirty to come.
        let mut resumed = Rate { total: 60, first: None };
        assert_eq!(resumed.left(20, start), None);
        assert_eq!(resumed.left(30, after(40)), Some(Duration::from_secs(120)));
    }
}
