//! Times selections and masks against plain passes over the same memory on the same threads.
//!
//! Each benchmark has an input with a line of prose ([`inputs`]), a result that is checked in full before it is timed
//! ([`answers`]), and a baseline pass ([`passes`]). The figure that counts is the ratio of two times of one run,
//! `select` to `read`, or `apply` to `read-modify-write`.
//!
//! `cargo bench -p pruneproof-core --bench selection -- vgg` runs those whose name contains "vgg".

mod answers;
mod inputs;
mod passes;

use std::cell::LazyCell;
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use half::bf16;
use pruneproof_core::{Score, Selected, Tensor, Word, apply_mask, packed_len, select};

use crate::inputs::Input;

/// The stop flag of selections that are not stopped.
static NEVER: AtomicBool = AtomicBool::new(false);

const SPARSITIES: [f64; 3] = [0.5, 0.9, 0.99];

/// Whole networks: a selection takes at most 1.4 times as long as reading VGG-16, and 1.7 times for ResNet-50.
fn networks(criterion: &mut Criterion) {
    for input in [inputs::vgg16(), inputs::resnet50()] {
        selection(criterion, "network", &input);
    }
}

/// One layer, and small calls, which show the overhead per call and per tensor.
fn small(criterion: &mut Criterion) {
    for input in inputs::small() {
        selection(criterion, "small", &input);
    }
}

/// Inputs that are worst cases of fast selection algorithms: at most three times as long as reading.
fn cliffs(criterion: &mut Criterion) {
    for input in inputs::cliffs() {
        selection(criterion, "cliff", &input);
    }
    selection::<bf16>(criterion, "cliff", &inputs::ties_of_bf16());
}

/// Masks applied in place, against a read-modify-write pass.
fn masks(criterion: &mut Criterion) {
    applying(criterion, "16 bits", |i| i as u16 | 1);
    applying(criterion, "32 bits", |i| i as u32 | 1);
}

/// Times the reading of an input and its selection at each sparsity.
fn selection<T: Score>(criterion: &mut Criterion, kind: &str, input: &Input<T>) {
    let mut group = group(criterion, &format!("{kind}/{}", input.name), input.size() * size_of::<T>());
    let weights = LazyCell::new(|| {
        println!("{}: {}", input.name, input.prose);
        input.weights()
    });
    let (names, measure) = (input.names(), input.measure);
    let tensors = LazyCell::new(|| {
        let borrow = |(values, name)| Tensor { measure, ..Tensor::of_scores(name, values) };
        weights.iter().map(Vec::as_slice).zip(names.iter().map(String::as_str)).map(borrow).collect::<Vec<_>>()
    });
    group.bench_function("read", |bencher| {
        let tensors = &*tensors;
        bencher.iter(|| passes::read(tensors));
    });
    for sparsity in SPARSITIES {
        let keep = input.size() - (input.size() as f64 * sparsity) as usize;
        let run = || -> (Vec<Vec<u8>>, Selected) {
            let mut masks: Vec<_> = tensors.iter().map(|tensor| vec![0; packed_len(tensor.values.len())]).collect();
            let mut targets: Vec<_> = masks.iter_mut().map(Vec::as_mut_slice).collect();
            let found = select(&tensors, keep, &vec![0; tensors.len()], &mut targets, &NEVER).expect("a valid request");
            (masks, found)
        };
        let checked = LazyCell::new(|| {
            let (masks, found) = run();
            answers::check(&tensors, keep, &masks, &found);
        });
        group.bench_function(BenchmarkId::new("select", sparsity), |bencher| {
            LazyCell::force(&checked);
            bencher.iter(run);
        });
    }
}

/// Times a mask applied to 25.6 million words of one width.
fn applying<W: Word + PartialEq + Default + std::ops::Not<Output = W>>(
    criterion: &mut Criterion,
    width: &str,
    word: fn(usize) -> W,
) {
    let size = inputs::RESNET50;
    let mut group = group(criterion, &format!("mask/{width}"), size * size_of::<W>());
    let bits: Vec<u8> = (0..size.div_ceil(8)).map(|i| (i * 37 % 251) as u8).collect();
    let mut words: Vec<W> = (0..size).map(word).collect();
    group.bench_function("read-modify-write", |bencher| bencher.iter(|| passes::change(black_box(&mut words))));
    words = (0..size).map(word).collect();
    apply_mask(&bits, &mut words);
    answers::check_applied(&bits, &words, word);
    group.bench_function("apply", |bencher| bencher.iter(|| apply_mask(&bits, black_box(&mut words))));
}

fn group<'c>(criterion: &'c mut Criterion, name: &str, bytes: usize) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes as u64));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group
}

criterion_group!(benches, networks, small, cliffs, masks);
criterion_main!(benches);
