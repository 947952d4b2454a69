//! The pass that writes the files with the pruned weights as zero.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::thread::JoinHandle;

use rayon::prelude::*;

use crate::mask::packed_len;
use crate::prune::read::{Piece, batches, pieces};
use crate::prune::weight::{ALL, for_dtype};
use crate::prune::{Checkpoint, Progress, PruneError, Rule, Rules};
use crate::safetensors::Header;

use ::safetensors::Dtype;

/// Bytes after which the file is flushed to the disk (`fdatasync`) while more is written.
///
/// Otherwise the disk is idle until the end, when everything is flushed at once, and a stop has to wait for that. Not
/// tuned.
const SYNC_AFTER: u64 = 64 << 20;

/// A file that [`Checkpoint::apply`] writes. The [module's example](super) writes one.
///
/// ```
/// use std::collections::BTreeMap;
/// use pruneproof_core::prune::Output;
///
/// let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
/// let output = Output { path: ".model.draft".into(), target: "model.safetensors".into(), metadata };
/// assert_ne!(output.path, output.target);
/// ```
#[derive(Clone, Debug)]
pub struct Output {
    /// Path that is written; no file may exist there.
    pub path: PathBuf,
    /// Path to which the caller will rename the complete file; the one that errors name.
    pub target: PathBuf,
    /// Metadata of the file.
    pub metadata: BTreeMap<String, String>,
}

/// What [`Checkpoint::apply`] kept of each tensor, by index in [`Checkpoint::tensors`].
///
/// ```
/// use pruneproof_core::prune::Applied;
///
/// let nothing = Applied::default();
/// assert!(nothing.alive.is_empty() && nothing.masks.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Number of survivors.
    pub alive: BTreeMap<usize, usize>,
    /// Packed masks, if they were asked for: eight weights to the byte, lowest bit first, zero padding.
    pub masks: BTreeMap<usize, Vec<u8>>,
}

/// A piece in memory, pruned.
#[derive(Debug, Default)]
struct Pruned {
    bytes: Vec<u8>,
    /// Weights that tie with the threshold.
    equal: usize,
    /// How many of those are kept, or `ALL`.
    ties: usize,
    /// Number of survivors.
    alive: usize,
    /// Packed mask of the survivors; empty unless masks were asked for.
    mask: Vec<u8>,
}

