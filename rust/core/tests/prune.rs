//! Pruning of files keeps what sorting all weights would keep, in all dtypes, over several files, for any number of
//! threads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use proptest::prelude::*;
use pruneproof_core::prune::{Checkpoint, Output, Progress, PruneError, Rule, Rules};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};

/// Name, dtype and weights, before they are rounded to it.
type Tensors = Vec<(&'static str, Dtype, Vec<f64>)>;

fn encode(dtype: Dtype, weights: &[f64]) -> Vec<u8> {
    let bytes = |weight: &f64| match dtype {
        Dtype::F16 => f16::from_f64(*weight).to_le_bytes().to_vec(),
        Dtype::BF16 => bf16::from_f64(*weight).to_le_bytes().to_vec(),
        Dtype::F32 => (*weight as f32).to_le_bytes().to_vec(),
        _ => weight.to_le_bytes().to_vec(),
    };
    weights.iter().flat_map(bytes).collect()
}

fn decode(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    let weight = |bytes: &[u8]| match dtype {
        Dtype::F16 => f16::from_le_bytes(bytes.try_into().unwrap()).to_f64(),
        Dtype::BF16 => bf16::from_le_bytes(bytes.try_into().unwrap()).to_f64(),
        Dtype::F32 => f64::from(f32::from_le_bytes(bytes.try_into().unwrap())),
        _ => f64::from_le_bytes(bytes.try_into().unwrap()),
    };
    bytes.chunks_exact(dtype.bitsize() / 8).map(weight).collect()
}

/// Writes the tensors to `files` files, in turn.
fn store(folder: &Path, tensors: &Tensors, files: usize) -> Vec<PathBuf> {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, dtype, weights)| encode(*dtype, weights)).collect();
    let path = |file: usize| {
        let path = folder.join(format!("{file}.safetensors"));
        let mine = tensors.iter().zip(&bytes).skip(file).step_by(files);
        let views = mine.map(|((name, dtype, weights), bytes)| {
            (*name, TensorView::new(*dtype, vec![weights.len()], bytes).unwrap())
        });
        serialize_to_file(views, None, &path).unwrap();
        path
    };
    (0..files).map(path).collect()
}

/// The oracle: sorts all weights; keeps first what the floor protects, then the best of the others.
fn keep_by_sorting(stored: &BTreeMap<&str, Vec<f64>>, keep: usize, floor: usize) -> BTreeMap<String, Vec<bool>> {
    let mut ranking: Vec<(&str, usize)> =
        stored.iter().flat_map(|(name, weights)| (0..weights.len()).map(move |i| (*name, i))).collect();
    ranking.sort_by(|a, b| stored[b.0][b.1].abs().total_cmp(&stored[a.0][a.1].abs()));
    let mut kept: BTreeMap<String, Vec<bool>> =
        stored.iter().map(|(name, weights)| (name.to_string(), vec![false; weights.len()])).collect();
    let mut keep = keep;
    for (name, weights) in stored {
        for (_, i) in ranking.iter().filter(|weight| weight.0 == *name).take(floor.min(weights.len())) {
            kept.get_mut(*name).unwrap()[*i] = true;
            keep -= 1;
        }
    }
    for (name, i) in ranking {
        let kept = &mut kept.get_mut(name).unwrap()[i];
        if keep > 0 && !*kept {
            *kept = true;
            keep -= 1;
        }
    }
    kept
}

fn all(checkpoint: &Checkpoint) -> Vec<usize> {
    (0..checkpoint.tensors().len()).collect()
}

/// Applies the rules, and checks files, counts and masks against the flags of the oracle.
fn check(folder: &Path, checkpoint: &Checkpoint, paths: &[PathBuf], rules: &Rules, kept: &BTreeMap<String, Vec<bool>>) {
    let outputs: Vec<Output> = (0..paths.len())
        .map(|file| {
            let path = folder.join(format!("out-{file}"));
            let _ = fs::remove_file(&path);
            Output { path: path.clone(), target: path, metadata: BTreeMap::new() }
        })
        .collect();
    let applied = checkpoint.apply(rules, Some(&outputs), true, &Progress::default()).unwrap();
    for (path, output) in paths.iter().zip(&outputs) {
        let (before, after) = (fs::read(path).unwrap(), fs::read(&output.path).unwrap());
        let (before, after) = (SafeTensors::deserialize(&before).unwrap(), SafeTensors::deserialize(&after).unwrap());
        for (name, old) in before.iter() {
            let new = after.tensor(name).unwrap();
            let width = old.dtype().bitsize() / 8;
            for (i, &kept) in kept[name].iter().enumerate() {
                let range = i * width..(i + 1) * width;
                let expected = if kept { old.data()[range.clone()].to_vec() } else { vec![0; width] };
                assert_eq!(new.data()[range], expected, "{name} {i}");
            }
        }
    }
    for (tensor, stored) in checkpoint.tensors().iter().enumerate() {
        let flags = &kept[&stored.name];
        assert_eq!(applied.alive[&tensor], flags.iter().filter(|kept| **kept).count());
        let bits = &applied.masks[&tensor];
        assert_eq!(bits.len(), flags.len().div_ceil(8));
        let set: Vec<bool> = (0..bits.len() * 8).map(|i| bits[i / 8] >> (i % 8) & 1 == 1).collect();
        assert_eq!(&set[..flags.len()], flags);
        assert!(!set[flags.len()..].contains(&true));
    }
}

