//! Headers of valid and of hostile files: what is accepted, the reference implementation accepts too, and reads the
//! same; everything else is an error, without a panic and without allocations larger than the file.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use pruneproof_core::safetensors::{Header, HeaderError};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};

/// The system's allocator, with a record of the largest single allocation.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed to the system's allocator with its arguments unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller upholds what `alloc` requires.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds what `dealloc` requires.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

fn read(bytes: &[u8]) -> Result<Header, HeaderError> {
    Header::read(bytes, bytes.len() as u64)
}

fn file(json: &str, data: usize) -> Vec<u8> {
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json.as_bytes());
    bytes.resize(bytes.len() + data, 7);
    bytes
}

fn sound() -> Vec<u8> {
    let (wide, narrow) = ([1; 24], [2; 6]);
    let tensors = [
        ("a.weight", TensorView::new(Dtype::F32, vec![2, 3], &wide).unwrap()),
        ("é", TensorView::new(Dtype::BF16, vec![3], &narrow).unwrap()),
        ("nothing", TensorView::new(Dtype::F64, vec![0, 4], &[]).unwrap()),
        ("number", TensorView::new(Dtype::U8, vec![], &[9]).unwrap()),
    ];
    serialize(tensors, Some(HashMap::from([("format".to_owned(), "pt".to_owned())]))).unwrap()
}

#[test]
fn what_the_reference_writes_is_read() {
    let header = read(&sound()).unwrap();
    let names: Vec<&str> = header.tensors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["nothing", "a.weight", "é", "number"]);
    assert_eq!(header.tensors[1].1.shape, [2, 3]);
    assert_eq!(header.metadata["format"], "pt");
}

#[test]
fn what_is_written_is_read_by_the_reference_and_again() {
    let bytes = sound();
    let mut header = read(&bytes).unwrap();
    header.metadata.insert("quote \" and\nline".to_owned(), "ü\\".to_owned());
    let mut copy = header.to_bytes();
    assert_eq!(copy.len() % 8, 0);
    copy.extend(&bytes[header.data_start as usize..]);
    let (theirs, ours) = (SafeTensors::deserialize(&copy).unwrap(), SafeTensors::deserialize(&bytes).unwrap());
    for name in ours.names() {
        assert_eq!(theirs.tensor(name).unwrap(), ours.tensor(name).unwrap());
    }
    let again = read(&copy).unwrap();
    assert_eq!(again.metadata, header.metadata);
    assert_eq!(again.to_bytes(), header.to_bytes());
}

#[test]
fn hostile_headers_are_refused() {
    let one = r#""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
    let cases: &[(&str, usize, &str)] = &[
        ("", 0, "cannot be read"),
        ("[]", 0, "cannot be read"),
        ("{", 0, "cannot be read"),
        (&format!("{{{one}}}"), 7, "has"),
        (&format!("{{{one}}}"), 9, "has"),
        (&format!("{{{one},{one}}}"), 8, "\"a\" is given twice"),
        (r#"{"__metadata__":{},"__metadata__":{}}"#, 0, "is given twice"),
        (r#"{"__metadata__":{"k":"1","k":"2"}}"#, 0, "metadata \"k\" is given twice"),
        (r#"{"__metadata__":{"k":1}}"#, 0, "cannot be read"),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "does not fit"),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "does not fit"),
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12, "begins at byte 4"),
        (r#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}"#, 1, "does not fit"),
        (r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0, "does not fit"),
        (
            r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
            2,
            "begins at byte 1",
        ),
        (
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            3,
            "begins at byte 1",
        ),
        (r#"{"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,18446744073709551615]}}"#, 0, "fit"),
        (r#"{"a":{"dtype":"F99","shape":[],"data_offsets":[0,8]}}"#, 8, "unknown variant"),
        (r#"{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}"#, 1, "duplicate field"),
        (r#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, 1, "cannot be read"),
        (r#"{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}"#, 1, "cannot be read"),
        (r#"{"\ud800":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#, 1, "cannot be read"),
        (&format!("{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{}1],\"data_offsets\":[0,1]}}}}", "1,".repeat(64)), 1, "64"),
        (&"[".repeat(100_000), 0, "cannot be read"),
        (&format!("{{\"a\":{}", "{\"x\":".repeat(100_000)), 0, "cannot be read"),
    ];
    for (json, data, expected) in cases {
        let message = read(&file(json, *data)).expect_err(&json[..json.len().min(99)]).to_string();
        assert!(message.contains(expected), "{message} of {json:.99}");
    }
}

#[test]
fn a_claimed_length_is_not_allocated() {
    for claimed in [8, 1 << 20, 100_000_000, 100_000_001, u64::MAX - 7, u64::MAX] {
        let mut bytes = claimed.to_le_bytes().to_vec();
        bytes.extend(b"{}");
        LARGEST.store(0, Ordering::Relaxed);
        assert!(read(&bytes).is_err());
        // Other tests run at the same time; none allocates as much.
        assert!(LARGEST.load(Ordering::Relaxed) < 10_000_000, "{claimed}");
    }
    for length in 0..8 {
        assert!(matches!(read(&vec![0; length]), Err(HeaderError::Truncated { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_files_are_errors_or_sound_to_the_reference_too(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = sound();
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        if let Ok(header) = read(&bytes) {
            let theirs = SafeTensors::deserialize(&bytes).unwrap();
            prop_assert_eq!(theirs.len(), header.tensors.len());
            for (name, info) in &header.tensors {
                let view = theirs.tensor(name).unwrap();
                prop_assert_eq!(view.shape(), &info.shape[..]);
            }
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_a_header(json in "\\PC{0,40}", data in 0_usize..4) {
        let _ = read(&file(&json, data));
    }
}
