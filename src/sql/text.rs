//! Putting statements together from pieces of bytes: what `format!` does for `str`.

/// Appends every part to a `Vec<u8>` or `BString`: literals, `&str`, `BString`, `&BStr`.
///
/// `put!(out; "COMMENT ON TABLE ", name, " IS ", literal)`
macro_rules! put {
    ($out:expr; $($part:expr),+ $(,)?) => {{
        $( $out.extend_from_slice(::core::convert::AsRef::<[u8]>::as_ref(&$part)); )+
    }};
}

/// A [`BString`](bstr::BString) of every part, one after the other.
///
/// `text!("DROP TABLE ", name, ";\n")`
macro_rules! text {
    ($($part:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "without parts nothing is appended")]
        let mut out = ::bstr::BString::default();
        $( out.extend_from_slice(::core::convert::AsRef::<[u8]>::as_ref(&$part)); )*
        out
    }};
}

pub(crate) use {put, text};

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
    }
}
