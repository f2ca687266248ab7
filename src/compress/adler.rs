//! The Adler-32 checksum that ends a zlib stream, with the one thing libraries do not offer: joining the
//! sums of pieces that were compressed apart.

const BASE: u32 = 65_521;
/// The most bytes that can be summed before 32 bits overflow.
const BLOCK: usize = 5552;

/// A running Adler-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adler32 {
    a: u32,
    b: u32,
}

impl Default for Adler32 {
    fn default() -> Self {
        Adler32 { a: 1, b: 0 }
    }
}

impl Adler32 {
    /// The running sum that a finished checksum stands for.
    pub fn from_sum(sum: u32) -> Self {
        Adler32 {
            a: sum & 0xffff,
            b: sum >> 16,
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(BLOCK) {
            let (mut a, mut b) = (self.a, self.b);
            // Sixteen bytes at a time, so that the compiler can keep the sums in vector registers.
            let mut words = block.chunks_exact(16);
            for word in &mut words {
                let mut sum = 0;
                let mut weighted = 0;
                for (byte, weight) in word.iter().zip((1..=16).rev()) {
                    sum += u32::from(*byte);
                    weighted += u32::from(*byte) * weight;
                }
                b += 16 * a + weighted;
                a += sum;
            }
            for byte in words.remainder() {
                a += u32::from(*byte);
                b += a;
            }
            self.a = a % BASE;
            self.b = b % BASE;
        }
    }

    /// Appends a piece of `len` bytes that was summed on its own.
    pub fn join(&mut self, piece: &Adler32, len: u64) {
        let len = (len % u64::from(BASE)) as u32;
        // The piece started from a = 1; it would have started from this sum's a. Every one of its bytes
        // added the difference to b once.
        let before = self.a + BASE - 1;
        let shifted = (u64::from(before) * u64::from(len) % u64::from(BASE)) as u32;
        self.b = (self.b + piece.b + shifted) % BASE;
        self.a = (before + piece.a) % BASE;
    }

    /// The checksum.
    pub fn sum(&self) -> u32 {
        self.b << 16 | self.a
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(bytes: &[u8]) -> Adler32 {
        let mut adler = Adler32::default();
        adler.update(bytes);
        adler
    }

    #[test]
    fn known_sums() {
        assert_eq!(of(b"").sum(), 1);
        assert_eq!(of(b"Wikipedia").sum(), 0x11e6_0398);
        // Nothing overflows on the largest bytes.
        let mut slow = (1u64, 0u64);
        for _ in 0..100_000 {
            slow.0 = (slow.0 + 255) % 65_521;
            slow.1 = (slow.1 + slow.0) % 65_521;
        }
        assert_eq!(u64::from(of(&vec![255; 100_000]).sum()), slow.1 << 16 | slow.0);
    }

    proptest! {
        #[test]
        fn joined_pieces_sum_as_the_whole(left: Vec<u8>, right: Vec<u8>, times in 1usize..300) {
            let right = right.repeat(times);
            let mut joined = of(&left);
            joined.join(&of(&right), right.len() as u64);
            prop_assert_eq!(joined, of(&[left, right].concat()));
            prop_assert_eq!(Adler32::from_sum(joined.sum()), joined);
        }
    }
}
