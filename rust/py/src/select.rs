//! Selections: numpy views in, packed masks out.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use half::bf16;
use half::slice::HalfBitsSliceExt;
use numpy::{Element, PyArray1, PyReadonlyArray1};
use pruneproof_core::{Error, Measure, Reduction, Rows, Score, Selected, Tensor};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

pyo3::import_exception!(pruneproof.errors, BadTensor);
pyo3::import_exception!(pruneproof.errors, InfeasibleSelection);

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(select, module)?)?;
    module.add_function(wrap_pyfunction!(select_each, module)?)?;
    module.add_function(wrap_pyfunction!(select_rows, module)?)?;
    module.add_function(wrap_pyfunction!(block_scores, module)?)
}

/// How often a thread that waits looks for signals.
const TICK: Duration = Duration::from_millis(50);

/// Scores from which on a thread of its own does the work; fewer are done before anybody could interrupt.
const LONG: usize = 1 << 22;

type Answer<'py> = (Bound<'py, PyDict>, Bound<'py, PyDict>, Option<f64>);
type Counts = HashMap<String, usize>;
type AliveViews<'py> = HashMap<String, PyReadonlyArray1<'py, u8>>;

#[pyfunction]
#[pyo3(signature = (values, keep, *, dtype, measure = "value", factors = None, floors = None, alive = None))]
fn select<'py>(
    values: &Bound<'py, PyDict>,
    keep: usize,
    dtype: &str,
    measure: &str,
    factors: Option<Bound<'py, PyDict>>,
    floors: Option<Counts>,
    alive: Option<AliveViews<'py>>,
) -> PyResult<Answer<'py>> {
    let floors = floors.unwrap_or_default();
    Request { values, measure, factors, alive }.answer(dtype, &Ask::All { keep, floors: &floors })
}

#[pyfunction]
#[pyo3(signature = (values, keeps, *, dtype, measure = "value", factors = None, alive = None))]
fn select_each<'py>(
    values: &Bound<'py, PyDict>,
    keeps: Counts,
    dtype: &str,
    measure: &str,
    factors: Option<Bound<'py, PyDict>>,
    alive: Option<AliveViews<'py>>,
) -> PyResult<Answer<'py>> {
    Request { values, measure, factors, alive }.answer(dtype, &Ask::Each { keeps: &keeps })
}

#[pyfunction]
#[pyo3(signature = (values, rows, *, dtype, measure = "value", factors = None, alive = None))]
fn select_rows<'py>(
    values: &Bound<'py, PyDict>,
    rows: HashMap<String, (usize, usize)>,
    dtype: &str,
    measure: &str,
    factors: Option<Bound<'py, PyDict>>,
    alive: Option<AliveViews<'py>>,
) -> PyResult<Answer<'py>> {
    Request { values, measure, factors, alive }.answer(dtype, &Ask::Rows { rows: &rows })
}

#[pyfunction]
#[pyo3(signature = (values, blocks, *, reduction, dtype, measure = "value", factors = None, alive = None))]
fn block_scores<'py>(
    values: &Bound<'py, PyDict>,
    blocks: HashMap<String, (Vec<usize>, Vec<usize>)>,
    reduction: &str,
    dtype: &str,
    measure: &str,
    factors: Option<Bound<'py, PyDict>>,
    alive: Option<AliveViews<'py>>,
) -> PyResult<Bound<'py, PyDict>> {
    let reduction = match reduction {
        "l1" => Reduction::L1,
        "l2" => Reduction::L2,
        "mean" => Reduction::Mean,
        other => {
            return Err(BadTensor::new_err(format!("the reduction \"{other}\" is not known. Allowed: l1, l2, mean.")));
        }
    };
    let py = values.py();
    let scores = Request { values, measure, factors, alive }.reduce(dtype, &blocks, reduction)?;
    let answer = PyDict::new(py);
    for (name, scores) in scores {
        answer.set_item(name, PyArray1::from_vec(py, scores))?;
    }
    Ok(answer)
}

