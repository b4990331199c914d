//! Filling between drawn slices: somebody draws a segment on every third to tenth slice of an
//! image, and the slices between are found.
//!
//! An outline between two slices has, at each pixel, the depth on a cubic curve through the signed
//! distances of the drawn slices (`outlines`). Where two drawn outlines share little, both are
//! carried by the flow from slice to slice, if that takes each to the other (`chain`, `flow`). Then
//! the image of the slice itself is asked: grey values that are likelier inside than outside of the
//! drawn outlines pull the outline, as far as they tell the sides apart (`evidence`).
//!
//! Segments are filled one by one. A slice is drawn for a segment if it has a voxel of it. Drawn
//! voxels stay, bit for bit.

mod chain;
mod drawn;
mod evidence;
mod flow;
mod outlines;
mod smooth;

use std::collections::HashMap;
use std::ops::Range;

use ndarray::{Array2, ArrayRef3, Zip};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::labels::fill::drawn::{Drawn, Stretch};
use crate::labels::fill::outlines::Stack;
use crate::labels::roi::Roi;
use crate::resample::pass::{Counter, OnProgress};
use crate::volume::views::{with_view, with_views};
use crate::volume::voxels::{range, slice, slice_mut};
use crate::volume::{Axis, Geometry, Voxel, VoxelsView, VoxelsViewMut};

/// Bytes per pixel of a slice for the outlines of one segment: distances, grey values and flow.
const BYTES_PER_PIXEL: u64 = 150;

/// Largest grey value: sums of them are finite.
const LARGEST: f32 = 1e30;

/// Options of [`fill`].
#[derive(Clone, Debug)]
pub struct FillOptions {
    /// Axis across the drawn slices.
    pub axis: Axis,
    /// Whether a segment tapers beyond its first and last drawn slice, for less than the step to
    /// the next drawn one; else it ends there.
    pub tapers: bool,
    /// Indices of the slices to fill; `None`: all. The others stay as they are drawn.
    pub slices: Option<Range<usize>>,
}

impl Default for FillOptions {
    fn default() -> FillOptions {
        FillOptions { axis: Axis::K, tapers: true, slices: None }
    }
}

impl FillOptions {
    /// The slices of a stretch that are to be filled.
    fn cut(&self, stretch: &Stretch) -> Range<usize> {
        let Some(wanted) = &self.slices else { return stretch.slices.clone() };
        stretch.slices.start.max(wanted.start)..stretch.slices.end.min(wanted.end)
    }
}

impl<T: Voxel> Drawn<T> {
    fn report(&self, filled_slices: usize) -> FilledSegment {
        let (label, drawn_slices) = (self.label.to_f64(), self.slices.len());
        FilledSegment { label, drawn_slices, filled_slices }
    }
}

/// What was filled of a segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilledSegment {
    /// The label.
    pub label: f64,
    /// Number of slices on which it is drawn.
    pub drawn_slices: usize,
    /// Number of slices that were filled.
    pub filled_slices: usize,
}

/// Fills the segments of a label map between the slices on which they are drawn, by an image on the
/// same grid. All arrays are `[k, j, i]`; label 0 is background.
///
/// `image`: grey values of any unit; voxels that are not finite count as the lowest value.
/// `output`: receives the label map with the filled slices; of the type of `labels`. A drawn voxel
/// stays as it is; between two segments a voxel goes to the one in which it is deeper.
/// `on_progress` counts the slices of all segments. After an error the output is unspecified.
///
/// A segment that is drawn on one slice alone tapers towards the next drawn slices of the others;
/// without others, it stays as it is.
///
/// # Errors
/// [`Error::Argument`] for arrays of different sizes or types, labels that are not finite, slices
/// that are not there; those of `on_progress`.
pub fn fill(
    image: &VoxelsView,
    labels: &VoxelsView,
    output: VoxelsViewMut,
    geometry: &Geometry,
    options: &FillOptions,
    on_progress: OnProgress,
) -> Result<Vec<FilledSegment>> {
    let [columns, rows, slices] = geometry.size();
    for (name, shape) in [
        ("the image", image.shape()),
        ("the label map", labels.shape()),
        ("the output", output.shape()),
    ] {
        if shape != [slices, rows, columns] {
            let [k, j, i] = shape;
            return Err(Error::Argument(format!(
                "{name} has {i} x {j} x {k} voxels, the grid {columns} x {rows} x {slices}; both \
                 must be the same"
            )));
        }
    }
    let count = geometry.length(options.axis);
    if let Some(wanted) = options.slices.as_ref().filter(|wanted| wanted.end > count) {
        return Err(Error::Argument(format!(
            "slices {} to {} are to be filled, but there are {count}",
            wanted.start,
            wanted.end - 1
        )));
    }
    let grey = |index: usize, roi: Roi| grey(image, options.axis, index, roi);
    let types = [labels.voxel_type(), output.voxel_type()];
    with_views!(labels, output, (labels, output) => {
        let mut output = output;
        range(labels)?;
        output.assign(labels);
        let [across, down] = options.axis.others();
        let stack = Stack {
            labels,
            axis: options.axis,
            grey: &grey,
            positions: geometry.slice_positions(options.axis),
            pixel: [geometry.spacing(down), geometry.spacing(across)],
            size: slice(labels, options.axis, 0).dim(),
        };
        fill_all(&stack, &mut output, options, on_progress)
    }, _ => {
        let [labels, output] = types;
        Err(Error::Argument(format!("labels of type {labels}, but an output of {output}")))
    })
}

