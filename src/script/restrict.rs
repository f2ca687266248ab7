//! Keys of psql's `\restrict`, which keeps a script from running meta-commands that its data smuggles in.

use rand::Rng;
use rand::distr::Alphanumeric;

const LENGTH: usize = 63;

/// A key nobody can guess: 63 letters and digits.
pub fn random_restrict_key() -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(LENGTH)
        .map(char::from)
        .collect()
}

/// Whether psql would take the key: not empty, letters and digits only.
pub fn is_valid_restrict_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_keys_are_valid_and_differ() {
        let (one, other) = (random_restrict_key(), random_restrict_key());
        assert!(is_valid_restrict_key(&one) && one.len() == 63);
        assert_ne!(one, other);
    }

    #[test]
    fn only_letters_and_digits_make_a_key() {
        for bad in ["", "a b", "a-b", "ä", "a\n"] {
            assert!(!is_valid_restrict_key(bad), "{bad:?}");
        }
        assert!(is_valid_restrict_key("aZ09"));
    }
}
