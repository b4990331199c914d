//! Plans: create from any volume and options, describe.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use hrinet::capi::plan::{
    HRINET_SPACING_EXACT, HRINET_SPACING_FACTOR, HRINET_SPACING_ISOTROPIC, HRINET_SPACING_LIKE,
    HRINET_SPACING_NEAREST, HrinetPlan, HrinetResampleOptions, HrinetSlice, hrinet_plan_axis,
    hrinet_plan_create, hrinet_plan_free, hrinet_plan_output, hrinet_plan_output_bytes,
    hrinet_plan_remark, hrinet_plan_slice, hrinet_plan_slice_count, hrinet_plan_work_bytes,
    hrinet_resample_options_init,
};
use hrinet::capi::status::*;
use hrinet::capi::volume::{HrinetVolume, hrinet_volume_init};

use super::super::laws;
use super::{MAX_HANDLES, Numbers, Session, expect};

/// A plan, and what it was made of.
pub(super) struct Planned {
    pub(super) plan: *mut HrinetPlan,
    pub(super) volume: HrinetVolume,
    /// Whether known slices are copied bit for bit.
    pub(super) copies: bool,
}

impl Drop for Planned {
    fn drop(&mut self) {
        // SAFETY: made by `hrinet_plan_create`, freed once.
        unsafe { hrinet_plan_free(self.plan) };
    }
}

/// A volume of any grid, with the positions that it points to.
struct Grid {
    volume: HrinetVolume,
    positions: Vec<f64>,
    is_sheared: bool,
}

impl Grid {
    fn new(numbers: &mut Numbers) -> Grid {
        let mut volume = MaybeUninit::uninit();
        // SAFETY: a place for the struct, which the call fills.
        let mut volume: HrinetVolume = unsafe {
            assert_eq!(hrinet_volume_init(volume.as_mut_ptr()), HRINET_OK);
            volume.assume_init()
        };
        volume.voxel_type = 1 + i32::from(numbers.byte() % 10);
        volume.size = [(); 3].map(|()| 1 + usize::from(numbers.byte() % 6));
        let kind = numbers.byte();
        let spacing = match kind & 1 {
            0 => [0.75, 0.75, 2.5],
            _ => [(); 3].map(|()| numbers.number()),
        };
        let angles = if kind & 2 == 0 { [0.0; 3] } else { [(); 3].map(|()| numbers.number()) };
        let mut steps = laws::rotated(spacing, angles);
        let is_sheared = kind & 12 == 12;
        if is_sheared {
            // A tilted gantry, or any shear.
            let lean = numbers.number();
            (0..3).for_each(|row| steps[2][row] += lean * steps[1][row]);
        }
        for (row, entries) in volume.ijk_to_ras.chunks_exact_mut(4).take(3).enumerate() {
            steps.iter().zip(entries).for_each(|(step, entry)| *entry = step[row]);
        }
        let mut grid = Grid { volume, positions: Vec::new(), is_sheared };
        if kind & 48 == 48 {
            let mut place = 0.0;
            let next = |index| {
                place += if index == 0 { 0.0 } else { numbers.number() };
                place
            };
            grid.positions = (0..grid.volume.size[2]).map(next).collect();
            grid.volume.slice_positions_mm = grid.positions.as_ptr();
        }
        grid
    }
}

/// Changes a volume; gives the code of what is wrong then.
fn spoil(numbers: &mut Numbers, volume: &mut HrinetVolume) -> Option<HrinetStatus> {
    match numbers.byte() % 32 {
        0 => volume.struct_size -= 8,
        1 => volume.voxel_type = 11 + i32::from(numbers.byte()),
        2 => volume.voxel_type = -i32::from(numbers.byte()),
        3 => {
            // Right along another axis.
            volume.size[2] = 1;
            return None;
        }
        4 => volume.size[0] = 0,
        5 => volume.size[1] = usize::MAX,
        6 => volume.ijk_to_ras[15] = 2.0,
        7 => volume.ijk_to_ras[5] = f64::NAN,
        8 => volume.rescale_slope = 0.0,
        9 => volume.rescale_intercept = f64::INFINITY,
        _ => return None,
    }
    // Of two wrong fields, either may be named.
    match volume {
        HrinetVolume { voxel_type, .. } if !(1..=10).contains(voxel_type) => {
            Some(HRINET_INVALID_ARGUMENT)
        }
        volume if volume.struct_size != size_of::<HrinetVolume>() => {
            Some(HRINET_INVALID_STRUCT_SIZE)
        }
        _ => Some(HRINET_INVALID_GEOMETRY),
    }
}

/// Right options, which may not fit a volume.
fn wishes(numbers: &mut Numbers, like: *const HrinetVolume) -> HrinetResampleOptions {
    let mut options = MaybeUninit::uninit();
    // SAFETY: a place for the struct, which the call fills.
    let mut options: HrinetResampleOptions = unsafe {
        assert_eq!(hrinet_resample_options_init(options.as_mut_ptr()), HRINET_OK);
        options.assume_init()
    };
    options.spacing = numbers.pick(&[
        HRINET_SPACING_FACTOR,
        HRINET_SPACING_FACTOR,
        HRINET_SPACING_ISOTROPIC,
        HRINET_SPACING_NEAREST,
        HRINET_SPACING_EXACT,
        HRINET_SPACING_LIKE,
    ]);
    options.factor = numbers.count() as u32;
    options.spacing_mm = numbers.number();
    options.axis = numbers.pick(&[-1, -1, -1, 0, 1, 2]);
    options.like = like;
    options.keep_tilt = i32::from(numbers.byte() % 2);
    options
}

