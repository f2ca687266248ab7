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
        // pg_dump takes an empty text for the number 0.
        let number = if spec.is_empty() {
            Ok(0)
        } else {
            spec.parse::<i32>()
        };
        if let Ok(level) = number {
            return match level {
                0 => Ok(Compression::NONE),
                level => Compression {
                    level: Some(level),
                    ..Compression::GZIP
                }
                .checked(),
            };
        }
        let (name, detail) = match spec.split_once(':') {
            Some((name, detail)) => (name, Some(detail)),
            None => (spec, None),
        };
        let algorithm = Algorithm::from_name(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                format!("unrecognized compression algorithm: \"{name}\""),
            )
        })?;
        let compression = Compression::of(algorithm);
        match detail {
            Some(detail) => compression.with_detail(detail)?.checked(),
            None => Ok(compression),
        }
    }

    fn with_detail(mut self, detail: &str) -> Result<Compression> {
        if let Ok(level) = detail.parse::<i32>() {
            self.level = Some(level);
            return Ok(self);
        }
        for option in detail.split(',') {
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
                "level" => self.level = Some(integer(key, value)?),
                "long" => {
                    if self.algorithm != Algorithm::Zstd {
                        return Err(invalid(format!(
                            "compression algorithm \"{}\" does not support long-distance mode",
                            self.algorithm
                        )));
                    }
                    self.long_distance = boolean(key, value)?;
                }
                "workers" => {
                    integer(key, value)?;
                    if self.algorithm != Algorithm::Zstd {
                        return Err(invalid(format!(
                            "compression algorithm \"{}\" does not accept a worker count",
                            self.algorithm
                        )));
                    }
                }
                _ => return Err(invalid(format!("unrecognized compression option: \"{key}\""))),
            }
        }
        Ok(self)
    }

    fn checked(mut self) -> Result<Compression> {
        let Some(level) = self.level else { return Ok(self) };
        let Some((lowest, highest, default)) = self.algorithm.levels() else {
            return Err(invalid(format!(
                "compression algorithm \"{}\" does not accept a compression level",
                self.algorithm
            )));
        };
        if level == default {
            self.level = None;
        } else if level < lowest || level > highest {
            return Err(invalid(format!(
                "compression algorithm \"{}\" expects a compression level between {lowest} and {highest} \
                 (default at {default})",
                self.algorithm
            )));
        }
        Ok(self)
    }
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
    value.parse().map_err(|_| {
        invalid(format!(
            "value for compression option \"{key}\" must be an integer"
        ))
    })
}

fn boolean(key: &str, value: Option<&str>) -> Result<bool> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("yes" | "on" | "true" | "1") => Ok(true),
        Some("no" | "off" | "false" | "0") => Ok(false),
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
        assert_eq!(
            refusal("gzip:level=foo"),
            invalid("value for compression option \"level\" must be an integer")
        );
        assert_eq!(
            refusal("gzip:bar=1"),
            invalid("unrecognized compression option: \"bar\"")
        );
        assert_eq!(
            refusal("gzip:"),
            invalid("found empty string where a compression option was expected")
        );
        assert_eq!(
            refusal("gzip:workers=3"),
            invalid("compression algorithm \"gzip\" does not accept a worker count")
        );
        assert_eq!(
            refusal("zstd:long=maybe"),
            invalid("value for compression option \"long\" must be a Boolean value")
        );
        assert_eq!(
            refusal("gzip:level"),
            invalid("compression option \"level\" requires a value")
        );
    }
}
