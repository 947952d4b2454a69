//! The inputs: weights that are functions of tensor and index, so that every run has the same.

use std::f32::consts::TAU;

use half::bf16;
use pruneproof_core::{Measure, Score};
use rayon::prelude::*;

/// Weights of a network of the size of ResNet-50, and of each worst-case input.
pub const RESNET50: usize = 25_600_000;

/// Weights by size and kind.
pub struct Input<T: 'static> {
    /// The benchmark's name.
    pub name: &'static str,
    /// What it is for.
    pub prose: &'static str,
    /// Size of each tensor.
    sizes: Vec<usize>,
    /// How weights become scores.
    pub measure: Measure<'static, T>,
    /// The weight at (tensor, index).
    weight: fn(usize, usize) -> T,
}

impl<T: Score> Input<T> {
    /// Returns the number of all weights.
    pub fn size(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// Returns the tensors' names, in the order of the tensors.
    pub fn names(&self) -> Vec<String> {
        (0..self.sizes.len()).map(|tensor| format!("{tensor:05}")).collect()
    }

    /// Makes the weights of each tensor.
    pub fn weights(&self) -> Vec<Vec<T>> {
        let make = |(tensor, &size)| (0..size).into_par_iter().map(|index| (self.weight)(tensor, index)).collect();
        self.sizes.iter().enumerate().map(make).collect()
    }
}

/// The tensors of VGG-16.
pub fn vgg16() -> Input<f32> {
    let mut sizes = vec![1_728, 36_864, 73_728, 147_456, 294_912, 589_824, 589_824, 1_179_648];
    sizes.extend([2_359_296; 5]);
    sizes.extend([102_760_448, 16_777_216, 4_096_000]);
    magnitudes("vgg16", "138 million weights, three quarters of them in one tensor", sizes, normal)
}

/// A network of the size of ResNet-50, with as many tensors.
pub fn resnet50() -> Input<f32> {
    magnitudes("resnet50", "25.6 million weights in 54 tensors", vec![RESNET50 / 54; 54], normal)
}

/// Selections that take less time than starting a thread.
pub fn small() -> [Input<f32>; 4] {
    [
        magnitudes("1m", "one million weights, which stay in the cache", vec![1_000_000], normal),
        magnitudes("1x1000", "one small tensor: the overhead of a call", vec![1_000], normal),
        magnitudes("3x30000", "three tensors with fewer than 100 000 weights in all", vec![30_000; 3], normal),
        magnitudes("60x1000", "many small tensors: the overhead per tensor", vec![1_000; 60], normal),
    ]
}

/// Inputs that bias a sample, or that have many ties with the threshold.
pub fn cliffs() -> [Input<f32>; 10] {
    let one = || vec![RESNET50];
    [
        magnitudes("all-equal", "every weight is a tie", one(), |_, _| 1.0),
        magnitudes("two-values", "half of the weights tie with each other", one(), |tensor, index| {
            if hash(tensor, index) & 1 == 0 { 0.5 } else { -1.0 }
        }),
        magnitudes("zeros", "nine tenths are zeros, as after pruning once", one(), |tensor, index| {
            if hash(tensor, index).is_multiple_of(10) { normal(tensor, index) } else { 0.0 }
        }),
        Input { measure: Measure::Value, ..magnitudes("sorted", "the best come last", one(), |_, index| index as f32) },
        Input {
            measure: Measure::Value,
            ..magnitudes("reversed", "the best come first", one(), |_, index| (RESNET50 - index) as f32)
        },
        magnitudes("denormals", "the smallest numbers, which some processors are slow on", one(), |tensor, index| {
            f32::from_bits(hash(tensor, index) as u32 & 0x807f_ffff)
        }),
        magnitudes(
            "huge-and-tiny",
            "one huge tensor among 5000 tiny ones",
            [vec![20; 2_500], one(), vec![20; 2_500]].concat(),
            normal,
        ),
        magnitudes("levels", "weights of some dozen levels, as after quantisation", one(), |tensor, index| {
            (8.0 * normal(tensor, index)).round()
        }),
        magnitudes("runs-of-16", "each cache line holds one number", one(), |tensor, index| normal(tensor, index / 16)),
        magnitudes("runs-of-4096", "each page holds one number", one(), |tensor, index| normal(tensor, index / 4096)),
    ]
}

/// Weights of a dtype with so few numbers that hundreds of thousands of weights share each.
pub fn ties_of_bf16() -> Input<bf16> {
    Input {
        name: "bf16",
        prose: "so few numbers that each is shared by many",
        sizes: vec![RESNET50],
        measure: Measure::Magnitude,
        weight: |tensor, index| bf16::from_f32(normal(tensor, index)),
    }
}

fn magnitudes(
    name: &'static str,
    prose: &'static str,
    sizes: Vec<usize>,
    weight: fn(usize, usize) -> f32,
) -> Input<f32> {
    Input { name, prose, sizes, measure: Measure::Magnitude, weight }
}

/// Returns a normal number of another scale in each tensor (Box and Muller 1958).
fn normal(tensor: usize, index: usize) -> f32 {
    let bits = hash(tensor, index);
    let (radius, angle) = (((bits >> 40) + 1) as f32 / (1 << 24) as f32, (bits & 0xff_ffff) as f32 / (1 << 24) as f32);
    let scale = (1 + tensor % 8) as f32 / 8.0;
    scale * (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

/// Hashes tensor and index into 64 bits (the finaliser of splitmix64: Steele, Lea and Flood 2014).
fn hash(tensor: usize, index: usize) -> u64 {
    let mut bits = (((tensor as u64) << 40) + index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}
