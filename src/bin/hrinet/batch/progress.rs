//! Progress of a run: volumes, slices, rate, time left and failures.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use hrinet::error::count_of;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::arguments::ProgressKind;
use super::manifest::Row;
use super::pipeline::Counts;
use crate::dry_run::in_words;
use crate::messages::{Verbosity, tell};
use crate::progress::{PLAIN_EVERY, bar};

const TEMPLATE: &str = "{pos}/{len} volumes [{wide_bar}] {msg}";

/// Shows the progress of a run, from any thread.
pub struct Progress {
    kind: Option<ProgressKind>,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    total: usize,
    settled: usize,
    /// Settled by this run.
    own: usize,
    failed: usize,
    slices: usize,
    start: Instant,
    shown: Instant,
}

impl Progress {
    /// Starts to show the progress of `total` volumes.
    pub fn new(kind: ProgressKind, verbosity: &Verbosity, total: usize) -> Progress {
        let kind = (!verbosity.quiet || kind == ProgressKind::Json).then_some(kind);
        let bar = match kind {
            Some(ProgressKind::Auto) => bar(total as u64, TEMPLATE),
            _ => None,
        };
        let now = Instant::now();
        let counts =
            State { total, settled: 0, own: 0, failed: 0, slices: 0, start: now, shown: now };
        let progress = Progress { kind, bar, state: Mutex::new(counts) };
        progress.event(json!({ "event": "start", "volumes": total }));
        progress
    }

    /// There are more volumes than was thought.
    pub fn more(&self, count: usize) {
        self.update(|state| state.total += count);
    }

    /// A volume was settled by a former run.
    pub fn done_before(&self) {
        self.update(|state| state.settled += 1);
    }

    /// Slices were interpolated.
    pub fn slices(&self, count: usize) {
        self.update(|state| state.slices += count);
    }

    /// A volume is settled.
    pub fn volume(&self, row: &Row, counts: &Counts) {
        self.update(|state| {
            state.settled += 1;
            state.own += 1;
            state.failed = counts.failed;
        });
        if self.kind == Some(ProgressKind::Json) {
            let mut event = self.state().as_json("volume");
            event["id"] = json!(row.id);
            event["status"] = json!(row.status);
            event["reason"] = json!(row.reason);
            self.event(event);
        }
    }

    /// The run has ended.
    pub fn finish(&self, counts: &Counts) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let mut event = self.state().as_json("end");
        event["made"] = json!(counts.made);
        event["skipped"] = json!(counts.skipped);
        event["done_before"] = json!(counts.done);
        event["seconds_computing"] = json!(counts.computing.as_secs_f64());
        self.event(event);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        if let Some(bar) = &self.bar {
            bar.set_length(state.total as u64);
            bar.set_position(state.settled as u64);
            bar.set_message(state.in_words());
        } else if self.kind.is_some() && state.shown.elapsed() > PLAIN_EVERY {
            state.shown = Instant::now();
            match self.kind {
                Some(ProgressKind::Json) => tell(state.as_json("progress")),
                _ => tell(format_args!(
                    "{} of {} volumes, {}",
                    state.settled,
                    state.total,
                    state.in_words()
                )),
            }
        }
    }

    fn event(&self, event: Value) {
        if self.kind == Some(ProgressKind::Json) {
            tell(event);
        }
    }
}

impl State {
    fn rate(&self) -> f64 {
        self.slices as f64 / self.start.elapsed().as_secs_f64().max(1e-3)
    }

    /// As the volumes so far went.
    fn seconds_left(&self) -> Option<f64> {
        let left = self.total.saturating_sub(self.settled) as f64;
        (self.own > 0).then(|| self.start.elapsed().as_secs_f64() / self.own as f64 * left)
    }

    fn in_words(&self) -> String {
        let left = self.seconds_left().map(|seconds| format!(", {} left", in_words(seconds)));
        format!(
            "{} failed, {}, {:.1} a second{}",
            self.failed,
            count_of(self.slices, "slice"),
            self.rate(),
            left.unwrap_or_default()
        )
    }

    fn as_json(&self, event: &str) -> Value {
        json!({
            "event": event,
            "volumes_done": self.settled,
            "volumes": self.total,
            "failures": self.failed,
            "slices": self.slices,
            "slices_per_second": self.rate(),
            "seconds": self.start.elapsed().as_secs_f64(),
            "seconds_left": self.seconds_left(),
        })
    }
}
