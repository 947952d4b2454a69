//! Selections: numpy views in, packed masks out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use half::bf16;
use half::slice::HalfBitsSliceExt;
use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pruneproof_core::{Error, Measure, Reduction, Rows, Score, Tensor, packed_len};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyList};

use crate::lend::{Lender, Lent, Shapes};

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

/// The masks in one buffer (`PackedBuffer`), the survivors of each tensor, and the threshold.
type Answer<'py> = (Bound<'py, PyAny>, Bound<'py, PyArray1<i64>>, Option<f64>);
type Counts = HashMap<String, usize>;
type AliveViews<'py> = HashMap<String, PyReadonlyArray1<'py, u8>>;

#[pyfunction]
#[pyo3(signature = (values, keep, *, dtype, measure = "value", factors = None, floors = None, alive = None, flatten = None))]
#[expect(clippy::too_many_arguments, reason = "all but two are keywords in Python")]
fn select<'py>(
    values: &Bound<'py, PyDict>,
    keep: Bound<'py, PyAny>,
    dtype: &str,
    measure: &str,
    factors: Option<Bound<'py, PyDict>>,
    floors: Option<Counts>,
    alive: Option<AliveViews<'py>>,
    flatten: Option<Bound<'py, PyAny>>,
) -> PyResult<Answer<'py>> {
    let floors = floors.unwrap_or_default();
    Request { values, dtype, measure, factors, alive, flatten }.answer(&Ask::All { floors: &floors }, Some(&keep))
}

#[pyfunction]
#[pyo3(signature = (values, keeps, *, dtype, measure = "value", factors = None, alive = None, flatten = None))]
fn select_each<'py>(
    values: &Bound<'py, PyDict>,
    keeps: Counts,
    dtype: &str,
    measure: &str,
    factors: Option<Bound<'py, PyDict>>,
    alive: Option<AliveViews<'py>>,
    flatten: Option<Bound<'py, PyAny>>,
) -> PyResult<Answer<'py>> {
    Request { values, dtype, measure, factors, alive, flatten }.answer(&Ask::Each { keeps: &keeps }, None)
}

#[pyfunction]
#[pyo3(signature = (values, rows, *, dtype, measure = "value", factors = None, alive = None, flatten = None))]
fn select_rows<'py>(
    values: &Bound<'py, PyDict>,
    rows: HashMap<String, (usize, usize)>,
    dtype: &str,
    measure: &str,
    factors: Option<Bound<'py, PyDict>>,
    alive: Option<AliveViews<'py>>,
    flatten: Option<Bound<'py, PyAny>>,
) -> PyResult<Answer<'py>> {
    Request { values, dtype, measure, factors, alive, flatten }.answer(&Ask::Rows { rows: &rows }, None)
}

#[pyfunction]
#[pyo3(signature = (values, blocks, *, reduction, dtype, measure = "value", factors = None, alive = None, flatten = None))]
#[expect(clippy::too_many_arguments, reason = "all but two are keywords in Python")]
fn block_scores<'py>(
    values: &Bound<'py, PyDict>,
    blocks: HashMap<String, Cut>,
    reduction: &str,
    dtype: &str,
    measure: &str,
    factors: Option<Bound<'py, PyDict>>,
    alive: Option<AliveViews<'py>>,
    flatten: Option<Bound<'py, PyAny>>,
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
    let scores = Request { values, dtype, measure, factors, alive, flatten }.reduce(&blocks, reduction)?;
    let answer = PyDict::new(py);
    for (name, scores) in scores {
        answer.set_item(name, PyArray1::from_vec(py, scores))?;
    }
    Ok(answer)
}

