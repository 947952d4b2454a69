//! Pruning of checkpoints larger than memory: exact global magnitude pruning, read as a stream.
//!
//! A [`Checkpoint`] is one model in one or more safetensors files. Its tensors are not loaded: every pass reads pieces
//! of about a mebibyte into buffers that are reused. The files are read, not memory-mapped: a file that shrinks or a
//! disk that fails is then an error, where a mapping would raise a signal that ends the process.
//!
//! Magnitudes of all dtypes are ordered as real numbers: a key is the bits of the magnitude as an f64, to which f16,
//! bf16 and f32 widen exactly. Ties go to the tensor of the lower name, then to the lower index, as in
//! [`crate::select()`].
//!
//! 1. [`Checkpoint::select`] finds the threshold and returns [`Rules`]. A sample of the weights gives a bracket; one
//!    pass counts the keys above it and those in each of at most 2^20 bins inside it. For f32, f16 and bf16 a bin
//!    mostly is one key, so the threshold is found. A bracket that is too wide, or that misses, costs further passes
//!    and never a wrong answer.
//! 2. [`Checkpoint::apply`] writes the files with the pruned weights as zero, in one pass in (name, index) order. This
//!    is the order of ties, so ties are kept as they come, and no pass is needed to count them. Every other byte is
//!    copied.
//!
//! ```
//! use std::collections::BTreeMap;
//! use pruneproof_core::prune::{Checkpoint, Output, Progress};
//! use safetensors::{Dtype, SafeTensors, tensor::{TensorView, serialize_to_file}};
//!
//! let folder = tempfile::tempdir().unwrap();
//! let (path, pruned) = (folder.path().join("model.safetensors"), folder.path().join("pruned.safetensors"));
//! let weights = [0.5_f32, -2.0, 0.0, 1.0].map(f32::to_le_bytes).concat();
//! serialize_to_file([("w", TensorView::new(Dtype::F32, vec![4], &weights).unwrap())], None, &path).unwrap();
//!
//! let (checkpoint, progress) = (Checkpoint::open(&[path]).unwrap(), Progress::default());
//! let rules = checkpoint.select(&[0], 2, 0, &progress).unwrap();
//! assert_eq!(rules.threshold, Some(1.0));
//!
//! let output = Output { path: pruned.clone(), target: pruned.clone(), metadata: BTreeMap::new() };
//! let applied = checkpoint.apply(&rules, Some(&[output]), true, &progress).unwrap();
//! assert_eq!(applied.masks[&0], [0b1010]);
//!
//! let file = std::fs::read(pruned).unwrap();
//! let found = SafeTensors::deserialize(&file).unwrap().tensor("w").unwrap().data().to_vec();
//! assert_eq!(found, [0.0_f32, -2.0, 0.0, 1.0].map(f32::to_le_bytes).concat());
//! ```

mod rank;
mod read;
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

pub use rank::{Rule, Rules};
pub use write::{Applied, Output};

