//! The labels of two neighbouring slices, cut into bodies: what belongs together across both.

use std::collections::HashMap;

use ndarray::{Array2, Array3, ArrayView2, s};

use super::distance;
use super::flow::{Flow, Meeting};
use crate::volume::Voxel;

/// A part of one label: pixels of both slices that touch within a slice or overlap across them.
pub struct Body<T> {
    /// The label.
    pub label: T,
    /// Row and column of the first pixel of its arrays in the plane.
    pub corner: [usize; 2],
    /// How far inside the body each pixel lies, mm, in the first and in the second slice; `None`
    /// where the body is not in that slice.
    pub depths: [Option<Array2<f64>>; 2],
    /// Pixels of the whole label in both slices.
    pub size: usize,
    /// Where the label is met first, row by row, in either slice.
    pub met: usize,
}

impl<T> Body<T> {
    /// How far inside the body each pixel of its arrays lies at `fraction` from the first slice, mm.
    ///
    /// A body in both slices is the blend of both. One that is in a single slice tapers: its border
    /// moves inwards until the other slice, where its innermost pixel is gone. What is in both is seen
    /// from the plane in between through the pair's `flow`, where there is one; what tapers stays where it is.
    pub fn at(&self, fraction: f64, flow: Option<&Flow>) -> Array2<f64> {
        let seen = |depths: &Array2<f64>, side| match flow {
            Some(flow) => flow.moved(depths, self.corner, (side, fraction)),
            None => depths.clone(),
        };
        match &self.depths {
            [Some(first), Some(second)] => {
                seen(first, 0) * (1.0 - fraction) + seen(second, 1) * fraction
            }
            [Some(only), None] => only - fraction * deepest(only),
            [None, Some(only)] => only - (1.0 - fraction) * deepest(only),
            [None, None] => Array2::zeros((0, 0)),
        }
    }
}

fn deepest(depths: &Array2<f64>) -> f64 {
    depths.fold(0.0, |deepest, &mm| f64::max(deepest, mm))
}

/// Where a label lies, over both slices.
struct Extent<T> {
    label: T,
    /// First and last row, first and last column.
    rows: [usize; 2],
    columns: [usize; 2],
    size: usize,
    met: usize,
}

/// The bodies of all labels but the background (0), the labels in the order in which they are met.
/// `pixel`: mm between rows and between columns. `meetings`: pixels that overlap beside those that do
/// where they stand.
pub fn bodies<T: Voxel>(
    slices: [ArrayView2<T>; 2],
    pixel: [f64; 2],
    meetings: &[Meeting],
) -> Vec<Body<T>> {
    let most = farthest(slices[0].dim(), pixel);
    let (extents, numbers) = extents(&slices);
    let mut of_label = vec![Vec::new(); extents.len()];
    for &[first, second] in meetings {
        let label = slices[0][first];
        let number = numbers.get(&label.key()).filter(|_| label == slices[1][second]);
        if let Some(&number) = number {
            of_label[number].push([first, second]);
        }
    }
    let each = extents.iter().zip(&of_label);
    each.flat_map(|(extent, met)| bodies_of(&slices, extent, met, (pixel, most))).collect()
}

/// All that is not background, as bodies of the label `true`.
pub fn foreground<T: Voxel>(
    slices: [ArrayView2<T>; 2],
    pixel: [f64; 2],
    meetings: &[Meeting],
) -> Vec<Body<bool>> {
    let masks = slices.map(|slice| slice.map(|&label| label != T::default()));
    let (rows, columns) = masks[0].dim();
    let all = Extent {
        label: true,
        rows: [0, rows.saturating_sub(1)],
        columns: [0, columns.saturating_sub(1)],
        size: 0,
        met: 0,
    };
    let views = [masks[0].view(), masks[1].view()];
    bodies_of(&views, &all, meetings, (pixel, farthest((rows, columns), pixel)))
}

/// The plane's diagonal: nothing is farther apart, mm.
fn farthest((rows, columns): (usize, usize), pixel: [f64; 2]) -> f64 {
    (rows as f64 * pixel[0]).hypot(columns as f64 * pixel[1])
}

/// Every label's extent, and the place of each label's in the list, by the label's key.
fn extents<T: Voxel>(slices: &[ArrayView2<T>; 2]) -> (Vec<Extent<T>>, HashMap<u64, usize>) {
    let mut extents: Vec<Extent<T>> = Vec::new();
    let mut numbers: HashMap<u64, usize> = HashMap::new();
    // Of the pixel before: labels come in runs.
    let mut last = (T::default(), 0);
    for slice in slices {
        let columns = slice.ncols();
        for ((row, column), &label) in slice.indexed_iter() {
            if label == T::default() {
                continue;
            }
            let met = row * columns + column;
            if label != last.0 {
                last = (label, *numbers.entry(label.key()).or_insert(extents.len()));
            }
            let number = last.1;
            if number == extents.len() {
                let (rows, columns) = ([row, row], [column, column]);
                extents.push(Extent { label, rows, columns, size: 0, met });
            }
            let extent = &mut extents[number];
            extent.rows = [extent.rows[0].min(row), extent.rows[1].max(row)];
            extent.columns = [extent.columns[0].min(column), extent.columns[1].max(column)];
            extent.size += 1;
            extent.met = extent.met.min(met);
        }
    }
    (extents, numbers)
}

