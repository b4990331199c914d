//! Label maps on another grid than the CT's: turned, cropped, or with other voxels.
//!
//! Each voxel of the CT gets the label of the voxel that its centre lies in. Where both grids are
//! the same up to their order and extent, that is without loss.

use std::collections::HashSet;

use ndarray::{Array3, ArrayRef3};

use crate::error::Result;
use crate::volume::vector::{cross, dot};
use crate::volume::voxels::with_voxels;
use crate::volume::{Axis, Geometry, Volume, Voxel};

/// Distance of a centre from that of the nearest voxel of the other grid, in voxels, that rounding
/// in files explains.
const ALIGNED: f64 = 0.05;

/// Largest number of labels that are named.
const MAX_NAMED: usize = 8;

/// A label map on the grid of a CT.
pub struct Placed {
    /// The labels.
    pub labels: Volume,
    /// What the user should know of the way there.
    pub remarks: Vec<String>,
    /// Whether there were labels, all of them outside of the CT.
    pub is_outside: bool,
}

/// Puts a label map on the grid of a CT.
///
/// # Errors
/// Those of [`Volume::new`].
pub fn on_grid(labels: Volume, grid: &Geometry) -> Result<Placed> {
    if labels.geometry().is_close_to(grid) {
        return Ok(Placed { labels, remarks: Vec::new(), is_outside: false });
    }
    let map = GridMap::new(grid, labels.geometry());
    with_voxels!(labels.voxels(), array => {
        let (mapped, mut remarks) = map.labels(array);
        let (losses, is_outside) = map.losses(array, &mapped);
        remarks.extend(losses);
        let labels = Volume::new(mapped.into(), labels.rescale(), grid.clone())?;
        Ok(Placed { labels, remarks, is_outside })
    })
}

/// From the voxels of a CT to those of a label map.
struct GridMap<'a> {
    grid: &'a Geometry,
    labels: &'a Geometry,
    /// Rows that turn an offset in mm into voxels of the label map.
    to_labels: [[f64; 3]; 3],
    /// The same for the CT; along k the mean of uneven slices.
    to_grid: [[f64; 3]; 3],
    /// Distances of the slices from the first, mm.
    slices: Vec<f64>,
}

impl<'a> GridMap<'a> {
    fn new(grid: &'a Geometry, labels: &'a Geometry) -> GridMap<'a> {
        GridMap {
            grid,
            labels,
            to_labels: inverse(labels),
            to_grid: inverse(grid),
            slices: grid.slice_positions(Axis::K),
        }
    }

    /// Labels on the grid of the CT, with remarks.
    fn labels<T: Voxel>(&self, input: &ArrayRef3<T>) -> (Array3<T>, Vec<String>) {
        let [columns, rows, slices] = self.grid.size();
        let steps = [Axis::I, Axis::J].map(|axis| apply(&self.to_labels, self.grid.step(axis)));
        let along = self.grid.direction(Axis::K);
        let mut output = Array3::<T>::default((slices, rows, columns));
        let mut largest_offset: f64 = 0.0;
        for (k, mut plane) in output.outer_iter_mut().enumerate() {
            let first = [0, 1, 2].map(|row| {
                self.grid.origin()[row] + along[row] * self.slices[k] - self.labels.origin()[row]
            });
            let first = apply(&self.to_labels, first);
            for ((j, i), voxel) in plane.indexed_iter_mut() {
                let place = [0, 1, 2]
                    .map(|row| first[row] + i as f64 * steps[0][row] + j as f64 * steps[1][row]);
                let Some(index) = nearest(place, self.labels.size()) else { continue };
                *voxel = input[[index[2], index[1], index[0]]];
                for (place, index) in place.iter().zip(index) {
                    largest_offset = largest_offset.max((place - index as f64).abs());
                }
            }
        }
        let mut remarks = Vec::new();
        if largest_offset > ALIGNED || self.changes_voxels() {
            remarks.push(
                "the label map is on another grid than the volume; each voxel gets the label of \
                 the nearest one"
                    .to_string(),
            );
        }
        (output, remarks)
    }

    /// Whether the voxels of both grids differ in size or direction.
    fn changes_voxels(&self) -> bool {
        Axis::ALL.into_iter().any(|axis| {
            let step = apply(&self.to_labels, self.grid.step(axis)).map(f64::abs);
            let units = step.iter().filter(|&&part| (part - 1.0).abs() <= ALIGNED).count();
            units != 1 || step.iter().sum::<f64>() > 1.0 + 3.0 * ALIGNED
        })
    }

    /// Remarks on labelled voxels outside of the CT, and on labels that no voxel of the CT has;
    /// whether there are labels, but none within the CT.
    fn losses<T: Voxel>(&self, input: &ArrayRef3<T>, output: &Array3<T>) -> (Vec<String>, bool) {
        let (mut labelled, mut outside) = (0usize, 0usize);
        let (mut within, mut cut) = (Labels::default(), Labels::default());
        let steps = Axis::ALL.map(|axis| apply(&self.to_grid, self.labels.step(axis)));
        let first = [0, 1, 2].map(|row| self.labels.origin()[row] - self.grid.origin()[row]);
        let first = apply(&self.to_grid, first);
        for ((k, j, i), &label) in input.indexed_iter() {
            if label == T::default() {
                continue;
            }
            labelled += 1;
            let index = [i, j, k];
            let place = [0, 1, 2].map(|row| {
                (0..3).fold(first[row], |sum, axis| sum + index[axis] as f64 * steps[axis][row])
            });
            match nearest(place, self.grid.size()) {
                Some(_) => within.add(label),
                None => {
                    outside += 1;
                    cut.add(label);
                }
            }
        }
        let mut remarks = Vec::new();
        if outside > 0 {
            remarks.push(format!(
                "{outside} of {labelled} labelled voxels lie outside of the volume and are left \
                 out (labels {cut})"
            ));
        }
        within.remove_all(output);
        if !within.keys.is_empty() {
            remarks.push(format!(
                "parts of the label map are too small for the voxels of the volume and are lost \
                 (labels {within})"
            ));
        }
        (remarks, labelled > 0 && outside == labelled)
    }
}

