//! Image of one plane before and after resampling, side by side.
//!
//! The plane contains the slice axis, so that the steps of thick slices are visible: the coronal
//! plane of axial and sagittal volumes, the axial plane of coronal volumes. An oblique volume is
//! shown along its own axes, in the closest of these planes. The patient's right is on the left,
//! superior (or anterior) is up.

use std::path::Path;

use image::{GrayImage, Luma, imageops};
use ndarray::{Array2, Axis as ArrayAxis};

use crate::error::{Error, Result};
use crate::io::atomic_write;
use crate::render::text::save;
use crate::volume::voxels::with_voxels;
use crate::volume::{Axis, Geometry, Volume, Voxel, Window};

/// Grey window of the image, in which lung, soft tissue and bone are visible.
pub const WINDOW: Window = Window { low: -950.0, high: 550.0 };

/// White pixels between the two halves.
pub const SEPARATOR: u32 = 8;

/// Longest side of one half, pixels; larger volumes are subsampled.
const MAX_SIDE: f64 = 1200.0;

/// Longest side of a thumbnail, pixels.
pub const THUMBNAIL: u32 = 256;

/// HU above which a voxel counts as body, to find its centre.
const BODY_HU: f64 = -300.0;

/// Writes a PNG of a plane of `before` (left) and the same plane of `after` (right), replacing an
/// existing file.
///
/// Both halves have the same extent in mm, with square pixels of the finest spacing in the plane,
/// and show each voxel as a box, without smoothing. The plane is at the centre of the body. Parts
/// beyond `after` are black.
///
/// # Errors
/// Those of [`check`]; [`Error::Geometry`] where the volumes differ in more than the slices along
/// one axis; [`Error::Io`] where the file cannot be written.
pub fn coronal_before_after(before: &Volume, after: &Volume, path: &Path) -> Result<()> {
    check(path)?;
    save(draw(before, after)?, path)
}

/// Checks ahead of long work that [`coronal_before_after`] will be able to write `path`.
///
/// # Errors
/// [`Error::Unsupported`] where `path` does not end in `.png`; those of [`atomic_write::check`].
pub fn check(path: &Path) -> Result<()> {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
        return Err(Error::unsupported(path, "images are written as .png"));
    }
    atomic_write::check(path, true)
}

/// Writes the two halves of [`coronal_before_after`] as small PNGs, at most [`THUMBNAIL`] pixels
/// wide and high, replacing existing files.
///
/// # Errors
/// As [`coronal_before_after`].
pub fn thumbnails(before: &Volume, after: &Volume, paths: [&Path; 2]) -> Result<()> {
    paths.into_iter().try_for_each(check)?;
    let view = View::choose(before.geometry(), after.geometry(), f64::from(THUMBNAIL))?;
    let index = centre_of_body(before, view.across);
    for (volume, path) in [before, after].into_iter().zip(paths) {
        save(half(volume, &view, index), path)?;
    }
    Ok(())
}

fn draw(before: &Volume, after: &Volume) -> Result<GrayImage> {
    let view = View::choose(before.geometry(), after.geometry(), MAX_SIDE)?;
    let index = centre_of_body(before, view.across);
    let size = view.pixels();
    let mut image = GrayImage::from_pixel(2 * size.0 + SEPARATOR, size.1, Luma([255]));
    for (volume, left) in [(before, 0), (after, size.0 + SEPARATOR)] {
        imageops::replace(&mut image, &half(volume, &view, index), i64::from(left), 0);
    }
    Ok(image)
}

/// The plane of one volume.
fn half(volume: &Volume, view: &View, index: usize) -> GrayImage {
    let plane = plane(volume, view, index);
    let columns = view.samples(volume.geometry(), view.right);
    let rows = view.samples(volume.geometry(), view.down);
    let (width, height) = view.pixels();
    GrayImage::from_fn(width, height, |x, y| {
        let grey = match (rows[y as usize], columns[x as usize]) {
            (Some(row), Some(column)) => WINDOW.to_unit(plane[(row, column)]) * 255.0,
            _ => 0.0,
        };
        Luma([grey.round() as u8])
    })
}

