//! Selections and block scores: Python arguments in, packed masks and scores out.

use std::collections::HashMap;

use numpy::{Element, PyArray1, PyArrayMethods};
use pruneproof_core::{Reduction, Rows, Score, Tensor, grid_size, masks_len, split_masks};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::request::{AliveViews, BadTensor, Request, in_dtype, mask_buffer};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(select, module)?)?;
    module.add_function(wrap_pyfunction!(select_each, module)?)?;
    module.add_function(wrap_pyfunction!(select_rows, module)?)?;
    module.add_function(wrap_pyfunction!(block_scores, module)?)
}

/// The masks in one buffer (`PackedBuffer`), the survivors of each tensor, and the threshold.
type Answer<'py> = (Bound<'py, PyAny>, Bound<'py, PyArray1<i64>>, Option<f64>);
type Counts = HashMap<String, usize>;
/// The shapes of a tensor and of its blocks.
type Blocks = (Vec<usize>, Vec<usize>);

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
    Request { values, dtype, measure, factors, alive, flatten }.select(&Scope::All { floors: &floors }, Some(&keep))
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
    Request { values, dtype, measure, factors, alive, flatten }.select(&Scope::Each { keeps: &keeps }, None)
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
    Request { values, dtype, measure, factors, alive, flatten }.select(&Scope::Rows { rows: &rows }, None)
}

#[pyfunction]
#[pyo3(signature = (values, blocks, *, reduction, dtype, measure = "value", factors = None, alive = None, flatten = None))]
#[expect(clippy::too_many_arguments, reason = "all but two are keywords in Python")]
fn block_scores<'py>(
    values: &Bound<'py, PyDict>,
    blocks: HashMap<String, Blocks>,
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
        "sum" => Reduction::Sum,
        "abs-of-sum" => Reduction::AbsOfSum,
        other => {
            return Err(BadTensor::new_err(format!(
                "the reduction \"{other}\" is not known. Allowed: l1, l2, mean, sum, abs-of-sum."
            )));
        }
    };
    let py = values.py();
    let scores = Request { values, dtype, measure, factors, alive, flatten }.block_scores(&blocks, reduction)?;
    let answer = PyDict::new(py);
    for (name, scores) in scores {
        answer.set_item(name, PyArray1::from_vec(py, scores))?;
    }
    Ok(answer)
}

/// Which weights compete with each other, and how many are kept.
enum Scope<'a> {
    /// All weights.
    All { floors: &'a Counts },
    /// The weights of a tensor.
    Each { keeps: &'a Counts },
    /// The weights of a row.
    Rows { rows: &'a HashMap<String, (usize, usize)> },
}

impl<'py> Request<'_, 'py> {
    /// Selects; `keep`, for [`Scope::All`], is a number or a function of the number of weights.
    fn select(&self, scope: &Scope<'_>, keep: Option<&Bound<'py, PyAny>>) -> PyResult<Answer<'py>> {
        in_dtype!(self, select_in, scope, keep)
    }

    fn block_scores(
        &self,
        blocks: &HashMap<String, Blocks>,
        reduction: Reduction,
    ) -> PyResult<Vec<(String, Vec<f64>)>> {
        in_dtype!(self, block_scores_in, blocks, reduction)
    }

    /// Selects, and writes the masks into one NumPy array.
    fn select_in<E: Element, T: Score>(
        &self,
        scope: &Scope<'_>,
        keep: Option<&Bound<'py, PyAny>>,
        view: fn(&[E]) -> &[T],
    ) -> PyResult<Answer<'py>> {
        let py = self.values.py();
        let inputs = self.borrow::<E>()?;
        let keep = match keep {
            Some(keep) if keep.is_callable() => keep.call1((inputs.sizes().sum::<usize>(),))?.extract()?,
            Some(keep) => keep.extract()?,
            None => 0,
        };
        let buffer = mask_buffer(py, masks_len(inputs.sizes()))?;
        let mut bytes = buffer.readwrite();
        let mut masks = split_masks(bytes.as_slice_mut()?, inputs.sizes());
        let selected = self.with_tensors(&inputs, view, |tensors, stop| {
            // The interface of Python: a name that is missing has no floor, and keeps nothing.
            let of = |counts: &Counts| -> Vec<usize> {
                tensors.iter().map(|tensor| counts.get(tensor.name).copied().unwrap_or(0)).collect()
            };
            match scope {
                Scope::All { floors } => pruneproof_core::select(tensors, keep, &of(floors), &mut masks, stop),
                Scope::Each { keeps } => pruneproof_core::select_each(tensors, &of(keeps), &mut masks, stop),
                Scope::Rows { rows } => {
                    let of_tensor = |tensor: &Tensor<'_, T>| {
                        let (width, keep) = rows.get(tensor.name).copied().unwrap_or((1, 0));
                        Rows { width, keep }
                    };
                    let rows: Vec<Rows> = tensors.iter().map(of_tensor).collect();
                    pruneproof_core::select_rows(tensors, &rows, &mut masks, stop)
                }
            }
        })?;
        drop(bytes);
        let packed = py.import("pruneproof.values.packed")?.getattr("PackedBuffer")?;
        let shapes = [inputs.shapes.dimensions, inputs.shapes.sides].map(|numbers| PyArray1::from_vec(py, numbers));
        let packed = packed.call1((buffer, inputs.keys, &shapes[0], &shapes[1]))?;
        let counts = selected.counts.into_iter().map(|count| count as i64);
        Ok((packed, PyArray1::from_iter(py, counts), selected.threshold))
    }

    fn block_scores_in<E: Element, T: Score>(
        &self,
        blocks: &HashMap<String, Blocks>,
        reduction: Reduction,
        view: fn(&[E]) -> &[T],
    ) -> PyResult<Vec<(String, Vec<f64>)>> {
        let inputs = self.borrow::<E>()?;
        for (name, size) in inputs.names.iter().zip(inputs.sizes()) {
            check_blocks(name, size, blocks.get(&**name))?;
        }
        let scores = self.with_tensors(&inputs, view, |tensors, stop| {
            let score = |tensor: &Tensor<'_, T>| {
                let (shape, block) = &blocks[tensor.name];
                pruneproof_core::block_scores(tensor, shape, block, reduction, stop)
            };
            tensors.iter().map(score).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(inputs.names.iter().map(|name| name.to_string()).zip(scores).collect())
    }
}

/// Checks that a tensor has the size that its shape says, and that the block fits that shape.
fn check_blocks(name: &str, size: usize, found: Option<&Blocks>) -> PyResult<()> {
    let weights = found.and_then(|(shape, block)| Some(grid_size(shape, block)?.0));
    if weights == Some(size) {
        return Ok(());
    }
    Err(BadTensor::new_err(format!(
        "\"{name}\" has {size} weights and came with the shape and the block {found:?}; as many sides of both, whose \
         blocks are not empty, were expected."
    )))
}
