//! The `-Z` option: `METHOD[:DETAIL]` or a bare level, read as pg_dump reads it and refused in its words.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// A compression method that archives know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Stored as it is.
    None,
    /// zlib streams in custom archives, gzip files elsewhere.
    Gzip,
    /// LZ4 frames.
    Lz4,
    /// zstd frames.
    Zstd,
}

impl Algorithm {
    /// The method's name in options and lists.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::None => "none",
            Algorithm::Gzip => "gzip",
            Algorithm::Lz4 => "lz4",
            Algorithm::Zstd => "zstd",
        }
    }

    fn from_name(name: &str) -> Option<Algorithm> {
        [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd]
            .into_iter()
            .find(|a| a.name() == name)
    }

    /// Lowest, highest and default level, for those methods that have levels.
    fn levels(self) -> Option<(i32, i32, i32)> {
        match self {
            Algorithm::None => None,
            Algorithm::Gzip => Some((1, 9, -1)),
            Algorithm::Lz4 => Some((1, 12, 0)),
            Algorithm::Zstd => Some((-131_072, 22, 3)),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A method and how hard it should try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Compression {
    /// The method.
    pub algorithm: Algorithm,
    /// The level, where one was asked for; the method's own default otherwise.
    pub level: Option<i32>,
    /// zstd's search for repetitions that lie far apart.
    pub long_distance: bool,
}

impl Compression {
    /// No compression.
    pub const NONE: Compression = Compression::of(Algorithm::None);
    /// gzip at its default level.
    pub const GZIP: Compression = Compression::of(Algorithm::Gzip);
    /// zstd at its default level.
    pub const ZSTD: Compression = Compression::of(Algorithm::Zstd);

    /// A method at its default level.
    pub const fn of(algorithm: Algorithm) -> Compression {
        Compression {
            algorithm,
            level: None,
            long_distance: false,
        }
    }

    /// Reads the argument of `-Z`: a method, a method with details after a colon, or a bare number, which is
    /// a gzip level or, if 0, no compression.
    ///
    /// # Errors
    /// `ErrorKind::Usage` in pg_dump's words.
    pub fn parse(spec: &str) -> Result<Compression> {
        let (name, detail) = match (spec, integer_of(spec), spec.split_once(':')) {
            ("", ..) | (_, Some(0), _) => ("none", None),
            (_, Some(_), _) => ("gzip", Some(spec)),
            (_, None, Some((name, detail))) => (name, Some(detail)),
            (_, None, None) => (spec, None),
        };
        let algorithm = Algorithm::from_name(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                format!("unrecognized compression algorithm: \"{name}\""),
            )
        })?;
        let detail = match detail {
            Some(detail) => Detail::parse(detail)?,
            None => Detail::default(),
        };
        Compression::of(algorithm).with(&detail)
    }

    /// Checks in pg_dump's order that the method knows what it was asked for.
    fn with(mut self, detail: &Detail) -> Result<Compression> {
        let name = self.algorithm;
        match (self.algorithm.levels(), detail.level) {
            (_, None) | (None, Some(0)) => {}
            (None, Some(_)) => {
                return Err(invalid(format!(
                    "compression algorithm \"{name}\" does not accept a compression level"
                )));
            }
            (Some((.., default)), Some(level)) if level == default => {}
            (Some((lowest, highest, default)), Some(level)) => {
                if level < lowest || level > highest {
                    return Err(invalid(format!(
                        "compression algorithm \"{name}\" expects a compression level between {lowest} and \
                         {highest} (default at {default})"
                    )));
                }
                self.level = Some(level);
            }
        }
        if detail.workers && self.algorithm != Algorithm::Zstd {
            return Err(invalid(format!(
                "compression algorithm \"{name}\" does not accept a worker count"
            )));
        }
        if detail.long_distance.is_some() && self.algorithm != Algorithm::Zstd {
            return Err(invalid(format!(
                "compression algorithm \"{name}\" does not support long-distance mode"
            )));
        }
        self.long_distance = detail.long_distance.unwrap_or(false);
        Ok(self)
    }
}

/// What stands behind the method's name.
#[derive(Debug, Default)]
struct Detail {
    level: Option<i32>,
    /// A number of workers was given; how many there are is decided by the lanes.
    workers: bool,
    long_distance: Option<bool>,
}

impl Detail {
    fn parse(text: &str) -> Result<Detail> {
        let mut detail = Detail::default();
        if let Some(level) = integer_of(text) {
            detail.level = Some(truncated(level));
            return Ok(detail);
        }
        for option in text.split(',') {
            let (key, value) = match option.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (option, None),
            };
            match key {
                "" => {
                    return Err(invalid(
                        "found empty string where a compression option was expected",
                    ));
                }
                "level" => detail.level = Some(integer(key, value)?),
                "workers" => {
                    integer(key, value)?;
                    detail.workers = true;
                }
                "long" => detail.long_distance = Some(boolean(key, value)?),
                _ => return Err(invalid(format!("unrecognized compression option: \"{key}\""))),
            }
        }
        Ok(detail)
    }
}

/// A whole text as a number, as C's `strtol` takes it: blanks before it are nothing, and what is too large is
/// the largest.
fn integer_of(text: &str) -> Option<i64> {
    let number = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(number.parse().unwrap_or(match number.starts_with('-') {
        true => i64::MIN,
        false => i64::MAX,
    }))
}

/// What C makes of a number that does not fit.
fn truncated(number: i64) -> i32 {
    number as i32
}

fn invalid(what: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!("invalid compression specification: {what}"),
    )
}

