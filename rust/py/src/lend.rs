//! Tensors of Python, borrowed where they lie.

use std::slice::from_raw_parts;

use numpy::{Element, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

pyo3::import_exception!(pruneproof.errors, BadTensor);

/// The values of a tensor, flat in C order, for as long as this lives.
pub enum Lent<'py, E: Element> {
    Array(PyReadonlyArrayDyn<'py, E>),
    Tensor {
        start: *const E,
        size: usize,
        /// Keeps the memory from being freed.
        _owner: Bound<'py, PyAny>,
    },
}

impl<E: Element> Lent<'_, E> {
    pub fn values(&self) -> &[E] {
        match self {
            Lent::Array(array) => array.as_slice().expect("looked at when it was lent"),
            // SAFETY: torch says that so many values of this dtype lie there, one after the other, in the memory of the CPU
            // (`Lender::of_torch`), aligned; `_owner` keeps it, and like NumPy's it must not be resized while lent.
            Lent::Tensor { start, size, .. } => unsafe { from_raw_parts(*start, *size) },
        }
    }
}

/// Borrows values of one dtype.
pub struct Lender<'a, 'py> {
    dtype: &'a str,
    /// The classes of tensors that are no more than memory, and the dtype; where torch has been imported.
    torch: Option<([Bound<'py, PyAny>; 2], Bound<'py, PyAny>)>,
    /// Called with the tensor and the dtype; returns the values as an array.
    flatten: Option<&'a Bound<'py, PyAny>>,
}

impl<'a, 'py> Lender<'a, 'py> {
    pub fn new(py: Python<'py>, dtype: &'a str, flatten: Option<&'a Bound<'py, PyAny>>) -> PyResult<Self> {
        let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
        let torch = match modules.get_item("torch")? {
            Some(torch) => {
                let classes = [torch.getattr("Tensor")?, torch.getattr("nn")?.getattr("Parameter")?];
                Some((classes, torch.getattr(dtype)?))
            }
            None => None,
        };
        Ok(Lender { dtype, torch, flatten })
    }

    /// Borrows the values of a tensor; where that cannot be done, those of a copy.
    ///
    /// # Errors
    /// It is neither a contiguous array of the dtype nor something that can be made one.
    pub fn lend<E: Element>(&self, name: &str, tensor: Bound<'py, PyAny>) -> PyResult<Lent<'py, E>> {
        match (self.of_torch(&tensor)?, self.flatten) {
            (Some(lent), _) => Ok(lent),
            (None, Some(flatten)) => of_numpy(&flatten.call1((tensor, self.dtype))?, name),
            (None, None) => of_numpy(&tensor, name),
        }
    }

    /// Borrows from a tensor of torch whose memory holds its values and nothing else: no subclass, no view that negates.
    fn of_torch<E>(&self, tensor: &Bound<'py, PyAny>) -> PyResult<Option<Lent<'py, E>>>
    where
        E: Element,
    {
        let py = tensor.py();
        let Some((classes, dtype)) = &self.torch else { return Ok(None) };
        let says = |method: &Bound<'py, _>| tensor.call_method0(method)?.is_truthy();
        let kind = tensor.get_type();
        if !classes.iter().any(|class| kind.is(class))
            || !tensor.getattr(intern!(py, "dtype"))?.is(dtype)
            || !tensor.getattr(intern!(py, "is_cpu"))?.is_truthy()?
            || !says(intern!(py, "is_contiguous"))?
            || says(intern!(py, "is_neg"))?
        {
            return Ok(None);
        }
        let size = tensor.call_method0(intern!(py, "numel"))?.extract()?;
        let address: usize = tensor.call_method0(intern!(py, "data_ptr"))?.extract()?;
        // Nothing lies at 0: such is a tensor without memory, whether it has no values or all are known to be 0.
        let start: *const E = std::ptr::with_exposed_provenance(address);
        Ok((address != 0 && start.is_aligned()).then(|| Lent::Tensor { start, size, _owner: tensor.clone() }))
    }
}

fn of_numpy<'py, E: Element>(array: &Bound<'py, PyAny>, name: &str) -> PyResult<Lent<'py, E>> {
    let lent = array.cast::<PyArrayDyn<E>>().ok().filter(|array| array.is_c_contiguous());
    let lent = lent.filter(|array| array.data().is_aligned()).and_then(|array| array.try_readonly().ok());
    lent.map(Lent::Array).ok_or_else(|| not_lent(name, array))
}

fn not_lent(name: &str, array: &Bound<'_, PyAny>) -> PyErr {
    let attribute = |key| array.getattr(key).map_or_else(|_| "?".to_owned(), |value| value.to_string());
    BadTensor::new_err(format!(
        "\"{name}\" came as {} of shape {}; a contiguous array of the named dtype was expected.",
        attribute("dtype"),
        attribute("shape")
    ))
}
