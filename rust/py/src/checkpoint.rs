//! Pruning of checkpoints that are larger than memory. The work runs on its own thread, while the calling one reports
//! progress and checks for signals.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use numpy::PyArray1;
use pruneproof_core::prune::{Applied, Checkpoint, Output, Progress, PruneError, Rule, Rules};
use pruneproof_core::with_threads;
use pyo3::exceptions::{PyKeyError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::interrupt::TICK;

pyo3::import_exception!(pruneproof.errors, BadTensor);
pyo3::import_exception!(pruneproof.errors, DataCorrupt);
pyo3::import_exception!(pruneproof.errors, DataMissing);
pyo3::import_exception!(pruneproof.errors, StoreUnwritable);

/// How long is waited for a stopped thread.
const GRACE: Duration = Duration::from_millis(500);

/// Survivors and packed masks by name.
type Kept<'py> = (Bound<'py, PyDict>, Bound<'py, PyDict>);
/// Path that is written, path after renaming, and metadata of an output.
type Target = (PathBuf, PathBuf, BTreeMap<String, String>);
type Watch<'py> = Option<Bound<'py, PyAny>>;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<StoredCheckpoint>()?;
    module.add_class::<KeepRules>()
}

#[pyclass(name = "Rules", module = "pruneproof._engine", frozen)]
struct KeepRules(Rules);

#[pymethods]
impl KeepRules {
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
        py.detach(|| Checkpoint::open(&paths)).map(|checkpoint| Self(Arc::new(checkpoint))).map_err(to_python)
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
    fn select(
        &self,
        py: Python<'_>,
        names: Vec<String>,
        keep: usize,
        floor: usize,
        watch: Watch<'_>,
    ) -> PyResult<KeepRules> {
        let tensors = names.iter().map(|name| self.index(name)).collect::<PyResult<Vec<usize>>>()?;
        let checkpoint = Arc::clone(&self.0);
        run(py, watch, move |progress| checkpoint.select(&tensors, keep, floor, progress)).map(KeepRules)
    }

    #[pyo3(signature = (keeps, *, watch = None))]
    fn select_each(&self, py: Python<'_>, keeps: HashMap<String, usize>, watch: Watch<'_>) -> PyResult<KeepRules> {
        let mut keeps = keeps
            .into_iter()
            .map(|(name, keep)| Ok((self.index(&name)?, keep)))
            .collect::<PyResult<Vec<(usize, usize)>>>()?;
        keeps.sort_unstable();
        let checkpoint = Arc::clone(&self.0);
        run(py, watch, move |progress| checkpoint.select_each(&keeps, progress)).map(KeepRules)
    }

    fn select_groups(&self, groups: HashMap<String, (usize, usize)>) -> PyResult<KeepRules> {
        let by_tensor = groups
            .into_iter()
            .map(|(name, (length, keep))| Ok((self.index(&name)?, Rule::Groups { length, keep })))
            .collect::<PyResult<BTreeMap<usize, Rule>>>()?;
        Ok(KeepRules(Rules { by_tensor, shared_ties: 0, threshold: None }))
    }

    #[pyo3(signature = (rules, outputs = None, *, masks = false, watch = None))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        rules: &KeepRules,
        outputs: Option<Vec<Target>>,
        masks: bool,
        watch: Watch<'_>,
    ) -> PyResult<Kept<'py>> {
        let (checkpoint, rules) = (Arc::clone(&self.0), rules.0.clone());
        let outputs: Option<Vec<Output>> = outputs.map(|outputs| {
            outputs.into_iter().map(|(path, target, metadata)| Output { path, target, metadata }).collect()
        });
        let kept = run(py, watch, move |progress| checkpoint.apply(&rules, outputs.as_deref(), masks, progress))?;
        self.by_name(py, kept)
    }
}

impl StoredCheckpoint {
    /// Returns the index of a tensor.
    fn index(&self, name: &str) -> PyResult<usize> {
        let found = self.0.tensors().binary_search_by(|tensor| tensor.name.as_str().cmp(name));
        found.map_err(|_| PyKeyError::new_err(name.to_owned()))
    }

    /// Converts what was kept, by index, to dicts by name.
    fn by_name<'py>(&self, py: Python<'py>, applied: Applied) -> PyResult<Kept<'py>> {
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

/// Runs `work` on another thread, calls `watch` with its progress meanwhile, and stops it when a signal handler or
/// `watch` raises.
fn run<T: Send + 'static>(
    py: Python<'_>,
    watch: Watch<'_>,
    work: impl FnOnce(&Progress) -> Result<T, PruneError> + Send + 'static,
) -> PyResult<T> {
    let progress = Arc::new(Progress::default());
    let (sender, mut receiver) = channel();
    let worker = std::thread::spawn({
        let progress = Arc::clone(&progress);
        move || sender.send(with_threads(|| work(&progress)))
    });
    loop {
        let answer;
        (answer, receiver) = py.detach(move || (receiver.recv_timeout(TICK), receiver));
        match answer {
            Ok(answer) => return answer.map_err(to_python),
            Err(RecvTimeoutError::Timeout) => {
                let reported = py.check_signals().and_then(|()| match &watch {
                    Some(watch) => watch.call1(progress.bytes()).map(|_| ()),
                    None => Ok(()),
                });
                if let Err(raised) = reported {
                    progress.stop();
                    // The caller is about to remove the outputs, so the thread should have ended; but a disk that does
                    // not respond is not waited for.
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

/// Maps an error of the core to an exception.
fn to_python(error: PruneError) -> PyErr {
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
