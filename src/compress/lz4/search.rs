//! A thorough search for matches, for the levels of LZ4 that spend time on it.
//!
//! Every place where four bytes have been seen before is chained to the one before it; how far a chain is
//! followed is what the level decides. Of two matches that begin side by side the longer one is taken.

/// Matches are no shorter.
const SHORTEST: usize = 4;
/// Matches lie no further back.
const FARTHEST: usize = 65_535;
/// A block's last bytes are literals, and no match begins in so many before its end.
const LAST_LITERALS: usize = 5;
const MATCH_LIMIT: usize = 12;
/// How many earlier places are looked at, from which level on.
const DEPTHS: [(i32, u32); 7] = [(3, 4), (4, 8), (5, 16), (6, 32), (8, 64), (9, 128), (12, 512)];
/// Nothing better is looked for.
const LONG_ENOUGH: usize = 1024;
const HASH_BITS: u32 = 15;
const NOWHERE: u32 = u32::MAX;

/// What is kept between blocks: memory, and how far to look.
pub(super) struct Search {
    depth: u32,
    /// The last place of each hash.
    heads: Vec<u32>,
    /// For each place, the one before it of the same hash.
    chain: Vec<u32>,
}

/// A match: how far back and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Match {
    offset: usize,
    length: usize,
}

impl Search {
    /// A search at a level from 3 to 12.
    pub(super) fn new(level: i32) -> Search {
        Search {
            depth: DEPTHS
                .into_iter()
                .rev()
                .find(|(from, _)| *from <= level)
                .map_or(4, |(_, depth)| depth),
            heads: Vec::new(),
            chain: Vec::new(),
        }
    }

    /// Compresses a block.
    pub(super) fn compress(&mut self, plain: &[u8]) -> Vec<u8> {
        self.heads.clear();
        self.heads.resize(1 << HASH_BITS, NOWHERE);
        self.chain.clear();
        let mut out = Vec::with_capacity(plain.len() / 2);
        let mut written = 0;
        let mut at = 0;
        let last = plain.len().saturating_sub(MATCH_LIMIT);
        while at < last {
            let Some(mut found) = self.longest(plain, at) else {
                at += 1;
                continue;
            };
            // The next place may be worth a literal more.
            while at + 1 < last
                && found.length < LONG_ENOUGH
                && let Some(next) = self.longest(plain, at + 1)
                && next.length > found.length
            {
                found = next;
                at += 1;
            }
            put_sequence(&mut out, plain.get(written..at).unwrap_or_default(), Some(found));
            at += found.length;
            written = at;
        }
        put_sequence(&mut out, plain.get(written..).unwrap_or_default(), None);
        out
    }

    /// The longest match at a place.
    fn longest(&mut self, plain: &[u8], at: usize) -> Option<Match> {
        self.learn(plain, at);
        let here = plain.get(at..plain.len() - LAST_LITERALS)?;
        let mut best: Option<Match> = None;
        let mut place = self.chain.get(at).copied().unwrap_or(NOWHERE);
        for _ in 0..self.depth {
            let earlier = place as usize;
            if place == NOWHERE || at - earlier > FARTHEST {
                break;
            }
            let there = plain.get(earlier..).unwrap_or_default();
            // What differs where the best match ends cannot be longer.
            let end = best.map_or(0, |best| best.length);
            let length = if there.get(end) == here.get(end) {
                common(there, here)
            } else {
                0
            };
            if length >= best.map_or(SHORTEST, |best| best.length + 1) {
                best = Some(Match {
                    offset: at - earlier,
                    length,
                });
                if length >= LONG_ENOUGH {
                    break;
                }
            }
            place = self.chain.get(earlier).copied().unwrap_or(NOWHERE);
        }
        best
    }

    /// Puts all places up to this one into the chains.
    fn learn(&mut self, plain: &[u8], at: usize) {
        for place in self.chain.len()..=at {
            let previous = match plain.get(place..).and_then(|bytes| bytes.first_chunk::<4>()) {
                Some(bytes) => {
                    let hash = u32::from_le_bytes(*bytes).wrapping_mul(2_654_435_761) >> (32 - HASH_BITS);
                    match self.heads.get_mut(hash as usize) {
                        Some(head) => std::mem::replace(head, place as u32),
                        None => NOWHERE,
                    }
                }
                None => NOWHERE,
            };
            self.chain.push(previous);
        }
    }
}

/// How many bytes two texts begin with in common.
fn common(one: &[u8], other: &[u8]) -> usize {
    let words = one.chunks_exact(8).zip(other.chunks_exact(8));
    let same = 8 * words.take_while(|(left, right)| left == right).count();
    let rest = |bytes| <[u8]>::get(bytes, same..).unwrap_or_default();
    let bytes = rest(one).iter().zip(rest(other));
    same + bytes.take_while(|(left, right)| left == right).count()
}

/// Writes literals and the match that follows them.
fn put_sequence(out: &mut Vec<u8>, literals: &[u8], found: Option<Match>) {
    let extra = found.map_or(0, |found| found.length - SHORTEST);
    let nibble = |length: usize| length.min(15) as u8;
    out.push(nibble(literals.len()) << 4 | nibble(extra));
    put_length(out, literals.len());
    out.extend_from_slice(literals);
    if let Some(found) = found {
        out.extend_from_slice(&(found.offset as u16).to_le_bytes());
        put_length(out, extra);
    }
}

/// Writes what of a length does not fit into four bits.
fn put_length(out: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(15) else {
        return;
    };
    while rest >= 255 {
        out.push(255);
        rest -= 255;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back(compressed: &[u8], length: usize) -> Vec<u8> {
        lz4_flex::block::decompress(compressed, length).unwrap()
    }

    proptest! {
        #[test]
        fn blocks_come_back(words in proptest::collection::vec("[a-d]{1,6}", 0..400), level in 3..13) {
            let plain = words.concat().into_bytes();
            let mut search = Search::new(level);
            for _ in 0..2 {
                prop_assert_eq!(back(&search.compress(&plain), plain.len()), plain.clone());
            }
        }
    }

    #[test]
    fn higher_levels_are_smaller_and_far_matches_are_left() {
        let mut state = 7u32;
        let mut plain = Vec::new();
        for row in 0..4000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            plain.extend_from_slice(
                format!("{row}\tname {}\tsome text {}\n", state % 97, state >> 24).as_bytes(),
            );
        }
        let size = |level| {
            let compressed = Search::new(level).compress(&plain);
            assert!(back(&compressed, plain.len()) == plain, "level {level}");
            compressed.len()
        };
        let (low, middle, high) = (size(3), size(6), size(12));
        let quick = lz4_flex::block::compress(&plain).len();
        assert!(
            quick > low && low > middle && middle > high,
            "{quick} {low} {middle} {high}"
        );
        for length in [0, 1, 4, 11, 12, 13, 14, 70_000, 200_000] {
            let plain = vec![b'x'; length];
            assert!(
                back(&Search::new(9).compress(&plain), length) == plain,
                "{length}"
            );
        }
    }
}