/// Plane that is shown, and the directions of its axes in the image.
struct View<'a> {
    before: &'a Geometry,
    /// Axis orthogonal to the image.
    across: Axis,
    /// Axis along the rows of the image.
    right: Axis,
    /// Axis along the columns of the image.
    down: Axis,
    /// Side of a pixel, mm.
    pixel: f64,
}

impl View<'_> {
    fn choose<'a>(before: &'a Geometry, after: &Geometry, max_side: f64) -> Result<View<'a>> {
        let differs = |axis: &Axis| before.length(*axis) != after.length(*axis);
        let slices = Axis::ALL.into_iter().find(differs).unwrap_or_else(|| before.slice_axis());
        let others = slices.others();
        if others.iter().any(differs) {
            return Err(Error::Geometry(format!(
                "volumes of {:?} and {:?} voxels differ along more than one axis; no plane shows \
                 both",
                before.size(),
                after.size()
            )));
        }
        for axis in Axis::ALL {
            let (one, other) = (before.direction(axis), after.direction(axis));
            if (0..3).any(|row| (one[row] - other[row]).abs() > 1e-3) {
                return Err(Error::Geometry(format!(
                    "axis {axis} has direction {one:?} before and {other:?} after; no plane shows \
                     both"
                )));
            }
        }
        // The view is along anterior-posterior (coronal), else along superior-inferior (axial).
        let preference = |axis: Axis| {
            let direction = before.direction(axis);
            2.0 * direction[1].abs() + direction[2].abs()
        };
        let [across, kept] = if preference(others[0]) > preference(others[1]) {
            others
        } else {
            [others[1], others[0]]
        };
        let lateral = |axis: Axis| before.direction(axis)[0].abs();
        let [right, down] =
            if lateral(kept) >= lateral(slices) { [kept, slices] } else { [slices, kept] };
        let finest = [right, down]
            .map(|axis| before.spacing(axis).min(after.spacing(axis)))
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        let mut view = View { before, across, right, down, pixel: finest };
        let longest = view.extent(right).max(view.extent(down));
        view.pixel = finest.max(longest / max_side);
        Ok(view)
    }

    /// Extent of the image along an axis, mm: from the first to the last voxel of `before`, with
    /// their outer halves.
    fn extent(&self, axis: Axis) -> f64 {
        let positions = self.before.slice_positions(axis);
        positions[positions.len() - 1] + self.before.spacing(axis)
    }

    /// Width and height of one half, pixels.
    fn pixels(&self) -> (u32, u32) {
        let pixels = |axis| (self.extent(axis) / self.pixel).round().max(1.0) as u32;
        (pixels(self.right), pixels(self.down))
    }

    /// Whether an axis points against its direction in the image, which is to the patient's left
    /// along a row and to inferior (else posterior) along a column.
    fn is_flipped(&self, axis: Axis) -> bool {
        let direction = self.before.direction(axis);
        if axis == self.right {
            direction[0] > 0.0
        } else if direction[2].abs() >= direction[1].abs() {
            direction[2] > 0.0
        } else {
            direction[1] > 0.0
        }
    }

    /// Voxel of `geometry` at each pixel along an axis.
    fn samples(&self, geometry: &Geometry, axis: Axis) -> Vec<Option<usize>> {
        let direction = self.before.direction(axis);
        let start: f64 = (0..3)
            .map(|row| (geometry.origin()[row] - self.before.origin()[row]) * direction[row])
            .sum();
        let positions: Vec<f64> =
            geometry.slice_positions(axis).into_iter().map(|position| start + position).collect();
        let reach = geometry.spacing(axis).max(self.before.spacing(axis)) / 2.0;
        let count = if axis == self.right { self.pixels().0 } else { self.pixels().1 };
        let edge = -self.before.spacing(axis) / 2.0;
        let mut samples: Vec<Option<usize>> = (0..count)
            .map(|pixel| {
                nearest(
                    &positions,
                    edge + (f64::from(pixel) + 0.5) * self.pixel,
                    reach + self.pixel,
                )
            })
            .collect();
        if self.is_flipped(axis) {
            samples.reverse();
        }
        samples
    }
}

