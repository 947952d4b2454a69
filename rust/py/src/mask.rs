//! Packed masks: applied to weights in place, counted by block, and expanded from blocks to weights.

use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pruneproof_core::{Word, apply_mask, block_counts, expand_blocks, grid_size, packed_len, with_threads};
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
    check_len(bits, words.len())?;
    py.detach(|| with_threads(|| apply_mask(bits, words)));
    Ok(())
}

#[pyfunction]
fn mask_block_counts<'py>(
    py: Python<'py>,
    bits: PyReadonlyArray1<'py, u8>,
    shape: Vec<usize>,
    block: Vec<usize>,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let (weights, _) = checked_grid_size(&shape, &block)?;
    let bits = bits.as_slice()?;
    check_len(bits, weights)?;
    Ok(PyArray1::from_vec(py, py.detach(|| with_threads(|| block_counts(bits, &shape, &block)))))
}

#[pyfunction]
fn mask_expand_blocks<'py>(
    py: Python<'py>,
    bits: PyReadonlyArray1<'py, u8>,
    shape: Vec<usize>,
    block: Vec<usize>,
) -> PyResult<Bound<'py, PyArray1<u8>>> {
    let (_, blocks) = checked_grid_size(&shape, &block)?;
    let bits = bits.as_slice()?;
    check_len(bits, blocks)?;
    Ok(PyArray1::from_vec(py, py.detach(|| with_threads(|| expand_blocks(bits, &shape, &block)))))
}

/// Returns the number of weights and of blocks of a grid.
fn checked_grid_size(shape: &[usize], block: &[usize]) -> PyResult<(usize, usize)> {
    grid_size(shape, block).ok_or_else(|| {
        BadTensor::new_err(format!(
            "a mask of shape {shape:?} cannot be cut into blocks of shape {block:?}; as many sides, all positive, were expected."
        ))
    })
}

/// Checks the length of a packed mask.
fn check_len(bits: &[u8], size: usize) -> PyResult<()> {
    let (found, expected) = (bits.len(), packed_len(size));
    if found == expected {
        return Ok(());
    }
    Err(BadTensor::new_err(format!("a mask has {found} bytes; {expected} were expected for {size} weights.")))
}
