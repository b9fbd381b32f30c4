//! Safe types for Intel's [ISA-L](https://github.com/intel/isa-l): raw deflate at levels 1 to 3 and
//! raw inflate.
//!
//! The bindings describe the structures of `libisal.so.2` (2.30 and later); a test compares them
//! with the installed header.

#![allow(unsafe_code)]

use std::io;

use isal_sys::igzip_lib as ffi;

use crate::inflate::step::{Damage, Step};

/// The flush values of ISA-L's header, in the type of the field `flush`.
const NO_FLUSH: u16 = 0;
const SYNC_FLUSH: u16 = 1;
const _: () = assert!(ffi::NO_FLUSH == 0 && ffi::SYNC_FLUSH == 1);

/// Returns a structure of zero bytes on the heap. It is created there because it is too large for a
/// stack.
///
/// # Safety
///
/// A `T` whose bytes are all zero must be valid.
unsafe fn allocate_zeroed_box<T>() -> Box<T> {
    let mut memory = Box::<T>::new_uninit();
    // SAFETY: the box owns memory for one T, and the caller guarantees that zero bytes are a valid
    // T.
    unsafe {
        memory.as_mut_ptr().write_bytes(0, 1);
        memory.assume_init()
    }
}

/// Returns how many of `available` bytes ISA-L can take at once: its lengths have 32 bits.
fn limit_length(available: usize) -> u32 {
    u32::try_from(available).unwrap_or(u32::MAX)
}

/// An encoder of raw deflate streams, which starts anew with each block.
pub(crate) struct Deflate {
    stream: Box<ffi::isal_zstream>,
    level: u32,
    /// ISA-L's working memory, with the alignment of C's `malloc`.
    level_buffer: Vec<u128>,
}

impl Deflate {
    pub(crate) fn new(level: u8) -> Self {
        let level_buffer_size = match level {
            1 => ffi::ISAL_DEF_LVL1_DEFAULT,
            2 => ffi::ISAL_DEF_LVL2_DEFAULT,
            _ => ffi::ISAL_DEF_LVL3_DEFAULT,
        };
        Self {
            // SAFETY: isal_zstream consists of integers, arrays of integers and raw pointers.
            stream: unsafe { allocate_zeroed_box() },
            level: level.into(),
            level_buffer: vec![0; (level_buffer_size as usize).div_ceil(size_of::<u128>())],
        }
    }

    /// Compresses `data` and appends it to `out`; see [`crate::deflate::Deflater::block`].
    pub(crate) fn block(
        &mut self,
        dictionary: &[u8],
        data: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.start(dictionary, last)?;
        let mut rest = data;
        loop {
            let (consumed, output_is_full) = self.step(&mut rest, out)?;
            let ended = self.stream.internal_state.state == ffi::isal_zstate_state_ZSTATE_END;
            if rest.is_empty() && !output_is_full && (ended || !last) {
                return Ok(());
            }
            if consumed == 0 && !output_is_full {
                return Err(io::Error::other(
                    "ISA-L stopped before the end of its input",
                ));
            }
        }
    }

    fn start(&mut self, dictionary: &[u8], last: bool) -> io::Result<()> {
        // SAFETY: the stream is initialised memory of the right type; level_buffer outlives every
        // call that uses it; ISA-L copies the dictionary and only reads it.
        let code = unsafe {
            ffi::isal_deflate_init(&raw mut *self.stream);
            self.stream.level = self.level;
            self.stream.level_buf = self.level_buffer.as_mut_ptr().cast();
            self.stream.level_buf_size = limit_length(size_of_val(self.level_buffer.as_slice()));
            self.stream.flush = if last { NO_FLUSH } else { SYNC_FLUSH };
            self.stream.end_of_stream = last.into();
            ffi::isal_deflate_set_dict(
                &raw mut *self.stream,
                dictionary.as_ptr().cast_mut(),
                limit_length(dictionary.len()),
            )
        };
        check(code)
    }

    /// Calls ISA-L once. Returns the number of bytes it consumed, and true if it filled the free
    /// space of `out`.
    fn step(&mut self, rest: &mut &[u8], out: &mut Vec<u8>) -> io::Result<(usize, bool)> {
        out.reserve(rest.len() + rest.len() / 64 + 1024);
        let room = limit_length(out.capacity() - out.len());
        let input = limit_length(rest.len());
        self.stream.next_in = rest.as_ptr().cast_mut();
        self.stream.avail_in = input;
        self.stream.next_out = out.spare_capacity_mut().as_mut_ptr().cast();
        self.stream.avail_out = room;
        // SAFETY: next_in and next_out point to avail_in readable and avail_out writable bytes.
        check(unsafe { ffi::isal_deflate(&raw mut *self.stream) })?;
        let consumed = (input - self.stream.avail_in) as usize;
        let produced = (room - self.stream.avail_out) as usize;
        // SAFETY: ISA-L has written this many bytes into the spare capacity.
        unsafe { out.set_len(out.len() + produced) };
        *rest = &rest[consumed..];
        Ok((consumed, self.stream.avail_out == 0))
    }
}

fn check(code: i32) -> io::Result<()> {
    if code == ffi::COMP_OK.cast_signed() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "ISA-L cannot compress (its code {code})"
    )))
}

/// A decoder of one raw deflate stream.
pub(crate) struct Inflate {
    state: Box<ffi::inflate_state>,
}

// SAFETY: every call sets the state's pointers anew, and nothing follows them between calls.
unsafe impl Send for Inflate {}

