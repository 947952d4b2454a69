//! Work without the GIL that Ctrl-C interrupts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pruneproof_core::{Error, scope_with_threads, with_threads};
use pyo3::prelude::*;

/// How often signals are checked while work is running: short enough that Ctrl-C seems immediate.
pub const TICK: Duration = Duration::from_millis(50);

/// Scores from which on work is interruptible. Fewer are ranked in some milliseconds, and are not worth a thread.
const INTERRUPTIBLE: usize = 1 << 22;

/// Runs `work` on `size` scores without the GIL. If there are many, checks for signals meanwhile; when a signal handler
/// raises, the stop flag that `work` gets is set.
///
/// # Errors
/// What `work` returns, mapped by `to_python`, or what a signal handler raised.
pub fn interruptible<R: Send>(
    py: Python<'_>,
    size: usize,
    work: impl FnOnce(&AtomicBool) -> Result<R, Error> + Send,
    to_python: fn(Error) -> PyErr,
) -> PyResult<R> {
    let stop = AtomicBool::new(false);
    if size < INTERRUPTIBLE {
        return py.detach(|| with_threads(|| work(&stop))).map_err(to_python);
    }
    // Python handles signals on its main thread only, so this thread waits for them while the pool works.
    py.detach(|| {
        let (sender, receiver) = channel();
        let result = scope_with_threads(|scope| {
            let stop = &stop;
            // After a signal the receiver is gone, and the result is dropped.
            scope.spawn(move |_| drop(sender.send(work(stop))));
            loop {
                match receiver.recv_timeout(TICK) {
                    Ok(result) => return Some(result.map_err(to_python)),
                    Err(RecvTimeoutError::Disconnected) => return None,
                    Err(RecvTimeoutError::Timeout) => {
                        if let Err(raised) = Python::attach(|py| py.check_signals()) {
                            stop.store(true, Ordering::Relaxed);
                            return Some(Err(raised));
                        }
                    }
                }
            }
        });
        result.expect("a panic in the work is a panic of the scope")
    })
}