/// Index of the position nearest to `position`; `None` beyond the first and last by over `reach`.
fn nearest(positions: &[f64], position: f64, reach: f64) -> Option<usize> {
    let count = positions.len();
    if position < positions[0] - reach || position > positions[count - 1] + reach {
        return None;
    }
    let after = positions.partition_point(|&other| other < position).clamp(1, count.max(2) - 1);
    let before = after - 1;
    let closer = after < count && positions[after] - position < position - positions[before];
    Some(if closer { after } else { before })
}

/// Plane in HU, `[down, right]`.
fn plane(volume: &Volume, view: &View, index: usize) -> Array2<f64> {
    let rescale = volume.rescale();
    with_voxels!(volume.voxels(), array => {
        let plane = array.index_axis(ArrayAxis(view.across.array_axis()), index);
        let plane = plane.mapv(|stored| rescale.to_hu(stored.to_f64()));
        if view.down.array_axis() < view.right.array_axis() { plane } else { plane.reversed_axes() }
    })
}

/// Mean index along `axis` of the body's voxels; the middle of the volume without any.
fn centre_of_body(volume: &Volume, axis: Axis) -> usize {
    let rescale = volume.rescale();
    let (mut weight, mut count) = (0usize, 0usize);
    with_voxels!(volume.voxels(), array => {
        for (index, plane) in array.axis_iter(ArrayAxis(axis.array_axis())).enumerate() {
            // Every third voxel is enough.
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

    /// A body of 12 mm (right to left) x 3 mm (anterior to posterior) x 4 slices of 3 mm (inferior
    /// to superior) divided in `parts`, stored with the axes `order[0]`, `order[1]`, `order[2]` of
    /// space as i, j, k, each flipped against RAS where `flipped`, and rotated about the right-left
    /// axis.
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
            // Body in the middle plane only; brighter to the right and to superior.
            if place[1] != 1 { -1000 } else { hu(place[0], place[2] as f64 / parts as f64) as i16 }
        });
        let geometry = Geometry::new(size, origin, steps).unwrap();
        Volume::new(voxels.into(), Rescale::IDENTITY, geometry).unwrap()
    }

    /// HU at a right-left index and a slice of the thick volume.
    fn hu(x: usize, slice: f64) -> f64 {
        -200.0 + 30.0 * x as f64 + 120.0 * slice
    }

    fn grey(hu: f64) -> u8 {
        (WINDOW.to_unit(hu) * 255.0).round() as u8
    }

    const AXIAL: ([usize; 3], [bool; 3]) = ([0, 1, 2], [true, true, false]);

    #[test]
    fn thick_and_thin_slices_have_the_same_extent() {
        let (order, flipped) = AXIAL;
        let image = draw(&stack(1, order, flipped, 0.0), &stack(3, order, flipped, 0.0)).unwrap();
        // 12 voxels of 1 mm and 4 slices of 3 mm; 10 slices of 1 mm span the same millimetres.
        assert_eq!(image.dimensions(), (2 * 12 + SEPARATOR, 12));
        for y in 0..12u32 {
            let superior = 11 - y;
            for x in 0..12u32 {
                let from_left = 11 - x as usize;
                let thick = f64::from(superior / 3);
                assert_eq!(image.get_pixel(x, y).0[0], grey(hu(from_left, thick)), "{x} {y}");
                let thin = (f64::from(superior) - 1.0).clamp(0.0, 9.0) / 3.0;
                let after = image.get_pixel(x + 12 + SEPARATOR, y).0[0];
                assert_eq!(after, grey(hu(from_left, thin).trunc()), "{x} {y}");
            }
            assert_eq!(image.get_pixel(12 + SEPARATOR / 2, y).0[0], 255);
        }
    }

    #[test]
    fn order_and_direction_of_axes_do_not_matter() {
        let (order, flipped) = AXIAL;
        let wanted = draw(&stack(1, order, flipped, 0.0), &stack(3, order, flipped, 0.0)).unwrap();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for bits in 0..8 {
                let flipped = [bits & 1 > 0, bits & 2 > 0, bits & 4 > 0];
                for turned in [0.0, 20.0, -35.0] {
                    let before = stack(1, order, flipped, turned);
                    let after = stack(3, order, flipped, turned);
                    let image = draw(&before, &after).unwrap();
                    assert!(image == wanted, "{order:?} {flipped:?} {turned}");
                }
            }
        }
    }

    #[test]
    fn coronal_volume_is_shown_in_an_axial_plane() {
        let voxels = Array3::from_shape_fn((2, 4, 5), |(k, _, i)| (100 * k + 10 * i) as i16);
        // i to the left, j downwards, k (the slices, 3 mm) to the back.
        let steps = [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -3.0, 0.0]];
        let geometry = Geometry::new([5, 4, 2], [0.0; 3], steps).unwrap();
        let volume = Volume::new(voxels.into(), Rescale::IDENTITY, geometry).unwrap();
        let image = draw(&volume, &volume).unwrap();
        assert_eq!(image.dimensions(), (2 * 5 + SEPARATOR, 6));
        assert_eq!(image.get_pixel(0, 0).0[0], grey(0.0));
        assert_eq!(image.get_pixel(4, 5).0[0], grey(140.0));
    }

    #[test]
    fn parts_beyond_the_second_volume_are_black() {
        let (order, flipped) = AXIAL;
        let before = stack(1, order, flipped, 0.0);
        let voxels = Array3::from_elem((2, 3, 12), 0i16);
        let steps = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]];
        let origin = before.geometry().origin();
        let geometry = Geometry::new([12, 3, 2], origin, steps).unwrap();
        let after = Volume::new(voxels.into(), Rescale::IDENTITY, geometry).unwrap();
        let image = draw(&before, &after).unwrap();
        assert_eq!(image.get_pixel(15 + SEPARATOR, 0).0[0], 0);
        assert_eq!(image.get_pixel(15 + SEPARATOR, 11).0[0], grey(0.0));
    }

    #[test]
    fn png_is_written_and_other_endings_are_rejected() {
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
        assert!(text(Path::new("coronal.jpg")).contains("coronal.jpg: images are written as .png"));
        let missing = folder.path().join("no/such/coronal.png");
        assert!(text(&missing).contains("no/such/coronal.png"), "{}", text(&missing));
    }

    #[test]
    fn thumbnails_are_the_halves_of_the_image() {
        let (order, flipped) = AXIAL;
        let (before, after) = (stack(1, order, flipped, 0.0), stack(3, order, flipped, 0.0));
        let folder = tempfile::tempdir().unwrap();
        let paths = ["before.png", "after.png"].map(|name| folder.path().join(name));
        thumbnails(&before, &after, paths.each_ref().map(|path| path.as_path())).unwrap();
        let mut image = draw(&before, &after).unwrap();
        for (path, left) in paths.iter().zip([0, 12 + SEPARATOR]) {
            let half = imageops::crop(&mut image, left, 0, 12, 12).to_image();
            assert!(image::open(path).unwrap().into_luma8() == half);
        }
        let voxels = Array3::from_elem((3, 2, 700), 0i16);
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
        let geometry = Geometry::new([700, 2, 3], [0.0; 3], steps).unwrap();
        let wide = Volume::new(voxels.into(), Rescale::IDENTITY, geometry).unwrap();
        thumbnails(&wide, &wide, paths.each_ref().map(|path| path.as_path())).unwrap();
        assert_eq!(image::open(&paths[0]).unwrap().width(), THUMBNAIL);
    }

    #[test]
    fn volumes_of_different_planes_are_rejected() {
        let (order, flipped) = AXIAL;
        let before = stack(1, order, flipped, 0.0);
        let text = draw(&before, &stack(3, [1, 0, 2], flipped, 0.0)).unwrap_err().to_string();
        assert!(text.contains("more than one axis"), "{text}");
        let text = draw(&before, &stack(3, order, [false; 3], 0.0)).unwrap_err().to_string();
        assert!(text.contains("axis i has direction"), "{text}");
    }
}
