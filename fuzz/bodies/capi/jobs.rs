//! Jobs: a volume, its expected errors and label maps on the grid of a plan.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use hrinet::capi::job::{
    HRINET_LABELS_ANATOMY, HRINET_LABELS_NEAREST, HRINET_LABELS_SHAPE, HrinetJob, HrinetLabelJob,
    HrinetProgress, hrinet_job_init, hrinet_label_job_init, hrinet_resample,
};
use hrinet::capi::model::{HrinetModel, HrinetModelInfo, hrinet_model_info};
use hrinet::capi::plan::{HrinetPlan, hrinet_plan_axis, hrinet_plan_slice_count};
use hrinet::capi::status::*;
use hrinet::capi::volume::{HRINET_FLOAT32, HRINET_UINT8, HrinetVolume};

use super::buffer::Buffer;
use super::plans::{Planned, output_of, slice_source};
use super::{Numbers, Session, expect};

/// Largest output of a job, voxels.
const MAX_VOXELS: usize = 4096;

/// What a progress callback does.
struct Host {
    /// Calls until it cancels.
    patience: u32,
    plan: *const HrinetPlan,
    has_cancelled: bool,
}

unsafe extern "C" fn progress(progress: *const HrinetProgress, user: *mut c_void) -> i32 {
    // SAFETY: the struct of the library, and the host that was given with this function.
    let (progress, host) = unsafe { (&*progress, &mut *user.cast::<Host>()) };
    assert_eq!(progress.struct_size, size_of::<HrinetProgress>());
    assert!(progress.slices_done <= progress.slices_total);
    // A callback may call the library.
    // SAFETY: the plan of the job, which lives.
    assert!(unsafe { hrinet_plan_slice_count(host.plan) } > 0);
    host.has_cancelled = host.patience == 0;
    host.patience = host.patience.saturating_sub(1);
    i32::from(host.has_cancelled)
}

/// A volume with memory of its own.
struct Owned {
    volume: HrinetVolume,
    buffer: Buffer,
}

impl Owned {
    /// Voxels in memory without gaps, or with strides that leave some.
    fn new(numbers: &mut Numbers, volume: &HrinetVolume, voxel_type: i32) -> Owned {
        // SAFETY: numbers and pointers.
        let mut volume = unsafe { std::ptr::read(volume) };
        volume.voxel_type = voxel_type;
        let each = bytes_of(voxel_type);
        let mut bytes = each * volume.size.iter().product::<usize>();
        if numbers.one_in(4) {
            // k fastest, with gaps.
            let [i, j, k] = volume.size;
            let gap = 1 + usize::from(numbers.byte() % 3);
            let along_k = each * gap;
            let (along_j, along_i) = (along_k * k, along_k * k * (j + 1));
            volume.strides = [along_i, along_j, along_k].map(|stride| stride as isize);
            bytes = (i - 1) * along_i + (j - 1) * along_j + (k - 1) * along_k + each;
        }
        let buffer = Buffer::new(bytes);
        volume.data = buffer.data();
        Owned { volume, buffer }
    }

    /// Strides in bytes.
    fn strides(&self) -> [usize; 3] {
        let [i, j, _] = self.volume.size;
        let each = bytes_of(self.volume.voxel_type);
        match self.volume.strides {
            [0, 0, 0] => [each, each * i, each * i * j],
            strides => strides.map(|stride| stride as usize),
        }
    }