/// What is asked for: one budget, or one count per tensor or row.
enum Ask<'a> {
    All { keep: usize, floors: &'a Counts },
    Each { keeps: &'a Counts },
    Rows { rows: &'a HashMap<String, (usize, usize)> },
}

/// What is ranked.
struct Request<'a, 'py> {
    values: &'a Bound<'py, PyDict>,
    measure: &'a str,
    factors: Option<Bound<'py, PyDict>>,
    alive: Option<AliveViews<'py>>,
}

/// Calls `$method` of a request with the element type of the arrays, that of the scores, and the view of one as the other.
macro_rules! in_dtype {
    ($dtype:expr, $request:expr, $method:ident, $($argument:expr),*) => {
        match $dtype {
            "float32" => $request.$method::<f32, f32>($($argument,)* |slice| slice),
            "float64" => $request.$method::<f64, f64>($($argument,)* |slice| slice),
            "float16" => $request.$method::<half::f16, half::f16>($($argument,)* |slice| slice),
            "bfloat16" => $request.$method::<u16, bf16>($($argument,)* |slice| slice.reinterpret_cast()),
            other => Err(BadTensor::new_err(format!(
                "scores of dtype {other} cannot be ranked. Allowed: float16, bfloat16, float32, float64."
            ))),
        }
    };
}

impl<'py> Request<'_, 'py> {
    fn answer(&self, dtype: &str, ask: &Ask<'_>) -> PyResult<Answer<'py>> {
        in_dtype!(dtype, self, answer_in, ask)
    }

    fn reduce(
        &self,
        dtype: &str,
        blocks: &HashMap<String, (Vec<usize>, Vec<usize>)>,
        reduction: Reduction,
    ) -> PyResult<Vec<(String, Vec<f64>)>> {
        in_dtype!(dtype, self, reduce_in, blocks, reduction)
    }

    /// Selects, and hands the packed bytes to numpy.
    fn answer_in<E: Element, T: Score>(&self, ask: &Ask<'_>, view: fn(&[E]) -> &[T]) -> PyResult<Answer<'py>> {
        let (names, selected) = self.lend(view, |tensors, stop| {
            let of = |counts: &Counts| -> Vec<usize> {
                tensors.iter().map(|tensor| counts.get(tensor.name).copied().unwrap_or(0)).collect()
            };
            match ask {
                Ask::All { keep, floors } => pruneproof_core::select(tensors, *keep, &of(floors), stop),
                Ask::Each { keeps } => pruneproof_core::select_each(tensors, &of(keeps), stop),
                Ask::Rows { rows } => {
                    let kind = |tensor: &Tensor<'_, T>| {
                        let (width, keep) = rows.get(tensor.name).copied().unwrap_or((1, 0));
                        Rows { width, keep }
                    };
                    let rows: Vec<Rows> = tensors.iter().map(kind).collect();
                    pruneproof_core::select_rows(tensors, &rows, stop)
                }
            }
        })?;
        hand_over(self.values.py(), names, selected)
    }

    fn reduce_in<E: Element, T: Score>(
        &self,
        blocks: &HashMap<String, (Vec<usize>, Vec<usize>)>,
        reduction: Reduction,
        view: fn(&[E]) -> &[T],
    ) -> PyResult<Vec<(String, Vec<f64>)>> {
        for (name, array) in self.values.iter() {
            let (name, size): (String, usize) = (name.extract()?, array.len()?);
            match blocks.get(&name) {
                Some((shape, block)) if fits(shape, block, size) => {}
                found => {
                    return Err(BadTensor::new_err(format!(
                        "\"{name}\" has {size} weights and came with the shape and the block {found:?}; as many sides of \
                         both, whose blocks are not empty, were expected."
                    )));
                }
            }
        }
        let (names, scores) = self.lend(view, |tensors, stop| {
            let reduce = |tensor: &Tensor<'_, T>| {
                let (shape, block) = &blocks[tensor.name];
                pruneproof_core::block_scores(tensor, shape, block, reduction, stop)
            };
            tensors.iter().map(reduce).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(names.into_iter().zip(scores).collect())
    }

    /// Borrows the arrays and does `work` on them without the GIL.
    fn lend<E: Element, T: Score, R: Send>(
        &self,
        view: fn(&[E]) -> &[T],
        work: impl FnOnce(&[Tensor<'_, T>], &AtomicBool) -> Result<R, Error> + Send,
    ) -> PyResult<(Vec<String>, R)> {
        let names: Vec<String> = self.values.keys().extract()?;
        let values = borrow::<E>(self.values, &names)?;
        let factors = self.factors.as_ref().map(|factors| borrow::<E>(factors, &names)).transpose()?;
        let mut tensors = Vec::with_capacity(names.len());
        for (i, (name, array)) in names.iter().zip(&values).enumerate() {
            let alive = self.alive.as_ref().and_then(|alive| alive.get(name));
            let alive = alive.map(|bits| flat(name, bits)).transpose()?;
            let values = view(flat(name, array)?);
            let measure = match (self.measure, &factors) {
                ("value", None) => Measure::Value,
                ("magnitude", None) => Measure::Magnitude,
                ("square", None) => Measure::Product(values),
                ("normalised", None) => Measure::Normalised(1.0),
                ("product", Some(factors)) => Measure::Product(view(flat(name, &factors[i])?)),
                ("squared-product", Some(factors)) => Measure::SquaredProduct(view(flat(name, &factors[i])?)),
                (other, _) => {
                    return Err(BadTensor::new_err(format!(
                        "the measure \"{other}\" is not known, or has factors where it takes none. \
                         Allowed: value, magnitude, square, normalised; product and squared-product, with factors."
                    )));
                }
            };
            tensors.push(Tensor { name, values, measure, alive });
        }
        let size = tensors.iter().map(|tensor| tensor.values.len()).sum();
        let answer = stoppable(self.values.py(), size, |stop| {
            for tensor in &mut tensors {
                if matches!(tensor.measure, Measure::Normalised(_)) {
                    tensor.measure = Measure::Normalised(pruneproof_core::l2_norm(tensor, stop)?);
                }
            }
            work(&tensors, stop)
        })?;
        Ok((names, answer))
    }
}

fn fits(shape: &[usize], block: &[usize], size: usize) -> bool {
    let found = shape.iter().try_fold(1_usize, |size, &side| size.checked_mul(side));
    found == Some(size) && shape.len() == block.len() && block.iter().all(|&side| side > 0)
}

/// Views the arrays of `names`, in that order.
fn borrow<'py, E: Element>(arrays: &Bound<'py, PyDict>, names: &[String]) -> PyResult<Vec<PyReadonlyArray1<'py, E>>> {
    let view = |name: &String| match arrays.get_item(name)? {
        Some(array) => array.extract().map_err(|_| not_flat(name, &array)),
        None => {
            Err(BadTensor::new_err(format!("there is no factor for \"{name}\"; one for each tensor was expected.")))
        }
    };
    names.iter().map(view).collect()
}

fn flat<'a, E: Element>(name: &str, array: &'a PyReadonlyArray1<'_, E>) -> PyResult<&'a [E]> {
    array.as_slice().map_err(|_| not_flat(name, array.as_any()))
}

/// Works without the GIL; work on many scores can be interrupted by a signal.
fn stoppable<R: Send>(
    py: Python<'_>,
    size: usize,
    work: impl FnOnce(&AtomicBool) -> Result<R, Error> + Send,
) -> PyResult<R> {
    let stop = AtomicBool::new(false);
    if size < LONG {
        return py.detach(|| work(&stop)).map_err(refusal);
    }
    // Signals are for Python's main thread to handle, so that one waits while another works.
    py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = channel::<()>();
            let worker = scope.spawn(|| {
                let answer = work(&stop);
                drop(sender);
                answer
            });
            while receiver.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                if let Err(raised) = Python::attach(|py| py.check_signals()) {
                    stop.store(true, Ordering::Relaxed);
                    let _ = worker.join();
                    return Err(raised);
                }
            }
            worker.join().unwrap_or_else(|panic| resume_unwind(panic)).map_err(refusal)
        })
    })
}

