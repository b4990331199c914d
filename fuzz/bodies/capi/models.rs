//! Models: load by name, by path and from memory, describe; slices between two.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use hrinet::capi::model::{
    HRINET_PRECISION_AUTO, HrinetModel, HrinetModelInfo, HrinetModelOptions, hrinet_model_free,
    hrinet_model_info, hrinet_model_load, hrinet_model_load_from_memory, hrinet_model_options_init,
};
use hrinet::capi::slices::hrinet_interpolate_slices;
use hrinet::capi::status::*;

use super::{Numbers, Session, expect};

/// A network of one channel per layer.
pub(super) const TINY: &[u8] = include_bytes!("../../seeds/checkpoint/motion.safetensors");

/// Codes of a file that holds no usable checkpoint.
const FILE: [HrinetStatus; 3] = [HRINET_FILE_DAMAGED, HRINET_FILE_UNSUPPORTED, HRINET_FILE_NEWER];

/// Options for the CPU.
fn options() -> HrinetModelOptions {
    let mut options = MaybeUninit::uninit();
    // SAFETY: a place for the struct, which the call fills.
    let mut options: HrinetModelOptions = unsafe {
        assert_eq!(hrinet_model_options_init(options.as_mut_ptr()), HRINET_OK);
        options.assume_init()
    };
    options.device = c"cpu".as_ptr();
    options
}

/// Changes an option; gives the codes that may follow besides those of the right options.
fn misuse(numbers: &mut Numbers, options: &mut HrinetModelOptions) -> Option<HrinetStatus> {
    match numbers.byte() % 24 {
        0 => options.struct_size = numbers.count(),
        1 => options.device = null(),
        2 => options.device = c"\xff".as_ptr(),
        3 => options.device = c"gpu".as_ptr(),
        4 => options.precision = i32::from(numbers.byte()),
        5 => options.ensemble = -1,
        6 => options.detail_carry = 2,
        7 => options.ensemble = 1,
        _ => {}
    }
    match () {
        () if options.struct_size != size_of::<HrinetModelOptions>() => {
            Some(HRINET_INVALID_STRUCT_SIZE)
        }
        () if options.device.is_null() => Some(HRINET_NULL_POINTER),
        // SAFETY: one of the strings above.
        () if unsafe { CStr::from_ptr(options.device) } == c"\xff" => Some(HRINET_INVALID_TEXT),
        () if options.precision > HRINET_PRECISION_AUTO
            || options.ensemble < 0
            || options.detail_carry > 1 =>
        {
            Some(HRINET_INVALID_ARGUMENT)
        }
        () => None,
    }
}

impl Session {
    /// Loads a plain interpolator by its name, or fails by a wrong one.
    pub(super) fn load_model(&mut self, numbers: &mut Numbers) {
        let (name, code): (*const _, _) = match numbers.byte() % 8 {
            0 => (null(), HRINET_NULL_POINTER),
            1 => (c"no-such-model".as_ptr(), HRINET_INVALID_ARGUMENT),
            2 => (c"/none/model.safetensors".as_ptr(), HRINET_FILE_SYSTEM),
            3 => (c"a\xff".as_ptr(), HRINET_INVALID_TEXT),
            4 | 5 => (c"cubic".as_ptr(), HRINET_OK),
            _ => (c"linear".as_ptr(), HRINET_OK),
        };
        let mut options = options();
        let wrong_option = misuse(numbers, &mut options);
        let mut model = null_mut();
        let place = if numbers.one_in(16) { null_mut() } else { &raw mut model };
        // SAFETY: strings or NULL, a struct, a place for a pointer or NULL.
        let status = unsafe { hrinet_model_load(name, &raw const options, place) };
        let expected = match (place.is_null(), code, wrong_option) {
            (true, ..) => vec![HRINET_NULL_POINTER],
            (_, HRINET_OK, None) => vec![HRINET_OK, HRINET_INVALID_ARGUMENT],
            (_, HRINET_OK, Some(wrong)) => vec![wrong],
            (_, code, None) => vec![code, HRINET_INVALID_ARGUMENT],
            (_, code, Some(wrong)) => vec![code, wrong],
        };
        if expect("hrinet_model_load", status, &expected) {
            self.keep_model(model);
        } else {
            assert!(model.is_null(), "a model in spite of {status}");
        }
    }