/// Different labels, by their bit patterns.
#[derive(Default)]
struct Labels {
    keys: HashSet<u64>,
    /// Values of the first ones.
    named: Vec<(u64, f64)>,
    /// Key of the latest label: neighbours are often the same.
    latest: Option<u64>,
}

impl Labels {
    fn add<T: Voxel>(&mut self, label: T) {
        let key = label.key();
        if self.latest != Some(key) {
            self.latest = Some(key);
            if self.keys.insert(key) {
                self.named.push((key, label.to_f64()));
            }
        }
    }

    fn remove_all<T: Voxel>(&mut self, labels: &Array3<T>) {
        let mut latest = None;
        for &label in labels {
            let key = Some(label.key());
            if latest != key && !self.keys.is_empty() {
                latest = key;
                if self.keys.remove(&label.key()) {
                    self.named.retain(|&(other, _)| Some(other) != key);
                }
            }
        }
    }
}

impl std::fmt::Display for Labels {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        let mut values: Vec<f64> = self.named.iter().map(|&(_, value)| value).collect();
        values.sort_by(f64::total_cmp);
        let words: Vec<String> =
            values.iter().take(MAX_NAMED).map(|value| value.to_string()).collect();
        let more = if values.len() > MAX_NAMED { ", ..." } else { "" };
        write!(out, "{}{more}", words.join(", "))
    }
}

/// Index of the voxel that a place, in voxels, lies in.
fn nearest(place: [f64; 3], size: [usize; 3]) -> Option<[usize; 3]> {
    let mut index = [0; 3];
    for (axis, index) in index.iter_mut().enumerate() {
        let rounded = (place[axis] + 0.5).floor();
        if !(rounded >= 0.0 && rounded < size[axis] as f64) {
            return None;
        }
        *index = rounded as usize;
    }
    Some(index)
}

/// Inverse of the matrix whose columns are the steps of a grid.
fn inverse(grid: &Geometry) -> [[f64; 3]; 3] {
    let [a, b, c] = Axis::ALL.map(|axis| grid.step(axis));
    let rows = [cross(b, c), cross(c, a), cross(a, b)];
    let determinant = dot(a, rows[0]);
    rows.map(|row| row.map(|entry| entry / determinant))
}

fn apply(rows: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    rows.map(|row| dot(row, vector))
}
