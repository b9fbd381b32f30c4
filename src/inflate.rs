//! The decoder of raw deflate streams (RFC 1951): ISA-L with the feature `isal`, zlib-rs without
//! it.

pub(crate) mod step;

#[cfg(feature = "isal")]
use crate::isal::Inflate;
use step::{Damage, Step};
#[cfg(not(feature = "isal"))]
use zlib::Inflate;

/// A decoder of one raw deflate stream.
pub(crate) struct Inflater(Inflate);

impl Inflater {
    pub(crate) fn new() -> Self {
        Self(Inflate::new())
    }

    /// Decodes as much of `input` as possible into `output`, which must not be empty.
    ///
    /// If a step neither consumes nor produces bytes, the decoder needs more input.
    pub(crate) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        self.0.step(input, output)
    }
}

#[cfg(not(feature = "isal"))]
mod zlib {
    use flate2::{Decompress, FlushDecompress, Status};

    use super::step::{Damage, Step};

    pub(super) struct Inflate(Decompress);

    impl Inflate {
        pub(super) fn new() -> Self {
            Self(Decompress::new(false))
        }

        #[expect(
            clippy::cast_possible_truncation,
            reason = "differences within the slices"
        )]
        pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
            let (input_before, output_before) = (self.0.total_in(), self.0.total_out());
            let result = self.0.decompress(input, output, FlushDecompress::None);
            let consumed = (self.0.total_in() - input_before) as usize;
            match result {
                Ok(status) => Ok(Step {
                    consumed,
                    produced: (self.0.total_out() - output_before) as usize,
                    finished: status == Status::StreamEnd,
                }),
                Err(error) => Err(Damage {
                    consumed,
                    reason: error.message().unwrap_or("it cannot be decoded").to_owned(),
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use flate2::{Compression, write::DeflateEncoder};
    use proptest::prelude::*;

    use super::*;

    fn deflate(data: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// Decodes `stream` in input pieces of `piece` bytes, with an output buffer of `room` bytes.
    /// Returns the content and the number of bytes of the stream that the decoder used.
    fn inflate(stream: &[u8], piece: usize, room: usize) -> Result<(Vec<u8>, usize), Damage> {
        let mut inflater = Inflater::new();
        let (mut content, mut output) = (Vec::new(), vec![0; room]);
        let (mut start, mut end) = (0, 0);
        loop {
            let step = inflater.step(&stream[start..end], &mut output)?;
            start += step.consumed;
            content.extend_from_slice(&output[..step.produced]);
            if step.finished {
                return Ok((content, start));
            }
            if step.consumed == 0 && step.produced == 0 {
                if end == stream.len() {
                    return Err(Damage {
                        consumed: start,
                        reason: "too short".into(),
                    });
                }
                end = stream.len().min(end + piece);
            }
        }
    }

    fn content() -> impl Strategy<Value = Vec<u8>> {
        let random = proptest::collection::vec(any::<u8>(), 0..3000);
        let words =
            proptest::collection::vec("[a-f]{1,9}", 0..40_000).prop_map(|w| w.concat().into());
        prop_oneof![random, words]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_end_is_found_to_the_byte(
            data in content(),
            level in 0_u32..=9,
            piece in prop_oneof![1_usize..64, 1_usize..200_000],
            room in prop_oneof![1_usize..64, 1_usize..300_000],
            after in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let stream = deflate(&data, level);
            // Tiny pieces of long content take long and find nothing that a thousand do not.
            let (piece, room) = (piece.max(stream.len() / 1000), room.max(data.len() / 1000));
            let (decoded, used) = inflate(&[&stream[..], &after].concat(), piece, room).unwrap();
            prop_assert!(decoded == data);
            prop_assert_eq!(used, stream.len());
        }

        #[test]
        fn any_bytes_end_in_content_or_damage(
            bytes in proptest::collection::vec(any::<u8>(), 0..2000),
            piece in 1_usize..2000,
        ) {
            if let Ok((_, used)) = inflate(&bytes, piece, 4096) {
                prop_assert!(used <= bytes.len());
            }
        }
    }

    #[test]
    fn damage_has_a_place_and_a_reason() {
        let damage = inflate(&[7, 1, 2, 3], 4, 100).unwrap_err();
        assert!(damage.consumed <= 4);
        assert!(damage.reason.contains("invalid"), "{damage:?}");
        assert_eq!(io::Error::from(damage).kind(), io::ErrorKind::InvalidData);
    }
}