    /// Loads a checkpoint from memory: a whole, a truncated or a damaged one.
    pub(super) fn load_checkpoint(&mut self, numbers: &mut Numbers) {
        let mut bytes = TINY.to_vec();
        let mut expected = FILE.to_vec();
        match numbers.byte() % 4 {
            0 if self.has_networks => expected = vec![HRINET_OK],
            1 => {
                let at = usize::from(numbers.byte()) * bytes.len() / 256 + 8;
                bytes[at] ^= 1 << (numbers.byte() % 8);
                // Of a name in the record, for example.
                expected.extend([HRINET_OK, HRINET_INVALID_ARGUMENT]);
            }
            _ => bytes.truncate(usize::from(numbers.byte()) * bytes.len() / 256),
        }
        let mut options = options();
        if let Some(wrong) = misuse(numbers, &mut options) {
            expected = vec![wrong];
        } else if options.ensemble == 1 || options.device != c"cpu".as_ptr() {
            expected.push(HRINET_INVALID_ARGUMENT);
        }
        let mut model = null_mut();
        // SAFETY: so many bytes, a struct, a place for a pointer.
        let status = unsafe {
            let (bytes, size) = (bytes.as_ptr(), bytes.len());
            hrinet_model_load_from_memory(bytes, size, &raw const options, &raw mut model)
        };
        if expect("hrinet_model_load_from_memory", status, &expected) {
            match self.has_networks {
                true => self.keep_model(model),
                // SAFETY: a model, which is forgotten.
                false => unsafe { hrinet_model_free(model) },
            }
        }
    }

    pub(super) fn describe_model(&mut self, numbers: &mut Numbers) {
        let model = self.any_model(numbers);
        // SAFETY: numbers and pointers, which may be 0.
        let mut info: HrinetModelInfo = unsafe { MaybeUninit::zeroed().assume_init() };
        info.struct_size = if numbers.one_in(8) { 7 } else { size_of::<HrinetModelInfo>() };
        let expected = match (model.is_null(), info.struct_size) {
            (true, _) => HRINET_NULL_POINTER,
            (_, 7) => HRINET_INVALID_STRUCT_SIZE,
            _ => HRINET_OK,
        };
        // SAFETY: a model or NULL, and a struct.
        let status = unsafe { hrinet_model_info(model, &raw mut info) };
        if expect("hrinet_model_info", status, &[expected]) {
            // SAFETY: strings of the model, which lives.
            let texts = unsafe {
                [info.system, info.checksum, info.device].map(|text| CStr::from_ptr(text))
            };
            assert!(texts.iter().all(|text| text.to_str().is_ok()));
            assert_eq!(texts[1].to_bytes().len(), if info.parameter_count > 0 { 64 } else { 0 });
        }
    }

    /// Slices between two small ones; all of them finite where their neighbours are.
    pub(super) fn interpolate_slices(&mut self, numbers: &mut Numbers) {
        let model = self.any_model(numbers);
        let (rows, columns, count) =
            (numbers.count() % 9, numbers.count() % 9, usize::from(numbers.byte() % 4));
        let pixels = rows * columns;
        let plane = |numbers: &mut Numbers| -> Vec<f32> {
            let odd = numbers.one_in(8).then(|| numbers.number() as f32);
            let hu = |index: usize| (index * 131 % 2003) as f32 - 1001.0;
            (0..pixels).map(|index| odd.filter(|_| index == 1).unwrap_or(hu(index))).collect()
        };
        let (first, second) = (plane(numbers), plane(numbers));
        let alphas: Vec<f64> = (0..count)
            .map(|_| {
                if numbers.one_in(16) {
                    numbers.number()
                } else {
                    f64::from(numbers.byte()) / 255.0
                }
            })
            .collect();
        let mut slices = vec![0f32; pixels * count];
        let missing = numbers.byte() % 16;
        let first_plane = if missing == 1 { null() } else { first.as_ptr() };
        let output = if missing == 2 { null_mut() } else { slices.as_mut_ptr() };
        // SAFETY: a model or NULL, and arrays as large as said or NULL.
        let status = unsafe {
            let (second, alphas) = (second.as_ptr(), alphas.as_ptr());
            hrinet_interpolate_slices(
                model,
                first_plane,
                second,
                rows,
                columns,
                alphas,
                count,
                output,
            )
        };
        let is_finite = first.iter().chain(&second).all(|hu| hu.is_finite());
        let is_valid = alphas.iter().all(|alpha| (0.0..=1.0).contains(alpha));
        let expected = match () {
            () if missing == 2 => HRINET_NULL_POINTER,
            () if pixels == 0 || count == 0 => HRINET_INVALID_ARGUMENT,
            () if missing == 1 => HRINET_NULL_POINTER,
            () if !(is_finite && is_valid) => HRINET_INVALID_ARGUMENT,
            () => HRINET_OK,
        };
        if expect("hrinet_interpolate_slices", status, &[expected]) {
            let mut planes = slices.chunks(pixels).zip(&alphas);
            let is_first = |(plane, &alpha): (&[f32], &f64)| alpha != 1.0 || plane == first;
            assert!(planes.all(is_first), "not the first slice at an alpha of 1");
        }
    }
}

/// A network of one channel per layer as a handle.
pub(super) fn tiny() -> *mut HrinetModel {
    let (options, mut model) = (options(), null_mut());
    // SAFETY: so many bytes, a struct, a place for a pointer.
    let status = unsafe {
        let (bytes, size) = (TINY.as_ptr(), TINY.len());
        hrinet_model_load_from_memory(bytes, size, &raw const options, &raw mut model)
    };
    expect("hrinet_model_load_from_memory", status, &[HRINET_OK]);
    model
}