/// What is asked for: one budget, or one count per tensor or row.
enum Ask<'a> {
    All { floors: &'a Counts },
    Each { keeps: &'a Counts },
    Rows { rows: &'a HashMap<String, (usize, usize)> },
}

/// What is ranked.
struct Request<'a, 'py> {
    values: &'a Bound<'py, PyDict>,
    dtype: &'a str,
    measure: &'a str,
    factors: Option<Bound<'py, PyDict>>,
    alive: Option<AliveViews<'py>>,
    /// Makes an array of what cannot be borrowed.
    flatten: Option<Bound<'py, PyAny>>,
}

/// Calls `$method` of a request with the element type of the arrays, that of the scores, and the view of one as the other.
macro_rules! in_dtype {
    ($request:expr, $method:ident, $($argument:expr),*) => {
        match $request.dtype {
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
    /// Answers; the budget, where there is one, is `keep` or what that tells from the number of weights.
    fn answer(&self, ask: &Ask<'_>, keep: Option<&Bound<'py, PyAny>>) -> PyResult<Answer<'py>> {
        in_dtype!(self, answer_in, ask, keep)
    }

    fn reduce(&self, blocks: &HashMap<String, Cut>, reduction: Reduction) -> PyResult<Vec<(String, Vec<f64>)>> {
        in_dtype!(self, reduce_in, blocks, reduction)
    }

    /// Selects, and writes the masks into one array of numpy's.
    fn answer_in<E: Element, T: Score>(
        &self,
        ask: &Ask<'_>,
        keep: Option<&Bound<'py, PyAny>>,
        view: fn(&[E]) -> &[T],
    ) -> PyResult<Answer<'py>> {
        let py = self.values.py();
        let borrowed = self.borrow::<E>()?;
        let keep = match keep {
            Some(keep) if keep.is_callable() => keep.call1((borrowed.size(),))?.extract()?,
            Some(keep) => keep.extract()?,
            None => 0,
        };
        let buffer = borrowed.room_for_masks(py)?;
        let mut bytes = buffer.readwrite();
        let mut masks = borrowed.masks_in(bytes.as_slice_mut()?);
        let selected = self.with_tensors(&borrowed, view, |tensors, stop| {
            let of = |counts: &Counts| -> Vec<usize> {
                tensors.iter().map(|tensor| counts.get(tensor.name).copied().unwrap_or(0)).collect()
            };
            match ask {
                Ask::All { floors } => pruneproof_core::select(tensors, keep, &of(floors), &mut masks, stop),
                Ask::Each { keeps } => pruneproof_core::select_each(tensors, &of(keeps), &mut masks, stop),
                Ask::Rows { rows } => {
                    let kind = |tensor: &Tensor<'_, T>| {
                        let (width, keep) = rows.get(tensor.name).copied().unwrap_or((1, 0));
                        Rows { width, keep }
                    };
                    let rows: Vec<Rows> = tensors.iter().map(kind).collect();
                    pruneproof_core::select_rows(tensors, &rows, &mut masks, stop)
                }
            }
        })?;
        drop(bytes);
        let packed = py.import("pruneproof.values.packed")?.getattr("PackedBuffer")?;
        let shapes = [borrowed.shapes.dimensions, borrowed.shapes.sides].map(|each| PyArray1::from_vec(py, each));
        let packed = packed.call1((buffer, borrowed.keys, &shapes[0], &shapes[1]))?;
        let counts = selected.counts.into_iter().map(|count| count as i64);
        Ok((packed, PyArray1::from_iter(py, counts), selected.threshold))
    }

    fn reduce_in<E: Element, T: Score>(
        &self,
        blocks: &HashMap<String, Cut>,
        reduction: Reduction,
        view: fn(&[E]) -> &[T],
    ) -> PyResult<Vec<(String, Vec<f64>)>> {
        let borrowed = self.borrow::<E>()?;
        let scores = self.with_tensors(&borrowed, view, |tensors, stop| {
            if let Some(tensor) = tensors.iter().find(|tensor| !fits(blocks.get(tensor.name), tensor.values.len())) {
                return Ok(Err(not_in_blocks(tensor.name, tensor.values.len(), blocks.get(tensor.name))));
            }
            let reduce = |tensor: &Tensor<'_, T>| {
                let (shape, block) = &blocks[tensor.name];
                pruneproof_core::block_scores(tensor, shape, block, reduction, stop)
            };
            tensors.iter().map(reduce).collect::<Result<Vec<_>, _>>().map(Ok)
        })?;
        Ok(borrowed.names.iter().map(|name| name.to_string()).zip(scores?).collect())
    }

    /// Borrows the arrays, each of which is looked at once.
    fn borrow<E: Element>(&self) -> PyResult<Borrowed<'py, E>> {
        let py = self.values.py();
        let keys = self.values.keys();
        let names = keys.iter().map(|name| text(&name)).collect::<PyResult<Vec<_>>>()?;
        let lender = Lender::new(py, self.dtype, self.measure != "value", self.flatten.as_ref())?;
        let mut shapes = Shapes::default();
        let lend = |(name, tensor): (&PyBackedStr, Bound<'py, PyAny>)| lender.lend::<E>(name, tensor, &mut shapes);
        let values = names.iter().zip(self.values.values()).map(lend).collect::<PyResult<Vec<_>>>()?;
        let factor = |factors: &Bound<'py, PyDict>, name: &PyBackedStr| match factors.get_item(&**name)? {
            Some(factor) => lender.lend::<E>(name, factor, &mut Shapes::default()),
            None => Err(BadTensor::new_err(format!(
                "there is no factor for \"{}\"; one for each tensor was expected.",
                &**name
            ))),
        };
        let factors = self.factors.as_ref().map(|factors| names.iter().map(|name| factor(factors, name)).collect());
        Ok(Borrowed { keys, names, values, factors: factors.transpose()?, shapes })
    }

    /// Does `work` on what is borrowed, without the GIL.
    fn with_tensors<E: Element, T: Score, R: Send>(
        &self,
        borrowed: &Borrowed<'py, E>,
        view: fn(&[E]) -> &[T],
        work: impl FnOnce(&[Tensor<'_, T>], &AtomicBool) -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        let mut tensors = Vec::with_capacity(borrowed.names.len());
        for (i, (name, lent)) in borrowed.names.iter().zip(&borrowed.values).enumerate() {
            let alive = self.alive.as_ref().and_then(|alive| alive.get(&**name));
            let alive = alive.map(|bits| bits.as_slice().map_err(|_| not_flat(name))).transpose()?;
            let values = view(lent.values());
            let measure = match (self.measure, &borrowed.factors) {
                ("value", None) => Measure::Value,
                ("magnitude", None) => Measure::Magnitude,
                ("square", None) => Measure::Product(values),
                ("normalised", None) => Measure::Normalised(1.0),
                ("product", Some(factors)) => Measure::Product(view(factors[i].values())),
                ("squared-product", Some(factors)) => Measure::SquaredProduct(view(factors[i].values())),
                (other, _) => {
                    return Err(BadTensor::new_err(format!(
                        "the measure \"{other}\" is not known, or has factors where it takes none. \
                         Allowed: value, magnitude, square, normalised; product and squared-product, with factors."
                    )));
                }
            };
            tensors.push(Tensor { name, values, measure, alive });
        }
        stoppable(self.values.py(), borrowed.size(), |stop| {
            for tensor in &mut tensors {
                if matches!(tensor.measure, Measure::Normalised(_)) {
                    tensor.measure = Measure::Normalised(pruneproof_core::l2_norm(tensor, stop)?);
                }
            }
            work(&tensors, stop)
        })
    }
}

/// The tensors of a request.
struct Borrowed<'py, E: Element> {
    /// Their names, in Python; somebody else may alter the mapping meanwhile.
    keys: Bound<'py, PyList>,
    names: Vec<PyBackedStr>,
    values: Vec<Lent<'py, E>>,
    factors: Option<Vec<Lent<'py, E>>>,
    shapes: Shapes,
}

