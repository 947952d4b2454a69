//! Pruning of checkpoints that do not fit into memory: exact global magnitude, read as a stream.
//!
//! A [`Checkpoint`] is one model in one or more safetensors files. Nothing of it is loaded: every pass reads pieces of about
//! a mebibyte into buffers that are used again. They are read, not mapped: a file that shrinks or a disk that fails is then
//! an error, where a mapping would end the process.
//!
//! Magnitudes of all dtypes are ordered as real numbers: a key is the bits of the magnitude as an f64, to which f16, bf16 and
//! f32 widen exactly. Ties go to the tensor of the lower name, then to the lower index, as in [`crate::select`].
//!
//! *Finding the cut* ([`Checkpoint::cut`]). A sample of the weights brackets the key of the last survivor; one pass counts
//! what lies above the bracket and tallies the keys inside it in at most 2^20 bins. For f32, f16 and bf16 a bin is mostly one
//! key, and the answer is there. A bracket that is too wide, or that misses, costs further passes and never a wrong answer.
//!
//! *Applying it* ([`Checkpoint::apply`]). One pass in (name, index) order, which is the order of ties, so whoever comes first
//! is kept and no pass is needed to count them. Dead weights become +0; every other byte stays.

mod cut;
mod pieces;
mod weight;
mod write;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use ::safetensors::Dtype;
use thiserror::Error;

use crate::safetensors::{Header, HeaderError};

pub use cut::Cuts;
pub use write::{Applied, Output, Rule};

/// Why a checkpoint is not pruned.
#[derive(Debug, Error)]
pub enum PruneError {
    /// A file that is not there.
    #[error("there is no file {}.", .0.display())]
    Missing(PathBuf),
    /// A file that is damaged or of another format.
    #[error("{} is not a sound safetensors file: {cause}. Get it again from where it came.", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: HeaderError,
    },
    /// One name in two files.
    #[error("tensor \"{tensor}\" is in {} and in {}; a model has it once.", first.display(), second.display())]
    DuplicateName {
        /// The name.
        tensor: String,
        /// A file that has it.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
    /// A file that cannot be read, or not any more.
    #[error("{} cannot be read: {cause}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// A file that somebody else wrote to meanwhile.
    #[error("{} changed while it was read. Prune it when nobody writes to it.", .0.display())]
    Changed(PathBuf),
    /// A file that cannot be written.
    #[error("{} cannot be written: {cause}.", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// A weight that has no place in the order.
    #[error(
        "the weights of \"{tensor}\" hold NaN at flat index {index}; NaN has no rank. Repair the checkpoint, or exclude that tensor."
    )]
    NotANumber {
        /// Name of the tensor.
        tensor: String,
        /// Flat index in C order.
        index: usize,
    },
    /// [`Progress::stop`] was called.
    #[error("stopped.")]
    Stopped,
}

/// How far a pass is; shared with whoever watches it or wants it to stop.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Returns the bytes that the present pass has read and those that it will read.
    pub fn bytes(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Makes the present pass end with [`PruneError::Stopped`] after a few more pieces.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn begin(&self, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    fn extend(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    fn advance(&self, bytes: u64) -> Result<(), PruneError> {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        if self.stop.load(Ordering::Relaxed) { Err(PruneError::Stopped) } else { Ok(()) }
    }
}

/// One tensor of a checkpoint.
#[derive(Clone, Debug)]
pub struct Stored {
    /// State-dict name.
    pub name: String,
    /// Type of its elements.
    pub dtype: Dtype,
    /// Shape, C order.
    pub shape: Vec<usize>,
    /// Which of the files holds it.
    pub file: usize,
    /// Bytes that it takes.
    pub bytes: u64,
    /// Where it begins, counted from the end of the header.
    start: u64,
}

impl Stored {
    /// Returns the number of elements.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the bytes that an element takes, if its magnitude can be ranked.
    pub fn weight_width(&self) -> Option<usize> {
        matches!(self.dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64).then(|| self.dtype.bitsize() / 8)
    }
}

/// One model, in one or more safetensors files.
#[derive(Debug)]
pub struct Checkpoint {
    sources: Vec<Source>,
    tensors: Vec<Stored>,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    file: File,
    header: Header,
    state: (u64, Option<SystemTime>),
}

impl Checkpoint {
    /// Opens the files and reads their headers.
    ///
    /// # Errors
    /// A file that is missing, unreadable or not a sound safetensors file, or a tensor that is in two of them.
    pub fn open(paths: &[PathBuf]) -> Result<Self, PruneError> {
        let sources = paths.iter().map(|path| Source::open(path)).collect::<Result<Vec<_>, _>>()?;
        let mut tensors: Vec<Stored> = sources
            .iter()
            .enumerate()
            .flat_map(|(file, source)| source.header.tensors.iter().map(move |entry| (file, entry)))
            .map(|(file, (name, info))| Stored {
                name: name.clone(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                file,
                bytes: (info.data_offsets.1 - info.data_offsets.0) as u64,
                start: info.data_offsets.0 as u64,
            })
            .collect();
        tensors.sort_by(|left, right| left.name.cmp(&right.name));
        if let Some(pair) = tensors.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(PruneError::DuplicateName {
                tensor: pair[0].name.clone(),
                first: sources[pair[0].file].path.clone(),
                second: sources[pair[1].file].path.clone(),
            });
        }
        Ok(Self { sources, tensors })
    }

    /// Returns the tensors of all files, by name.
    pub fn tensors(&self) -> &[Stored] {
        &self.tensors
    }

    /// Returns the header of each file.
    pub fn headers(&self) -> impl Iterator<Item = &Header> {
        self.sources.iter().map(|source| &source.header)
    }

    /// Checks that no file was written to since it was opened.
    fn check_unchanged(&self) -> Result<(), PruneError> {
        for source in &self.sources {
            if source.now()? != source.state {
                return Err(PruneError::Changed(source.path.clone()));
            }
        }
        Ok(())
    }
}

impl Source {
    fn open(path: &Path) -> Result<Self, PruneError> {
        let unreadable = |cause| PruneError::Unreadable { path: path.to_owned(), cause };
        let file = File::open(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => PruneError::Missing(path.to_owned()),
            _ => unreadable(cause),
        })?;
        let facts = file.metadata().map_err(unreadable)?;
        if !facts.is_file() {
            return Err(unreadable(io::Error::other("it is not a file")));
        }
        let header =
            Header::read(&file, facts.len()).map_err(|cause| PruneError::Corrupt { path: path.to_owned(), cause })?;
        Ok(Self { path: path.to_owned(), file, header, state: (facts.len(), facts.modified().ok()) })
    }

    fn now(&self) -> Result<(u64, Option<SystemTime>), PruneError> {
        let unreadable = |cause| PruneError::Unreadable { path: self.path.clone(), cause };
        let facts = self.file.metadata().map_err(unreadable)?;
        Ok((facts.len(), facts.modified().ok()))
    }
}
