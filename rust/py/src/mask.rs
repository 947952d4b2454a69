//! Packed masks: applied in place, and counted by blocks.

use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pruneproof_core::{Word, apply_mask, block_counts, expand_blocks, packed_len};
use pyo3::prelude::*;

pyo3::import_exception!(pruneproof.errors, BadTensor);

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mask_apply, module)?)?;
    module.add_function(wrap_pyfunction!(mask_block_counts, module)?)?;
    module.add_function(wrap_pyfunction!(mask_expand_blocks, module)?)
}

#[pyfunction]
fn mask_apply(bits: PyReadonlyArray1<'_, u8>, words: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(words) = words.cast::<PyArray1<u32>>() {
        apply(&bits, words)
    } else if let Ok(words) = words.cast::<PyArray1<u16>>() {
        apply(&bits, words)
    } else if let Ok(words) = words.cast::<PyArray1<u64>>() {
        apply(&bits, words)
    } else {
        Err(BadTensor::new_err(
            "a mask is applied to a one-dimensional array of uint16, uint32 or uint64, the bits of the weights.",
        ))
    }
}

fn apply<W: Element + Word>(bits: &PyReadonlyArray1<'_, u8>, words: &Bound<'_, PyArray1<W>>) -> PyResult<()> {
    let py = words.py();
    let refuse = |_| BadTensor::new_err("a mask is applied to writable memory that nothing else borrows.");
    let mut words = words.try_readwrite().map_err(refuse)?;
    let (Ok(bits), Ok(words)) = (bits.as_slice(), words.as_slice_mut()) else {
        return Err(BadTensor::new_err("a mask is applied to contiguous memory."));
    };
    fitting(bits, words.len())?;
    py.detach(|| apply_mask(bits, words));
    Ok(())
}

#[pyfunction]
fn mask_block_counts<'py>(
    py: Python<'py>,
    bits: PyReadonlyArray1<'py, u8>,
    shape: Vec<usize>,
    block: Vec<usize>,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let size = size_in_blocks(&shape, &block)?;
    let bits = bits.as_slice()?;
    fitting(bits, size)?;
    Ok(PyArray1::from_vec(py, py.detach(|| block_counts(bits, &shape, &block))))
}

#[pyfunction]
fn mask_expand_blocks<'py>(
    py: Python<'py>,
    bits: PyReadonlyArray1<'py, u8>,
    shape: Vec<usize>,
    block: Vec<usize>,
) -> PyResult<Bound<'py, PyArray1<u8>>> {
    size_in_blocks(&shape, &block)?;
    let bits = bits.as_slice()?;
    fitting(bits, shape.iter().zip(&block).map(|(&side, &step)| side.div_ceil(step)).product())?;
    Ok(PyArray1::from_vec(py, py.detach(|| expand_blocks(bits, &shape, &block))))
}

/// Checks that a tensor can be cut into blocks, and returns its size.
fn size_in_blocks(shape: &[usize], block: &[usize]) -> PyResult<usize> {
    let size = shape.iter().try_fold(1_usize, |size, &side| size.checked_mul(side));
    size.filter(|_| shape.len() == block.len() && block.iter().all(|&side| side > 0)).ok_or_else(|| {
        BadTensor::new_err(format!(
            "a mask of shape {shape:?} cannot be cut into blocks of shape {block:?}; as many sides, all positive, were expected."
        ))
    })
}

fn fitting(bits: &[u8], size: usize) -> PyResult<()> {
    let (found, expected) = (bits.len(), packed_len(size));
    if found == expected {
        return Ok(());
    }
    Err(BadTensor::new_err(format!("a mask has {found} bytes; {expected} were expected for {size} weights.")))
}