    /// Bytes of the voxels of a slice across an axis.
    fn slice(&self, axis: usize, index: usize) -> Vec<&[u8]> {
        let (strides, size) = (self.strides(), self.volume.size);
        let each = bytes_of(self.volume.voxel_type);
        let [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
        let places = (0..size[a]).flat_map(|first| (0..size[b]).map(move |second| (first, second)));
        let start =
            |(first, second)| index * strides[axis] + first * strides[a] + second * strides[b];
        places.map(start).map(|at| &self.buffer.bytes()[at..at + each]).collect()
    }
}

fn bytes_of(voxel_type: i32) -> usize {
    [1, 1, 2, 2, 4, 4, 8, 8, 4, 8][voxel_type as usize - 1]
}

/// A job with all that it points to.
struct Wanted {
    job: HrinetJob,
    label: HrinetLabelJob,
    input: Owned,
    output: Owned,
    error: Owned,
    labels: [Owned; 2],
    host: Host,
}

impl Wanted {
    /// A right job of a plan.
    fn new(numbers: &mut Numbers, planned: &Planned, model: *const HrinetModel) -> Box<Wanted> {
        let (mut job, mut label) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: places for the structs, which the calls fill.
        let (job, label): (HrinetJob, HrinetLabelJob) = unsafe {
            assert_eq!(hrinet_job_init(job.as_mut_ptr()), HRINET_OK);
            assert_eq!(hrinet_label_job_init(label.as_mut_ptr()), HRINET_OK);
            (job.assume_init(), label.assume_init())
        };
        let (known, output) = (&planned.volume, output_of(planned.plan));
        let own = known.voxel_type;
        let label_type = numbers.pick(&[HRINET_UINT8, own, HRINET_FLOAT32]);
        let mut wanted = Box::new(Wanted {
            job,
            label,
            input: Owned::new(numbers, known, own),
            output: Owned::new(numbers, &output, own),
            error: Owned::new(numbers, &output, HRINET_FLOAT32),
            labels: [known, &output].map(|volume| Owned::new(numbers, volume, label_type)),
            host: Host {
                patience: u32::from(numbers.byte()),
                plan: planned.plan,
                has_cancelled: false,
            },
        });
        let seed = numbers.byte();
        fill(&mut wanted.input, |index| ((index * 37 + usize::from(seed)) % 120) as u8);
        fill(&mut wanted.labels[0], |index| u8::from((index / 3 + usize::from(seed)) % 4 == 1));
        wanted.connect(numbers, planned, model);
        wanted
    }

    /// Lets the structs point to each other.
    fn connect(&mut self, numbers: &mut Numbers, planned: &Planned, model: *const HrinetModel) {
        self.label.input = &raw const self.labels[0].volume;
        self.label.output = &raw const self.labels[1].volume;
        self.label.method = numbers.pick(&[HRINET_LABELS_SHAPE, HRINET_LABELS_NEAREST]);
        let job = &mut self.job;
        (job.plan, job.model) = (planned.plan, model);
        job.input = &raw const self.input.volume;
        let wish = numbers.byte();
        if wish & 3 != 3 {
            job.output = &raw const self.output.volume;
        }
        if wish & 12 == 12 || job.output.is_null() {
            (job.labels, job.label_count) = (&raw const self.label, 1);
        }
        if wish & 48 == 48 {
            job.progress = Some(progress);
            job.user = (&raw mut self.host).cast();
        }
        if wish & 192 == 192 && abilities(model).0 {
            job.expected_error = &raw const self.error.volume;
        }
    }

    /// Makes the job wrong; gives the codes that are right then. `None`: it is still right.
    fn spoil(&mut self, numbers: &mut Numbers) -> Option<Vec<HrinetStatus>> {
        let (job, label) = (&mut self.job, &mut self.label);
        let (input, output) = (&mut self.input.volume, &mut self.output.volume);
        let (has_output, has_labels) = (!job.output.is_null(), job.label_count > 0);
        let mut code = HRINET_INVALID_ARGUMENT;
        match numbers.byte() % 40 {
            0 => (job.struct_size, code) = (0, HRINET_INVALID_STRUCT_SIZE),
            1 => (job.plan, code) = (null(), HRINET_NULL_POINTER),
            2 if has_output => (job.input, code) = (null(), HRINET_NULL_POINTER),
            3 if has_output => (output.data, code) = (null_mut(), HRINET_NULL_POINTER),
            4 if has_output => output.data = input.data,
            5 => input.size[2] += 1,
            6 if has_output => output.size[0] += 1,
            7 if has_output => output.voxel_type = 1 + output.voxel_type % 10,
            8 if has_output => output.strides = [-1, 1, 1],
            9 if has_output => output.strides = [isize::MAX; 3],
            10 => (job.labels, job.label_count, code) = (null(), 1, HRINET_NULL_POINTER),
            11 if has_labels => label.method = 3,
            12 if has_labels => (label.struct_size, code) = (0, HRINET_INVALID_STRUCT_SIZE),
            13 if has_labels => (label.input, code) = (null(), HRINET_NULL_POINTER),
            14 if has_labels => {
                label.method = HRINET_LABELS_ANATOMY;
                code = if abilities(job.model).1 { HRINET_OK } else { code };
            }
            15 if !abilities(job.model).0 => job.expected_error = &raw const self.error.volume,
            16 => (job.output, job.expected_error, job.label_count) = (null(), null(), 0),
            17 => {
                (job.window_low, job.window_high) = (5.0, numbers.number());
                return Some(vec![HRINET_OK, HRINET_INVALID_ARGUMENT]);
            }
            18 if has_output => input.rescale_slope = f64::NAN,
            _ => return None,
        }
        Some(vec![code])
    }