fn hand_over(py: Python<'_>, names: Vec<String>, selected: Selected) -> PyResult<Answer<'_>> {
    let (bits, counts) = (PyDict::new(py), PyDict::new(py));
    for (name, mask) in names.iter().zip(selected.masks) {
        bits.set_item(name, PyArray1::from_vec(py, mask.bits))?;
        counts.set_item(name, mask.count)?;
    }
    Ok((bits, counts, selected.threshold))
}

fn not_flat(name: &str, array: &Bound<'_, PyAny>) -> PyErr {
    let attribute = |key| array.getattr(key).map_or_else(|_| "?".to_owned(), |value| value.to_string());
    BadTensor::new_err(format!(
        "\"{name}\" came as {} of shape {}; a contiguous one-dimensional array of the named dtype was expected.",
        attribute("dtype"),
        attribute("shape")
    ))
}

fn refusal(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::NotANumber { .. }
        | Error::AliveLength { .. }
        | Error::FactorLength { .. }
        | Error::DuplicateName { .. }
        | Error::InfiniteNorm { .. }
        | Error::RaggedRows { .. }
        | Error::UndefinedMean { .. } => BadTensor::new_err(message),
        Error::TooFewAlive { .. }
        | Error::FloorsExceedKeep { .. }
        | Error::TooFewAliveIn { .. }
        | Error::TooFewAliveInRow { .. } => InfeasibleSelection::new_err(message),
        Error::Stopped => PyKeyboardInterrupt::new_err(message),
    }
}
