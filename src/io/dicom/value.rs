//! Values of DICOM elements from their bytes.

use dicom_core::Tag;
use dicom_core::header::VR;
use dicom_core::value::PrimitiveValue;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

/// Longest text that is decoded, bytes: each of its parts takes memory.
const MAX_TEXT: usize = 64 << 20;

/// Character set of a data set.
#[derive(Clone, Default)]
pub(crate) struct Charset(SpecificCharacterSet);

impl Charset {
    /// Character set of these values of SpecificCharacterSet: the first, or the default one where
    /// it is empty or not known. Escapes to the other ones are kept as they are.
    pub(crate) fn named(names: &[String]) -> Charset {
        let first = names.first().and_then(|name| SpecificCharacterSet::from_code(name.trim()));
        Charset(first.unwrap_or_default())
    }

    fn decode(&self, bytes: &[u8]) -> String {
        let decoded = self.0.decode(bytes).ok();
        decoded.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Value of these bytes; `None` where they are no whole number of values, for a sequence and for a
/// text of more than [`MAX_TEXT`] bytes.
pub(crate) fn primitive(
    vr: VR,
    bytes: &[u8],
    big: bool,
    charset: &Charset,
) -> Option<PrimitiveValue> {
    /// Numbers of this many bytes.
    fn numbers<const N: usize, T, C: FromIterator<T>>(
        bytes: &[u8],
        big: bool,
        number: fn([u8; N]) -> T,
    ) -> Option<C> {
        let (chunks, rest) = bytes.as_chunks::<N>();
        let ordered = |chunk: &[u8; N]| {
            let mut chunk = *chunk;
            if big {
                chunk.reverse();
            }
            number(chunk)
        };
        rest.is_empty().then(|| chunks.iter().map(ordered).collect())
    }
    if bytes.is_empty() {
        return Some(PrimitiveValue::Empty);
    }
    use PrimitiveValue as Value;
    Some(match vr {
        VR::SQ => return None,
        VR::US | VR::OW => Value::U16(numbers(bytes, big, u16::from_le_bytes)?),
        VR::SS => Value::I16(numbers(bytes, big, i16::from_le_bytes)?),
        VR::UL | VR::OL => Value::U32(numbers(bytes, big, u32::from_le_bytes)?),
        VR::SL => Value::I32(numbers(bytes, big, i32::from_le_bytes)?),
        VR::UV | VR::OV => Value::U64(numbers(bytes, big, u64::from_le_bytes)?),
        VR::SV => Value::I64(numbers(bytes, big, i64::from_le_bytes)?),
        VR::FL | VR::OF => Value::F32(numbers(bytes, big, f32::from_le_bytes)?),
        VR::FD | VR::OD => Value::F64(numbers(bytes, big, f64::from_le_bytes)?),
        VR::AT => {
            let halves: Vec<u16> = numbers(bytes, big, u16::from_le_bytes)?;
            let (pairs, rest) = halves.as_chunks::<2>();
            if !rest.is_empty() {
                return None;
            }
            Value::Tags(pairs.iter().map(|&[group, element]| Tag(group, element)).collect())
        }
        VR::OB | VR::UN => Value::from(bytes),
        _ if bytes.len() > MAX_TEXT => return None,
        VR::LT | VR::ST | VR::UT => Value::Str(charset.decode(bytes)),
        VR::AE | VR::AS | VR::CS | VR::UR => {
            let charset = Charset::default();
            Value::Strs(
                bytes.split(|&byte| byte == b'\\').map(|part| charset.decode(part)).collect(),
            )
        }
        _ => Value::Strs(
            bytes.split(|&byte| byte == b'\\').map(|part| charset.decode(part)).collect(),
        ),
    })
}
