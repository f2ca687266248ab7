//! Storage parameters, as they stand between the parentheses of `WITH (…)` and `SET (…)`.

use bstr::{BStr, BString, ByteSlice};

use super::Quoting;
use super::text::put;

/// `prefix.name='value', …` from the catalogs' `name=value`. `prefix` is empty or ends in a dot.
///
/// Values are quoted unless they would pass for identifiers, because what an extension's parameters mean
/// cannot be known.
pub fn storage_parameters(quoting: Quoting, prefix: &str, options: &[BString]) -> BString {
    let mut out = BString::default();
    for option in options {
        let (name, value) = option.split_once_str("=").unwrap_or((option, b""));
        if !out.is_empty() {
            put!(out; ", ");
        }
        put!(out; prefix, quoting.ident(name), "=");
        if quoting.ident(value) == BStr::new(value) {
            put!(out; value);
        } else {
            put!(out; quoting.literal(value));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_unless_they_look_like_identifiers() {
        let options = [
            "fillfactor=70",
            "buffering=auto",
            "security_barrier=true",
            "Odd=a=b",
            "bare",
        ];
        let options: Vec<BString> = options.map(BString::from).into();
        assert_eq!(
            storage_parameters(Quoting::default(), "", &options),
            "fillfactor='70', buffering=auto, security_barrier='true', \"Odd\"='a=b', bare=''"
        );
        assert_eq!(
            storage_parameters(Quoting::default(), "toast.", &options[..1]),
            "toast.fillfactor='70'"
        );
    }
}
