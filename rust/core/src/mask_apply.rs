//! Masks applied to weights in place, about as fast as a read-modify-write pass over the memory.

use rayon::prelude::*;

use crate::chunk::CHUNK;
use crate::mask::packed_len;

/// An unsigned integer as wide as a weight, whose bits it holds: `u16`, `u32` or `u64`.
///
/// ```
/// use pruneproof_core::Word;
///
/// assert_eq!(u16::OF_BYTE[0b101][..3], [u16::MAX, 0, u16::MAX]);
/// assert_eq!(0b110_u32.and(0b011), 0b010);
/// ```
pub trait Word: Copy + Send + Sync + 'static {
    /// For each byte of a packed mask eight words, all ones where the byte's bit is set and all zeros elsewhere.
    const OF_BYTE: &'static [[Self; 8]; 256];

    /// Returns the bitwise and. Constant time.
    ///
    /// ```
    /// use pruneproof_core::Word;
    ///
    /// assert_eq!(0b110_u16.and(u16::MAX), 0b110);
    /// ```
    fn and(self, other: Self) -> Self;
}

macro_rules! impl_word {
    ($($word:ty),*) => {$(
        impl Word for $word {
            const OF_BYTE: &'static [[Self; 8]; 256] = &{
                let mut table = [[0; 8]; 256];
                let mut i = 0;
                while i < 8 * 256 {
                    let (byte, lane) = (i / 8, i % 8);
                    table[byte][lane] = if byte >> lane & 1 == 1 { <$word>::MAX } else { 0 };
                    i += 1;
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

/// Clears the words whose bit in the packed mask `bits` is 0, and leaves the others as they are.
///
/// A float whose bits are cleared is +0.0, whatever it was; a product with the mask would leave -0.0 and NaN. The
/// mask's padding is ignored.
///
/// ```
/// use pruneproof_core::apply_mask;
///
/// let mut bits = [1.5_f32, -2.0, f32::NAN].map(f32::to_bits);
/// apply_mask(&[0b001], &mut bits);
/// assert_eq!(bits.map(f32::from_bits), [1.5, 0.0, 0.0]);
/// ```
///
/// # Complexity
/// Time O(n) for n words, in parallel above 65,536 words. No extra memory.
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
    // A table look-up per byte keeps up with the memory, and needs no particular vector instructions.
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
    fn words_at_the_border_of_chunks_are_kept_or_cleared_too() {
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
