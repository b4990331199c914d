//! A picture of what resampling did: the same plane before and after, side by side.
//!
//! The plane contains the slice axis, so that the staircase of thick slices shows. It is the
//! coronal one where the slice axis allows (axial and sagittal stacks), the axial one of a coronal
//! stack; an oblique volume is shown along its own axes, by the nearest of these. The patient's
//! right is on the left, superior (or anterior) is up.

use std::path::Path;

use image::{GrayImage, Luma};
use ndarray::{Array2, Axis as ArrayAxis};

use crate::error::{Error, Result};
use crate::io::atomic_write;
use crate::render::text::save;
use crate::volume::voxels::with_voxels;
use crate::volume::{Axis, Geometry, Volume, Voxel, Window};

/// The grey window of the picture: lung, soft tissue and bone can all be told apart.
pub const WINDOW: Window = Window { low: -950.0, high: 550.0 };

/// Pixels between the two halves, white.
pub const SEPARATOR: u32 = 8;

/// The longest side of one half in pixels: finer volumes are shown at fewer pixels.
const MAX_SIDE: f64 = 1200.0;

/// HU above which a voxel is body, for finding the body's middle.
const BODY_HU: f64 = -300.0;

/// Draws a plane of `before` (left) and the same plane of `after` (right) as a PNG at `path`.
///
/// Both halves span the same millimetres, with square pixels of the finest spacing in the plane,
/// and show each voxel as it is stored, as a box: nothing is smoothed. The plane goes through the
/// middle of the body. What `after` does not reach is black. A file that is there is replaced.
///
/// # Errors
/// As [`check`], and [`Error::Geometry`] where the volumes differ in more than the slices across
/// one axis; [`Error::Io`] where the file cannot be written.
pub fn coronal_before_after(before: &Volume, after: &Volume, path: &Path) -> Result<()> {
    check(path)?;
    save(draw(before, after)?, path)
}

/// Says before hours of work what would keep [`coronal_before_after`] from writing to `path`.
///
/// # Errors
/// [`Error::Unsupported`] where `path` does not end in `.png`, else as [`atomic_write::check`].
pub fn check(path: &Path) -> Result<()> {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
        return Err(Error::unsupported(path, "pictures are written as .png"));
    }
    atomic_write::check(path, true)
}

fn draw(before: &Volume, after: &Volume) -> Result<GrayImage> {
    let view = View::choose(before.geometry(), after.geometry())?;
    let index = middle_of_body(before, view.across);
    let size = view.pixels();
    let mut picture = GrayImage::from_pixel(2 * size.0 + SEPARATOR, size.1, Luma([255]));
    for (volume, left) in [(before, 0), (after, size.0 + SEPARATOR)] {
        let plane = plane(volume, &view, index);
        let columns = view.samples(volume.geometry(), view.right);
        let rows = view.samples(volume.geometry(), view.down);
        for (y, row) in rows.iter().enumerate() {
            for (x, column) in columns.iter().enumerate() {
                let grey = match (row, column) {
                    (Some(row), Some(column)) => WINDOW.to_unit(plane[(*row, *column)]) * 255.0,
                    _ => 0.0,
                };
                picture.put_pixel(left + x as u32, y as u32, Luma([grey.round() as u8]));
            }
        }
    }
    Ok(picture)
}

/// Which plane is shown, and how it lies on the picture.
struct View<'a> {
    before: &'a Geometry,
    /// The axis at a right angle to the picture.
    across: Axis,
    /// The axis that runs along the picture's rows.
    right: Axis,
    /// The axis that runs along the picture's columns.
    down: Axis,
    /// The side of a pixel, mm.
    pixel: f64,
}

