//! The pass that zeroes what is not kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::thread::JoinHandle;

use rayon::prelude::*;

use crate::mask::packed_len;
use crate::prune::pieces::{Piece, batches, pieces};
use crate::prune::weight::{ALL, for_dtype};
use crate::prune::{Checkpoint, Cuts, Progress, PruneError};
use crate::safetensors::Header;

use ::safetensors::Dtype;

/// Bytes after which what was written is brought to the disk, while more is written: else the disk would idle until the end
/// and a stop would wait for all of it.
const SYNC_AFTER: u64 = 64 << 20;

/// Which weights of a tensor are kept.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Those above a key (the bits of a magnitude as f64), and some of those equal to it, lowest index first.
    Cut {
        /// Key of the last one kept.
        key: u64,
        /// How many equal ones are kept in any case.
        ties: usize,
        /// Whether more are kept while [`Cuts::shared_ties`] lasts.
        shares: bool,
    },
    /// The largest `keep` of each `length` consecutive ones, ties to the lower index.
    Groups {
        /// Weights in a group; divides the tensor's size.
        length: usize,
        /// Weights kept of each.
        keep: usize,
    },
}

/// A file to write.
#[derive(Clone, Debug)]
pub struct Output {
    /// Where it is written; nothing may be there yet.
    pub path: PathBuf,
    /// What it will be called once it is whole; errors say this name.
    pub target: PathBuf,
    /// Its metadata.
    pub metadata: BTreeMap<String, String>,
}

/// What a pass kept, by the tensor's place among [`Checkpoint::tensors`].
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Weights kept.
    pub alive: BTreeMap<usize, usize>,
    /// Packed masks, if they were asked for: eight weights to the byte, lowest bit first, zero padding.
    pub masks: BTreeMap<usize, Vec<u8>>,
}

/// A piece in memory, pruned.
#[derive(Debug, Default)]
struct Pruned {
    bytes: Vec<u8>,
    /// Weights equal to the cut's key.
    equal: usize,
    /// How many of those stay, or `ALL`.
    ties: usize,
    alive: usize,
    marks: Vec<u8>,
}

