//! Jobs: options by their names, outputs together, arrays that do not fit.

use crate::common::phantom::moving_discs;
use hrinet::labels::LabelMethod;
use hrinet::resample::{
    ArrayJob, Image, Interpolator, InterpolatorOptions, Job, JobOptions, LabelArrays, Plan, Spacing,
};
use hrinet::volume::{Axis, Geometry, Rescale, Volume, VoxelsView, Window};
use ndarray::Array3;

fn plan(volume: &Volume, factor: usize) -> Plan {
    Plan::new(volume.geometry(), None, &Spacing::Factor(factor)).unwrap()
}

#[test]
fn options_are_read_and_written_by_their_names() {
    let text = r#"{"spacing": {"factor": 3}, "axis": "k", "model": "cubic", "device": "cpu",
        "ensemble": true, "label-method": "nearest", "expected-error": true, "nan-as": -1000,
        "window": {"low": 0.0, "high": 1.0}, "keep-tilt": true, "thin": true}"#;
    let options: JobOptions = serde_json::from_str(text).unwrap();
    let interpolator = InterpolatorOptions { ensemble: true, ..InterpolatorOptions::on("cpu") };
    let expected = JobOptions {
        spacing: Spacing::Factor(3),
        axis: Some(Axis::K),
        model: "cubic".into(),
        interpolator,
        label_method: Some(LabelMethod::Nearest),
        expected_error: true,
        nan_as: Some(-1000.0),
        window: Some(Window { low: 0.0, high: 1.0 }),
        keep_tilt: true,
        thin: true,
    };
    assert_eq!(options, expected);
    let text = serde_json::to_string(&options).unwrap();
    assert_eq!(serde_json::from_str::<JobOptions>(&text).unwrap(), options);
    assert_eq!(serde_json::from_str::<JobOptions>("{}").unwrap(), JobOptions::default());
}

#[test]
fn outputs_that_the_model_does_not_offer_are_rejected_with_its_name() {
    let cubic = JobOptions { model: "cubic".into(), ..JobOptions::default() };
    for (mut options, reason) in [
        (JobOptions { expected_error: true, ..cubic.clone() }, "predicts no expected error"),
        (JobOptions { label_method: Some(LabelMethod::Anatomy), ..cubic }, "finds flow"),
    ] {
        let Err(error) = options.load_interpolator() else { panic!("{reason}") };
        let text = error.to_string();
        assert!(text.contains("cubic") && text.contains(reason), "{text}");
    }
}

#[test]
fn label_maps_are_resampled_beside_the_volume() {
    let volume = moving_discs(24, 5, 0);
    let labels = Array3::from_shape_fn((5, 24, 24), |(k, j, i)| (k + j / 8 + i / 8) as u8);
    let labels = Volume::new(labels.into(), Rescale::IDENTITY, volume.geometry().clone()).unwrap();
    let plan = plan(&volume, 3);
    let maps = [labels.clone(), labels];
    let mut job = Job::new(&plan, &Interpolator::Linear, &volume);
    job.label_maps = &maps;
    let alone = Job::new(&plan, &Interpolator::Linear, &volume);
    assert!(job.memory_needed() > alone.memory_needed());
    let mut reported = Vec::new();
    let outputs = job.run(&mut |progress| {
        reported.push(progress.done);
        assert_eq!(progress.total, 3 * 8);
        Ok(())
    });
    let outputs = outputs.unwrap();
    assert!(reported.is_sorted() && reported.last() == Some(&24));
    assert_eq!((outputs.others.work.interpolated, outputs.others.work.label_slices), (8, 16));
    assert_eq!(outputs.others.label_maps[0].voxels(), outputs.others.label_maps[1].voxels());
    let alone = alone.run(&mut |_| Ok(())).unwrap();
    assert_eq!(outputs.volume.voxels(), alone.volume.voxels());
    assert!(
        outputs.others.expected_error.is_none() && outputs.others.mean_expected_error_hu.is_none()
    );
}

#[test]
fn nan_stays_in_known_slices_and_spreads_unless_it_counts_as_a_number() {
    let column: [f32; 4] = [f32::NAN, 10.0, f32::NAN, 30.0];
    let array = Array3::from_shape_fn((4, 2, 2), |(k, _, i)| if i == 0 { column[k] } else { 5.0 });
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
    let geometry = Geometry::new([2, 2, 4], [0.0; 3], steps).unwrap();
    let volume = Volume::new(array.into(), Rescale { slope: 2.0, intercept: -100.0 }, geometry);
    let volume = volume.unwrap();
    let plan = plan(&volume, 2);
    let run = |interpolator: &Interpolator, nan_as: Option<f64>| {
        let job = Job { nan_as, ..Job::new(&plan, interpolator, &volume) };
        let outputs = job.run(&mut |_| Ok(())).unwrap();
        let values: Vec<f64> = outputs.volume.voxels().values().collect();
        assert!(values.iter().skip(1).step_by(2).all(|&value| value == 5.0), "without NaN");
        values.into_iter().step_by(4).collect::<Vec<f64>>()
    };
    let same = |found: &[f64], expected: &[f64]| {
        let equal = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(equal),
            "{found:?}"
        );
    };
    let nan = f64::NAN;
    for interpolator in [Interpolator::Linear, Interpolator::Cubic] {
        same(&run(&interpolator, None), &[nan, nan, 10.0, nan, nan, nan, 30.0]);
    }
    // -60 HU are stored as 20.
    same(&run(&Interpolator::Linear, Some(-60.0)), &[nan, 15.0, 10.0, 15.0, nan, 25.0, 30.0]);
    let job = Job { nan_as: Some(nan), ..Job::new(&plan, &Interpolator::Linear, &volume) };
    assert!(job.run(&mut |_| Ok(())).is_err());
}

fn image(voxels: VoxelsView) -> Option<Image> {
    Some(Image::new(voxels, Rescale::IDENTITY).unwrap())
}

fn array_job(plan: &Plan) -> ArrayJob<'_> {
    ArrayJob::new(plan, &Interpolator::Linear)
}

fn error(job: ArrayJob) -> String {
    job.run(&mut |_| Ok(())).unwrap_err().to_string()
}

#[test]
fn arrays_that_do_not_fit_are_rejected() {
    let volume = moving_discs(24, 5, 0);
    let plan = plan(&volume, 3);
    let mut small = Array3::<i16>::zeros((4, 24, 24));
    let mut floats = Array3::<f32>::zeros(plan.output_shape());

    let mut job = array_job(&plan);
    job.output = Some(floats.view_mut().into());
    assert!(error(job).contains("without an input image"));
    let mut job = array_job(&plan);
    (job.image, job.output) = (image(volume.voxels().view()), Some(floats.view_mut().into()));
    assert!(error(job).contains("output of voxel type float32, its input of int16"));
    let mut job = array_job(&plan);
    (job.image, job.output) = (image(small.view().into()), Some(floats.view_mut().into()));
    assert!(error(job).contains("input of shape [4, 24, 24]"));
    let mut job = array_job(&plan);
    job.labels.push(LabelArrays {
        input: volume.voxels().view(),
        output: small.view_mut().into(),
        method: LabelMethod::Shape,
    });
    assert!(error(job).contains("label output of shape [4, 24, 24]"));
}