impl View<'_> {
    fn choose<'a>(before: &'a Geometry, after: &Geometry) -> Result<View<'a>> {
        let differs = |axis: &Axis| before.length(*axis) != after.length(*axis);
        let slices = Axis::ALL.into_iter().find(differs).unwrap_or_else(|| before.slice_axis());
        let others = slices.others();
        if others.iter().any(differs) {
            return Err(Error::Geometry(format!(
                "volumes of {:?} and {:?} voxels differ along more than one axis; there is no \
                 plane that shows both",
                before.size(),
                after.size()
            )));
        }
        for axis in Axis::ALL {
            let (one, other) = (before.direction(axis), after.direction(axis));
            if (0..3).any(|row| (one[row] - other[row]).abs() > 1e-3) {
                return Err(Error::Geometry(format!(
                    "the axis {axis} runs along {one:?} before and along {other:?} after; there is \
                     no plane that shows both"
                )));
            }
        }
        // Look along anterior-posterior (coronal), else along the body's axis (axial).
        let looks = |axis: Axis| {
            let direction = before.direction(axis);
            2.0 * direction[1].abs() + direction[2].abs()
        };
        let [across, kept] =
            if looks(others[0]) > looks(others[1]) { others } else { [others[1], others[0]] };
        let to_the_side = |axis: Axis| before.direction(axis)[0].abs();
        let [right, down] =
            if to_the_side(kept) >= to_the_side(slices) { [kept, slices] } else { [slices, kept] };
        let finest = [right, down]
            .map(|axis| before.spacing(axis).min(after.spacing(axis)))
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        let mut view = View { before, across, right, down, pixel: finest };
        let longest = view.extent(right).max(view.extent(down));
        view.pixel = finest.max(longest / MAX_SIDE);
        Ok(view)
    }

    /// What the picture spans along an axis, mm: from the first to the last voxel before, outer
    /// edges included.
    fn extent(&self, axis: Axis) -> f64 {
        let places = self.before.slice_positions(axis);
        places[places.len() - 1] + self.before.spacing(axis)
    }

    /// Width and height of one half.
    fn pixels(&self) -> (u32, u32) {
        let pixels = |axis| (self.extent(axis) / self.pixel).round().max(1.0) as u32;
        (pixels(self.right), pixels(self.down))
    }

    /// Whether an axis runs against its way on the picture: to the patient's left along a row,
    /// downwards (inferior, else posterior) along a column.
    fn is_turned(&self, axis: Axis) -> bool {
        let direction = self.before.direction(axis);
        if axis == self.right {
            direction[0] > 0.0
        } else if direction[2].abs() >= direction[1].abs() {
            direction[2] > 0.0
        } else {
            direction[1] > 0.0
        }
    }

    /// For each pixel along an axis the voxel of `geometry` that lies there.
    fn samples(&self, geometry: &Geometry, axis: Axis) -> Vec<Option<usize>> {
        let direction = self.before.direction(axis);
        let start: f64 = (0..3)
            .map(|row| (geometry.origin()[row] - self.before.origin()[row]) * direction[row])
            .sum();
        let places: Vec<f64> =
            geometry.slice_positions(axis).into_iter().map(|place| start + place).collect();
        let reach = geometry.spacing(axis).max(self.before.spacing(axis)) / 2.0;
        let count = if axis == self.right { self.pixels().0 } else { self.pixels().1 };
        let edge = -self.before.spacing(axis) / 2.0;
        let mut samples: Vec<Option<usize>> = (0..count)
            .map(|pixel| {
                nearest(&places, edge + (f64::from(pixel) + 0.5) * self.pixel, reach + self.pixel)
            })
            .collect();
        if self.is_turned(axis) {
            samples.reverse();
        }
        samples
    }
}

/// The index of the place closest to `place`, unless that lies outside all by more than `reach`.
fn nearest(places: &[f64], place: f64, reach: f64) -> Option<usize> {
    let (first, last) = (places[0], places[places.len() - 1]);
    if place < first - reach || place > last + reach {
        return None;
    }
    let after = places.partition_point(|&other| other < place).clamp(1, places.len().max(2) - 1);
    let before = after - 1;
    let closer = after < places.len() && places[after] - place < place - places[before];
    Some(if closer { after } else { before })
}

/// The plane in HU, `[down, right]`.
fn plane(volume: &Volume, view: &View, index: usize) -> Array2<f64> {
    let rescale = volume.rescale();
    with_voxels!(volume.voxels(), array => {
        let plane = array.index_axis(ArrayAxis(view.across.array_axis()), index);
        let plane = plane.mapv(|stored| rescale.to_hu(stored.to_f64()));
        if view.down.array_axis() < view.right.array_axis() { plane } else { plane.reversed_axes() }
    })
}