impl Checkpoint {
    /// Zeroes what the rules do not keep, and copies everything else byte by byte; one output per file, or none at all.
    ///
    /// The outputs are on the disk when this returns. Memory: a few pieces per thread, and the masks.
    ///
    /// # Errors
    /// A file that cannot be read, that changes or that cannot be written; NaN in groups; a stop. Outputs are then left as
    /// they are, for the caller to remove.
    ///
    /// # Panics
    /// A rule for a tensor whose dtype has no rank, or another number of outputs than files.
    pub fn apply(
        &self,
        cuts: &Cuts,
        outputs: Option<&[Output]>,
        masks: bool,
        progress: &Progress,
    ) -> Result<Applied, PruneError> {
        let all: Vec<Piece> = (0..self.tensors.len())
            .filter(|tensor| outputs.is_some() || cuts.rules.contains_key(tensor))
            .flat_map(|tensor| pieces(tensor, &self.tensors[tensor], self.unit(tensor, cuts)))
            .collect();
        progress.begin(all.iter().map(|piece| piece.bytes as u64).sum());
        let mut writers = Writers::create(self, outputs.unwrap_or_default())?;
        let mut applied = Applied::default();
        for &tensor in cuts.rules.keys() {
            applied.alive.insert(tensor, 0);
            if masks {
                applied.masks.insert(tensor, vec![0; packed_len(self.tensors[tensor].size())]);
            }
        }
        let mut ties = Ties::new(cuts);
        let (mut ready, mut next): (Vec<Pruned>, Vec<Pruned>) = (Vec::new(), Vec::new());
        let mut waiting: &[Piece] = &[];
        // While one batch is written the next is pruned.
        for batch in batches(&all).chain([[].as_slice()]) {
            std::thread::scope(|scope| {
                let writing = scope.spawn(|| writers.write(waiting, &ready));
                let pruned = self.prune(batch, &mut next, cuts, &mut ties, masks);
                writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).and(pruned)
            })?;
            for (piece, pruned) in batch.iter().zip(&next) {
                if let Some(alive) = applied.alive.get_mut(&piece.tensor) {
                    *alive += pruned.alive;
                }
                if let Some(bits) = applied.masks.get_mut(&piece.tensor) {
                    let width = self.tensors[piece.tensor].dtype.bitsize() as u64 / 8;
                    let first = (piece.start / width / 8) as usize;
                    bits[first..first + pruned.marks.len()].copy_from_slice(&pruned.marks);
                }
            }
            std::mem::swap(&mut ready, &mut next);
            waiting = batch;
            progress.advance(batch.iter().map(|piece| piece.bytes as u64).sum())?;
        }
        writers.finish()?;
        self.check_unchanged()?;
        Ok(applied)
    }

    /// Returns what a tensor's pieces must be multiples of: groups stay whole, and masks begin at a byte.
    fn unit(&self, tensor: usize, cuts: &Cuts) -> u64 {
        let width = self.tensors[tensor].dtype.bitsize() / 8;
        match cuts.rules.get(&tensor) {
            Some(Rule::Groups { length, .. }) => (8 * length * width) as u64,
            Some(Rule::Cut { .. }) => (8 * width) as u64,
            None => 1,
        }
    }

    /// Reads a batch into `slots` and prunes it there.
    fn prune(
        &self,
        batch: &[Piece],
        slots: &mut Vec<Pruned>,
        cuts: &Cuts,
        ties: &mut Ties<'_>,
        masks: bool,
    ) -> Result<(), PruneError> {
        slots.resize_with(batch.len(), Pruned::default);
        batch.par_iter().zip(slots.par_iter_mut()).try_for_each(|(piece, slot)| {
            slot.bytes.resize(piece.bytes, 0);
            self.read(piece, &mut slot.bytes)?;
            let dtype = self.tensors[piece.tensor].dtype;
            slot.equal = 0;
            match cuts.rules.get(&piece.tensor) {
                Some(&Rule::Cut { key, .. }) => slot.equal = for_dtype!(dtype, count_equal(&slot.bytes, key)),
                Some(Rule::Groups { .. }) => self.refuse_nan(piece, for_dtype!(dtype, first_nan(&slot.bytes)))?,
                None => {}
            }
            // Without ties the piece need not wait for those before it, and is still in the cache.
            if slot.equal == 0 {
                slot.ties = ALL;
                self.zero(piece, slot, cuts, masks);
            }
            Ok(())
        })?;
        for (piece, slot) in batch.iter().zip(slots.iter_mut()).filter(|(_, slot)| slot.equal > 0) {
            let taken = ties.take(piece.tensor, slot.equal);
            slot.ties = if taken == slot.equal { ALL } else { taken };
        }
        let tied = batch.par_iter().zip(slots.par_iter_mut()).filter(|(_, slot)| slot.equal > 0);
        tied.for_each(|(piece, slot)| self.zero(piece, slot, cuts, masks));
        Ok(())
    }

    /// Zeroes what the tensor's rule does not keep of a piece, and marks what it keeps.
    fn zero(&self, piece: &Piece, slot: &mut Pruned, cuts: &Cuts, masks: bool) {
        let Some(&rule) = cuts.rules.get(&piece.tensor) else { return };
        let dtype = self.tensors[piece.tensor].dtype;
        slot.marks.clear();
        let marks = masks.then(|| {
            slot.marks.resize(packed_len(piece.bytes * 8 / dtype.bitsize()), 0);
            slot.marks.as_mut_slice()
        });
        slot.alive = match rule {
            Rule::Cut { key, .. } => for_dtype!(dtype, cut(&mut slot.bytes, key, slot.ties, marks)),
            Rule::Groups { length, keep } => for_dtype!(dtype, cut_groups(&mut slot.bytes, length, keep, marks)),
        };
    }
}