fn integer(key: &str, value: Option<&str>) -> Result<i32> {
    let Some(value) = value else {
        return Err(invalid(format!("compression option \"{key}\" requires a value")));
    };
    integer_of(value).map(truncated).ok_or_else(|| {
        invalid(format!(
            "value for compression option \"{key}\" must be an integer"
        ))
    })
}

fn boolean(key: &str, value: Option<&str>) -> Result<bool> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("yes" | "on" | "1") => Ok(true),
        Some("no" | "off" | "0") => Ok(false),
        Some(_) => Err(invalid(format!(
            "value for compression option \"{key}\" must be a Boolean value"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(spec: &str) -> String {
        Compression::parse(spec).unwrap_err().to_string()
    }

    #[test]
    fn methods_levels_and_bare_numbers() {
        assert_eq!(Compression::parse("0").unwrap(), Compression::NONE);
        assert_eq!(Compression::parse("none").unwrap(), Compression::NONE);
        assert_eq!(Compression::parse("gzip").unwrap(), Compression::GZIP);
        assert_eq!(Compression::parse("-1").unwrap(), Compression::GZIP);
        assert_eq!(Compression::parse("gzip:-1").unwrap(), Compression::GZIP);
        assert_eq!(
            Compression::parse("7").unwrap(),
            Compression {
                level: Some(7),
                ..Compression::GZIP
            }
        );
        assert_eq!(
            Compression::parse("zstd:level=5,long=yes").unwrap(),
            Compression {
                algorithm: Algorithm::Zstd,
                level: Some(5),
                long_distance: true
            }
        );
        assert!(Compression::parse("zstd:long").unwrap().long_distance);
        assert!(!Compression::parse("zstd:long=off").unwrap().long_distance);
        assert_eq!(Compression::parse("zstd:-7").unwrap().level, Some(-7));
        assert_eq!(Compression::parse("lz4:12").unwrap().level, Some(12));
        assert_eq!(Compression::parse("lz4:0").unwrap().level, None);
        for none in ["", "00", "none:0", "none:level=0"] {
            assert_eq!(Compression::parse(none).unwrap(), Compression::NONE, "{none:?}");
        }
        for three in [
            " 3",
            "+3",
            "gzip: 3",
            "gzip:level= 3",
            "gzip:level=9,level=3",
            "4294967299",
        ] {
            assert_eq!(Compression::parse(three).unwrap().level, Some(3), "{three:?}");
        }
        assert_eq!(Compression::parse("zstd:workers=4").unwrap(), Compression::ZSTD);
    }

    #[test]
    fn refusals_are_pg_dumps() {
        assert_eq!(refusal("foo"), "unrecognized compression algorithm: \"foo\"");
        assert_eq!(refusal("GZIP"), "unrecognized compression algorithm: \"GZIP\"");
        let invalid = |rest: &str| format!("invalid compression specification: {rest}");
        let levels = invalid(
            "compression algorithm \"gzip\" expects a compression level between 1 and 9 (default at -1)",
        );
        assert_eq!(refusal("10"), levels);
        assert_eq!(refusal("gzip:10"), levels);
        assert_eq!(
            refusal("none:1"),
            invalid("compression algorithm \"none\" does not accept a compression level")
        );
        let of =
            |algorithm: &str, rest: &str| invalid(&format!("compression algorithm \"{algorithm}\" {rest}"));
        for (spec, expected) in [
            ("99999999999", levels.clone()),
            ("gzip:0", levels.clone()),
            ("gzip:long,level=20", levels.clone()),
            ("gzip:level=1,workers=2,level=20", levels),
            (
                "gzip:workers=3,long",
                of("gzip", "does not accept a worker count"),
            ),
            ("none:workers=0", of("none", "does not accept a worker count")),
            ("lz4:long", of("lz4", "does not support long-distance mode")),
            ("none:long=off", of("none", "does not support long-distance mode")),
            (
                "lz4:13",
                of(
                    "lz4",
                    "expects a compression level between 1 and 12 (default at 0)",
                ),
            ),
            (
                "zstd:23",
                of(
                    "zstd",
                    "expects a compression level between -131072 and 22 (default at 3)",
                ),
            ),
            ("gzip:3,long", invalid("unrecognized compression option: \"3\"")),
            ("gzip:3 ", invalid("unrecognized compression option: \"3 \"")),
            (
                "gzip:LEVEL=3",
                invalid("unrecognized compression option: \"LEVEL\""),
            ),
            (
                "gzip:long,foo",
                invalid("unrecognized compression option: \"foo\""),
            ),
        ] {
            assert_eq!(refusal(spec), expected, "{spec}");
        }
        for empty in ["gzip:", "gzip:,level=3", "gzip:level=3,"] {
            assert_eq!(
                refusal(empty),
                invalid("found empty string where a compression option was expected")
            );
        }
        let value = |key: &str, rest: &str| {
            invalid(&format!("value for compression option \"{key}\" must be {rest}"))
        };
        for text in ["foo", "", "3 ", "3=4"] {
            assert_eq!(
                refusal(&format!("gzip:level={text}")),
                value("level", "an integer")
            );
        }
        for text in ["maybe", "", "true"] {
            assert_eq!(
                refusal(&format!("gzip:long={text}")),
                value("long", "a Boolean value")
            );
        }
        assert_eq!(refusal("gzip:workers=x"), value("workers", "an integer"));
        for key in ["level", "workers"] {
            assert_eq!(
                refusal(&format!("zstd:{key}")),
                invalid(&format!("compression option \"{key}\" requires a value"))
            );
        }
        for name in ["3x", "0x3", "3 ", " ", ""] {
            let spec = if name.is_empty() { ":3" } else { name };
            assert_eq!(
                refusal(spec),
                format!("unrecognized compression algorithm: \"{name}\"")
            );
        }
    }
}
