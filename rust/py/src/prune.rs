//! Checkpoints that are pruned as a stream: work runs on a thread of its own while this one listens for Ctrl-C.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use numpy::PyArray1;
use pruneproof_core::prune::{Applied, Checkpoint, Cuts, Output, Progress, PruneError, Rule};
use pyo3::exceptions::{PyKeyError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

pyo3::import_exception!(pruneproof.errors, BadTensor);
pyo3::import_exception!(pruneproof.errors, DataCorrupt);
pyo3::import_exception!(pruneproof.errors, DataMissing);
pyo3::import_exception!(pruneproof.errors, StoreUnwritable);

/// How often progress is told and signals are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long a stopped thread may take to end.
const GRACE: Duration = Duration::from_millis(500);

type Kept<'py> = (Bound<'py, PyDict>, Bound<'py, PyDict>);
/// Where to write, what it will be called, and its metadata.
type Target = (PathBuf, PathBuf, BTreeMap<String, String>);
type Watch<'py> = Option<Bound<'py, PyAny>>;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<StoredCheckpoint>()?;
    module.add_class::<StoredCuts>()
}

#[pyclass(name = "Cuts", module = "pruneproof._engine", frozen)]
struct StoredCuts(Cuts);

#[pymethods]
impl StoredCuts {
    #[getter]
    fn threshold(&self) -> Option<f64> {
        self.0.threshold
    }
}

#[pyclass(name = "Checkpoint", module = "pruneproof._engine", frozen)]
struct StoredCheckpoint(Arc<Checkpoint>);

#[pymethods]
impl StoredCheckpoint {
    #[new]
    fn new(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Self> {
        py.detach(|| Checkpoint::open(&paths)).map(|checkpoint| Self(Arc::new(checkpoint))).map_err(refusal)
    }

    #[getter]
    fn tensors<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let facts = self.0.tensors().iter().map(|tensor| {
            let shape = PyTuple::new(py, &tensor.shape)?;
            (&tensor.name, tensor.dtype.to_string(), shape, tensor.file).into_pyobject(py)
        });
        facts.collect()
    }

    #[getter]
    fn metadata(&self) -> Vec<BTreeMap<String, String>> {
        self.0.headers().map(|header| header.metadata.clone()).collect()
    }

    #[pyo3(signature = (names, keep, *, floor = 0, watch = None))]
    fn cut(
        &self,
        py: Python<'_>,
        names: Vec<String>,
        keep: usize,
        floor: usize,
        watch: Watch<'_>,
    ) -> PyResult<StoredCuts> {
        let tensors = names.iter().map(|name| self.place(name)).collect::<PyResult<Vec<usize>>>()?;
        let checkpoint = Arc::clone(&self.0);
        run(py, watch, move |progress| checkpoint.cut(&tensors, keep, floor, progress)).map(StoredCuts)
    }

    #[pyo3(signature = (keeps, *, watch = None))]
    fn cut_each(&self, py: Python<'_>, keeps: HashMap<String, usize>, watch: Watch<'_>) -> PyResult<StoredCuts> {
        let mut keeps = keeps
            .into_iter()
            .map(|(name, keep)| Ok((self.place(&name)?, keep)))
            .collect::<PyResult<Vec<(usize, usize)>>>()?;
        keeps.sort_unstable();
        let checkpoint = Arc::clone(&self.0);
        run(py, watch, move |progress| checkpoint.cut_each(&keeps, progress)).map(StoredCuts)
    }

    fn cut_groups(&self, groups: HashMap<String, (usize, usize)>) -> PyResult<StoredCuts> {
        let rules = groups
            .into_iter()
            .map(|(name, (length, keep))| Ok((self.place(&name)?, Rule::Groups { length, keep })))
            .collect::<PyResult<BTreeMap<usize, Rule>>>()?;
        Ok(StoredCuts(Cuts { rules, shared_ties: 0, threshold: None }))
    }

    #[pyo3(signature = (cuts, outputs = None, *, masks = false, watch = None))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        cuts: &StoredCuts,
        outputs: Option<Vec<Target>>,
        masks: bool,
        watch: Watch<'_>,
    ) -> PyResult<Kept<'py>> {
        let (checkpoint, cuts) = (Arc::clone(&self.0), cuts.0.clone());
        let outputs: Option<Vec<Output>> = outputs.map(|outputs| {
            outputs.into_iter().map(|(path, target, metadata)| Output { path, target, metadata }).collect()
        });
        let kept = run(py, watch, move |progress| checkpoint.apply(&cuts, outputs.as_deref(), masks, progress))?;
        self.hand_over(py, kept)
    }
}

impl StoredCheckpoint {
    fn place(&self, name: &str) -> PyResult<usize> {
        let found = self.0.tensors().binary_search_by(|tensor| tensor.name.as_str().cmp(name));
        found.map_err(|_| PyKeyError::new_err(name.to_owned()))
    }

    fn hand_over<'py>(&self, py: Python<'py>, applied: Applied) -> PyResult<Kept<'py>> {
        let (alive, masks) = (PyDict::new(py), PyDict::new(py));
        for (tensor, count) in applied.alive {
            alive.set_item(&self.0.tensors()[tensor].name, count)?;
        }
        for (tensor, bits) in applied.masks {
            masks.set_item(&self.0.tensors()[tensor].name, PyArray1::from_vec(py, bits))?;
        }
        Ok((alive, masks))
    }
}

/// Works on another thread; meanwhile tells `watch` how far that is, and stops it when a signal or `watch` raises.
fn run<T: Send + 'static>(
    py: Python<'_>,
    watch: Watch<'_>,
    work: impl FnOnce(&Progress) -> Result<T, PruneError> + Send + 'static,
) -> PyResult<T> {
    let progress = Arc::new(Progress::default());
    let (sender, mut receiver) = channel();
    let worker = std::thread::spawn({
        let progress = Arc::clone(&progress);
        move || sender.send(work(&progress))
    });
    loop {
        let answer;
        (answer, receiver) = py.detach(move || (receiver.recv_timeout(TICK), receiver));
        match answer {
            Ok(answer) => return answer.map_err(refusal),
            Err(RecvTimeoutError::Timeout) => {
                let told = py.check_signals().and_then(|()| match &watch {
                    Some(watch) => watch.call1(progress.bytes()).map(|_| ()),
                    None => Ok(()),
                });
                if let Err(raised) = told {
                    progress.stop();
                    // The caller is about to remove what was written; a disk that does not answer is not waited for.
                    py.detach(move || receiver.recv_timeout(GRACE).is_ok());
                    return Err(raised);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let _ = worker.join();
                return Err(PyRuntimeError::new_err("the engine panicked; its message is above. Please report it."));
            }
        }
    }
}

fn refusal(error: PruneError) -> PyErr {
    let message = error.to_string();
    match error {
        PruneError::Missing(_) => DataMissing::new_err(message),
        PruneError::Corrupt { .. }
        | PruneError::DuplicateName { .. }
        | PruneError::Unreadable { .. }
        | PruneError::Changed(_)
        | PruneError::Stopped => DataCorrupt::new_err(message),
        PruneError::Unwritable { .. } => StoreUnwritable::new_err(message),
        PruneError::NotANumber { .. } => BadTensor::new_err(message),
    }
}
