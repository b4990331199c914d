//! Stored values of derived slices.

use dicom_dictionary_std::tags;

use super::elements::{Object, number, put, put_decimals, put_i16, put_u16, text};
use crate::error::{Error, Result};
use crate::io::dicom::slice::Slice;
use crate::volume::Rescale;

/// Bits that a CT image has at least.
const MIN_BITS: u16 = 12;

/// How a slice stores its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StoredType {
    rescale: Rescale,
    /// BitsStored of the source, up to 16.
    bits: u16,
    is_signed: bool,
    /// Smallest and largest stored value that is padding.
    padding: Option<(i32, i32)>,
}

impl StoredType {
    /// How a slice of the source stores its values.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for more than 16 bits, which a CT image cannot have.
    pub(super) fn of(slice: &Slice, attributes: &Object) -> Result<StoredType> {
        let bits = number(attributes, tags::BITS_STORED).unwrap_or(16.0) as u16;
        if bits > 16 {
            let reason = format!(
                "stored values of {bits} bits; CT images as DICOM have up to 16, write a .nrrd or \
                 .nii.gz file instead"
            );
            return Err(Error::unsupported(&slice.path, reason));
        }
        let is_signed = number(attributes, tags::PIXEL_REPRESENTATION) == Some(1.0);
        // Written as signed or unsigned, whatever the pixels are.
        let padding = |tag| {
            let bits = number(attributes, tag)? as i32 as u16;
            Some(if is_signed { i32::from(bits as i16) } else { i32::from(bits) })
        };
        let limit = padding(tags::PIXEL_PADDING_RANGE_LIMIT);
        let padding = padding(tags::PIXEL_PADDING_VALUE).map(|value| {
            let limit = limit.unwrap_or(value);
            (value.min(limit), value.max(limit))
        });
        let rescale = Rescale { slope: slice.slope, intercept: slice.intercept };
        Ok(StoredType { rescale, bits, is_signed, padding })
    }

    /// The stored value closest to a value in HU, within the bits of the source.
    pub(super) fn value(&self, hu: f64) -> i32 {
        let (low, high) = match self.is_signed {
            true => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        };
        (self.rescale.from_hu(hu).round() as i32).clamp(low, high)
    }

    /// Whether a stored value is padding.
    pub(super) fn is_padding(&self, value: i32) -> bool {
        self.padding.is_some_and(|(low, high)| (low..=high).contains(&value))
    }

    /// Whether any value is padding.
    pub(super) fn has_padding(&self) -> bool {
        self.padding.is_some()
    }

    /// Describes the pixels of a slice.
    pub(super) fn describe(&self, object: &mut Object, source: &Object) {
        let bits = self.bits.max(MIN_BITS);
        put_u16(object, tags::SAMPLES_PER_PIXEL, &[1]);
        put_u16(object, tags::BITS_ALLOCATED, &[16]);
        put_u16(object, tags::BITS_STORED, &[bits]);
        put_u16(object, tags::HIGH_BIT, &[bits - 1]);
        put_u16(object, tags::PIXEL_REPRESENTATION, &[u16::from(self.is_signed)]);
        // As the source writes them, where it does.
        for (tag, value) in [
            (tags::RESCALE_SLOPE, self.rescale.slope),
            (tags::RESCALE_INTERCEPT, self.rescale.intercept),
        ] {
            match text(source, tag) {
                Some(text) if number(source, tag) == Some(value) => put(object, tag, &text),
                _ => put_decimals(object, tag, &[value]),
            }
        }
        self.describe_padding(object, source);
    }

    fn describe_padding(&self, object: &mut Object, source: &Object) {
        for tag in [tags::PIXEL_PADDING_VALUE, tags::PIXEL_PADDING_RANGE_LIMIT] {
            let Some(value) = number(source, tag) else { continue };
            let bits = value as i32 as u16;
            match self.is_signed {
                true => put_i16(object, tag, bits as i16),
                false => put_u16(object, tag, &[bits]),
            }
        }
    }
}
