//! Tensors in pieces of about a mebibyte, read by all threads.

use std::cell::RefCell;
use std::fs::File;
use std::io;

use crate::prune::{Checkpoint, PruneError, Stored};

/// Bytes of a piece; small enough that a piece is still in the cache when it is looked at.
pub(super) const PIECE: u64 = 1 << 20;
/// Most bytes that all threads together hold at a time, but for pieces that cannot be cut so small.
const MOST_IN_FLIGHT: u64 = 128 << 20;

/// Consecutive bytes of a tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Which of the checkpoint's tensors.
    pub tensor: usize,
    /// Where it begins, counted from the tensor's first byte.
    pub start: u64,
    pub bytes: usize,
}

/// Cuts a tensor into pieces that are multiples of `unit` bytes, but for the last; one without bytes has no piece.
pub(super) fn pieces(tensor: usize, stored: &Stored, unit: u64) -> impl Iterator<Item = Piece> + use<> {
    let (bytes, step) = (stored.bytes, (PIECE / unit).max(1) * unit);
    (0..bytes).step_by(step as usize).map(move |start| Piece { tensor, start, bytes: step.min(bytes - start) as usize })
}

/// Groups pieces, in order, so that each group keeps every thread busy and takes bounded memory.
pub(super) fn batches(pieces: &[Piece]) -> impl Iterator<Item = &[Piece]> {
    let most = MOST_IN_FLIGHT.min(4 * PIECE * rayon::current_num_threads() as u64);
    let mut left = pieces;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |piece: &&Piece| {
            bytes += piece.bytes as u64;
            bytes <= most
        };
        let count = left.iter().take_while(fits).count().max(1).min(left.len());
        let (batch, rest) = left.split_at(count);
        left = rest;
        (!batch.is_empty()).then_some(batch)
    })
}

impl Checkpoint {
    /// Fills `buffer` with the bytes of a piece.
    pub(super) fn read(&self, piece: &Piece, buffer: &mut [u8]) -> Result<(), PruneError> {
        let tensor = &self.tensors[piece.tensor];
        let source = &self.sources[tensor.file];
        let start = source.header.data_start + tensor.start + piece.start;
        read_exact_at(&source.file, buffer, start).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => PruneError::Changed(source.path.clone()),
            _ => PruneError::Unreadable { path: source.path.clone(), cause },
        })
    }

    /// Reads a piece into the thread's buffer and lends it out; `work` must not start parallel work of its own.
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
