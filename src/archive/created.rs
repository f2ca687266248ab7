//! When an archive was made, as archives hold it: the fields of C's `struct tm` in local time.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Dst, TimeZone};

/// A point in time on the dumping machine's wall clock, without its time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CreatedAt {
    /// 0 to 60.
    pub second: i32,
    /// 0 to 59.
    pub minute: i32,
    /// 0 to 23.
    pub hour: i32,
    /// 1 to 31.
    pub day: i32,
    /// 0 to 11.
    pub month: i32,
    /// Years since 1900.
    pub year: i32,
    /// Above 0 in daylight saving time.
    pub is_dst: i32,
}

impl CreatedAt {
    /// Now, in the system's time zone.
    pub fn now() -> CreatedAt {
        CreatedAt::of(Timestamp::now(), &system_zone())
    }

    fn of(timestamp: Timestamp, zone: &TimeZone) -> CreatedAt {
        let local = zone.to_datetime(timestamp);
        CreatedAt {
            second: i32::from(local.second()),
            minute: i32::from(local.minute()),
            hour: i32::from(local.hour()),
            day: i32::from(local.day()),
            month: i32::from(local.month()) - 1,
            year: i32::from(local.year()) - 1900,
            is_dst: i32::from(zone.to_offset_info(timestamp).dst() == Dst::Yes),
        }
    }

    /// `2026-11-22 14:54:50 UTC`: the wall clock's time as if it had been read in `zone`, with that zone's
    /// abbreviation. `None` if the fields are no date.
    fn written_in(&self, zone: &TimeZone) -> Option<String> {
        let local = DateTime::new(
            i16::try_from(self.year.checked_add(1900)?).ok()?,
            i8::try_from(self.month.checked_add(1)?).ok()?,
            i8::try_from(self.day).ok()?,
            i8::try_from(self.hour).ok()?,
            i8::try_from(self.minute).ok()?,
            i8::try_from(self.second.min(59)).ok()?,
            0,
        )
        .ok()?;
        // An hour that the clock went through twice: the flag says which of the two it was.
        let offset = match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, after } => {
                if self.is_dst > 0 {
                    before
                } else {
                    after
                }
            }
            AmbiguousOffset::Gap { before, .. } => before,
        };
        let timestamp = offset.to_timestamp(local).ok()?;
        let local = zone.to_datetime(timestamp);
        let info = zone.to_offset_info(timestamp);
        Some(format!(
            "{} {}",
            local.strftime("%Y-%m-%d %H:%M:%S"),
            info.abbreviation()
        ))
    }
}

impl fmt::Display for CreatedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written_in(&system_zone()).as_deref().unwrap_or("[unknown]"))
    }
}

/// The zone of `TZ` or `/etc/localtime`, UTC where there is none.
fn system_zone() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    #[test]
    fn a_moment_comes_back_with_its_zones_abbreviation() {
        let summer: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
        let at = CreatedAt::of(summer, &berlin());
        assert_eq!((at.hour, at.month, at.year, at.is_dst), (12, 6, 126, 1));
        assert_eq!(at.written_in(&berlin()).unwrap(), "2026-07-01 12:00:00 CEST");
        assert_eq!(at.written_in(&TimeZone::UTC).unwrap(), "2026-07-01 12:00:00 UTC");
    }

    #[test]
    fn the_flag_tells_the_two_hours_of_autumn_apart() {
        for moment in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
            let at = CreatedAt::of(moment.parse().unwrap(), &berlin());
            let zone = if at.is_dst > 0 { "CEST" } else { "CET" };
            assert_eq!(
                at.written_in(&berlin()).unwrap(),
                format!("2026-10-25 02:30:00 {zone}")
            );
        }
    }

    #[test]
    fn nonsense_is_no_date() {
        let at = CreatedAt {
            second: 0,
            minute: 0,
            hour: 99,
            day: 1,
            month: i32::MAX,
            year: 1,
            is_dst: 0,
        };
        assert_eq!(at.written_in(&TimeZone::UTC), None);
    }
}
