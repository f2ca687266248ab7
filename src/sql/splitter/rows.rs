//! Where the rows of a COPY end in a script: at a line of `\.` alone.

use memchr::memmem;

/// What a portion of rows holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Bytes of rows, up to `end`, and whether that is the beginning of a line.
    Rows { end: usize, line_start: bool },
    /// The line that ends the rows, of this many bytes.
    End { length: usize },
    /// Nothing that could be told yet.
    Nothing,
}

/// Looks at the front of `text`. At the script's end, nothing can follow that would complete a line.
pub(super) fn find(text: &[u8], line_start: bool, ended: bool) -> Found {
    let mut from = 0;
    if line_start {
        match marker(text, ended) {
            Marker::Whole(length) => return Found::End { length },
            Marker::Part => return Found::Nothing,
            Marker::No => {}
        }
    }
    if text.is_empty() {
        return Found::Nothing;
    }
    while let Some(at) = memmem::find(text.get(from..).unwrap_or_default(), b"\n\\") {
        let line = from + at + 1;
        match marker(text.get(line..).unwrap_or_default(), ended) {
            Marker::No => from = line,
            Marker::Whole(_) | Marker::Part => {
                return Found::Rows {
                    end: line,
                    line_start: true,
                };
            }
        }
    }
    Found::Rows {
        end: text.len(),
        line_start: text.ends_with(b"\n"),
    }
}

enum Marker {
    Whole(usize),
    /// What there is may become one.
    Part,
    No,
}

fn marker(line: &[u8], ended: bool) -> Marker {
    for whole in [b"\\.\n".as_slice(), b"\\.\r\n"] {
        if line.starts_with(whole) {
            return Marker::Whole(whole.len());
        }
    }
    if ended {
        return match line {
            b"\\." | b"\\.\r" => Marker::Whole(line.len()),
            _ => Marker::No,
        };
    }
    // An empty line is no reason to wait: it is seen again when there is more of it.
    if !line.is_empty() && b"\\.\r\n".starts_with(line) {
        Marker::Part
    } else {
        Marker::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_of_its_own_ends_rows() {
        let rows = |end, line_start| Found::Rows { end, line_start };
        assert_eq!(find(b"a\\.\n\\.x\n\\.\n", true, false), rows(8, true));
        assert_eq!(find(b"\\.\n\n", true, false), Found::End { length: 3 });
        assert_eq!(find(b"\\.\r\nx", true, false), Found::End { length: 4 });
        assert_eq!(find(b"\\.\n", false, false), rows(3, true), "the end of a row");
        assert_eq!(find(b"\\.", true, false), Found::Nothing);
        assert_eq!(find(b"\\.", true, true), Found::End { length: 2 });
        assert_eq!(find(b"x\n\\", true, false), rows(2, true));
        assert_eq!(find(b"x", true, false), rows(1, false));
    }
}
