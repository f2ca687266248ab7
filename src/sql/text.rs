//! Putting statements together from pieces of bytes: what `format!` does for `str`.

/// Appends every part to a `Vec<u8>` or `BString`: literals, `&str`, `BString`, `&BStr`.
///
/// `put!(out; "COMMENT ON TABLE ", name, " IS ", literal)`
macro_rules! put {
    ($out:expr; $($part:expr),+ $(,)?) => {
        match [$( ::core::convert::AsRef::<[u8]>::as_ref(&$part) ),+] {
            parts => {
                $out.reserve(parts.iter().map(|part| part.len()).sum());
                for part in parts {
                    $out.extend_from_slice(part);
                }
            }
        }
    };
}

/// A [`BString`](bstr::BString) of every part, one after the other, in no more memory than they take.
///
/// `text!("DROP TABLE ", name, ";\n")`
macro_rules! text {
    () => { ::bstr::BString::default() };
    ($($part:expr),+ $(,)?) => {
        $crate::sql::concat(&[$( ::core::convert::AsRef::<[u8]>::as_ref(&$part) ),+])
    };
}

pub(crate) use {put, text};

/// For [`text!`].
pub(crate) fn concat(parts: &[&[u8]]) -> bstr::BString {
    parts.concat().into()
}

#[cfg(test)]
mod tests {
    use bstr::{BStr, BString, ByteSlice};

    #[test]
    fn parts_of_any_kind_are_joined_byte_for_byte() {
        let name = BString::from(&b"caf\xe9"[..]);
        let borrowed: &BStr = name.as_ref();
        let mut out = text!("a ", name, b" ", borrowed);
        put!(out; String::from("!"), ";\n");
        assert_eq!(out, b"a caf\xe9 caf\xe9!;\n".as_bstr());
        let exact = text!("a ", name, ";\n");
        assert_eq!(exact.capacity(), exact.len());
    }
}