impl Checkpoint {
    /// Writes the files with every weight that the rules do not keep as +0, and every other byte as it is.
    ///
    /// There is one output per file, or `None` to count and to make masks only. The outputs are flushed to the disk
    /// when this returns. The [module's example](super) writes a file.
    ///
    /// ```
    /// # use pruneproof_core::prune::{Checkpoint, Progress};
    /// # use safetensors::{Dtype, tensor::{TensorView, serialize_to_file}};
    /// # let file = tempfile::NamedTempFile::new().unwrap();
    /// # let weights = [0.5_f32, -2.0, 0.0, 1.0].map(f32::to_le_bytes).concat();
    /// # let view = TensorView::new(Dtype::F32, vec![4], &weights).unwrap();
    /// # serialize_to_file([("w", view)], None, file.path()).unwrap();
    /// # let (checkpoint, progress) = (Checkpoint::open(&[file.path().to_owned()]).unwrap(), Progress::default());
    /// // One tensor: 0.5, -2, 0, 1.
    /// let rules = checkpoint.select(&[0], 3, 0, &progress).unwrap();
    /// let applied = checkpoint.apply(&rules, None, true, &progress).unwrap();
    /// assert_eq!((applied.alive[&0], &applied.masks[&0]), (3, &vec![0b1011]));
    /// ```
    ///
    /// # Complexity
    /// Reads all tensors once (without outputs, those that have a rule) and writes each output once. Time O(n) for n
    /// weights. Memory: eight pieces of a mebibyte per thread, and the masks.
    ///
    /// # Errors
    /// [`PruneError::Unreadable`], [`PruneError::Changed`], [`PruneError::Unwritable`]; [`PruneError::NotANumber`] for
    /// a tensor whose rule is [`Rule::Groups`]; [`PruneError::Stopped`] after [`Progress::stop`]. Outputs that exist by
    /// then are left to the caller.
    ///
    /// # Panics
    /// A tensor that has a rule is of a dtype other than F16, BF16, F32 and F64.
    pub fn apply(
        &self,
        rules: &Rules,
        outputs: Option<&[Output]>,
        masks: bool,
        progress: &Progress,
    ) -> Result<Applied, PruneError> {
        let all: Vec<Piece> = (0..self.tensors.len())
            .filter(|tensor| outputs.is_some() || rules.by_tensor.contains_key(tensor))
            .flat_map(|tensor| pieces(tensor, &self.tensors[tensor], self.unit(tensor, rules)))
            .collect();
        progress.begin(all.iter().map(|piece| piece.bytes as u64).sum());
        let mut writers = Writers::create(self, outputs.unwrap_or_default())?;
        let mut applied = Applied::default();
        for &tensor in rules.by_tensor.keys() {
            applied.alive.insert(tensor, 0);
            if masks {
                applied.masks.insert(tensor, vec![0; packed_len(self.tensors[tensor].size())]);
            }
        }
        let mut ties = Ties::new(rules);
        let (mut ready, mut next): (Vec<Pruned>, Vec<Pruned>) = (Vec::new(), Vec::new());
        let mut waiting: &[Piece] = &[];
        // While one batch is written, the next is read and pruned.
        for batch in batches(&all).chain([[].as_slice()]) {
            std::thread::scope(|scope| {
                let writing = scope.spawn(|| writers.write(waiting, &ready));
                let pruned = self.prune(batch, &mut next, rules, &mut ties, masks);
                writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).and(pruned)
            })?;
            for (piece, pruned) in batch.iter().zip(&next) {
                if let Some(alive) = applied.alive.get_mut(&piece.tensor) {
                    *alive += pruned.alive;
                }
                if let Some(bits) = applied.masks.get_mut(&piece.tensor) {
                    let width = self.tensors[piece.tensor].dtype.bitsize() as u64 / 8;
                    let first = (piece.start / width / 8) as usize;
                    bits[first..first + pruned.mask.len()].copy_from_slice(&pruned.mask);
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

    /// Returns the bytes of which a tensor's pieces must be multiples, so that no group is split and every piece begins
    /// at a whole byte of the mask.
    fn unit(&self, tensor: usize, rules: &Rules) -> u64 {
        let width = self.tensors[tensor].dtype.bitsize() / 8;
        match rules.by_tensor.get(&tensor) {
            Some(Rule::Groups { length, .. }) => (8 * length * width) as u64,
            Some(Rule::Threshold { .. }) => (8 * width) as u64,
            None => 1,
        }
    }

    /// Reads a batch into `slots` and prunes it there.
    fn prune(
        &self,
        batch: &[Piece],
        slots: &mut Vec<Pruned>,
        rules: &Rules,
        ties: &mut Ties<'_>,
        masks: bool,
    ) -> Result<(), PruneError> {
        slots.resize_with(batch.len(), Pruned::default);
        batch.par_iter().zip(slots.par_iter_mut()).try_for_each(|(piece, slot)| {
            slot.bytes.resize(piece.bytes, 0);
            self.read(piece, &mut slot.bytes)?;
            let dtype = self.tensors[piece.tensor].dtype;
            slot.equal = 0;
            match rules.by_tensor.get(&piece.tensor) {
                Some(&Rule::Threshold { key, .. }) => slot.equal = for_dtype!(dtype, count_equal(&slot.bytes, key)),
                Some(Rule::Groups { .. }) => self.refuse_nan(piece, for_dtype!(dtype, first_nan(&slot.bytes)))?,
                None => {}
            }
            // A piece without ties does not depend on those before it, so it is pruned while it is in the cache.
            if slot.equal == 0 {
                slot.ties = ALL;
                self.zero(piece, slot, rules, masks);
            }
            Ok(())
        })?;
        for (piece, slot) in batch.iter().zip(slots.iter_mut()).filter(|(_, slot)| slot.equal > 0) {
            let taken = ties.take(piece.tensor, slot.equal);
            slot.ties = if taken == slot.equal { ALL } else { taken };
        }
        let tied = batch.par_iter().zip(slots.par_iter_mut()).filter(|(_, slot)| slot.equal > 0);
        tied.for_each(|(piece, slot)| self.zero(piece, slot, rules, masks));
        Ok(())
    }

    /// Zeroes the weights of a piece that its tensor's rule does not keep, and makes the mask of the others.
    fn zero(&self, piece: &Piece, slot: &mut Pruned, rules: &Rules, masks: bool) {
        let Some(&rule) = rules.by_tensor.get(&piece.tensor) else { return };
        let dtype = self.tensors[piece.tensor].dtype;
        slot.mask.clear();
        let mask = masks.then(|| {
            slot.mask.resize(packed_len(piece.bytes * 8 / dtype.bitsize()), 0);
            slot.mask.as_mut_slice()
        });
        slot.alive = match rule {
            Rule::Threshold { key, .. } => for_dtype!(dtype, keep_above(&mut slot.bytes, key, slot.ties, mask)),
            Rule::Groups { length, keep } => for_dtype!(dtype, keep_in_groups(&mut slot.bytes, length, keep, mask)),
        };
    }
}

/// The ties that are still to be kept; pieces take theirs in (name, index) order.
struct Ties<'a> {
    by_tensor: &'a BTreeMap<usize, Rule>,
    /// Ties that tensors share.
    shared: usize,
    /// The tensor that is being read, and the ties that only it may keep.
    own: (usize, usize),
}

impl<'a> Ties<'a> {
    fn new(rules: &'a Rules) -> Self {
        Self { by_tensor: &rules.by_tensor, shared: rules.shared_ties, own: (usize::MAX, 0) }
    }

    /// Returns how many of the next `equal` ties of `tensor` are kept.
    fn take(&mut self, tensor: usize, equal: usize) -> usize {
        let Some(&Rule::Threshold { ties, shares, .. }) = self.by_tensor.get(&tensor) else { return 0 };
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

/// A file that is written.
struct Writer<'a> {
    output: &'a Output,
    file: File,
    /// Offset of the tensors' bytes.
    data_start: u64,
    /// Offset of the next byte.
    position: u64,
    /// Bytes written since the last flush began.
    unsynced: u64,
    /// The thread that flushes what was written before.
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
                written.map_err(|cause| writer.unwritable(cause))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), PruneError> {
        self.writers.iter_mut().try_for_each(|writer| writer.finish().map_err(|cause| writer.unwritable(cause)))
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

    /// Waits for the flush, whose error may be that of an earlier write.
    fn wait(&mut self) -> io::Result<()> {
        self.syncing.take().map_or(Ok(()), |thread| thread.join().expect("the thread only makes a system call"))
    }

    fn unwritable(&self, cause: io::Error) -> PruneError {
        PruneError::Unwritable { path: self.output.target.clone(), cause }
    }
}
