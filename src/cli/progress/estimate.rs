//! From counters to a share, a rate and a time: pure.
//!
//! Sizes are those of relations on disk or of an archive's files, bytes are those of rows as text; how many of these
//! come to one of those is learned from the entries that are done. Building indexes counts for half of what the data do.

use std::time::Duration;

use super::track::State;

/// What is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    /// How much is done, from 0 to 1; not known before the table of contents is.
    pub(super) share: Option<f64>,
    /// Bytes of data in a second, on average.
    pub(super) rate: f64,
    /// What is left, once that can be said.
    pub(super) left: Option<Duration>,
}

/// Before that much of the time and of the work an estimate says nothing.
const LEAST: (Duration, f64) = (Duration::from_secs(1), 0.005);

/// The estimate after `elapsed`.
pub(super) fn estimate(state: &State, elapsed: Duration) -> Estimate {
    let seconds = elapsed.as_secs_f64();
    let rate = if seconds > 0.0 {
        state.bytes as f64 / seconds
    } else {
        0.0
    };
    let share = share(state);
    let left = share
        .filter(|share| elapsed >= LEAST.0 && *share >= LEAST.1)
        .map(|share| Duration::from_secs_f64((seconds * (1.0 - share) / share).clamp(0.0, 1e9)));
    Estimate { share, rate, left }
}

fn share(state: &State) -> Option<f64> {
    let (work, _) = state.work?;
    let part = |done: u64, of: u64| {
        if of == 0 {
            1.0
        } else {
            (done as f64 / of as f64).min(1.0)
        }
    };
    if work.size == 0 {
        return Some(part(state.entries_done, work.entries));
    }
    // How many bytes of size a byte of data stands for.
    let worth = match (state.size_done, state.bytes_done) {
        (size, bytes) if size > 0 && bytes > 0 => size as f64 / bytes as f64,
        _ => 1.0,
    };
    let under_way: u64 = state.active.values().map(|active| active.size).sum();
    let read = state.bytes.saturating_sub(state.bytes_done) as f64 * worth;
    let data = (state.size_done as f64 + read.min(under_way as f64)) / work.size as f64;
    if work.indexes == 0 {
        return Some(data.min(1.0));
    }
    let indexes = part(state.indexes_done, work.indexes);
    Some((2.0 * data.min(1.0) + indexes) / 3.0)
}

/// Bytes for people: three digits and a unit.
pub(super) fn bytes(count: f64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut count = count;
    let mut unit = 0;
    while count >= 999.5 && unit + 1 < UNITS.len() {
        count /= 1024.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    match unit {
        "B" => format!("{count:.0} B"),
        _ if count < 9.995 => format!("{count:.2} {unit}"),
        _ if count < 99.95 => format!("{count:.1} {unit}"),
        _ => format!("{count:.0} {unit}"),
    }
}

/// `0:07`, `12:30`, `3:04:05`.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::cli::progress::track::Track;
    use crate::progress::{Done, Item, Progress, Work};

    fn item(dump_id: u32, size: u64, is_index: bool) -> Item<'static> {
        Item {
            dump_id,
            kind: "TABLE DATA".into(),
            schema: None,
            name: "t".into(),
            has_data: !is_index,
            is_index,
            size,
        }
    }

    #[test]
    fn the_share_follows_bytes_within_a_table_and_learns_what_they_are_worth() {
        let track = Track::new(true, false);
        let at = |track: &Track| estimate(&track.state(), Duration::from_secs(10));
        assert_eq!(at(&track).share, None);
        track.planned(&Work {
            entries: 3,
            with_data: 2,
            indexes: 0,
            size: 1000,
        });
        assert_eq!(at(&track).share, Some(0.0));
        assert_eq!(at(&track).left, None, "nothing is done, nothing can be said");
        track.entry_begun(&item(1, 200, false));
        track.bytes(100);
        assert_eq!(at(&track).share, Some(0.1));
        let done = Done {
            bytes: 100,
            ..Done::default()
        };
        track.entry_done(&item(1, 200, false), &done);
        assert_eq!(at(&track).share, Some(0.2));
        // One byte has proved to be worth two.
        track.entry_begun(&item(2, 800, false));
        track.bytes(200);
        assert_eq!(at(&track).share, Some(0.6));
        assert_eq!(at(&track).rate, 30.0);
        assert_eq!(at(&track).left.unwrap().as_secs(), 6);
        // More than it should have been does not run over.
        track.bytes(5000);
        assert_eq!(at(&track).share, Some(1.0));
    }

    #[test]
    fn indexes_count_for_a_third_and_entries_where_no_sizes_are_known() {
        let track = Track::new(true, false);
        let share = |track: &Track| estimate(&track.state(), Duration::from_secs(10)).share;
        track.planned(&Work {
            entries: 3,
            with_data: 1,
            indexes: 2,
            size: 10,
        });
        track.entry_done(&item(1, 10, false), &Done::default());
        assert_eq!(share(&track), Some(2.0 / 3.0));
        track.entry_done(&item(2, 0, true), &Done::default());
        assert_eq!(share(&track), Some(2.5 / 3.0));
        track.planned(&Work {
            entries: 4,
            with_data: 1,
            indexes: 2,
            size: 0,
        });
        track.entry_done(&item(1, 0, false), &Done::default());
        assert_eq!(share(&track), Some(0.25));
        assert!(track.state().work.unwrap().1 <= Instant::now());
    }

    #[test]
    fn numbers_are_short() {
        let of = |count| bytes(count);
        assert_eq!(of(0.0), "0 B");
        assert_eq!(of(999.0), "999 B");
        assert_eq!(of(1000.0), "0.98 kB");
        assert_eq!(of(1536.0), "1.50 kB");
        assert_eq!(of(53.21 * 1024.0 * 1024.0), "53.2 MB");
        assert_eq!(of(2e30), "1776356839400250 PB");
        assert_eq!(clock(Duration::from_secs(7)), "0:07");
        assert_eq!(clock(Duration::from_secs(750)), "12:30");
        assert_eq!(clock(Duration::from_secs(11045)), "3:04:05");
    }
}
