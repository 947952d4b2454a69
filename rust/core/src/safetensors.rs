//! Headers of safetensors files, read from untrusted files and validated in full.
//!
//! A file is eight bytes of header length (little endian), a JSON header, and the tensors' bytes. The header maps each
//! name to a dtype, a shape and a byte range; `__metadata__` maps strings to strings. What is accepted here is a subset
//! of what the reference implementation accepts: it also accepts a name that is given twice.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::{self, Read};

use ::safetensors::Dtype;
use ::safetensors::tensor::TensorInfo;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use thiserror::Error;

/// Longest header that is read, as in the reference implementation.
const MAX_HEADER: u64 = 100_000_000;
/// Most dimensions of a tensor; a bound on the memory that a hostile shape can make the parser allocate.
const MAX_DIMENSIONS: usize = 64;
/// Bytes of the header's length, and the alignment of the tensors' bytes.
const PREFIX: u64 = 8;
/// The header's key of the metadata.
const METADATA: &str = "__metadata__";

/// Why a file is not a valid safetensors file.
///
/// ```
/// use pruneproof_core::safetensors::{Header, HeaderError};
///
/// let truncated = [9_u8, 0, 0, 0, 0, 0, 0, 0, b'{'];
/// let error = Header::read(&truncated[..], 9).unwrap_err();
/// assert!(matches!(error, HeaderError::Truncated { found: 9, needed: 17 }));
/// ```
#[derive(Debug, Error)]
pub enum HeaderError {
    /// The file ends before its header does.
    #[error("it has {found} bytes, but its header alone needs {needed}; it is truncated or of another format")]
    Truncated {
        /// Bytes in the file.
        found: u64,
        /// Bytes up to the end of the header.
        needed: u64,
    },
    /// The header is longer than the format allows.
    #[error("its header claims {claimed} bytes; at most {MAX_HEADER} are allowed")]
    TooLong {
        /// Length that the file gives.
        claimed: u64,
    },
    /// The header is not JSON, or not the JSON of a header.
    #[error("its header cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Shape and dtype of a tensor need another number of bytes than it has.
    #[error(
        "tensor \"{tensor}\" takes bytes {start} to {end}, which does not fit its dtype {dtype} and shape {shape:?}"
    )]
    WrongSize {
        /// Name of the tensor.
        tensor: String,
        /// Its dtype.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// First byte, counted from the end of the header.
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// Some bytes belong to two tensors, or to none.
    #[error("tensor \"{tensor}\" begins at byte {start}, but the tensors before it end at byte {expected}")]
    NotContiguous {
        /// Name of the tensor.
        tensor: String,
        /// Where it begins, counted from the end of the header.
        start: usize,
        /// Where the tensors before it end.
        expected: usize,
    },
    /// The file has another length than the header says.
    #[error("it has {found} bytes, but its header describes {expected}; it is truncated or something was appended")]
    WrongLength {
        /// Bytes in the file.
        found: u64,
        /// Bytes that header and tensors take.
        expected: u64,
    },
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The header of a safetensors file.
///
/// ```
/// use std::collections::BTreeMap;
/// use pruneproof_core::safetensors::Header;
/// use safetensors::{Dtype, tensor::TensorInfo};
///
/// let info = TensorInfo { dtype: Dtype::F32, shape: vec![2], data_offsets: (0, 8) };
/// let header = Header { tensors: vec![("w".to_owned(), info)], metadata: BTreeMap::new(), data_start: 0 };
/// let mut file = header.to_bytes();
/// file.extend([1.0_f32, 2.0].map(f32::to_le_bytes).concat());
///
/// let again = Header::read(&file[..], file.len() as u64).unwrap();
/// assert_eq!(again.tensors[0].0, "w");
/// assert_eq!(again.data_start as usize, file.len() - 8);
/// ```
#[derive(Clone, Debug)]
pub struct Header {
    /// Name and description of each tensor, in the order of their bytes.
    pub tensors: Vec<(String, TensorInfo)>,
    /// The entries of `__metadata__`.
    pub metadata: BTreeMap<String, String>,
    /// Offset of the tensors' bytes in the file.
    pub data_start: u64,
}

impl Header {
    /// Reads and checks the header of a file of `length` bytes; reads no byte beyond the header.
    ///
    /// ```
    /// use pruneproof_core::safetensors::Header;
    ///
    /// let file = b"\x02\0\0\0\0\0\0\0{}";
    /// assert!(Header::read(&file[..], 10).unwrap().tensors.is_empty());
    /// ```
    ///
    /// # Complexity
    /// Time O(h log h) and memory O(h) for a header of h bytes, which is checked against `length` before it is
    /// allocated.
    ///
    /// # Errors
    /// [`HeaderError`]: the header is truncated, malformed, names a tensor twice or does not describe exactly `length`
    /// bytes, or the file cannot be read.
    pub fn read(mut file: impl Read, length: u64) -> Result<Self, HeaderError> {
        if length < PREFIX {
            return Err(HeaderError::Truncated { found: length, needed: PREFIX });
        }
        let mut prefix = [0; PREFIX as usize];
        file.read_exact(&mut prefix)?;
        let claimed = u64::from_le_bytes(prefix);
        if claimed > MAX_HEADER {
            return Err(HeaderError::TooLong { claimed });
        }
        let data_start = PREFIX + claimed;
        if data_start > length {
            return Err(HeaderError::Truncated { found: length, needed: data_start });
        }
        let mut json = vec![0; claimed as usize];
        file.read_exact(&mut json)?;
        let Content { mut tensors, metadata } = serde_json::from_slice(&json)?;
        tensors.sort_by(|left, right| (left.1.data_offsets, &left.0).cmp(&(right.1.data_offsets, &right.0)));
        let end = check_ranges(&tensors)?;
        let expected = data_start.saturating_add(end as u64);
        if expected != length {
            return Err(HeaderError::WrongLength { found: length, expected });
        }
        Ok(Self { tensors, metadata, data_start })
    }

    /// Returns the bytes of the header, which stand before those of the tensors in a file; equal headers give equal
    /// bytes.
    ///
    /// Linear in the header's length. `data_start` is not used.
    ///
    /// ```
    /// use pruneproof_core::safetensors::Header;
    ///
    /// let empty = Header::read(&b"\x02\0\0\0\0\0\0\0{}"[..], 10).unwrap();
    /// assert_eq!(empty.to_bytes(), b"\x08\0\0\0\0\0\0\0{}      ");
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "strings and numbers are always valid JSON")]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut json = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut json);
        let write = |serializer: &mut serde_json::Serializer<&mut Vec<u8>>| {
            let mut map = serializer.serialize_map(None)?;
            if !self.metadata.is_empty() {
                map.serialize_entry(METADATA, &self.metadata)?;
            }
            for (name, info) in &self.tensors {
                map.serialize_entry(name, info)?;
            }
            map.end()
        };
        write(&mut serializer).expect("strings and numbers are valid JSON");
        // Padding keeps the tensors aligned in a memory-mapped file.
        json.resize(json.len().next_multiple_of(PREFIX as usize), b' ');
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.append(&mut json);
        bytes
    }
}