impl<'py, E: Element> Borrowed<'py, E> {
    fn sizes(&self) -> impl Iterator<Item = usize> {
        self.values.iter().map(|lent| lent.values().len())
    }

    fn size(&self) -> usize {
        self.sizes().sum()
    }

    /// Makes an array for all masks; who writes to them first is who has to wait for their memory.
    fn room_for_masks(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u8>>> {
        let size: usize = self.sizes().map(room_for_mask).sum();
        Ok(py.import("numpy")?.call_method1("empty", (size, "uint8"))?.cast_into()?)
    }

    /// Cuts that array into masks.
    fn masks_in<'b>(&self, mut bytes: &'b mut [u8]) -> Vec<&'b mut [u8]> {
        let mask = |size| {
            let room = bytes.split_off_mut(..room_for_mask(size)).expect("made for all of them");
            &mut room[..packed_len(size)]
        };
        self.sizes().map(mask).collect()
    }
}

/// Bytes from the start of a mask to that of the next: whole words, which are faster to write.
const fn room_for_mask(size: usize) -> usize {
    packed_len(size).next_multiple_of(8)
}

fn text(name: &Bound<'_, PyAny>) -> PyResult<PyBackedStr> {
    let refuse = |_| match name.repr() {
        Ok(found) => BadTensor::new_err(format!("a tensor has the name {found}; text in UTF-8 was expected.")),
        Err(raised) => raised,
    };
    name.extract().map_err(refuse)
}

/// The shapes of a tensor and of a block.
type Cut = (Vec<usize>, Vec<usize>);

fn fits(shapes: Option<&Cut>, size: usize) -> bool {
    shapes.is_some_and(|(shape, block)| {
        let found = shape.iter().try_fold(1_usize, |size, &side| size.checked_mul(side));
        found == Some(size) && shape.len() == block.len() && block.iter().all(|&side| side > 0)
    })
}

fn not_in_blocks(name: &str, size: usize, found: Option<&Cut>) -> PyErr {
    BadTensor::new_err(format!(
        "\"{name}\" has {size} weights and came with the shape and the block {found:?}; as many sides of both, whose \
         blocks are not empty, were expected."
    ))
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
    // Signals are for Python's main thread to handle, so that one waits while the pool works.
    py.detach(|| {
        let (sender, receiver) = channel();
        let answer = rayon::in_place_scope(|scope| {
            let stop = &stop;
            // After a signal nobody waits for the answer.
            scope.spawn(move |_| drop(sender.send(work(stop))));
            loop {
                match receiver.recv_timeout(TICK) {
                    Ok(answer) => return Some(answer.map_err(refusal)),
                    Err(RecvTimeoutError::Disconnected) => return None,
                    Err(RecvTimeoutError::Timeout) => {
                        if let Err(raised) = Python::attach(|py| py.check_signals()) {
                            stop.store(true, Ordering::Relaxed);
                            return Some(Err(raised));
                        }
                    }
                }
            }
        });
        answer.expect("if the work panicked, so did the scope")
    })
}

fn not_flat(name: &str) -> PyErr {
    BadTensor::new_err(format!("the alive mask of \"{name}\" has gaps; bytes in a row were expected."))
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