/// What [`fill`] would do with the segments of a label map `[k, j, i]`.
pub fn plan(labels: &VoxelsView, options: &FillOptions) -> Vec<FilledSegment> {
    with_view!(labels, labels => {
        let count = labels.shape()[options.axis.array_axis()];
        let segments = drawn::segments(labels, options.axis);
        let all_drawn = drawn::slices(&segments);
        let filled = |drawn: &Drawn<_>| {
            let stretches = drawn.stretches(count, &all_drawn, options.tapers);
            stretches.iter().map(|stretch| options.cut(stretch).len()).sum()
        };
        segments.iter().map(|drawn| drawn.report(filled(drawn))).collect()
    })
}

/// Fills all segments.
fn fill_all<T: Voxel>(
    stack: &Stack<T>,
    output: &mut ArrayRef3<T>,
    options: &FillOptions,
    on_progress: OnProgress,
) -> Result<Vec<FilledSegment>> {
    let count = stack.positions.len();
    let segments = drawn::segments(stack.labels, stack.axis);
    let all_drawn = drawn::slices(&segments);
    let segments: Vec<(Drawn<T>, Vec<Stretch>)> = segments
        .into_iter()
        .map(|drawn| {
            let stretches = drawn.stretches(count, &all_drawn, options.tapers);
            (drawn, stretches)
        })
        .collect();
    let stretches = segments.iter().flat_map(|(_, stretches)| stretches);
    let total = stretches.map(|stretch| options.cut(stretch).len()).sum();
    let mut counter = Counter::new(total, on_progress);
    counter.advance(0)?;
    let mut canvas = Canvas { deepest: (segments.len() > 1).then(HashMap::new), output };
    let mut report = Vec::new();
    for (drawn, stretches) in &segments {
        let mut filled_slices = 0;
        for stretch in stretches {
            let wanted = options.cut(stretch);
            if wanted.is_empty() {
                continue;
            }
            // Both callbacks report progress, one at a time.
            let counter = std::cell::RefCell::new(&mut counter);
            stack.fill(
                drawn,
                stretch,
                wanted,
                &mut || counter.borrow_mut().advance(0),
                &mut |index, roi, depths| {
                    let has_changed = canvas.draw(stack, drawn.label, index, (roi, depths));
                    filled_slices += usize::from(has_changed);
                    counter.borrow_mut().advance(1)
                },
            )?;
        }
        report.push(drawn.report(filled_slices));
    }
    Ok(report)
}

/// The output, and how deep each filled pixel is in its segment.
struct Canvas<'a, T> {
    output: &'a mut ArrayRef3<T>,
    /// By slices; none for a single segment.
    deepest: Option<HashMap<usize, Array2<f32>>>,
}

impl<T: Voxel> Canvas<'_, T> {
    /// Draws a segment where its depths are positive, beside what was drawn by hand and less deep
    /// segments; whether there was such a pixel.
    fn draw(
        &mut self,
        stack: &Stack<T>,
        label: T,
        index: usize,
        (roi, depths): (Roi, &Array2<f32>),
    ) -> bool {
        let drawn = roi.of(slice(stack.labels, stack.axis, index));
        let output = roi.of_mut(slice_mut(self.output, stack.axis, index));
        let mut has_changed = false;
        let zip = Zip::from(output).and(drawn).and(depths);
        let Some(deepest) = &mut self.deepest else {
            zip.for_each(|output, drawn, &depth| {
                if depth > 0.0 && *drawn == T::default() {
                    *output = label;
                    has_changed = true;
                }
            });
            return has_changed;
        };
        let deepest = deepest.entry(index).or_insert_with(|| Array2::zeros(stack.size));
        zip.and(roi.of_mut(deepest.view_mut())).for_each(|output, drawn, &depth, deepest| {
            if depth > *deepest && *drawn == T::default() {
                (*output, *deepest) = (label, depth);
                has_changed = true;
            }
        });
        has_changed
    }
}

/// Grey values of a region of a slice.
fn grey(image: &VoxelsView, axis: Axis, index: usize, roi: Roi) -> Array2<f32> {
    with_view!(image, array => roi.of(slice(array, axis, index)).map(|&value| {
        let value = Voxel::to_f64(value) as f32;
        if value.is_finite() { value.clamp(-LARGEST, LARGEST) } else { -LARGEST }
    }))
}

/// Bytes of memory that filling takes beside image, labels and output.
pub fn work_bytes(geometry: &Geometry, axis: Axis) -> u64 {
    let [columns, rows] = axis.others().map(|axis| geometry.length(axis) as u64);
    // The depths of all slices, and the outlines of one stretch.
    rows * columns * (4 * geometry.length(axis) as u64 + BYTES_PER_PIXEL)
}
