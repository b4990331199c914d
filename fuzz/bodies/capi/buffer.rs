//! Memory of a host, of exactly the bytes that are needed: AddressSanitizer sees each one beyond.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ffi::c_void;

/// Zeroed bytes, aligned for every voxel type.
pub struct Buffer {
    pointer: *mut u8,
    layout: Layout,
}

impl Buffer {
    /// Allocates at least one byte.
    pub fn new(bytes: usize) -> Buffer {
        let layout = Layout::from_size_align(bytes.max(1), 8).expect("a layout");
        // SAFETY: the size is not zero.
        let pointer = unsafe { alloc_zeroed(layout) };
        if pointer.is_null() {
            handle_alloc_error(layout);
        }
        Buffer { pointer, layout }
    }

    pub fn data(&self) -> *mut c_void {
        self.pointer.cast()
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: allocated with this size, initialised.
        unsafe { std::slice::from_raw_parts(self.pointer, self.layout.size()) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed for this call alone.
        unsafe { std::slice::from_raw_parts_mut(self.pointer, self.layout.size()) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout.
        unsafe { dealloc(self.pointer, self.layout) };
    }
}