/// Checks that the tensors' bytes follow each other without a gap, and returns where they end.
fn check_ranges(tensors: &[(String, TensorInfo)]) -> Result<usize, HeaderError> {
    let mut expected = 0;
    for (tensor, info) in tensors {
        let (start, end) = info.data_offsets;
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |bits, &side| bits.checked_mul(side));
        if end.checked_sub(start).and_then(|bytes| bytes.checked_mul(8)) != bits || bits.is_none() {
            let (tensor, dtype, shape) = (tensor.clone(), info.dtype, info.shape.clone());
            return Err(HeaderError::WrongSize { tensor, dtype, shape, start, end });
        }
        if start != expected {
            return Err(HeaderError::NotContiguous { tensor: tensor.clone(), start, expected });
        }
        expected = end;
    }
    Ok(expected)
}

/// The content of a header's JSON. Parsed as a stream, so that no tree is built and a key that is given twice is seen.
struct Content {
    tensors: Vec<(String, TensorInfo)>,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Content;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map from tensor names to dtype, shape and data_offsets")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
                let mut seen = HashSet::new();
                let mut content = Content { tensors: Vec::new(), metadata: BTreeMap::new() };
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format!("\"{name}\" is given twice")));
                    }
                    if name == METADATA {
                        content.metadata =
                            map.next_value::<Option<Texts>>()?.map_or_else(BTreeMap::new, |texts| texts.0);
                    } else {
                        let Info { dtype, shape, data_offsets } = map.next_value()?;
                        content.tensors.push((name, TensorInfo { dtype, shape: shape.0, data_offsets }));
                    }
                }
                Ok(content)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[derive(serde::Deserialize)]
struct Info {
    dtype: Dtype,
    shape: Shape,
    data_offsets: (usize, usize),
}

struct Shape(Vec<usize>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sides;

        impl<'de> Visitor<'de> for Sides {
            type Value = Shape;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a list of at most {MAX_DIMENSIONS} whole numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Shape, A::Error> {
                let mut sides = Vec::new();
                while let Some(side) = sequence.next_element()? {
                    if sides.len() == MAX_DIMENSIONS {
                        return Err(A::Error::invalid_length(sides.len() + 1, &self));
                    }
                    sides.push(side);
                }
                Ok(Shape(sides))
            }
        }

        deserializer.deserialize_seq(Sides)
    }
}

struct Texts(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Texts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map from strings to strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((key, text)) = map.next_entry::<String, String>()? {
                    if texts.contains_key(&key) {
                        return Err(A::Error::custom(format!("metadata \"{key}\" is given twice")));
                    }
                    texts.insert(key, text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}
