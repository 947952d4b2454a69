//! Finds the memory of a torch tensor through DLPack's table of C functions, without making Python objects.
//!
//! See `__dlpack_c_exchange_api__` in the specification of DLPack's Python interface. It matters for networks of
//! thousands of small tensors, where Python objects took longer than the selection (docs/adr/0021).

use std::ffi::{c_int, c_void};
use std::slice::from_raw_parts;

use dlpack_ffi::{DLDataTypeCode, DLDeviceType, DLPACK_MAJOR_VERSION, DLPackExchangeAPI, DLTensor};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// The C function of a class that describes the memory of one of its tensors.
#[derive(Clone, Copy)]
pub struct Exchange(unsafe extern "C" fn(*mut c_void, *mut DLTensor) -> c_int);

/// The memory of a contiguous tensor on the CPU.
pub struct Memory {
    /// Address of the first value.
    pub start: *const c_void,
    /// Number of values.
    pub size: usize,
}

impl Exchange {
    /// Looks the function up; `None` for classes without one, such as those of older versions of torch.
    pub fn of(class: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let Some(table) = class.getattr_opt(intern!(class.py(), "__dlpack_c_exchange_api__"))? else { return Ok(None) };
        let table = table.cast_into::<PyCapsule>()?.pointer_checked(Some(c"dlpack_exchange_api"))?;
        // SAFETY: a capsule of this name holds a table that lives as long as the process. Its header, with the version
        // number, has the same layout in all versions; the other fields are read only if the version is the known one.
        let table = unsafe { table.cast::<DLPackExchangeAPI>().as_ref() };
        let known = table.header.version.major == DLPACK_MAJOR_VERSION;
        Ok(table.dltensor_from_py_object_no_sync.filter(|_| known).map(Exchange))
    }

    /// Returns the memory of a tensor of exactly the class of this function, and appends its shape to `sides`; `None`
    /// if it is not of this `kind` and width in bits, contiguous and on the CPU.
    pub fn memory(
        self,
        tensor: &Bound<'_, PyAny>,
        kind: DLDataTypeCode,
        bits: usize,
        sides: &mut Vec<i64>,
    ) -> Option<Memory> {
        let mut found = std::mem::MaybeUninit::<DLTensor>::zeroed();
        // SAFETY: the tensor is alive and of the function's class, which the caller has checked; the GIL is held; and
        // the function writes one `DLTensor` to the pointer.
        if unsafe { self.0(tensor.as_ptr().cast(), found.as_mut_ptr()) } != 0 {
            // It has no memory, because it is sparse for instance. The error is dropped; the fallback raises its own.
            drop(PyErr::take(tensor.py()));
            return None;
        }
        // SAFETY: the function returned 0, so it has written the struct; and all zeros, as before, is a valid value
        // too.
        let found = unsafe { found.assume_init() };
        let is_known = found.dtype.lanes == 1 && usize::from(found.dtype.bits) == bits;
        let has_memory = found.device.device_type == DLDeviceType::kDLCPU && !found.data.is_null();
        if !is_known || found.dtype.code != kind.0 as u8 || !has_memory {
            return None;
        }
        let dimensions = usize::try_from(found.ndim).ok()?;
        let (shape, strides) = if dimensions == 0 {
            (&[][..], &[][..])
        } else if found.strides.is_null() {
            return None;
        } else {
            // SAFETY: both arrays have `ndim` numbers, and belong to the tensor, which is alive while the GIL is held.
            unsafe { (from_raw_parts(found.shape, dimensions), from_raw_parts(found.strides, dimensions)) }
        };
        let mut size = 1_i64;
        let mut is_contiguous = true;
        for (&side, &stride) in shape.iter().zip(strides).rev() {
            is_contiguous &= side == 1 || stride == size;
            size = size.saturating_mul(side);
        }
        if !is_contiguous && size != 0 {
            return None;
        }
        sides.extend(shape);
        Some(Memory { start: found.data.wrapping_byte_add(found.byte_offset as usize), size: size as usize })
    }
}
