//! Comparison of methods on one group of slices, one row per method and the truth last (figures 3
//! and 4 of the paper).

use std::path::Path;

use image::{GrayImage, Luma};
use ndarray::{Array2, s};

use crate::error::{Error, Result};
use crate::evaluation::{hounsfield, thinned};
use crate::render::text::{LETTER, save, write};
use crate::resample::{Interpolator, Job, OnProgress, Plan, Spacing};
use crate::volume::{Volume, Window};

/// White pixels between slices and around the name of a row.
const SEPARATOR: u32 = 4;

/// Square part of a plane, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// First row.
    pub row: usize,
    /// First column.
    pub column: usize,
    /// Side.
    pub side: usize,
}

/// Group of slices: two known ones, `gap` slice steps apart, and those between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Index of the first known slice.
    pub first: usize,
    /// Slice steps from the first known slice to the second.
    pub gap: usize,
}

/// Writes a PNG with one row per method: the known slices at both ends and the interpolated ones
/// between them; the last row holds the true slices. `square` limits the image to a part of the
/// plane, enlarged by a whole factor to about the size of the plane. The grey window is -1000 to
/// 1000 HU.
///
/// # Errors
/// [`Error::Argument`] for a group or a square beyond the volume; those of [`Job::run`];
/// [`Error::Io`].
pub fn draw(
    volume: &Volume,
    group: Group,
    methods: &[(&str, &Interpolator)],
    square: Option<Square>,
    path: &Path,
    on_progress: OnProgress,
) -> Result<()> {
    let axis = volume.geometry().slice_axis();
    let Group { first, gap } = group;
    let slices = volume.geometry().length(axis);
    if gap < 2 || first + gap >= slices {
        return Err(Error::Argument(format!(
            "slices {first} to {} are not a group of this volume of {slices} slices; a group has a \
             gap of 2 or more and ends within the volume",
            first + gap
        )));
    }
    let known = thinned(volume, axis, first, gap, 2)?;
    let plan = Plan::new(known.geometry(), Some(axis), &Spacing::Factor(gap))?;
    let mut rows = Vec::new();
    for (name, method) in methods {
        let interpolated = Job::new(&plan, method, &known).run(on_progress)?.volume;
        let planes: Vec<_> =
            (0..=gap).map(|index| hounsfield(&interpolated, axis, index)).collect();
        rows.push((*name, planes));
    }
    rows.push(("truth", (first..=first + gap).map(|at| hounsfield(volume, axis, at)).collect()));
    save(image(&rows, square)?, path)
}

fn image(rows: &[(&str, Vec<Array2<f64>>)], square: Option<Square>) -> Result<GrayImage> {
    let (height, width) = rows[0].1[0].dim();
    let whole = Square { row: 0, column: 0, side: height.max(width) };
    let Square { row, column, side } = square.unwrap_or(whole);
    if square.is_some() && (side == 0 || row + side > height || column + side > width) {
        return Err(Error::Argument(format!(
            "a square of {side} pixels from row {row}, column {column} is beyond planes of \
             {height} x {width}; choose a smaller one"
        )));
    }
    let shown = s![row..(row + side).min(height), column..(column + side).min(width)];
    let factor = (height.max(width) / side).max(1) as u32;
    let (tall, wide) = rows[0].1[0].slice(shown).dim();
    let tile = (wide as u32 * factor + SEPARATOR, tall as u32 * factor + SEPARATOR);
    let title = LETTER + 2 * SEPARATOR;
    let size = (rows[0].1.len() as u32 * tile.0, rows.len() as u32 * (tile.1 + title));
    let mut image = GrayImage::from_pixel(size.0 - SEPARATOR, size.1 - SEPARATOR, Luma([255]));
    for (number, (name, planes)) in rows.iter().enumerate() {
        let top = number as u32 * (tile.1 + title);
        write(&mut image, (0, top + SEPARATOR), name, Luma([0]));
        for (index, plane) in planes.iter().enumerate() {
            let left = index as u32 * tile.0;
            for ((y, x), &hu) in plane.slice(shown).indexed_iter() {
                let grey = Luma([(Window::CT.to_unit(hu) * 255.0).round() as u8]);
                for (dy, dx) in (0..factor * factor).map(|dot| (dot / factor, dot % factor)) {
                    let (x, y) = (x as u32 * factor + dx, y as u32 * factor + dy);
                    image.put_pixel(left + x, top + title + y, grey);
                }
            }
        }
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Geometry, Rescale};
    use ndarray::Array3;

    /// 5 slices of 8 x 6 pixels; slice k is 200 k - 400 HU, with a bright corner.
    fn volume() -> Volume {
        let array = Array3::from_shape_fn((5, 8, 6), |(k, j, i)| {
            if (j, i) == (7, 5) { 1000 } else { 200 * k as i16 - 400 }
        });
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
        let geometry = Geometry::new([6, 8, 5], [0.0; 3], steps).unwrap();
        Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap()
    }

    fn drawn(square: Option<Square>) -> GrayImage {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let methods = [("linear", &Interpolator::Linear)];
        let group = Group { first: 1, gap: 2 };
        draw(&volume(), group, &methods, square, &path, &mut |_| Ok(())).unwrap();
        image::open(&path).unwrap().to_luma8()
    }

    #[test]
    fn rows_are_methods_then_truth() {
        let image = drawn(None);
        let title = LETTER + 2 * SEPARATOR;
        assert_eq!(image.dimensions(), (3 * 10 - 4, 2 * (12 + title) - 4));
        // -200, 0, 200 HU in a window of 2000, in both rows.
        for row in 0..2 {
            let greys = [0, 1, 2].map(|column| {
                image.get_pixel(10 * column + 2, row * (12 + title) + title + 2).0[0]
            });
            assert_eq!(greys, [102, 128, 153]);
        }
        let name = &image.as_raw()[..(image.width() * title) as usize];
        assert!(name.contains(&0) && name.contains(&255));
    }

    #[test]
    fn square_is_enlarged() {
        let image = drawn(Some(Square { row: 6, column: 4, side: 2 }));
        // Two pixels, each 4 x 4 dots; the last of them bright.
        let title = LETTER + 2 * SEPARATOR;
        assert_eq!(image.dimensions(), (3 * 12 - 4, 2 * (12 + title) - 4));
        assert_eq!(image.get_pixel(3, title + 3).0[0], 102);
        assert_eq!(image.get_pixel(4, title + 4).0[0], 255);
        assert_eq!(image.get_pixel(7, title + 7).0[0], 255);
    }

    #[test]
    fn groups_and_squares_beyond_the_volume_are_rejected() {
        let path = Path::new("never.png");
        let beyond = Group { first: 3, gap: 2 };
        let error = draw(&volume(), beyond, &[], None, path, &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("slices 3 to 5"), "{error}");
        let group = Group { first: 0, gap: 2 };
        let square = Some(Square { row: 7, column: 0, side: 2 });
        let error = draw(&volume(), group, &[], square, path, &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("8 x 6"), "{error}");
    }
}
