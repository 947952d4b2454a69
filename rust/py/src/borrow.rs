//! Borrows the memory of NumPy arrays and torch tensors without a copy.

use std::slice::from_raw_parts;

use dlpack_ffi::DLDataTypeCode;
use numpy::{Element, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::dlpack::Exchange;

pyo3::import_exception!(pruneproof.errors, BadTensor);

/// Borrowed values of a tensor, flat in C order.
pub enum Borrowed<'py, E: Element> {
    Array(PyReadonlyArrayDyn<'py, E>),
    Torch {
        start: *const E,
        size: usize,
        /// A reference to the tensor, which keeps the memory from being freed.
        _owner: Bound<'py, PyAny>,
    },
}

impl<E: Element> Borrowed<'_, E> {
    pub fn values(&self) -> &[E] {
        match self {
            Borrowed::Array(array) => array.as_slice().expect("found to be contiguous when it was borrowed"),
            // SAFETY: torch has described the memory as `size` contiguous values of this dtype on the CPU
            // (`Exchange::memory`), and the pointer was found to be aligned; `_owner` keeps the memory alive. As with
            // NumPy arrays, the caller must not resize the tensor or write to it during the call.
            Borrowed::Torch { start, size, .. } => unsafe { from_raw_parts(*start, *size) },
        }
    }
}

/// Borrows values of one dtype.
pub struct Borrower<'a, 'py> {
    dtype: &'a str,
    /// Whether the score ignores the sign, so that torch's lazy negation bit can be ignored.
    sign_blind: bool,
    /// The exact classes whose tensors are plain memory, if torch has been imported, and how to ask them for it.
    torch: Vec<(Bound<'py, PyAny>, Exchange)>,
    /// Called with the name, the tensor and the dtype; returns the values as an array.
    flatten: Option<&'a Bound<'py, PyAny>>,
}

impl<'a, 'py> Borrower<'a, 'py> {
    pub fn new(
        py: Python<'py>,
        dtype: &'a str,
        sign_blind: bool,
        flatten: Option<&'a Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
        let mut torch = Vec::new();
        if let Some(module) = modules.get_item("torch")? {
            for class in [module.getattr("Tensor")?, module.getattr("nn")?.getattr("Parameter")?] {
                torch.extend(Exchange::of(&class)?.map(|exchange| (class, exchange)));
            }
        }
        Ok(Borrower { dtype, sign_blind, torch, flatten })
    }

    /// Borrows the values of a tensor, or of the array that `flatten` makes of it, and appends its shape.
    ///
    /// # Errors
    /// `BadTensor` if it is neither a contiguous array of the dtype nor can be made one; what `flatten` raises.
    pub fn borrow<E: Element>(
        &self,
        name: &str,
        tensor: Bound<'py, PyAny>,
        shapes: &mut Shapes,
    ) -> PyResult<Borrowed<'py, E>> {
        if let Some(borrowed) = self.borrow_torch(&tensor, shapes)? {
            return Ok(borrowed);
        }
        let borrowed = match self.flatten {
            Some(flatten) => borrow_numpy(&flatten.call1((name, &tensor, self.dtype))?, name)?,
            None => borrow_numpy(&tensor, name)?,
        };
        shapes.push(&tensor)?;
        Ok(borrowed)
    }

    /// Borrows from a torch tensor whose memory is its values: of no subclass, and not lazily negated.
    fn borrow_torch<E: Element>(
        &self,
        tensor: &Bound<'py, PyAny>,
        shapes: &mut Shapes,
    ) -> PyResult<Option<Borrowed<'py, E>>> {
        let kind = tensor.get_type();
        let Some((_, exchange)) = self.torch.iter().find(|(class, _)| kind.is(class)) else { return Ok(None) };
        let code = if self.dtype == "bfloat16" { DLDataTypeCode::kDLBfloat } else { DLDataTypeCode::kDLFloat };
        if !self.sign_blind && tensor.call_method0(intern!(tensor.py(), "is_neg"))?.is_truthy()? {
            return Ok(None);
        }
        let before = shapes.sides.len();
        let memory = exchange.memory(tensor, code, 8 * size_of::<E>(), &mut shapes.sides);
        let borrowed = memory.filter(|memory| memory.start.cast::<E>().is_aligned()).map(|memory| Borrowed::Torch {
            start: memory.start.cast(),
            size: memory.size,
            _owner: tensor.clone(),
        });
        if borrowed.is_some() {
            shapes.dimensions.push((shapes.sides.len() - before) as i64);
        } else {
            shapes.sides.truncate(before);
        }
        Ok(borrowed)
    }
}

/// The shapes of tensors, concatenated. One tuple per tensor would trigger Python's garbage collector if there are
/// thousands.
#[derive(Default)]
pub struct Shapes {
    /// Number of dimensions of each tensor.
    pub dimensions: Vec<i64>,
    /// The sides of all tensors.
    pub sides: Vec<i64>,
}

impl Shapes {
    /// Appends the shape of a tensor.
    fn push(&mut self, tensor: &Bound<'_, PyAny>) -> PyResult<()> {
        let shape: Vec<i64> = tensor.getattr(intern!(tensor.py(), "shape"))?.extract()?;
        self.dimensions.push(shape.len() as i64);
        self.sides.extend(shape);
        Ok(())
    }
}

fn borrow_numpy<'py, E: Element>(array: &Bound<'py, PyAny>, name: &str) -> PyResult<Borrowed<'py, E>> {
    let contiguous = array.cast::<PyArrayDyn<E>>().ok().filter(|array| array.is_c_contiguous());
    let borrowed = contiguous.filter(|array| array.data().is_aligned()).and_then(|array| array.try_readonly().ok());
    borrowed.map(Borrowed::Array).ok_or_else(|| not_borrowed(name, array))
}

fn not_borrowed(name: &str, array: &Bound<'_, PyAny>) -> PyErr {
    let attribute = |key| array.getattr(key).map_or_else(|_| "?".to_owned(), |value| value.to_string());
    BadTensor::new_err(format!(
        "\"{name}\" came as {} of shape {}; a contiguous array of the named dtype was expected.",
        attribute("dtype"),
        attribute("shape")
    ))
}
