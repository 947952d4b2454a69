//! The tensors of a call: borrowed from a Python dict, with their measures and alive masks.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use numpy::{Element, PyArray1, PyReadonlyArray1};
use pruneproof_core::{Error, Measure, Score, Tensor, l2_norm};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyList};

use crate::borrow::{Borrowed, Borrower, Shapes};
use crate::interrupt::interruptible;

pyo3::import_exception!(pruneproof.errors, BadTensor);
pyo3::import_exception!(pruneproof.errors, InfeasibleSelection);

pub type AliveViews<'py> = HashMap<String, PyReadonlyArray1<'py, u8>>;

/// The arguments that all selections have in common.
pub struct Request<'a, 'py> {
    pub values: &'a Bound<'py, PyDict>,
    pub dtype: &'a str,
    pub measure: &'a str,
    pub factors: Option<Bound<'py, PyDict>>,
    pub alive: Option<AliveViews<'py>>,
    /// Converts to an array what cannot be borrowed.
    pub flatten: Option<Bound<'py, PyAny>>,
}

/// Calls `$method` of a request with the element type of the arrays, that of the scores, and a function that views a
/// slice of the one as the other.
macro_rules! in_dtype {
    ($request:expr, $method:ident, $($argument:expr),*) => {
        match $request.dtype {
            "float32" => $request.$method::<f32, f32>($($argument,)* |slice| slice),
            "float64" => $request.$method::<f64, f64>($($argument,)* |slice| slice),
            "float16" => $request.$method::<half::f16, half::f16>($($argument,)* |slice| slice),
            "bfloat16" => $request.$method::<u16, half::bf16>($($argument,)* |slice| {
                half::slice::HalfBitsSliceExt::reinterpret_cast(slice)
            }),
            other => Err(BadTensor::new_err(format!(
                "scores of dtype {other} cannot be ranked. Allowed: float16, bfloat16, float32, float64."
            ))),
        }
    };
}
pub(crate) use in_dtype;

/// The borrowed tensors of a request.
pub struct Inputs<'py, E: Element> {
    /// The names as Python strings. A list of its own: another thread may change the dict while the GIL is released.
    pub keys: Bound<'py, PyList>,
    pub names: Vec<PyBackedStr>,
    values: Vec<Borrowed<'py, E>>,
    factors: Option<Vec<Borrowed<'py, E>>>,
    pub shapes: Shapes,
}

impl<E: Element> Inputs<'_, E> {
    /// Returns the number of values of each tensor.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        self.values.iter().map(|borrowed| borrowed.values().len())
    }
}