/// Prunes globally on one thread and on three, and compares with the oracle.
fn select_and_check(tensors: &Tensors, files: usize, keep: usize, floor: usize) {
    let folder = tempfile::tempdir().unwrap();
    let paths = store(folder.path(), tensors, files);
    let stored: BTreeMap<&str, Vec<f64>> =
        tensors.iter().map(|(name, dtype, weights)| (*name, decode(*dtype, &encode(*dtype, weights)))).collect();
    let kept = keep_by_sorting(&stored, keep, floor);
    let magnitudes = stored.iter().flat_map(|(name, weights)| weights.iter().zip(&kept[*name]));
    let threshold = magnitudes.filter(|(_, kept)| **kept).map(|(weight, _)| weight.abs()).reduce(f64::min);
    for threads in [1, 3] {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let checkpoint = Checkpoint::open(&paths).unwrap();
            let rules = checkpoint.select(&all(&checkpoint), keep, floor, &Progress::default()).unwrap();
            assert_eq!(rules.threshold, threshold);
            check(folder.path(), &checkpoint, &paths, &rules, &kept);
        });
    }
}

fn awkward() -> impl Strategy<Value = f64> {
    prop_oneof![
        5 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 2.0, -0.5]),
        1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, 1e-40, -1e-40, 5e-324, 6e-8, f64::MAX]),
        4 => -4.0..4.0,
    ]
}

