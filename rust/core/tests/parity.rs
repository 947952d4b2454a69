//! The engine equals the oracle, bit for bit, on scores made to be awkward: ties, zeros of both signs, infinities,
//! denormals, empty tensors, floors and dead weights.

use half::{bf16, f16};
use proptest::prelude::*;
use pruneproof_core::{Error, Score, Tensor, naive, select, select_each};

const NAMES: [&str; 5] = ["b", "a.weight", "a", "é", "a.bias"];

#[derive(Clone, Debug)]
struct Case {
    scores: Vec<f64>,
    alive: Option<Vec<u8>>,
    floor: usize,
}

fn awkward() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 2.0]),
        1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, 1e-40, -1e-40, 5e-324, 6e-8, f64::MAX]),
        3 => -4.0..4.0,
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let scores = prop::collection::vec(awkward(), 0..40);
    (scores, any::<bool>(), prop::collection::vec(any::<u8>(), 5), 0_usize..12).prop_map(
        |(scores, masked, mut bytes, floor)| {
            bytes.truncate(scores.len().div_ceil(8));
            Case { scores, alive: masked.then_some(bytes), floor }
        },
    )
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    prop::collection::vec(case(), 0..=NAMES.len())
}

/// Checks both selections of `cases` in one dtype against the oracle.
fn check<T: Score>(cases: &[Case], keep: usize, convert: fn(f64) -> T) -> Result<(), TestCaseError> {
    let scores: Vec<Vec<T>> = cases.iter().map(|case| case.scores.iter().map(|&x| convert(x)).collect()).collect();
    let tensors: Vec<Tensor<'_, T>> = cases
        .iter()
        .zip(&scores)
        .zip(NAMES)
        .map(|((case, scores), name)| Tensor { name, scores, alive: case.alive.as_deref() })
        .collect();
    let floors: Vec<usize> = cases.iter().map(|case| case.floor).collect();

    match (select(&tensors, keep, &floors), naive::select(&tensors, keep, &floors)) {
        (Ok(found), Some(expected)) => {
            let masks: Vec<_> = expected.iter().map(|flags| naive::pack(flags)).collect();
            prop_assert_eq!(&found.masks, &masks);
            prop_assert_eq!(found.threshold, naive::threshold(&tensors, &expected));
            let backwards: Vec<_> = tensors.iter().rev().copied().collect();
            let floors_backwards: Vec<_> = floors.iter().rev().copied().collect();
            let again = select(&backwards, keep, &floors_backwards).unwrap();
            prop_assert!(again.masks.iter().rev().eq(&masks), "the order of the tensors changed the masks");
        }
        (Err(Error::TooFewAlive { .. } | Error::FloorsExceedKeep { .. }), None) => {}
        (found, expected) => prop_assert!(false, "engine {found:?}, oracle {expected:?}"),
    }

    match select_each(&tensors, &floors) {
        Ok(found) => {
            for ((tensor, &keep), mask) in tensors.iter().zip(&floors).zip(&found.masks) {
                let alone = naive::select(std::slice::from_ref(tensor), keep, &[0]).unwrap();
                prop_assert_eq!(mask, &naive::pack(&alone[0]));
            }
        }
        Err(Error::TooFewAliveIn { tensor, keep, available }) => {
            prop_assert!(keep > available && NAMES.contains(&tensor.as_str()));
        }
        Err(other) => prop_assert!(false, "{other:?}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn engine_equals_oracle_in_every_dtype(cases in cases(), keep in 0_usize..120) {
        check(&cases, keep, |x| x)?;
        check(&cases, keep, |x| x as f32)?;
        check(&cases, keep, f16::from_f64)?;
        check(&cases, keep, bf16::from_f64)?;
    }

    #[test]
    fn nan_is_refused_by_name_and_index(mut cases in cases().prop_filter("a score", |c| c.iter().any(|c| !c.scores.is_empty()))) {
        let t = cases.iter().position(|case| !case.scores.is_empty()).unwrap();
        let index = cases[t].scores.len() / 2;
        cases[t].scores[index] = f64::NAN;
        let tensors: Vec<_> = cases.iter().zip(NAMES).map(|(c, name)| Tensor { name, scores: &c.scores[..], alive: None }).collect();
        let refusal = Error::NotANumber { tensor: NAMES[t].to_owned(), index };
        prop_assert_eq!(select(&tensors, 0, &vec![0; tensors.len()]), Err(refusal));
    }
}

/// Pseudo-random scores on few levels, so that the cut falls among ties that span several chunks.
fn levels(seed: u64, size: usize, levels: u64) -> Vec<f32> {
    let mut state = seed;
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % levels) as f32 / levels as f32
        })
        .collect()
}

#[test]
fn ties_across_chunks_and_threads_go_to_the_lowest_index() {
    let scores = [levels(1, 300_001, 3), levels(2, 131_072, 1000), vec![], levels(3, 9, 2)];
    let alive: Vec<u8> = levels(4, 300_001_usize.div_ceil(8), 256).iter().map(|x| (x * 256.0) as u8).collect();
    let tensors: Vec<_> = scores
        .iter()
        .zip(NAMES)
        .enumerate()
        .map(|(i, (scores, name))| Tensor { name, scores, alive: (i == 0).then_some(&alive[..]) })
        .collect();
    for (keep, floors) in [(150_000, [0; 4]), (20_000, [0, 5_000, 3, 4]), (100_000, [80_000, 10, 0, 9])] {
        let expected: Vec<_> =
            naive::select(&tensors, keep, &floors).unwrap().iter().map(|flags| naive::pack(flags)).collect();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| select(&tensors, keep, &floors)).unwrap();
            assert!(found.masks == expected, "keep {keep}, {threads} threads");
        }
    }
}

#[test]
fn refusals_name_the_tensor() {
    let scores = [1.0_f32, 2.0];
    let named = |name| Tensor { name, scores: &scores[..], alive: None };
    let duplicate = select(&[named("a"), named("a")], 1, &[0, 0]);
    assert_eq!(duplicate, Err(Error::DuplicateName { tensor: "a".to_owned() }));
    let short = select(&[Tensor { alive: Some(&[]), ..named("a") }], 1, &[0]);
    assert_eq!(short, Err(Error::AliveLength { tensor: "a".to_owned(), found: 0, expected: 1, size: 2 }));
    let greedy = select_each(&[named("a")], &[3]);
    assert_eq!(greedy, Err(Error::TooFewAliveIn { tensor: "a".to_owned(), keep: 3, available: 2 }));
}
