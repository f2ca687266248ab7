//! Server versions, and choosing SQL by them.

use std::fmt;

/// A server's version as `server_version_num` gives it: 180006 for 18.6, 90624 for 9.6.24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    /// Reads `18.6`, `9.6.24`, `18beta1`, `15.18 (Debian 15.18-0+deb12u1)`.
    pub fn parse(text: &str) -> Option<ServerVersion> {
        let mut numbers = Vec::with_capacity(3);
        let mut rest = text.trim_start();
        loop {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            numbers.push(number.parse::<u32>().ok()?);
            match tail.strip_prefix('.') {
                Some(tail) if numbers.len() < 3 && tail.starts_with(|c: char| c.is_ascii_digit()) => {
                    rest = tail
                }
                _ => break,
            }
        }
        let part = |i: usize| numbers.get(i).copied().unwrap_or(0);
        let major = part(0);
        let version = if major >= 10 {
            major.checked_mul(10_000)?.checked_add(part(1))?
        } else {
            major * 10_000 + part(1).checked_mul(100)?.checked_add(part(2))?
        };
        Some(ServerVersion(version))
    }

    /// The first part of the version: 18 for 18.6, and 9 for all of 9.x.
    pub fn major(self) -> u32 {
        self.0 / 10_000
    }

    /// True if the server is of `release` or newer. A release is written as 16 for 16.x, or as
    /// 90_500 for the ones before 10 (9.5).
    pub fn at_least(self, release: u32) -> bool {
        self.0 >= if release < 1000 { release * 10_000 } else { release }
    }

    /// `since` on servers of `release` or newer, `before` on older ones: the one way in which a query's
    /// text depends on the server.
    pub fn pick<T>(self, release: u32, since: T, before: T) -> T {
        if self.at_least(release) { since } else { before }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServerVersion(number) = *self;
        if number >= 100_000 {
            write!(f, "{}.{}", number / 10_000, number % 10_000)
        } else {
            write!(f, "{}.{}.{}", number / 10_000, number / 100 % 100, number % 100)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_write_them() {
        let parse = |s| ServerVersion::parse(s).map(|v| v.0);
        assert_eq!(parse("18.6"), Some(180_006));
        assert_eq!(parse("9.6.24"), Some(90_624));
        assert_eq!(parse("15.18 (Debian 15.18-0+deb12u1)"), Some(150_018));
        assert_eq!(parse("19beta2"), Some(190_000));
        assert_eq!(parse("9.5"), Some(90_500));
        assert_eq!(parse("beta"), None);
        assert_eq!(parse("999999999.1"), None);
    }

    #[test]
    fn versions_before_and_after_ten_are_told_apart() {
        assert_eq!(ServerVersion(180_006).to_string(), "18.6");
        assert_eq!(ServerVersion(90_624).to_string(), "9.6.24");
        assert!(ServerVersion(160_000).at_least(16));
        assert!(!ServerVersion(150_018).at_least(16));
        assert!(ServerVersion(90_500).at_least(90_500));
        assert_eq!(ServerVersion(150_018).pick(16, "new", "old"), "old");
    }
}