fn tensors() -> impl Strategy<Value = Tensors> {
    let names = prop::sample::subsequence(vec!["b", "a.weight", "a", "é", "a.bias"], 1..=5).prop_shuffle();
    names.prop_flat_map(|names| {
        let dtype = prop::sample::select(vec![Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64]);
        let tensor = |name| (Just(name), dtype.clone(), prop::collection::vec(awkward(), 0..40));
        names.into_iter().map(tensor).collect::<Vec<_>>()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_global_selection_is_that_of_sorting(tensors in tensors(), share in 0.0..=1.0, floor in 0_usize..8, files in 1_usize..3) {
        let size: usize = tensors.iter().map(|tensor| tensor.2.len()).sum();
        let protected: usize = tensors.iter().map(|tensor| tensor.2.len().min(floor)).sum();
        let keep = ((size as f64 * share) as usize).max(protected);
        select_and_check(&tensors, files.min(tensors.len()), keep, floor);
    }

    #[test]
    fn a_selection_in_each_tensor_is_that_of_sorting_it(tensors in tensors(), share in 0.0..=1.0) {
        let folder = tempfile::tempdir().unwrap();
        let paths = store(folder.path(), &tensors, 1);
        let checkpoint = Checkpoint::open(&paths).unwrap();
        let (mut keeps, mut kept) = (Vec::new(), BTreeMap::new());
        for (place, stored) in checkpoint.tensors().iter().enumerate() {
            let (name, dtype, weights) = tensors.iter().find(|tensor| tensor.0 == stored.name).unwrap();
            let keep = (weights.len() as f64 * share) as usize;
            keeps.push((place, keep));
            kept.extend(keep_by_sorting(&BTreeMap::from([(*name, decode(*dtype, &encode(*dtype, weights)))]), keep, 0));
        }
        let rules = checkpoint.select_each(&keeps, &Progress::default()).unwrap();
        check(folder.path(), &checkpoint, &paths, &rules, &kept);
    }

    #[test]
    fn groups_keep_their_best(
        dtype in prop::sample::select(vec![Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64]),
        length in prop::sample::select(vec![1_usize, 2, 4, 5, 8, 13]),
        weights in prop::collection::vec(awkward(), 0..80),
        share in 0.0..=1.0,
    ) {
        let weights = weights[..weights.len() / length * length].to_vec();
        let keep = (length as f64 * share) as usize;
        let folder = tempfile::tempdir().unwrap();
        let paths = store(folder.path(), &vec![("w", dtype, weights.clone())], 1);
        let checkpoint = Checkpoint::open(&paths).unwrap();
        let stored = decode(dtype, &encode(dtype, &weights));
        let group = |part: &[f64]| keep_by_sorting(&BTreeMap::from([("w", part.to_vec())]), keep, 0)["w"].clone();
        let kept = BTreeMap::from([("w".to_owned(), stored.chunks(length).flat_map(group).collect())]);
        let by_tensor = BTreeMap::from([(0, Rule::Groups { length, keep })]);
        let rules = Rules { by_tensor, shared_ties: 0, threshold: None };
        check(folder.path(), &checkpoint, &paths, &rules, &kept);
    }
}

/// Returns weights that look random.
fn scattered(size: usize) -> Vec<f64> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    (0..size).map(|_| next() * next()).collect()
}

#[test]
fn tensors_of_many_pieces_are_pruned_exactly() {
    let weights = scattered(3_000_003);
    let ties = (0..1_000_001).map(|i| f64::from(i % 7)).collect();
    for (dtype, share) in [(Dtype::F32, 0.1), (Dtype::F64, 0.5), (Dtype::BF16, 0.01), (Dtype::F16, 0.3)] {
        let keep = (3_000_003.0 * share) as usize;
        select_and_check(&vec![("weights", dtype, weights.clone())], 1, keep, 0);
    }
    select_and_check(&vec![("weights", Dtype::F32, weights), ("ties", Dtype::BF16, ties)], 2, 1_234_567, 1000);
}

#[test]
fn weights_of_different_scale_are_pruned_exactly() {
    // A quarter of each row of 2048 weights is larger or smaller than the others, as outlier columns of a matrix are.
    let size = 6 << 20;
    for (some, others) in [(1.0, 1000.0), (1000.0, 1.0)] {
        let scale = |i: usize| if i % 2048 < 512 { some } else { others };
        let weights: Vec<f64> = scattered(size / 4).iter().enumerate().map(|(i, weight)| weight * scale(i)).collect();
        select_and_check(&vec![("w", Dtype::F32, weights.clone())], 1, size / 8, 0);
        select_and_check(&vec![("w", Dtype::F64, weights)], 1, size / 8, 0);
    }
}

#[test]
fn the_first_nan_by_name_and_index_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut late = scattered(2_000_000);
    late[1_700_000] = f64::NAN;
    late[1_900_000] = f64::NAN;
    let tensors = vec![("z", Dtype::F16, vec![f64::NAN]), ("w", Dtype::F32, late)];
    let paths = store(folder.path(), &tensors, 2);
    let checkpoint = Checkpoint::open(&paths).unwrap();
    for keep in [0, 5, 2_000_001] {
        let refused = checkpoint.select(&all(&checkpoint), keep, 0, &Progress::default()).unwrap_err();
        assert!(refused.to_string().contains("\"w\" hold NaN at flat index 1700000"), "{refused}");
    }
    let by_tensor = BTreeMap::from([(0, Rule::Groups { length: 4, keep: 2 })]);
    let rules = Rules { by_tensor, shared_ties: 0, threshold: None };
    let refused = checkpoint.apply(&rules, None, false, &Progress::default()).unwrap_err();
    assert!(refused.to_string().contains("flat index 1700000"), "{refused}");
}

#[test]
fn a_file_that_shrinks_or_changes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let paths = store(folder.path(), &vec![("w", Dtype::F32, scattered(1000))], 1);
    let checkpoint = Checkpoint::open(&paths).unwrap();
    let rules = checkpoint.select(&[0], 10, 0, &Progress::default()).unwrap();
    let bytes = fs::read(&paths[0]).unwrap();
    fs::OpenOptions::new().write(true).open(&paths[0]).unwrap().set_len(2000).unwrap();
    assert!(matches!(checkpoint.select(&[0], 10, 0, &Progress::default()), Err(PruneError::Changed(_))));
    fs::write(&paths[0], [&bytes[..], &[0]].concat()).unwrap();
    assert!(matches!(checkpoint.apply(&rules, None, false, &Progress::default()), Err(PruneError::Changed(_))));
}

#[test]
fn a_stopped_pass_ends() {
    let folder = tempfile::tempdir().unwrap();
    let paths = store(folder.path(), &vec![("w", Dtype::F32, scattered(1000))], 1);
    let checkpoint = Checkpoint::open(&paths).unwrap();
    let progress = Progress::default();
    progress.stop();
    assert!(matches!(checkpoint.select(&[0], 10, 0, &progress), Err(PruneError::Stopped)));
}

#[test]
fn one_name_in_two_files_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let paths = store(folder.path(), &vec![("w", Dtype::F32, vec![1.0])], 1);
    let refused = Checkpoint::open(&[paths[0].clone(), paths[0].clone()]).unwrap_err();
    assert!(matches!(refused, PruneError::DuplicateName { .. }));
    assert!(matches!(Checkpoint::open(&[folder.path().join("none")]), Err(PruneError::Missing(_))));
    assert!(matches!(Checkpoint::open(&[folder.path().to_owned()]), Err(PruneError::Unreadable { .. })));
}