/// Why a checkpoint was not pruned.
///
/// ```
/// use pruneproof_core::prune::{Checkpoint, PruneError};
///
/// let error = Checkpoint::open(&["no/such/file".into()]).unwrap_err();
/// assert!(matches!(error, PruneError::Missing(_)));
/// assert_eq!(error.to_string(), "there is no file no/such/file.");
/// ```
#[derive(Debug, Error)]
pub enum PruneError {
    /// A file does not exist.
    #[error("there is no file {}.", .0.display())]
    Missing(PathBuf),
    /// A file is damaged or of another format.
    #[error("{} is not a sound safetensors file: {cause}. Get it again from where it came.", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: HeaderError,
    },
    /// Two files hold a tensor of one name.
    #[error("tensor \"{tensor}\" is in {} and in {}; a model has it once.", first.display(), second.display())]
    DuplicateName {
        /// The name.
        tensor: String,
        /// A file that has it.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {cause}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// A file was changed while it was read.
    #[error("{} changed while it was read. Prune it when nobody writes to it.", .0.display())]
    Changed(PathBuf),
    /// A file cannot be written.
    #[error("{} cannot be written: {cause}.", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// A weight is NaN.
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

/// The progress of a running method and its stop flag, shared between threads. All methods take constant time.
///
/// ```
/// use pruneproof_core::prune::Progress;
///
/// let progress = Progress::default();
/// assert_eq!(progress.bytes(), (0, 0));
/// ```
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Returns the bytes that the running method has read, and those that it will read in all.
    ///
    /// ```
    /// use pruneproof_core::prune::Progress;
    ///
    /// let (read, total) = Progress::default().bytes();
    /// assert!(read <= total);
    /// ```
    pub fn bytes(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Makes the running method return [`PruneError::Stopped`] after a few more pieces.
    ///
    /// ```
    /// use pruneproof_core::prune::Progress;
    ///
    /// let progress = Progress::default();
    /// std::thread::scope(|scope| scope.spawn(|| progress.stop()).join()).unwrap();
    /// ```
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
///
/// ```
/// use pruneproof_core::prune::Checkpoint;
/// use safetensors::{Dtype, tensor::{TensorView, serialize_to_file}};
///
/// let file = tempfile::NamedTempFile::new().unwrap();
/// let view = TensorView::new(Dtype::BF16, vec![3, 2], &[0; 12]).unwrap();
/// serialize_to_file([("w", view)], None, file.path()).unwrap();
///
/// let checkpoint = Checkpoint::open(&[file.path().to_owned()]).unwrap();
/// let tensor = &checkpoint.tensors()[0];
/// assert_eq!((tensor.size(), tensor.bytes, tensor.weight_width()), (6, 12, Some(2)));
/// ```
#[derive(Clone, Debug)]
pub struct StoredTensor {
    /// State-dict name.
    pub name: String,
    /// Dtype of its elements.
    pub dtype: Dtype,
    /// Shape; elements are in C order.
    pub shape: Vec<usize>,
    /// Index of the file that holds it.
    pub file: usize,
    /// Size in bytes.
    pub bytes: u64,
    /// Offset of its first byte, counted from the end of the header.
    start: u64,
}

impl StoredTensor {
    /// Returns the number of elements. Linear in the number of dimensions.
    ///
    /// ```
    /// # use pruneproof_core::prune::Checkpoint;
    /// # use safetensors::{Dtype, tensor::{TensorView, serialize_to_file}};
    /// # let file = tempfile::NamedTempFile::new().unwrap();
    /// # let view = TensorView::new(Dtype::F16, vec![3, 2], &[0; 12]).unwrap();
    /// # serialize_to_file([("w", view)], None, file.path()).unwrap();
    /// # let checkpoint = Checkpoint::open(&[file.path().to_owned()]).unwrap();
    /// // A tensor of shape [3, 2].
    /// assert_eq!(checkpoint.tensors()[0].size(), 6);
    /// ```
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the bytes per element if magnitudes of this dtype can be ranked (F16, BF16, F32, F64), else `None`.
    /// Constant time.
    ///
    /// ```
    /// # use pruneproof_core::prune::Checkpoint;
    /// # use safetensors::{Dtype, tensor::{TensorView, serialize_to_file}};
    /// # let file = tempfile::NamedTempFile::new().unwrap();
    /// # let view = |dtype, bytes| TensorView::new(dtype, vec![1], bytes).unwrap();
    /// # let views = [("float", view(Dtype::F64, &[0; 8])), ("integer", view(Dtype::I8, &[0]))];
    /// # serialize_to_file(views, None, file.path()).unwrap();
    /// # let checkpoint = Checkpoint::open(&[file.path().to_owned()]).unwrap();
    /// // A tensor of F64 and one of I8.
    /// assert_eq!(checkpoint.tensors()[0].weight_width(), Some(8));
    /// assert_eq!(checkpoint.tensors()[1].weight_width(), None);
    /// ```
    pub fn weight_width(&self) -> Option<usize> {
        matches!(self.dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64).then(|| self.dtype.bitsize() / 8)
    }
}

/// One model in one or more safetensors files, which stay open; no tensor is loaded.
///
/// The [module's example](self) opens, selects and writes.
///
/// ```
/// use pruneproof_core::prune::Checkpoint;
/// use safetensors::{Dtype, tensor::{TensorView, serialize_to_file}};
///
/// let folder = tempfile::tempdir().unwrap();
/// let paths = ["1.safetensors", "2.safetensors"].map(|name| folder.path().join(name));
/// for (path, name) in paths.iter().zip(["b", "a"]) {
///     let view = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
///     serialize_to_file([(name, view)], None, path).unwrap();
/// }
/// let checkpoint = Checkpoint::open(&paths).unwrap();
/// let names: Vec<&str> = checkpoint.tensors().iter().map(|tensor| tensor.name.as_str()).collect();
/// assert_eq!(names, ["a", "b"]);
/// ```
#[derive(Debug)]
pub struct Checkpoint {
    sources: Vec<Source>,
    tensors: Vec<StoredTensor>,
}

/// An open file.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    file: File,
    header: Header,
    /// Length and time of the last change when it was opened.
    state: (u64, Option<SystemTime>),
}

impl Checkpoint {
    /// Opens the files and reads their headers.
    ///
    /// ```
    /// use pruneproof_core::prune::Checkpoint;
    ///
    /// let file = tempfile::NamedTempFile::new().unwrap();
    /// std::fs::write(file.path(), b"\x02\0\0\0\0\0\0\0{}").unwrap();
    /// assert!(Checkpoint::open(&[file.path().to_owned()]).unwrap().tensors().is_empty());
    /// ```
    ///
    /// # Complexity
    /// Time O(h log h) and memory O(h) for headers of h bytes in all.
    ///
    /// # Errors
    /// [`PruneError::Missing`], [`PruneError::Unreadable`], [`PruneError::Corrupt`], [`PruneError::DuplicateName`].
    pub fn open(paths: &[PathBuf]) -> Result<Self, PruneError> {
        let sources = paths.iter().map(|path| Source::open(path)).collect::<Result<Vec<_>, _>>()?;
        let mut tensors: Vec<StoredTensor> = sources
            .iter()
            .enumerate()
            .flat_map(|(file, source)| source.header.tensors.iter().map(move |entry| (file, entry)))
            .map(|(file, (name, info))| StoredTensor {
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

    /// Returns the tensors of all files, sorted by name. Constant time; see [`Checkpoint`] for an example.
    ///
    /// ```
    /// # use pruneproof_core::prune::Checkpoint;
    /// # let file = tempfile::NamedTempFile::new().unwrap();
    /// # std::fs::write(file.path(), b"\x02\0\0\0\0\0\0\0{}").unwrap();
    /// # let checkpoint = Checkpoint::open(&[file.path().to_owned()]).unwrap();
    /// assert!(checkpoint.tensors().is_sorted_by_key(|tensor| &tensor.name));
    /// ```
    pub fn tensors(&self) -> &[StoredTensor] {
        &self.tensors
    }

    /// Returns the header of each file. Constant time per file.
    ///
    /// ```
    /// # use pruneproof_core::prune::Checkpoint;
    /// # let file = tempfile::NamedTempFile::new().unwrap();
    /// # std::fs::write(file.path(), b"\x02\0\0\0\0\0\0\0{}").unwrap();
    /// let checkpoint = Checkpoint::open(&[file.path().to_owned()]).unwrap();
    /// assert_eq!(checkpoint.headers().count(), 1);
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = &Header> {
        self.sources.iter().map(|source| &source.header)
    }

    /// Checks that no file has changed since it was opened: length and time of the last change are the same.
    fn check_unchanged(&self) -> Result<(), PruneError> {
        for source in &self.sources {
            if source.present_state()? != source.state {
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

    fn present_state(&self) -> Result<(u64, Option<SystemTime>), PruneError> {
        let unreadable = |cause| PruneError::Unreadable { path: self.path.clone(), cause };
        let facts = self.file.metadata().map_err(unreadable)?;
        Ok((facts.len(), facts.modified().ok()))
    }
}
