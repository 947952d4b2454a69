//! Selection over borrowed arrays.

use std::collections::HashMap;

use half::bf16;
use half::slice::HalfBitsSliceExt;
use numpy::{Element, PyArray1, PyReadonlyArray1};
use pruneproof_core::{Error, Score, Selected, Tensor};
use pyo3::prelude::*;
use pyo3::types::PyDict;

pyo3::import_exception!(pruneproof.errors, BadTensor);
pyo3::import_exception!(pruneproof.errors, InfeasibleSelection);

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(select, module)?)?;
    module.add_function(wrap_pyfunction!(select_each, module)?)
}

type Answer<'py> = (Bound<'py, PyDict>, Bound<'py, PyDict>, Option<f64>);
type Counts = HashMap<String, usize>;
type AliveViews<'py> = HashMap<String, PyReadonlyArray1<'py, u8>>;

#[pyfunction]
#[pyo3(signature = (scores, keep, *, dtype, floors = None, alive = None))]
fn select<'py>(
    scores: &Bound<'py, PyDict>,
    keep: usize,
    dtype: &str,
    floors: Option<Counts>,
    alive: Option<AliveViews<'py>>,
) -> PyResult<Answer<'py>> {
    let floors = floors.unwrap_or_default();
    run(scores, dtype, alive, Ask::All { keep, floors: &floors })
}

#[pyfunction]
#[pyo3(signature = (scores, keeps, *, dtype, alive = None))]
fn select_each<'py>(
    scores: &Bound<'py, PyDict>,
    keeps: Counts,
    dtype: &str,
    alive: Option<AliveViews<'py>>,
) -> PyResult<Answer<'py>> {
    run(scores, dtype, alive, Ask::Each { keeps: &keeps })
}

/// What is asked for: one budget, or one count per tensor.
enum Ask<'a> {
    All { keep: usize, floors: &'a Counts },
    Each { keeps: &'a Counts },
}

fn run<'py>(
    scores: &Bound<'py, PyDict>,
    dtype: &str,
    alive: Option<AliveViews<'py>>,
    ask: Ask<'_>,
) -> PyResult<Answer<'py>> {
    let alive = alive.unwrap_or_default();
    match dtype {
        "float32" => answer::<f32, f32>(scores, &alive, ask, |slice| slice),
        "float64" => answer::<f64, f64>(scores, &alive, ask, |slice| slice),
        "float16" => answer::<half::f16, half::f16>(scores, &alive, ask, |slice| slice),
        "bfloat16" => answer::<u16, bf16>(scores, &alive, ask, |slice| slice.reinterpret_cast()),
        other => Err(BadTensor::new_err(format!(
            "scores of dtype {other} cannot be ranked. Allowed: float16, bfloat16, float32, float64."
        ))),
    }
}

/// Borrows the arrays, releases the GIL, selects, and hands the packed bytes to numpy.
fn answer<'py, E: Element, T: Score>(
    scores: &Bound<'py, PyDict>,
    alive: &AliveViews<'py>,
    ask: Ask<'_>,
    view: fn(&[E]) -> &[T],
) -> PyResult<Answer<'py>> {
    let py = scores.py();
    let names: Vec<String> = scores.keys().extract()?;
    let arrays = scores
        .iter()
        .zip(&names)
        .map(|((_, array), name)| array.extract().map_err(|_| not_flat(name, &array)))
        .collect::<PyResult<Vec<PyReadonlyArray1<'py, E>>>>()?;
    let tensors = names
        .iter()
        .zip(&arrays)
        .map(|(name, array)| {
            let alive = alive.get(name).map(|bits| bits.as_slice()).transpose();
            match (array.as_slice(), alive) {
                (Ok(slice), Ok(alive)) => Ok(Tensor { name, scores: view(slice), alive }),
                _ => Err(not_flat(name, array.as_any())),
            }
        })
        .collect::<PyResult<Vec<Tensor<'_, T>>>>()?;
    let of = |counts: &Counts| names.iter().map(|name| counts.get(name).copied().unwrap_or(0)).collect::<Vec<_>>();
    let selected = py
        .detach(|| match ask {
            Ask::All { keep, floors } => pruneproof_core::select(&tensors, keep, &of(floors)),
            Ask::Each { keeps } => pruneproof_core::select_each(&tensors, &of(keeps)),
        })
        .map_err(refusal)?;
    hand_over(py, names, selected)
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
        Error::NotANumber { .. } | Error::AliveLength { .. } | Error::DuplicateName { .. } => {
            BadTensor::new_err(message)
        }
        Error::TooFewAlive { .. } | Error::FloorsExceedKeep { .. } | Error::TooFewAliveIn { .. } => {
            InfeasibleSelection::new_err(message)
        }
    }
}
