//! Parallel loops on rayon's thread pool that end early when the caller sets a stop flag.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::error::Error;

/// Scores from which on a loop is run in parallel.
///
/// Below, waking the pool's threads takes longer than the work. Chosen by measurement: between the rows `small/3x30000`
/// and `small/1m` of `benches/selection`.
const PARALLEL: usize = 1 << 17;

/// Where loops run, on the calling thread or on rayon's pool, and the flag that ends them.
#[derive(Clone, Copy)]
pub(crate) struct Pool<'s> {
    parallel: bool,
    stop: &'s AtomicBool,
}

impl<'s> Pool<'s> {
    /// Chooses for work on `size` scores; `stop` is checked before each job.
    pub(crate) fn new(size: usize, stop: &'s AtomicBool) -> Self {
        Pool { parallel: size >= PARALLEL, stop }
    }

    /// Runs `work` inside the rayon pool, which saves a wake-up per parallel loop in it.
    pub(crate) fn install<R: Send>(self, work: impl FnOnce() -> R + Send) -> R {
        if self.parallel { rayon::scope(|_| work()) } else { work() }
    }

    /// Returns `work` of each job, in order; each thread makes one `scratch` value and reuses it.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the stop flag was set.
    pub(crate) fn map<J: Send, S, R: Send>(
        self,
        jobs: Vec<J>,
        scratch: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, J) -> R + Sync,
    ) -> Result<Vec<R>, Error> {
        let unless_stopped =
            |scratch: &mut S, job| if self.stop.load(Ordering::Relaxed) { None } else { Some(work(scratch, job)) };
        let results: Option<Vec<R>> = if self.parallel {
            jobs.into_par_iter().map_init(&scratch, unless_stopped).collect()
        } else {
            let mut reused = scratch();
            jobs.into_iter().map(|job| unless_stopped(&mut reused, job)).collect()
        };
        results.ok_or(Error::Stopped)
    }

    /// Folds jobs into one accumulator: each thread adds to its own, which begins as `empty`, and `merge` joins them.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the stop flag was set.
    pub(crate) fn fold<J: Sync, A: Send>(
        self,
        jobs: &[J],
        empty: impl Fn() -> A + Sync + Send,
        add: impl Fn(&mut A, &J) + Sync,
        merge: impl Fn(&mut A, A) + Sync,
    ) -> Result<A, Error> {
        let step = |mut sum: A, job: &J| {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Stopped);
            }
            add(&mut sum, job);
            Ok(sum)
        };
        if !self.parallel {
            return jobs.iter().try_fold(empty(), step);
        }
        jobs.par_iter().with_min_len(16).try_fold(&empty, step).try_reduce(&empty, |mut sum, part| {
            merge(&mut sum, part);
            Ok(sum)
        })
    }
}
