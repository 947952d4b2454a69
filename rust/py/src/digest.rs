//! BLAKE3 digests of bytes and files.

use std::fs::File;
use std::path::PathBuf;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(blake3_hex, module)?)?;
    module.add_function(wrap_pyfunction!(blake3_file, module)?)
}

#[pyfunction]
fn blake3_hex(py: Python<'_>, content: &[u8]) -> String {
    py.detach(|| blake3::hash(content).to_hex().to_string())
}

#[pyfunction]
fn blake3_file(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    py.detach(|| {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path)?)?;
        Ok(hasher.finalize().to_hex().to_string())
    })
}