impl<'py> Request<'_, 'py> {
    /// Borrows the values and factors; each tensor is inspected once.
    pub fn borrow<E: Element>(&self) -> PyResult<Inputs<'py, E>> {
        let py = self.values.py();
        let keys = self.values.keys();
        let names = keys.iter().map(|name| text(&name)).collect::<PyResult<Vec<_>>>()?;
        let borrower = Borrower::new(py, self.dtype, self.measure != "value", self.flatten.as_ref())?;
        let mut shapes = Shapes::default();
        let borrow =
            |(name, tensor): (&PyBackedStr, Bound<'py, PyAny>)| borrower.borrow::<E>(name, tensor, &mut shapes);
        let values = names.iter().zip(self.values.values()).map(borrow).collect::<PyResult<Vec<_>>>()?;
        let factor = |factors: &Bound<'py, PyDict>, name: &PyBackedStr| match factors.get_item(&**name)? {
            Some(factor) => borrower.borrow::<E>(name, factor, &mut Shapes::default()),
            None => Err(BadTensor::new_err(format!(
                "there is no factor for \"{}\"; one for each tensor was expected.",
                &**name
            ))),
        };
        let factors = self.factors.as_ref().map(|factors| names.iter().map(|name| factor(factors, name)).collect());
        Ok(Inputs { keys, names, values, factors: factors.transpose()?, shapes })
    }

    /// Calls `work` with the tensors, without the GIL.
    pub fn with_tensors<E: Element, T: Score, R: Send>(
        &self,
        inputs: &Inputs<'py, E>,
        view: fn(&[E]) -> &[T],
        work: impl FnOnce(&[Tensor<'_, T>], &AtomicBool) -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        let mut tensors = Vec::with_capacity(inputs.names.len());
        for (i, (name, borrowed)) in inputs.names.iter().zip(&inputs.values).enumerate() {
            let alive = self.alive.as_ref().and_then(|alive| alive.get(&**name));
            let alive = alive.map(|bits| bits.as_slice().map_err(|_| not_contiguous(name))).transpose()?;
            let values = view(borrowed.values());
            let factors = inputs.factors.as_ref().map(|factors| view(factors[i].values()));
            let measure = self.measure(values, factors)?;
            tensors.push(Tensor { name, values, measure, alive });
        }
        let work = |stop: &AtomicBool| {
            for tensor in &mut tensors {
                if matches!(tensor.measure, Measure::Normalised(_)) {
                    tensor.measure = Measure::Normalised(l2_norm(tensor, stop)?);
                }
            }
            work(&tensors, stop)
        };
        interruptible(self.values.py(), inputs.sizes().sum(), work, to_python)
    }

    /// Returns the measure of a tensor; the norm of `normalised` is not known yet.
    fn measure<'a, T: Score>(&self, values: &'a [T], factors: Option<&'a [T]>) -> PyResult<Measure<'a, T>> {
        match (self.measure, factors) {
            ("value", None) => Ok(Measure::Value),
            ("magnitude", None) => Ok(Measure::Magnitude),
            ("square", None) => Ok(Measure::Product(values)),
            ("normalised", None) => Ok(Measure::Normalised(1.0)),
            ("product", Some(factors)) => Ok(Measure::Product(factors)),
            ("squared-product", Some(factors)) => Ok(Measure::SquaredProduct(factors)),
            (other, _) => Err(BadTensor::new_err(format!(
                "the measure \"{other}\" is not known, or has factors where it takes none. \
                 Allowed: value, magnitude, square, normalised; product and squared-product, with factors."
            ))),
        }
    }
}

/// Returns one array of uint8 for all masks. It is not initialised, so the page faults of its memory are taken by the
/// worker threads that write the masks.
pub fn mask_buffer(py: Python<'_>, len: usize) -> PyResult<Bound<'_, PyArray1<u8>>> {
    Ok(py.import("numpy")?.call_method1("empty", (len, "uint8"))?.cast_into()?)
}

fn text(name: &Bound<'_, PyAny>) -> PyResult<PyBackedStr> {
    let refuse = |_| match name.repr() {
        Ok(found) => BadTensor::new_err(format!("a tensor has the name {found}; text in UTF-8 was expected.")),
        Err(raised) => raised,
    };
    name.extract().map_err(refuse)
}

fn not_contiguous(name: &str) -> PyErr {
    BadTensor::new_err(format!("the alive mask of \"{name}\" has gaps; bytes in a row were expected."))
}

/// Maps an error of the core to an exception.
fn to_python(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::NotANumber { .. }
        | Error::AliveLength { .. }
        | Error::FactorLength { .. }
        | Error::DuplicateName { .. }
        | Error::InfiniteNorm { .. }
        | Error::RaggedRows { .. }
        | Error::UndefinedMean { .. }
        | Error::UndefinedSum { .. }
        | Error::UnsignedMeasure { .. } => BadTensor::new_err(message),
        Error::TooFewAlive { .. }
        | Error::FloorsExceedKeep { .. }
        | Error::TooFewAliveIn { .. }
        | Error::TooFewAliveInRow { .. } => InfeasibleSelection::new_err(message),
        Error::Stopped => PyKeyboardInterrupt::new_err(message),
    }
}