impl Inflate {
    pub(crate) fn new() -> Self {
        // SAFETY: inflate_state consists of integers, arrays of integers and raw pointers.
        let mut state: Box<ffi::inflate_state> = unsafe { allocate_zeroed_box() };
        // SAFETY: the state is initialised memory of the right type.
        unsafe { ffi::isal_inflate_init(&raw mut *state) };
        Self { state }
    }

    /// Decodes a part of the stream; see [`crate::inflate::Inflater::step`].
    pub(crate) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let available = limit_length(input.len());
        let room = limit_length(output.len());
        self.state.next_in = input.as_ptr().cast_mut();
        self.state.avail_in = available;
        self.state.next_out = output.as_mut_ptr();
        self.state.avail_out = room;
        // SAFETY: next_in and next_out point to avail_in readable and avail_out writable bytes.
        let code = unsafe { ffi::isal_inflate(&raw mut *self.state) };
        // If damage follows a block header that came in several pieces, ISA-L may report more
        // unused input than it received.
        let Some(consumed) = available.checked_sub(self.state.avail_in) else {
            return Err(Damage {
                consumed: 0,
                reason: describe_code(code).to_owned(),
            });
        };
        let consumed = (consumed as usize).saturating_sub(self.give_back());
        if code != ffi::ISAL_DECOMP_OK.cast_signed() {
            return Err(Damage {
                consumed,
                reason: describe_code(code).to_owned(),
            });
        }
        Ok(Step {
            consumed,
            produced: (room - self.state.avail_out) as usize,
            finished: self.state.block_state == ffi::isal_block_state_ISAL_BLOCK_FINISH,
        })
    }

    /// Removes the whole bytes from ISA-L's bit buffer and returns their number. They belong to the
    /// input that is not used yet: at the end of the stream, to the data that follows it. While
    /// ISA-L waits for the rest of a block header, the header's first bytes are in a second buffer
    /// behind the bit buffer. Then no byte can be given back, and the stream cannot be at its end.
    fn give_back(&mut self) -> usize {
        if self.state.tmp_in_size > 0 || self.state.read_in_length < 8 {
            return 0;
        }
        let bytes = self.state.read_in_length / 8;
        self.state.read_in_length %= 8;
        self.state.read_in &= (1 << self.state.read_in_length) - 1;
        bytes.cast_unsigned() as usize
    }
}

fn describe_code(code: i32) -> &'static str {
    match code {
        ffi::ISAL_INVALID_BLOCK => "invalid block",
        ffi::ISAL_INVALID_SYMBOL => "invalid symbol",
        ffi::ISAL_INVALID_LOOKBACK => "invalid distance",
        _ => "it cannot be decoded",
    }
}

#[cfg(test)]
mod tests {
    use std::{mem::offset_of, process::Command};

    use super::ffi::{inflate_state, isal_zstate, isal_zstream};

    const PROGRAM: &str = r#"
        #include <isa-l/igzip_lib.h>
        #include <stddef.h>
        #include <stdio.h>
        #define NUMBER(n) printf("%zu ", (size_t)(n))
        int main(void) {
            NUMBER(sizeof(struct isal_zstream));
            NUMBER(offsetof(struct isal_zstream, avail_out));
            NUMBER(offsetof(struct isal_zstream, level_buf));
            NUMBER(offsetof(struct isal_zstream, flush));
            NUMBER(offsetof(struct isal_zstream, internal_state));
            NUMBER(offsetof(struct isal_zstate, state));
            NUMBER(sizeof(struct inflate_state));
            NUMBER(offsetof(struct inflate_state, avail_out));
            NUMBER(offsetof(struct inflate_state, read_in));
            NUMBER(offsetof(struct inflate_state, read_in_length));
            NUMBER(offsetof(struct inflate_state, block_state));
            NUMBER(offsetof(struct inflate_state, tmp_in_size));
            NUMBER(ISAL_DEF_LVL1_DEFAULT);
            NUMBER(ISAL_DEF_LVL2_DEFAULT);
            NUMBER(ISAL_DEF_LVL3_DEFAULT);
            NUMBER(ZSTATE_END);
            NUMBER(ISAL_BLOCK_FINISH);
        }"#;

    /// The bindings come from a vendored copy of the header, but the library is the system's.
    #[test]
    fn the_bindings_have_the_layout_of_the_installed_header() {
        let directory = tempfile::tempdir().unwrap();
        let (source, program) = (
            directory.path().join("layout.c"),
            directory.path().join("layout"),
        );
        std::fs::write(&source, PROGRAM).unwrap();
        let compiled = Command::new("cc")
            .arg(&source)
            .arg("-o")
            .arg(&program)
            .status()
            .unwrap();
        assert!(compiled.success());
        let header = String::from_utf8(Command::new(&program).output().unwrap().stdout).unwrap();
        let bindings = [
            size_of::<isal_zstream>(),
            offset_of!(isal_zstream, avail_out),
            offset_of!(isal_zstream, level_buf),
            offset_of!(isal_zstream, flush),
            offset_of!(isal_zstream, internal_state),
            offset_of!(isal_zstate, state),
            size_of::<inflate_state>(),
            offset_of!(inflate_state, avail_out),
            offset_of!(inflate_state, read_in),
            offset_of!(inflate_state, read_in_length),
            offset_of!(inflate_state, block_state),
            offset_of!(inflate_state, tmp_in_size),
            super::ffi::ISAL_DEF_LVL1_DEFAULT as usize,
            super::ffi::ISAL_DEF_LVL2_DEFAULT as usize,
            super::ffi::ISAL_DEF_LVL3_DEFAULT as usize,
            super::ffi::isal_zstate_state_ZSTATE_END as usize,
            super::ffi::isal_block_state_ISAL_BLOCK_FINISH as usize,
        ];
        let header: Vec<usize> = header
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        assert_eq!(header, bindings);
    }
}