impl Session {
    pub(super) fn create_plan(&mut self, numbers: &mut Numbers) {
        let (mut grid, like) = (Grid::new(numbers), Grid::new(numbers));
        let mut options = wishes(numbers, &like.volume);
        // Numbers may describe no grid.
        let mut expected = vec![HRINET_OK, HRINET_INVALID_GEOMETRY, HRINET_INVALID_ARGUMENT];
        let refused = |code| vec![code, HRINET_INVALID_GEOMETRY, HRINET_INVALID_ARGUMENT];
        if let Some(code) = spoil(numbers, &mut grid.volume) {
            expected = refused(code);
        }
        let (mut volume, mut created) = (&raw const grid.volume, null_mut());
        let mut place = &raw mut created;
        match numbers.byte() % 32 {
            0 => (volume, expected) = (null(), vec![HRINET_NULL_POINTER]),
            1 => (place, expected) = (null_mut(), vec![HRINET_NULL_POINTER]),
            2 => (options.axis, expected) = (3, refused(HRINET_INVALID_STRUCT_SIZE)),
            3 => (options.spacing, expected) = (-1, refused(HRINET_INVALID_STRUCT_SIZE)),
            4 => (options.keep_tilt, expected) = (2, refused(HRINET_INVALID_STRUCT_SIZE)),
            5 => {
                (options.spacing, options.like) = (HRINET_SPACING_LIKE, null());
                expected = refused(HRINET_NULL_POINTER);
                expected.push(HRINET_INVALID_STRUCT_SIZE);
            }
            6 => (options.struct_size, expected) = (0, refused(HRINET_INVALID_STRUCT_SIZE)),
            _ => {}
        }
        // SAFETY: structs whose pointers are valid, and a place for a pointer, or NULL.
        let status = unsafe { hrinet_plan_create(volume, &raw const options, place) };
        if expect("hrinet_plan_create", status, &expected) {
            let copies = !grid.is_sheared || options.keep_tilt == 1;
            self.plans.push(Planned { plan: created, volume: grid.volume, copies });
            // Its positions end with this call.
            let kept = self.plans.last_mut().expect("a plan");
            kept.volume.slice_positions_mm = null();
            if self.plans.len() > MAX_HANDLES {
                self.plans.remove(0);
            }
        } else {
            assert!(created.is_null(), "a plan in spite of {status}");
        }
    }

    pub(super) fn describe_plan(&mut self, numbers: &mut Numbers) {
        let last = self.plans.last().filter(|_| !numbers.one_in(8));
        let plan: *const HrinetPlan = last.map_or(null(), |planned| planned.plan);
        let model = self.any_model(numbers);
        // SAFETY: a plan or NULL, a model or NULL.
        let (bytes, count, axis, remark) = unsafe {
            hrinet_plan_work_bytes(plan, model);
            let remark = hrinet_plan_remark(plan);
            (
                hrinet_plan_output_bytes(plan),
                hrinet_plan_slice_count(plan),
                hrinet_plan_axis(plan),
                remark,
            )
        };
        assert_eq!(remark.is_null(), plan.is_null());
        if plan.is_null() {
            assert_eq!((bytes, count, axis), (0, 0, -1));
        } else {
            // SAFETY: a string of the plan, which lives.
            assert!(unsafe { CStr::from_ptr(remark) }.to_str().is_ok());
            assert!(bytes > 0 && count > 0 && (0..3).contains(&axis));
        }
        let index = if numbers.one_in(4) { numbers.count() as u32 } else { count / 2 };
        let is_sized = !numbers.one_in(16);
        let source = slice_source(plan, index, is_sized);
        let expected = match () {
            () if !is_sized => HRINET_INVALID_STRUCT_SIZE,
            () if plan.is_null() => HRINET_NULL_POINTER,
            () if index >= count => HRINET_INVALID_ARGUMENT,
            () => HRINET_OK,
        };
        match source {
            Ok(slice) => {
                assert_eq!(expected, HRINET_OK);
                assert!((0.0..1.0).contains(&slice.fraction));
                assert_eq!(slice.second, slice.first + u32::from(slice.is_known == 0));
            }
            Err(status) => {
                expect("hrinet_plan_slice", status, &[expected]);
            }
        }
    }
}

/// Source of a slice, or the status of a refusal.
pub(super) fn slice_source(
    plan: *const HrinetPlan,
    index: u32,
    is_sized: bool,
) -> Result<HrinetSlice, HrinetStatus> {
    let struct_size = if is_sized { size_of::<HrinetSlice>() } else { 3 };
    let mut slice = HrinetSlice { struct_size, is_known: 9, first: 0, second: 0, fraction: -1.0 };
    // SAFETY: a plan or NULL, and a struct.
    match unsafe { hrinet_plan_slice(plan, index, &raw mut slice) } {
        HRINET_OK => Ok(slice),
        status => Err(status),
    }
}

/// The output of a plan, without voxels.
pub(super) fn output_of(plan: *const HrinetPlan) -> HrinetVolume {
    let mut output = MaybeUninit::uninit();
    // SAFETY: a plan, and a place for the struct, which the call fills.
    unsafe {
        assert_eq!(hrinet_plan_output(plan, output.as_mut_ptr()), HRINET_OK);
        output.assume_init()
    }
}