/// The ties that may still be kept, handed out in (name, index) order.
struct Ties<'a> {
    rules: &'a BTreeMap<usize, Rule>,
    shared: usize,
    /// Those of the tensor that is being read.
    own: (usize, usize),
}

impl<'a> Ties<'a> {
    fn new(cuts: &'a Cuts) -> Self {
        Self { rules: &cuts.rules, shared: cuts.shared_ties, own: (usize::MAX, 0) }
    }

    /// Says how many of the `equal` next ties of `tensor` are kept.
    fn take(&mut self, tensor: usize, equal: usize) -> usize {
        let Some(&Rule::Cut { ties, shares, .. }) = self.rules.get(&tensor) else { return 0 };
        if self.own.0 != tensor {
            self.own = (tensor, ties);
        }
        let own = equal.min(self.own.1);
        self.own.1 -= own;
        let shared = if shares { (equal - own).min(self.shared) } else { 0 };
        self.shared -= shared;
        own + shared
    }
}

/// The files that are written.
struct Writers<'a> {
    checkpoint: &'a Checkpoint,
    writers: Vec<Writer<'a>>,
}

struct Writer<'a> {
    output: &'a Output,
    file: File,
    data_start: u64,
    position: u64,
    unsynced: u64,
    /// The thread that brings what was written before to the disk.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl<'a> Writers<'a> {
    fn create(checkpoint: &'a Checkpoint, outputs: &'a [Output]) -> Result<Self, PruneError> {
        let writers = checkpoint.headers().zip(outputs).map(|(header, output)| Writer::create(header, output));
        Ok(Self { checkpoint, writers: writers.collect::<Result<_, _>>()? })
    }

    fn write(&mut self, pieces: &[Piece], pruned: &[Pruned]) -> Result<(), PruneError> {
        for (piece, pruned) in pieces.iter().zip(pruned) {
            let tensor = &self.checkpoint.tensors[piece.tensor];
            if let Some(writer) = self.writers.get_mut(tensor.file) {
                let written = writer.write(tensor.start + piece.start, &pruned.bytes);
                written.map_err(|cause| writer.refusal(cause))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), PruneError> {
        self.writers.iter_mut().try_for_each(|writer| writer.finish().map_err(|cause| writer.refusal(cause)))
    }
}

impl<'a> Writer<'a> {
    fn create(header: &Header, output: &'a Output) -> Result<Self, PruneError> {
        let header = Header { metadata: output.metadata.clone(), ..header.clone() }.to_bytes();
        let begin = || {
            let mut file = File::create_new(&output.path)?;
            file.write_all(&header)?;
            Ok(file)
        };
        let file = begin().map_err(|cause| PruneError::Unwritable { path: output.target.clone(), cause })?;
        let data_start = header.len() as u64;
        Ok(Self { output, file, data_start, position: data_start, unsynced: data_start, syncing: None })
    }

    fn write(&mut self, start: u64, bytes: &[u8]) -> io::Result<()> {
        let position = self.data_start + start;
        if self.position != position {
            self.file.seek(SeekFrom::Start(position))?;
        }
        self.file.write_all(bytes)?;
        self.position = position + bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= SYNC_AFTER {
            self.wait()?;
            let file = self.file.try_clone()?;
            self.syncing = Some(std::thread::spawn(move || file.sync_data()));
            self.unsynced = 0;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.wait()?;
        self.file.sync_all()
    }

    /// Waits for the disk, which may refuse what was accepted before.
    fn wait(&mut self) -> io::Result<()> {
        self.syncing.take().map_or(Ok(()), |thread| thread.join().expect("the thread calls the system only"))
    }

    fn refusal(&self, cause: io::Error) -> PruneError {
        PruneError::Unwritable { path: self.output.target.clone(), cause }
    }
}
