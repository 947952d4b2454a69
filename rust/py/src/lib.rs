//! Python binding of `pruneproof-core`, the module `pruneproof._engine`.
//!
//! It converts arguments, borrows the memory of arrays and tensors, releases the GIL, listens for signals and maps
//! errors to those of `pruneproof.errors`. All computation is in `pruneproof-core`.
//!
//! One file per topic; each registers its own functions:
//!
//! | file | topic |
//! |---|---|
//! | `select` | selections and block scores; `request` builds their tensors and measures |
//! | `mask` | packed masks |
//! | `checkpoint` | pruning of checkpoints that are larger than memory |
//! | `digest` | BLAKE3 |
//! | `borrow`, `dlpack` | memory of NumPy arrays and torch tensors without a copy |
//! | `interrupt` | Ctrl-C during long selections |
#![allow(missing_docs, reason = "documented for Python in _engine.pyi")]

mod borrow;
mod checkpoint;
mod digest;
mod dlpack;
mod interrupt;
mod mask;
mod request;
mod select;

use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pyfunction]
fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let features = [
        ("sse4.2", cfg!(target_feature = "sse4.2")),
        ("avx2", cfg!(target_feature = "avx2")),
        ("avx512f", cfg!(target_feature = "avx512f")),
        ("neon", cfg!(target_feature = "neon")),
    ];
    let enabled: Vec<&str> = features.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item("profile", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    info.set_item("target_features", enabled.join(","))?;
    info.set_item("threads", rayon::current_num_threads())?;
    Ok(info)
}

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    digest::register(module)?;
    mask::register(module)?;
    checkpoint::register(module)?;
    select::register(module)?;
    module.add_function(wrap_pyfunction!(build_info, module)?)
}
