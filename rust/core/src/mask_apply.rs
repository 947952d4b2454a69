//! Masks applied to weights in place, at the speed of a read-modify-write pass over them.

use rayon::prelude::*;

use crate::mask::packed_len;
use crate::pieces::CHUNK;

/// An integer as wide as a weight, and as long as eight of them the masks of all bytes.
pub trait Word: Copy + Send + Sync + 'static {
    /// For each byte of a packed mask the eight words, all ones or all zeros, that it stands for.
    const OF_BYTE: &'static [[Self; 8]; 256];

    /// Returns the bits that both words have.
    fn and(self, other: Self) -> Self;
}

macro_rules! impl_word {
    ($($word:ty),*) => {$(
        impl Word for $word {
            const OF_BYTE: &'static [[Self; 8]; 256] = &{
                let mut table = [[0; 8]; 256];
                let mut place = 0;
                while place < 8 * 256 {
                    let (byte, lane) = (place / 8, place % 8);
                    table[byte][lane] = if byte >> lane & 1 == 1 { <$word>::MAX } else { 0 };
                    place += 1;
                }
                table
            };

            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
        }
    )*};
}

impl_word!(u16, u32, u64);

/// Clears the words whose bit in the packed mask `bits` is 0 and leaves the others as they are.
///
/// Weights passed as the integers behind them become exactly +0.0, whatever they were: a product with the mask would
/// leave -0.0 and NaN. Linear time, in parallel, without extra memory; padding bits are ignored.
///
/// # Panics
/// `bits` does not have [`packed_len`] bytes for `words`.
pub fn apply_mask<W: Word>(bits: &[u8], words: &mut [W]) {
    assert_eq!(bits.len(), packed_len(words.len()), "one bit per word");
    if words.len() <= CHUNK {
        apply_chunk(bits, words);
    } else {
        let bits = bits.par_chunks(CHUNK / 8);
        words.par_chunks_mut(CHUNK).zip(bits).for_each(|(words, bits)| apply_chunk(bits, words));
    }
}

fn apply_chunk<W: Word>(bits: &[u8], words: &mut [W]) {
    // Looking the eight words of a byte up is as fast as memory without asking for particular vector instructions.
    let (eights, rest) = words.as_chunks_mut::<8>();
    for (eight, &byte) in eights.iter_mut().zip(bits) {
        let keep = &W::OF_BYTE[usize::from(byte)];
        *eight = std::array::from_fn(|lane| eight[lane].and(keep[lane]));
    }
    if let Some(&byte) = bits.get(eights.len()) {
        rest.iter_mut().zip(W::OF_BYTE[usize::from(byte)]).for_each(|(word, keep)| *word = word.and(keep));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::is_set;

    proptest! {
        #[test]
        fn each_word_is_kept_or_cleared_by_its_bit(mut words in prop::collection::vec(any::<u32>(), 0..100), seed: u64) {
            let bits: Vec<u8> =
                (0..packed_len(words.len())).map(|i| (seed.rotate_left(7 * i as u32) ^ i as u64) as u8).collect();
            let expected: Vec<u32> =
                words.iter().enumerate().map(|(i, &word)| if is_set(&bits, i) { word } else { 0 }).collect();
            apply_mask(&bits, &mut words);
            prop_assert_eq!(words, expected);
        }
    }

    #[test]
    fn chunks_meet_without_a_seam() {
        let size = 2 * CHUNK + 13;
        let bits: Vec<u8> = (0..packed_len(size)).map(|i| (i * 37 % 251) as u8).collect();
        let mut words: Vec<u16> = (0..size).map(|i| i as u16 | 1).collect();
        let expected: Vec<u16> =
            words.iter().enumerate().map(|(i, &word)| if is_set(&bits, i) { word } else { 0 }).collect();
        apply_mask(&bits, &mut words);
        assert_eq!(words, expected);
    }

    #[test]
    fn negative_zero_and_nan_become_positive_zero() {
        let mut words = [-0.0_f64, f64::NAN, -3.0].map(f64::to_bits);
        apply_mask(&[0b100], &mut words);
        assert_eq!(words, [0.0, 0.0, -3.0].map(f64::to_bits));
    }
}
