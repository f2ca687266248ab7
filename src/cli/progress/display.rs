//! Showing progress on standard error: a bar, lines now and then, or JSON.
//!
//! One thread looks at the counters at a fixed pace, so a long COPY or index build shows as well as many small ones, and those
//! who do the work never wait for a terminal.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use bstr::BStr;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::estimate::{bytes, clock, estimate};
use super::track::{Event, Record, State, Track};
use crate::cli::message::Messages;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Style {
    /// A bar that is drawn anew.
    Bar,
    /// A line now and then.
    Lines,
    /// Objects, one a line.
    Json,
}

/// A display; dropped, it stops, and a bar disappears.
pub(in crate::cli) struct Display {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    messages: Messages,
}

/// The bar has this many steps.
const STEPS: u64 = 1000;

impl Display {
    /// Shows what `track` is told, every so often.
    pub(in crate::cli) fn start(
        style: Style,
        pace: Duration,
        track: Arc<Track>,
        messages: &Messages,
    ) -> Display {
        let (stop, stopped) = mpsc::channel();
        if style == Style::Json {
            let told = messages.clone();
            track.listen(Box::new(move |event| {
                if let Some(object) = object(&event) {
                    told.json(&object);
                }
            }));
        }
        let told = messages.clone();
        let thread = std::thread::Builder::new().name("progress".into());
        let thread = thread.spawn(move || {
            let shown = Shown {
                style,
                track: &track,
                messages: &told,
            };
            while stopped.recv_timeout(pace) == Err(RecvTimeoutError::Timeout) {
                shown.show();
            }
            if style == Style::Json {
                shown.show();
            }
        });
        Display {
            stop: Some(stop),
            // Where no thread can be had there is no display, and nothing else is wrong.
            thread: thread.ok(),
            messages: messages.clone(),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // One that has panicked has nothing to show any more.
            let _ = thread.join();
        }
        self.messages.set_bar(None);
    }
}

/// What shows it.
struct Shown<'a> {
    style: Style,
    track: &'a Track,
    messages: &'a Messages,
}

impl Shown<'_> {
    fn show(&self) {
        let state = self.track.state().clone_counters();
        let Some((_, since)) = state.work else { return };
        match self.style {
            Style::Lines => self.messages.plain(line(&state, since.elapsed())),
            Style::Bar => {
                let bar = self.messages.bar_or(bar);
                let share = estimate(&state, since.elapsed()).share.unwrap_or_default();
                bar.set_message(details(&state, since.elapsed()));
                bar.set_position((share * STEPS as f64) as u64);
                bar.tick();
            }
            Style::Json => self.messages.json(&progress(&state, since.elapsed())),
        }
    }
}

/// An event that is told at once; not of entries that take no time.
fn object(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::Connected(database, server_version) => json!({
            "event": "connected",
            "database": database.to_string(),
            "server_version": server_version.to_string(),
        }),
        Event::Planned(work) => json!({
            "event": "planned",
            "entries": work.entries,
            "with_data": work.with_data,
            "indexes": work.indexes,
            "size": work.size,
        }),
        Event::Done(record) if record.has_data || record.is_index => entry_event(record),
        Event::Done(_) => return None,
    })
}

/// How far it is, as an event.
fn progress(state: &State, elapsed: Duration) -> Value {
    let estimate = estimate(state, elapsed);
    json!({
        "event": "progress",
        "seconds": rounded(elapsed.as_secs_f64()),
        "share": estimate.share.map(rounded),
        "entries": state.entries_done,
        "with_data": state.data_done,
        "indexes": state.indexes_done,
        "bytes": state.bytes,
        "bytes_per_second": estimate.rate.round(),
        "eta_seconds": estimate.left.map(|left| left.as_secs()),
        "under_way": state.active.values().map(|active| active.name.clone()).collect::<Vec<_>>(),
    })
}

impl State {
    /// All but the records, which are many.
    fn clone_counters(&mut self) -> State {
        let records = std::mem::take(&mut self.records);
        let counters = self.clone();
        self.records = records;
        counters
    }
}

/// Thousandths are enough.
pub(in crate::cli) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// An entry as an event.
fn entry_event(record: &Record) -> Value {
    let mut event = json!({ "event": "entry" });
    if let (Some(event), Value::Object(fields)) =
        (event.as_object_mut(), crate::cli::report::entry(record, false))
    {
        event.extend(fields);
    }
    event
}

/// The bar itself. NO_COLOR is heeded as <https://no-color.org> asks.
fn bar() -> ProgressBar {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let template = match plain {
        true => "[{bar:25}] {percent:>3}% {wide_msg}",
        false => "[{bar:25.cyan}] {percent:>3}% {wide_msg}",
    };
    let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// What stands beside the bar.
fn details(state: &State, elapsed: Duration) -> String {
    let Some((work, _)) = state.work else {
        return String::new();
    };
    let estimate = estimate(state, elapsed);
    let mut parts = vec![format!("tables {}/{}", state.data_done, work.with_data)];
    if work.indexes > 0 {
        parts.push(format!("indexes {}/{}", state.indexes_done, work.indexes));
    }
    parts.push(bytes(state.bytes as f64));
    parts.push(format!("{}/s", bytes(estimate.rate)));
    if let Some(left) = estimate.left {
        parts.push(format!("ETA {}", clock(left)));
    }
    if let Some(active) = state.active.values().next_back() {
        parts.push(printable(&active.name));
    }
    parts.join(", ")
}

/// A line where there is no bar.
fn line(state: &State, elapsed: Duration) -> String {
    let share = estimate(state, elapsed).share.unwrap_or_default();
    let database = match &state.database {
        Some(database) => format!("database \"{}\": ", printable(&BStr::new(database).to_string())),
        None => String::new(),
    };
    format!(
        "{database}{:.0}% after {}: {}",
        share * 100.0,
        clock(elapsed),
        details(state, elapsed)
    )
}

/// A name without what would move the cursor.
fn printable(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Done, Item, Progress, Work};

    #[test]
    fn a_line_says_how_far_it_is_and_when_it_will_be_done() {
        let track = Track::new(true, false);
        let item = |dump_id, name: &'static str, size| Item {
            dump_id,
            kind: "TABLE DATA".into(),
            schema: Some("s".into()),
            name: name.into(),
            has_data: true,
            is_index: false,
            size,
        };
        track.connected("shop".into(), "18.6".into());
        track.planned(&Work {
            entries: 9,
            with_data: 2,
            indexes: 4,
            size: 4 << 20,
        });
        track.entry_begun(&item(1, "a", 3 << 20));
        track.bytes(3 << 20);
        let done = Done {
            rows: 5,
            bytes: 3 << 20,
            failed: false,
        };
        track.entry_done(&item(1, "a", 3 << 20), &done);
        track.entry_begun(&item(2, "b\u{1b}[2J\n", 1 << 20));
        let state = track.state().clone_counters();
        assert_eq!(
            line(&state, Duration::from_secs(60)),
            "database \"shop\": 50% after 1:00: tables 1/2, indexes 0/4, 3.00 MB, 51.2 kB/s, ETA 1:00, s.b [2J "
        );
    }
}
