//! Parallel loops on rayon's thread pool that end early when the caller sets a stop flag; and a pool for processes that
//! were forked.

use std::process;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use rayon::prelude::*;
use rayon::{Scope, ThreadPool, ThreadPoolBuilder};

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

/// The process whose global pool has threads: the one that asked first; 0 before that.
static HOME: AtomicU32 = AtomicU32::new(0);

/// The pool of the forked process that asked last. No lock guards it: a fork may happen while another thread holds one.
static FORKED: AtomicPtr<Forked> = AtomicPtr::new(ptr::null_mut());

struct Forked {
    process: u32,
    pool: ThreadPool,
}

/// Runs `work` where parallel loops find threads: as it is, or, in a process that was forked from one that had threads,
/// on a pool of its own. A fork copies the global pool of rayon but none of its threads, so that loops on it would wait
/// for ever.
///
/// ```
/// assert_eq!(pruneproof_core::with_threads(|| 2 + 2), 4);
/// ```
pub fn with_threads<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match pool_since_fork() {
        None => work(),
        Some(pool) => pool.install(work),
    }
}

/// Runs `work` on the calling thread with a scope whose jobs find threads; see [`with_threads`].
///
/// ```
/// assert_eq!(pruneproof_core::scope_with_threads(|_| 2 + 2), 4);
/// ```
pub fn scope_with_threads<'scope, R>(work: impl FnOnce(&Scope<'scope>) -> R) -> R {
    match pool_since_fork() {
        None => rayon::in_place_scope(work),
        Some(pool) => pool.in_place_scope(work),
    }
}

/// Returns the pool of this process if it was forked after its parent had begun to use the global one.
fn pool_since_fork() -> Option<&'static ThreadPool> {
    let process = process::id();
    match HOME.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => None,
        Err(home) if home == process => None,
        Err(_) => Some(pool_of(process)),
    }
}

/// Returns the pool of a forked process; makes it when it is asked for first. It lives as long as the process.
fn pool_of(process: u32) -> &'static ThreadPool {
    // SAFETY: the pointer is null or came from `Box::leak`, and what it points to is neither changed nor freed.
    let last = unsafe { FORKED.load(Ordering::Acquire).as_ref() };
    if let Some(forked) = last.filter(|forked| forked.process == process) {
        return &forked.pool;
    }
    let pool = ThreadPoolBuilder::new().build().expect("a process can start threads");
    let made = Box::leak(Box::new(Forked { process, pool }));
    FORKED.store(made, Ordering::Release); // of two threads that ask at once each may get a pool, once
    &made.pool
}
