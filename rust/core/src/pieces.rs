//! Tensors cut into pieces that threads work on, in the order of ties.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::error::Error;
use crate::tensor::Tensor;

/// Scores that one task handles: their places fit into sixteen bits, and no byte of a mask is shared.
pub(crate) const CHUNK: usize = 1 << 16;

/// Scores below which waking other threads takes longer than doing the work.
const PARALLEL: usize = 1 << 17;

/// A piece of a tensor.
pub(crate) struct Piece<'t, 'a, T> {
    /// The tensor's place among those that are ranked together.
    pub owner: usize,
    pub tensor: &'t Tensor<'a, T>,
    pub range: Range<usize>,
}

/// Cuts `tensors` into pieces; they keep the order of the tensors.
pub(crate) fn cut<'t, 'a, T>(tensors: &[&'t Tensor<'a, T>]) -> Vec<Piece<'t, 'a, T>> {
    let mut pieces = Vec::with_capacity(tensors.len());
    for (owner, &tensor) in tensors.iter().enumerate() {
        let size = tensor.values.len();
        pieces.extend((0..size).step_by(CHUNK).map(|start| Piece {
            owner,
            tensor,
            range: start..size.min(start + CHUNK),
        }));
    }
    pieces
}

/// How work is shared out, and whether somebody wants it to end.
#[derive(Clone, Copy)]
pub(crate) struct Crew<'s> {
    parallel: bool,
    stop: &'s AtomicBool,
}

impl<'s> Crew<'s> {
    /// A crew for work over `size` scores.
    pub(crate) fn new(size: usize, stop: &'s AtomicBool) -> Self {
        Crew { parallel: size >= PARALLEL, stop }
    }

    /// Does `work`, which has many steps to share out, on one of the threads that share them, so that it need not wait to be
    /// woken after each step.
    pub(crate) fn lead<R: Send>(self, work: impl FnOnce() -> R + Send) -> R {
        if self.parallel { rayon::scope(|_| work()) } else { work() }
    }

    /// Does `work` on each of `jobs`, with scratch memory that a thread keeps from one to the next.
    ///
    /// # Errors
    /// Somebody wants it to end.
    pub(crate) fn each<J: Send, S, R: Send>(
        self,
        jobs: Vec<J>,
        scratch: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, J) -> R + Sync,
    ) -> Result<Vec<R>, Error> {
        let unless_stopped =
            |scratch: &mut S, job| if self.stop.load(Ordering::Relaxed) { None } else { Some(work(scratch, job)) };
        let done: Option<Vec<R>> = if self.parallel {
            jobs.into_par_iter().map_init(&scratch, unless_stopped).collect()
        } else {
            let mut kept = scratch();
            jobs.into_iter().map(|job| unless_stopped(&mut kept, job)).collect()
        };
        done.ok_or(Error::Stopped)
    }

    /// Adds `jobs` up: each thread into something that starts `empty`, and these together by `merge`.
    ///
    /// # Errors
    /// Somebody wants it to end.
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
