//! The engine equals the oracle, bit for bit, on awkward scores: ties, zeros of both signs, infinities, denormals,
//! empty tensors, floors and dead weights; and on sizes at which it samples, misses and runs in parallel.
//!
//! `PRUNEPROOF_SLOW=1` runs a thousand times as many cases.

use std::sync::atomic::AtomicBool;

use half::{bf16, f16};
use proptest::prelude::*;
use pruneproof_core::{Error, Measure, Score, Selected, Tensor, l2_norm, naive, packed_len};

/// The stop flag of selections that are not stopped.
static NEVER: AtomicBool = AtomicBool::new(false);

/// The masks that a selection wrote, and what it returned.
type Found = (Vec<Vec<u8>>, Selected);

/// Runs a selection on masks that are not zero before.
fn into_masks<T: Score>(
    tensors: &[Tensor<'_, T>],
    select: impl FnOnce(&mut [&mut [u8]]) -> Result<Selected, Error>,
) -> Result<Found, Error> {
    let mut masks: Vec<_> = tensors.iter().map(|tensor| vec![0xaa; packed_len(tensor.values.len())]).collect();
    let selected = select(&mut masks.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>())?;
    let survivors = |mask: &Vec<u8>| mask.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
    assert_eq!(selected.counts, masks.iter().map(survivors).collect::<Vec<_>>());
    Ok((masks, selected))
}

fn select<T: Score>(
    tensors: &[Tensor<'_, T>],
    keep: usize,
    floors: &[usize],
    stop: &AtomicBool,
) -> Result<Found, Error> {
    into_masks(tensors, |masks| pruneproof_core::select(tensors, keep, floors, masks, stop))
}

fn select_each<T: Score>(tensors: &[Tensor<'_, T>], keeps: &[usize], stop: &AtomicBool) -> Result<Found, Error> {
    into_masks(tensors, |masks| pruneproof_core::select_each(tensors, keeps, masks, stop))
}

const NAMES: [&str; 5] = ["b", "a.weight", "a", "é", "a.bias"];

#[derive(Clone, Debug)]
struct Case {
    scores: Vec<f64>,
    factors: Vec<f64>,
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
    let scores = prop::collection::vec((awkward(), awkward()), 0..40);
    (scores, any::<bool>(), prop::collection::vec(any::<u8>(), 5), 0_usize..12).prop_map(
        |(scores, masked, mut bytes, floor)| {
            bytes.truncate(scores.len().div_ceil(8));
            let (scores, factors) = scores.into_iter().unzip();
            Case { scores, factors, alive: masked.then_some(bytes), floor }
        },
    )
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    prop::collection::vec(case(), 0..=NAMES.len())
}

fn case_count() -> u32 {
    if std::env::var_os("PRUNEPROOF_SLOW").is_some() { 300_000 } else { 300 }
}

/// Checks both selections against the oracle, in one dtype and with every measure.
fn check<T: Score>(cases: &[Case], keep: usize, convert: fn(f64) -> T) -> Result<(), TestCaseError> {
    let to = |numbers: &[f64]| -> Vec<T> { numbers.iter().map(|&x| convert(x)).collect() };
    let scores: Vec<Vec<T>> = cases.iter().map(|case| to(&case.scores)).collect();
    let factors: Vec<Vec<T>> = cases.iter().map(|case| to(&case.factors)).collect();
    let tensors: Vec<Tensor<'_, T>> = cases
        .iter()
        .zip(&scores)
        .zip(NAMES)
        .map(|((case, scores), name)| Tensor { alive: case.alive.as_deref(), ..Tensor::of_scores(name, scores) })
        .collect();
    check_measured(cases, keep, &tensors)?;
    check_measured(cases, keep, &measured(&tensors, &vec![Measure::Magnitude; cases.len()]))?;
    let norms: Result<Vec<f64>, Error> = tensors.iter().map(|tensor| l2_norm(tensor, &NEVER)).collect();
    if let Ok(norms) = norms {
        let measures: Vec<_> = norms.into_iter().map(Measure::Normalised).collect();
        check_measured(cases, keep, &measured(&tensors, &measures))?;
    }
    // Zero times infinity is NaN, which is refused.
    let is_nan = |(values, factors): (&Vec<T>, &Vec<T>)| {
        values.iter().zip(factors).any(|(value, factor)| value.times(*factor).to_f64().is_nan())
    };
    if !scores.iter().zip(&factors).any(is_nan) {
        let products: Vec<_> = factors.iter().map(|factors| Measure::Product(factors)).collect();
        check_measured(cases, keep, &measured(&tensors, &products))?;
        let squares: Vec<_> = factors.iter().map(|factors| Measure::SquaredProduct(factors)).collect();
        check_measured(cases, keep, &measured(&tensors, &squares))?;
    }
    Ok(())
}

fn measured<'a, T: Score>(tensors: &[Tensor<'a, T>], measures: &[Measure<'a, T>]) -> Vec<Tensor<'a, T>> {
    tensors.iter().zip(measures).map(|(tensor, &measure)| Tensor { measure, ..*tensor }).collect()
}

fn check_measured<T: Score>(cases: &[Case], keep: usize, tensors: &[Tensor<'_, T>]) -> Result<(), TestCaseError> {
    let floors: Vec<usize> = cases.iter().map(|case| case.floor).collect();

    match (select(tensors, keep, &floors, &NEVER), naive::select(tensors, keep, &floors)) {
        (Ok((found, selected)), Some(expected)) => {
            let masks: Vec<_> = expected.iter().map(|flags| naive::pack(flags)).collect();
            prop_assert_eq!(&found, &masks);
            prop_assert_eq!(selected.threshold, naive::threshold(tensors, &expected));
            let backwards: Vec<_> = tensors.iter().rev().copied().collect();
            let floors_backwards: Vec<_> = floors.iter().rev().copied().collect();
            let (again, _) = select(&backwards, keep, &floors_backwards, &NEVER).unwrap();
            prop_assert!(again.iter().rev().eq(&masks), "the order of the tensors changed the masks");
        }
        (Err(Error::TooFewAlive { .. } | Error::FloorsExceedKeep { .. }), None) => {}
        (found, expected) => prop_assert!(false, "engine {found:?}, oracle {expected:?}"),
    }

    match select_each(tensors, &floors, &NEVER) {
        Ok((found, _)) => {
            for ((tensor, &keep), mask) in tensors.iter().zip(&floors).zip(&found) {
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
    #![proptest_config(ProptestConfig::with_cases(case_count()))]

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
        let tensors: Vec<_> = cases.iter().zip(NAMES).map(|(c, name)| Tensor::of_scores(name, &c.scores)).collect();
        let expected = Error::NotANumber { tensor: NAMES[t].to_owned(), index };
        prop_assert_eq!(select(&tensors, 0, &vec![0; tensors.len()], &NEVER), Err(expected));
    }
}

/// Returns pseudo-random scores on few levels, so that the threshold has ties in several chunks.
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
        .map(|(i, (scores, name))| Tensor { alive: (i == 0).then_some(&alive[..]), ..Tensor::of_scores(name, scores) })
        .collect();
    for (keep, floors) in [(150_000, [0; 4]), (20_000, [0, 5_000, 3, 4]), (100_000, [80_000, 10, 0, 9])] {
        let expected: Vec<_> =
            naive::select(&tensors, keep, &floors).unwrap().iter().map(|flags| naive::pack(flags)).collect();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (found, _) = pool.install(|| select(&tensors, keep, &floors, &NEVER)).unwrap();
            assert!(found == expected, "keep {keep}, {threads} threads");
        }
    }
}

fn check_large<T: Score>(label: &str, values: &[T]) {
    let size = values.len();
    check_thresholds(label, values, [1, size / 100, size / 10, size / 2, size - 1]);
}

/// Checks selections from about a million scores, where two samples are drawn, on one thread and on three.
///
/// The oracle would take too long, so the properties are checked: the count, and that no dropped score is better than a
/// kept one.
fn check_thresholds<T: Score>(label: &str, values: &[T], keeps: impl IntoIterator<Item = usize>) {
    let size = values.len();
    for keep in keeps {
        let split = size / 3;
        let tensors = [("b", &values[split..]), ("a", &values[..split])]
            .map(|(name, values)| Tensor { measure: Measure::Magnitude, ..Tensor::of_scores(name, values) });
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| select(&tensors, keep, &[0, 0], &NEVER)).unwrap()
        };
        let found = on(1);
        assert!(found == on(3), "{label}, keep {keep}: the number of threads changed the masks");
        let (masks, selected) = found;
        assert_eq!(selected.counts.iter().sum::<usize>(), keep, "{label}");
        let threshold = selected.threshold.unwrap();
        let mut tied_dropped = false;
        for (t, start) in [(1, 0), (0, split)] {
            for (i, value) in values[start..start + tensors[t].values.len()].iter().enumerate() {
                let kept = masks[t][i / 8] >> (i % 8) & 1 == 1;
                let score = value.to_f64().abs();
                assert!(kept || score <= threshold, "{label}, keep {keep}: {score} was dropped");
                assert!(!kept || score >= threshold, "{label}, keep {keep}: {score} was kept");
                // "a" comes before "b": once a tie is dropped, no later one is kept.
                assert!(!(kept && score == threshold && tied_dropped), "{label}, keep {keep}: a later tie was kept");
                tied_dropped |= !kept && score == threshold;
            }
        }
    }
}

#[test]
fn large_tensors_of_every_kind_are_selected_from_exactly() {
    let size = 1_300_000;
    let smooth = levels(7, size, 1 << 24);
    check_large("smooth", &smooth);
    check_large("all equal", &vec![1.0_f32; size]);
    check_large("two values", &levels(8, size, 2));
    check_large("few levels", &levels(9, size, 16));
    check_large("mostly zeros", &(0..size).map(|i| if i % 10 == 3 { smooth[i] } else { 0.0 }).collect::<Vec<_>>());
    check_large("rising", &(0..size).map(|i| i as f32).collect::<Vec<_>>());
    check_large("falling", &(0..size).map(|i| (size - i) as f32).collect::<Vec<_>>());
    check_large("denormals", &smooth.iter().map(|x| f32::from_bits(x.to_bits() & 0x7f_ffff)).collect::<Vec<_>>());
    check_large("runs of 16", &(0..size).map(|i| smooth[i / 16]).collect::<Vec<_>>());
    check_large("runs of 4096", &(0..size).map(|i| smooth[i / 4096]).collect::<Vec<_>>());
    check_large("runs of 100000", &(0..size).map(|i| smooth[i / 100_000]).collect::<Vec<_>>());
    check_large("bf16", &smooth.iter().map(|&x| bf16::from_f32(x)).collect::<Vec<_>>());
    check_large("f16", &smooth.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>());
    check_large("f64", &smooth.iter().map(|&x| f64::from(x) / 3.0).collect::<Vec<_>>());
}

#[test]
fn thresholds_near_the_ends_of_a_run_of_ties_are_exact() {
    let size = 1_300_000;
    for (label, tied) in [("a third are 1, none more", 0.0..0.33), ("a third are a half", 0.33..0.66)] {
        let top = if tied.start == 0.0 { 1.0 } else { 0.5 };
        let values: Vec<f32> = levels(10, size, 1 << 24)
            .into_iter()
            .map(|x| {
                if tied.contains(&x) {
                    top
                } else if x >= tied.end {
                    top * (1.0 - x) / (1.0 - tied.end)
                } else {
                    1.0 - x
                }
            })
            .collect();
        for end in [tied.start, tied.end] {
            let keep = (f64::from(end) * size as f64) as usize;
            check_thresholds(label, &values, (0..9).map(|step| (keep + 600 * step).saturating_sub(2400).max(1)));
        }
    }
}

#[test]
fn the_stop_flag_ends_every_selection() {
    let scores = levels(1, 300_000, 1000);
    let stop = AtomicBool::new(true);
    assert_eq!(select(&[Tensor::of_scores("a", &scores)], 1000, &[0], &stop), Err(Error::Stopped));
    assert_eq!(select_each(&[Tensor::of_scores("a", &scores)], &[1000], &stop), Err(Error::Stopped));
}

#[test]
fn errors_name_the_tensor() {
    let scores = [1.0_f32, 2.0];
    let named = |name| Tensor::of_scores(name, &scores);
    let duplicate = select(&[named("a"), named("a")], 1, &[0, 0], &NEVER);
    assert_eq!(duplicate, Err(Error::DuplicateName { tensor: "a".to_owned() }));
    let measure = Measure::Product(&scores[..1]);
    let product = select(&[Tensor { measure, ..named("a") }], 1, &[0], &NEVER);
    assert_eq!(product, Err(Error::FactorLength { tensor: "a".to_owned(), found: 1, expected: 2 }));
    let short = select(&[Tensor { alive: Some(&[]), ..named("a") }], 1, &[0], &NEVER);
    assert_eq!(short, Err(Error::AliveLength { tensor: "a".to_owned(), found: 0, expected: 1, size: 2 }));
    let greedy = select_each(&[named("a")], &[3], &NEVER);
    assert_eq!(greedy, Err(Error::TooFewAliveIn { tensor: "a".to_owned(), keep: 3, available: 2 }));
}