/// The mean index along `axis` of what is body; the middle of the volume where nothing is.
fn middle_of_body(volume: &Volume, axis: Axis) -> usize {
    let rescale = volume.rescale();
    let (mut weight, mut count) = (0usize, 0usize);
    with_voxels!(volume.voxels(), array => {
        for (index, plane) in array.axis_iter(ArrayAxis(axis.array_axis())).enumerate() {
            // Every third voxel says enough.
            let body = plane
                .iter()
                .step_by(3)
                .filter(|stored| rescale.to_hu(stored.to_f64()) > BODY_HU)
                .count();
            weight += body * index;
            count += body;
        }
    });
    weight.checked_div(count).unwrap_or(volume.geometry().length(axis) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Rescale;
    use ndarray::Array3;

    /// A body of 12 mm (right to left) x 3 mm (anterior to posterior) x `slices` of 3 mm (inferior
    /// to superior), stored with the axes `order[0]`, `order[1]`, `order[2]` of space as i, j, k,
    /// each against its direction of RAS where `flipped`, and turned about the right-left axis.
    fn stack(parts: usize, order: [usize; 3], flipped: [bool; 3], turned: f64) -> Volume {
        let space_size = [12, 3, 3 * parts + 1];
        let space_step = [1.0, 1.0, 3.0 / parts as f64];
        let size = order.map(|axis| space_size[axis]);
        let (sin, cos) = turned.to_radians().sin_cos();
        let directions = [[1.0, 0.0, 0.0], [0.0, cos, sin], [0.0, -sin, cos]];
        let mut origin = [5.0, -7.0, 100.0];
        let mut steps = [[0.0; 3]; 3];
        for (index, axis) in order.into_iter().enumerate() {
            let sign = if flipped[axis] { -1.0 } else { 1.0 };
            for row in 0..3 {
                steps[index][row] = sign * space_step[axis] * directions[axis][row];
                if flipped[axis] {
                    origin[row] -= steps[index][row] * (space_size[axis] - 1) as f64;
                }
            }
        }
        let voxels = Array3::from_shape_fn([size[2], size[1], size[0]], |(k, j, i)| {
            let mut place = [0; 3];
            for (index, axis) in order.into_iter().enumerate() {
                let stored = [i, j, k][index];
                place[axis] = if flipped[axis] { size[index] - 1 - stored } else { stored };
            }
            // Body in the middle plane alone; brighter to the right and upwards.
            if place[1] != 1 { -1000 } else { hu(place[0], place[2] as f64 / parts as f64) as i16 }
        });
        let geometry = Geometry::new(size, origin, steps).unwrap();
        Volume::new(voxels.into(), Rescale::IDENTITY, geometry).unwrap()
    }

    /// Right-left index and slice of the thick stack.
    fn hu(x: usize, slice: f64) -> f64 {
        -200.0 + 30.0 * x as f64 + 120.0 * slice
    }

    fn grey(hu: f64) -> u8 {
        (WINDOW.to_unit(hu) * 255.0).round() as u8
    }

    const AXIAL: ([usize; 3], [bool; 3]) = ([0, 1, 2], [true, true, false]);

    #[test]
    fn thick_slices_stand_beside_thin_ones_at_their_true_size() {
        let (order, flipped) = AXIAL;
        let picture = draw(&stack(1, order, flipped, 0.0), &stack(3, order, flipped, 0.0)).unwrap();
        // 12 voxels of 1 mm and 4 slices of 3 mm; 10 slices of 1 mm span the same millimetres.
        assert_eq!(picture.dimensions(), (2 * 12 + SEPARATOR, 12));
        for y in 0..12u32 {
            let superior = 11 - y;
            for x in 0..12u32 {
                let from_left = 11 - x as usize;
                let thick = f64::from(superior / 3);
                assert_eq!(picture.get_pixel(x, y).0[0], grey(hu(from_left, thick)), "{x} {y}");
                let thin = (f64::from(superior) - 1.0).clamp(0.0, 9.0) / 3.0;
                let after = picture.get_pixel(x + 12 + SEPARATOR, y).0[0];
                assert_eq!(after, grey(hu(from_left, thin).trunc()), "{x} {y}");
            }
            assert_eq!(picture.get_pixel(12 + SEPARATOR / 2, y).0[0], 255);
        }
    }

    #[test]
    fn any_order_and_direction_of_axes_gives_the_same_picture() {
        let (order, flipped) = AXIAL;
        let wanted = draw(&stack(1, order, flipped, 0.0), &stack(3, order, flipped, 0.0)).unwrap();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for bits in 0..8 {
                let flipped = [bits & 1 > 0, bits & 2 > 0, bits & 4 > 0];
                for turned in [0.0, 20.0, -35.0] {
                    let before = stack(1, order, flipped, turned);
                    let after = stack(3, order, flipped, turned);
                    let picture = draw(&before, &after).unwrap();
                    assert!(picture == wanted, "{order:?} {flipped:?} {turned}");
                }
            }
        }
    }

    #[test]
    fn a_coronal_stack_is_shown_from_below_with_anterior_up() {
        let voxels = Array3::from_shape_fn((2, 4, 5), |(k, _, i)| (100 * k + 10 * i) as i16);
        // i to the left, j downwards, k (the slices, 3 mm) to the back.
        let steps = [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -3.0, 0.0]];
        let geometry = Geometry::new([5, 4, 2], [0.0; 3], steps).unwrap();
        let volume = Volume::new(voxels.into(), Rescale::IDENTITY, geometry).unwrap();
        let picture = draw(&volume, &volume).unwrap();
        assert_eq!(picture.dimensions(), (2 * 5 + SEPARATOR, 6));
        assert_eq!(picture.get_pixel(0, 0).0[0], grey(0.0));
        assert_eq!(picture.get_pixel(4, 5).0[0], grey(140.0));
    }

    #[test]
    fn what_the_new_volume_does_not_reach_is_black() {
        let (order, flipped) = AXIAL;
        let before = stack(1, order, flipped, 0.0);
        let voxels = Array3::from_elem((2, 3, 12), 0i16);
        let steps = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]];
        let origin = before.geometry().origin();
        let geometry = Geometry::new([12, 3, 2], origin, steps).unwrap();
        let after = Volume::new(voxels.into(), Rescale::IDENTITY, geometry).unwrap();
        let picture = draw(&before, &after).unwrap();
        assert_eq!(picture.get_pixel(15 + SEPARATOR, 0).0[0], 0);
        assert_eq!(picture.get_pixel(15 + SEPARATOR, 11).0[0], grey(0.0));
    }

    #[test]
    fn the_file_is_a_png_and_nothing_else_is_left() {
        let (order, flipped) = AXIAL;
        let (before, after) = (stack(1, order, flipped, 0.0), stack(3, order, flipped, 0.0));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coronal.png");
        coronal_before_after(&before, &after, &path).unwrap();
        let read = image::open(&path).unwrap().into_luma8();
        assert!(read == draw(&before, &after).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        let text =
            |path: &Path| coronal_before_after(&before, &after, path).unwrap_err().to_string();
        assert!(
            text(Path::new("coronal.jpg")).contains("coronal.jpg: pictures are written as .png")
        );
        let missing = folder.path().join("no/such/coronal.png");
        assert!(text(&missing).contains("no/such/coronal.png"), "{}", text(&missing));
    }

    #[test]
    fn volumes_of_different_planes_are_refused() {
        let (order, flipped) = AXIAL;
        let before = stack(1, order, flipped, 0.0);
        let text = draw(&before, &stack(3, [1, 0, 2], flipped, 0.0)).unwrap_err().to_string();
        assert!(text.contains("more than one axis"), "{text}");
        let text = draw(&before, &stack(3, order, [false; 3], 0.0)).unwrap_err().to_string();
        assert!(text.contains("axis i runs along"), "{text}");
    }
}
