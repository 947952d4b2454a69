//! Tensors of Python, borrowed where they lie.

use std::slice::from_raw_parts;

use dlpack_ffi::DLDataTypeCode;
use numpy::{Element, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::dlpack::Exchange;

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
            // (`Exchange::memory`), aligned; `_owner` keeps it, and like NumPy's it must not be resized while lent.
            Lent::Tensor { start, size, .. } => unsafe { from_raw_parts(*start, *size) },
        }
    }
}

/// Borrows values of one dtype.
pub struct Lender<'a, 'py> {
    dtype: &'a str,
    /// Whether -v is ranked as v, so that it does not matter if torch has yet to negate what lies in memory.
    even: bool,
    /// The classes of tensors that are no more than memory, where torch has been imported.
    torch: Vec<(Bound<'py, PyAny>, Exchange)>,
    /// Called with the name, the tensor and the dtype; returns the values as an array.
    flatten: Option<&'a Bound<'py, PyAny>>,
}

impl<'a, 'py> Lender<'a, 'py> {
    pub fn new(py: Python<'py>, dtype: &'a str, even: bool, flatten: Option<&'a Bound<'py, PyAny>>) -> PyResult<Self> {
        let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
        let mut torch = Vec::new();
        if let Some(module) = modules.get_item("torch")? {
            for class in [module.getattr("Tensor")?, module.getattr("nn")?.getattr("Parameter")?] {
                torch.extend(Exchange::of(&class)?.map(|exchange| (class, exchange)));
            }
        }
        Ok(Lender { dtype, even, torch, flatten })
    }

    /// Borrows the values of a tensor, those of a copy where that cannot be done, and notes its shape.
    ///
    /// # Errors
    /// It is neither a contiguous array of the dtype nor something that can be made one.
    pub fn lend<E: Element>(
        &self,
        name: &str,
        tensor: Bound<'py, PyAny>,
        shapes: &mut Shapes,
    ) -> PyResult<Lent<'py, E>> {
        if let Some(lent) = self.of_torch(&tensor, shapes)? {
            return Ok(lent);
        }
        let lent = match self.flatten {
            Some(flatten) => of_numpy(&flatten.call1((name, &tensor, self.dtype))?, name)?,
            None => of_numpy(&tensor, name)?,
        };
        shapes.note(&tensor)?;
        Ok(lent)
    }

    /// Borrows from a tensor of torch whose memory holds its values and nothing else: no subclass, no view that negates.
    fn of_torch<E: Element>(&self, tensor: &Bound<'py, PyAny>, shapes: &mut Shapes) -> PyResult<Option<Lent<'py, E>>> {
        let kind = tensor.get_type();
        let Some((_, exchange)) = self.torch.iter().find(|(class, _)| kind.is(class)) else { return Ok(None) };
        let code = if self.dtype == "bfloat16" { DLDataTypeCode::kDLBfloat } else { DLDataTypeCode::kDLFloat };
        if !self.even && tensor.call_method0(intern!(tensor.py(), "is_neg"))?.is_truthy()? {
            return Ok(None);
        }
        let before = shapes.sides.len();
        let memory = exchange.memory(tensor, code, 8 * size_of::<E>(), &mut shapes.sides);
        let lent = memory.filter(|memory| memory.start.cast::<E>().is_aligned()).map(|memory| Lent::Tensor {
            start: memory.start.cast(),
            size: memory.size,
            _owner: tensor.clone(),
        });
        if lent.is_some() {
            shapes.dimensions.push((shapes.sides.len() - before) as i64);
        } else {
            shapes.sides.truncate(before);
        }
        Ok(lent)
    }
}

/// The shapes of tensors, one after the other. Thousands of tuples would set off Python's garbage collector.
#[derive(Default)]
pub struct Shapes {
    /// How many sides each tensor has.
    pub dimensions: Vec<i64>,
    pub sides: Vec<i64>,
}

impl Shapes {
    /// Appends the shape of a tensor.
    fn note(&mut self, tensor: &Bound<'_, PyAny>) -> PyResult<()> {
        let shape: Vec<i64> = tensor.getattr(intern!(tensor.py(), "shape"))?.extract()?;
        self.dimensions.push(shape.len() as i64);
        self.sides.extend(shape);
        Ok(())
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