    /// Checks that known slices are those of the input.
    fn check_known_slices(&self, plan: *const HrinetPlan) {
        // SAFETY: a plan.
        let (count, axis) =
            unsafe { (hrinet_plan_slice_count(plan), hrinet_plan_axis(plan) as usize) };
        for index in 0..count {
            let source = slice_source(plan, index, true).expect("a source");
            if source.is_known == 1 {
                let (ours, known) = (
                    self.output.slice(axis, index as usize),
                    self.input.slice(axis, source.first as usize),
                );
                assert!(ours == known, "slice {index} is not known slice {}", source.first);
            }
        }
    }
}

/// Voxels by their index in memory.
fn fill(owned: &mut Owned, value: impl Fn(usize) -> u8) {
    let each = bytes_of(owned.volume.voxel_type);
    for (index, voxel) in owned.buffer.bytes_mut().chunks_mut(each).enumerate() {
        let value = value(index);
        let value = match owned.volume.voxel_type {
            9 => f32::from(value).to_le_bytes().to_vec(),
            10 => f64::from(value).to_le_bytes().to_vec(),
            _ => [&[value][..], &[0; 7]].concat(),
        };
        let length = voxel.len();
        voxel.copy_from_slice(&value[..length]);
    }
}

/// Whether a model predicts errors, and whether it finds flow.
fn abilities(model: *const HrinetModel) -> (bool, bool) {
    if model.is_null() {
        return (false, false);
    }
    // SAFETY: numbers and pointers, which may be 0.
    let mut info: HrinetModelInfo = unsafe { MaybeUninit::zeroed().assume_init() };
    info.struct_size = size_of::<HrinetModelInfo>();
    // SAFETY: a model, and a struct.
    assert_eq!(unsafe { hrinet_model_info(model, &raw mut info) }, HRINET_OK);
    (info.predicts_error == 1, info.has_flow == 1)
}

impl Session {
    /// Resamples by the last plan.
    pub(super) fn resample(&mut self, numbers: &mut Numbers) {
        let model = self.any_model(numbers);
        let Some(planned) = self.plans.last() else {
            // SAFETY: NULL is refused.
            let status = unsafe { hrinet_resample(null()) };
            expect("hrinet_resample", status, &[HRINET_NULL_POINTER]);
            return;
        };
        let voxels = output_of(planned.plan)
            .size
            .iter()
            .try_fold(1usize, |all, &side| all.checked_mul(side));
        if voxels.is_none_or(|voxels| voxels > MAX_VOXELS) {
            return;
        }
        let mut wanted = Wanted::new(numbers, planned, model);
        let expected = wanted.spoil(numbers);
        let is_right = expected.is_none();
        let mut expected = expected.unwrap_or(vec![HRINET_OK]);
        if wanted.job.progress.is_some() {
            expected.push(HRINET_CANCELLED);
        }
        // SAFETY: a struct whose pointers are NULL or valid, with as much memory as said.
        let status = unsafe { hrinet_resample(&raw const wanted.job) };
        let succeeded = expect("hrinet_resample", status, &expected);
        assert_eq!(wanted.host.has_cancelled, status == HRINET_CANCELLED);
        if succeeded && is_right && planned.copies && !wanted.job.output.is_null() {
            wanted.check_known_slices(planned.plan);
        }
    }
}