fn bodies_of<T: Copy + PartialEq>(
    slices: &[ArrayView2<T>; 2],
    extent: &Extent<T>,
    meetings: &[Meeting],
    (pixel, most): ([f64; 2], f64),
) -> Vec<Body<T>> {
    let inner = s![extent.rows[0]..=extent.rows[1], extent.columns[0]..=extent.columns[1]];
    if slices[0].is_empty() {
        return Vec::new();
    }
    let masks = [0, 1].map(|side| slices[side].slice(inner).map(|&label| label == extent.label));
    let (rows, columns) = slices[0].dim();
    let origin = [extent.rows[0], extent.columns[0]];
    let (mut numbers, mut boxes) = parts(&masks);
    if boxes.len() > 1 && !meetings.is_empty() {
        join(&mut numbers, &mut boxes, meetings, origin);
    }
    let body = |(number, within): (usize, &Bounds)| {
        // One pixel of what is around it, where the plane has one: the nearest outside.
        let corner = [0, 1].map(|axis| origin[axis] + within[axis][0]);
        let end = [0, 1].map(|axis| origin[axis] + within[axis][1] + 1);
        let low = corner.map(|first| first.saturating_sub(1));
        let high = [(end[0] + 1).min(rows), (end[1] + 1).min(columns)];
        let own = [0, 1].map(|axis| corner[axis] - low[axis]..end[axis] - low[axis]);
        let depths = [0, 1].map(|side| {
            let shape = (high[0] - low[0], high[1] - low[1]);
            let mask = Array2::from_shape_fn(shape, |(row, column)| {
                let row = (low[0] + row).wrapping_sub(origin[0]);
                let column = (low[1] + column).wrapping_sub(origin[1]);
                numbers.get((side, row, column)) == Some(&(number + 1))
            });
            let there = mask.iter().any(|&inside| inside);
            there.then(|| {
                let [rows, columns] = own.clone();
                distance::signed(mask.view(), pixel, most).slice(s![rows, columns]).to_owned()
            })
        });
        Body { label: extent.label, corner, depths, size: extent.size, met: extent.met }
    };
    boxes.iter().enumerate().map(body).collect()
}

/// First and last row, first and last column.
type Bounds = [[usize; 2]; 2];

/// Numbers from 1 for pixels of two slices that touch (eight neighbours) or overlap, and where each
/// part lies.
fn parts(masks: &[Array2<bool>; 2]) -> (Array3<usize>, Vec<Bounds>) {
    let (rows, columns) = masks[0].dim();
    let mut numbers = Array3::zeros((2, rows, columns));
    let mut boxes = Vec::new();
    let mut waiting = Vec::new();
    for side in 0..2 {
        for ((row, column), &inside) in masks[side].indexed_iter() {
            if !inside || numbers[(side, row, column)] > 0 {
                continue;
            }
            let number = boxes.len() + 1;
            let mut bounds = [[row, row], [column, column]];
            numbers[(side, row, column)] = number;
            waiting.push((side, row, column));
            while let Some((side, row, column)) = waiting.pop() {
                for (bound, at) in bounds.iter_mut().zip([row, column]) {
                    *bound = [bound[0].min(at), bound[1].max(at)];
                }
                let around = (row.saturating_sub(1)..=(row + 1).min(rows - 1)).flat_map(|row| {
                    let columns = column.saturating_sub(1)..=(column + 1).min(columns - 1);
                    columns.map(move |column| (side, row, column))
                });
                for at in around.chain([(1 - side, row, column)]) {
                    if masks[at.0][(at.1, at.2)] && numbers[at] == 0 {
                        numbers[at] = number;
                        waiting.push(at);
                    }
                }
            }
            boxes.push(bounds);
        }
    }
    (numbers, boxes)
}

/// Makes one part of those that meet in a plane in between, at pixels of the whole slices; `origin` is
/// where the numbers begin.
fn join(
    numbers: &mut Array3<usize>,
    boxes: &mut Vec<Bounds>,
    meetings: &[Meeting],
    origin: [usize; 2],
) {
    // The lowest number that each part has met; a number's own where it has met none lower.
    let mut lowest: Vec<usize> = (0..=boxes.len()).collect();
    let root = |lowest: &[usize], mut number: usize| {
        while lowest[number] < number {
            number = lowest[number];
        }
        number
    };
    for pair in meetings {
        let at = |side: usize| {
            let [row, column] = [0, 1].map(|axis| pair[side][axis].wrapping_sub(origin[axis]));
            numbers.get((side, row, column)).copied().filter(|&number| number > 0)
        };
        if let (Some(first), Some(second)) = (at(0), at(1)) {
            let (first, second) = (root(&lowest, first), root(&lowest, second));
            lowest[first.max(second)] = first.min(second);
        }
    }
    let mut joined: Vec<Bounds> = Vec::new();
    let mut renumbered = vec![0; lowest.len()];
    for number in 1..lowest.len() {
        let (root, bounds) = (root(&lowest, number), boxes[number - 1]);
        if root == number {
            joined.push(bounds);
            renumbered[number] = joined.len();
            continue;
        }
        renumbered[number] = renumbered[root];
        for (all, own) in joined[renumbered[root] - 1].iter_mut().zip(bounds) {
            *all = [all[0].min(own[0]), all[1].max(own[1])];
        }
    }
    numbers.mapv_inplace(|number| renumbered[number]);
    *boxes = joined;
}
