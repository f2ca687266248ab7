//! Texts that many hold at once: names of schemas, owners, tablespaces and types.
//!
//! A table of contents names its few schemas and owners in each of its many entries. A [`Name`] is a text that
//! is kept once however often it is cloned; [`Names`] finds the one that is kept already.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use bstr::{BStr, BString};

/// A text that is shared by all its clones; bytes in any encoding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name(Arc<[u8]>);

impl Deref for Name {
    type Target = BStr;
    fn deref(&self) -> &BStr {
        BStr::new(&*self.0)
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Name {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<BStr> for Name {
    fn as_ref(&self) -> &BStr {
        self
    }
}

impl From<&BStr> for Name {
    fn from(text: &BStr) -> Self {
        Name(Arc::from(&**text))
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Name(Arc::from(text.as_bytes()))
    }
}

impl From<BString> for Name {
    fn from(text: BString) -> Self {
        Name(Arc::from(Vec::from(text)))
    }
}

impl PartialEq<BString> for Name {
    fn eq(&self, other: &BString) -> bool {
        *self.0 == **other
    }
}

impl PartialEq<Name> for BString {
    fn eq(&self, other: &Name) -> bool {
        other == self
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The names met so far.
#[derive(Debug, Default)]
pub struct Names {
    known: HashSet<Name>,
    last: Name,
}

impl Names {
    /// The one name that stands for this text.
    pub fn name(&mut self, text: &[u8]) -> Name {
        // Neighbours often have the same.
        if *self.last.0 != *text {
            self.last = match self.known.get(text) {
                Some(known) => known.clone(),
                None => {
                    let new = Name::from(BStr::new(text));
                    self.known.insert(new.clone());
                    new
                }
            };
        }
        self.last.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once() {
        let mut names = Names::default();
        let (first, other) = (names.name(b"public"), names.name(b"caf\xe9"));
        assert_eq!(other, BString::from(&b"caf\xe9"[..]));
        assert!(Arc::ptr_eq(&names.name(b"public").0, &first.0));
        assert!(Arc::ptr_eq(&names.name(b"caf\xe9").0, &other.0));
        assert_eq!(names.known.len(), 2);
    }
}
