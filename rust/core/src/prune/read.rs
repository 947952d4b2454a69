//! Reads the tensors of a checkpoint in pieces of about a mebibyte, on all threads.

use std::cell::RefCell;
use std::fs::File;
use std::io;

use crate::prune::{Checkpoint, PruneError, StoredTensor};

/// Bytes of a piece: about a level-2 cache, so that a piece is still cached when it is processed after it was read.
///
/// Chosen by measurement; see `benches/prune.py`.
const PIECE: u64 = 1 << 20;

/// Bytes that all threads together hold at most, unless a single piece is larger: docs/prune.md promises 128 MB.
const MOST_IN_FLIGHT: u64 = 128 << 20;

/// Consecutive bytes of a tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Index of the tensor in the checkpoint.
    pub tensor: usize,
    /// Offset of its first byte in the tensor.
    pub start: u64,
    /// Number of bytes.
    pub bytes: usize,
}

/// Splits a tensor into pieces that, except the last, are multiples of `unit` bytes; an empty tensor has none.
pub(super) fn pieces(tensor: usize, stored: &StoredTensor, unit: u64) -> impl Iterator<Item = Piece> + use<> {
    let (bytes, step) = (stored.bytes, (PIECE / unit).max(1) * unit);
    (0..bytes).step_by(step as usize).map(move |start| Piece { tensor, start, bytes: step.min(bytes - start) as usize })
}

/// Groups consecutive pieces into batches: four per thread, in bounded memory.
pub(super) fn batches(pieces: &[Piece]) -> impl Iterator<Item = &[Piece]> {
    let most = MOST_IN_FLIGHT.min(4 * PIECE * rayon::current_num_threads() as u64);
    let mut rest = pieces;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |piece: &&Piece| {
            bytes += piece.bytes as u64;
            bytes <= most
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        let batch;
        (batch, rest) = rest.split_at(count);
        (!batch.is_empty()).then_some(batch)
    })
}

impl Checkpoint {
    /// Fills `buffer` with the bytes of a piece.
    ///
    /// # Errors
    /// [`PruneError::Changed`] if the file ends before the piece does, and [`PruneError::Unreadable`].
    pub(super) fn read(&self, piece: &Piece, buffer: &mut [u8]) -> Result<(), PruneError> {
        let tensor = &self.tensors[piece.tensor];
        let source = &self.sources[tensor.file];
        let start = source.header.data_start + tensor.start + piece.start;
        read_exact_at(&source.file, buffer, start).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => PruneError::Changed(source.path.clone()),
            _ => PruneError::Unreadable { path: source.path.clone(), cause },
        })
    }

    /// Reads a piece into a buffer of the calling thread, and returns what `work` makes of it.
    ///
    /// `work` must not start parallel work: rayon could run another job of this kind on the same thread meanwhile,
    /// while the buffer is borrowed.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub(super) fn visit<T>(&self, piece: &Piece, work: impl FnOnce(&[u8]) -> T) -> Result<T, PruneError> {
        thread_local!(static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(buffer.len().max(piece.bytes), 0);
            let buffer = &mut buffer[..piece.bytes];
            self.read(piece, buffer)?;
            Ok(work(buffer))
        })
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, start)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut start: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, start)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (buffer, start) = (&mut buffer[read..], start + read as u64),
        }
    }
    Ok(())
}
