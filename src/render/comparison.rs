//! Figures 3 and 4 of the paper: one group of slices, a row for each method, the truth last.

use std::path::Path;

use image::{GrayImage, Luma};
use ndarray::{Array2, s};

use crate::error::{Error, Result};
use crate::evaluation::{hounsfield, thinned};
use crate::render::text::{LETTER, save, write};
use crate::resample::{Interpolator, Job, OnProgress, Plan, Spacing};
use crate::volume::{Volume, Window};

/// White pixels between slices, and round the name of a row.
const SEPARATOR: u32 = 4;

/// A square of a plane, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Its first row.
    pub row: usize,
    /// Its first column.
    pub column: usize,
    /// Its side.
    pub side: usize,
}

/// A group of slices: the known ones at both ends, `gap` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The first known slice.
    pub first: usize,
    /// Slices from it to the second one.
    pub gap: usize,
}

/// Draws as a PNG, for each method a row: the known slices left and right, what it makes between
/// them; then a row of the real slices. With a `square` only that is shown, enlarged by a whole
/// factor to about the size of the plane. Grey is the window -1000..1000 HU.
///
/// # Errors
/// [`Error::Argument`] for a group or a square that is not within the volume; as [`Job::run`];
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
            "slices {first} to {} are no group of this volume of {slices} slices",
            first + gap
        )));
    }
    let known = thinned(volume, axis, first, gap, 2)?;
    let plan = Plan::new(known.geometry(), Some(axis), &Spacing::Factor(gap))?;
    let mut rows = Vec::new();
    for (name, method) in methods {
        let made = Job::new(&plan, method, &known).run(on_progress)?.volume;
        let planes: Vec<_> = (0..=gap).map(|index| hounsfield(&made, axis, index)).collect();
        rows.push((*name, planes));
    }
    rows.push(("truth", (first..=first + gap).map(|at| hounsfield(volume, axis, at)).collect()));
    save(picture(&rows, square)?, path)
}

fn picture(rows: &[(&str, Vec<Array2<f64>>)], square: Option<Square>) -> Result<GrayImage> {
    let (height, width) = rows[0].1[0].dim();
    let whole = Square { row: 0, column: 0, side: height.max(width) };
    let Square { row, column, side } = square.unwrap_or(whole);
    if square.is_some() && (side == 0 || row + side > height || column + side > width) {
        return Err(Error::Argument(format!(
            "a square of {side} pixels from row {row}, column {column} is not within planes of \
             {height} x {width}"
        )));
    }
    let shown = s![row..(row + side).min(height), column..(column + side).min(width)];
    let factor = (height.max(width) / side).max(1) as u32;
    let (tall, wide) = rows[0].1[0].slice(shown).dim();
    let tile = (wide as u32 * factor + SEPARATOR, tall as u32 * factor + SEPARATOR);
    let title = LETTER + 2 * SEPARATOR;
    let size = (rows[0].1.len() as u32 * tile.0, rows.len() as u32 * (tile.1 + title));
    let mut picture = GrayImage::from_pixel(size.0 - SEPARATOR, size.1 - SEPARATOR, Luma([255]));
    for (number, (name, planes)) in rows.iter().enumerate() {
        let top = number as u32 * (tile.1 + title);
        write(&mut picture, (0, top + SEPARATOR), name, Luma([0]));
        for (index, plane) in planes.iter().enumerate() {
            let left = index as u32 * tile.0;
            for ((y, x), &hu) in plane.slice(shown).indexed_iter() {
                let grey = Luma([(Window::CT.to_unit(hu) * 255.0).round() as u8]);
                for (dy, dx) in (0..factor * factor).map(|dot| (dot / factor, dot % factor)) {
                    let (x, y) = (x as u32 * factor + dx, y as u32 * factor + dy);
                    picture.put_pixel(left + x, top + title + y, grey);
                }
            }
        }
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Geometry, Rescale};
    use ndarray::Array3;

    /// 5 slices of 8 x 6 pixels; slice k is 200 k - 400 HU, but for a bright corner.
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
    fn a_row_a_method_and_the_truth_last() {
        let picture = drawn(None);
        let title = LETTER + 2 * SEPARATOR;
        assert_eq!(picture.dimensions(), (3 * 10 - 4, 2 * (12 + title) - 4));
        // -200, 0, 200 HU in a window of 2000, in both rows.
        for row in 0..2 {
            let greys = [0, 1, 2].map(|column| {
                picture.get_pixel(10 * column + 2, row * (12 + title) + title + 2).0[0]
            });
            assert_eq!(greys, [102, 128, 153]);
        }
        let name = &picture.as_raw()[..(picture.width() * title) as usize];
        assert!(name.contains(&0) && name.contains(&255));
    }

    #[test]
    fn a_square_is_enlarged() {
        let picture = drawn(Some(Square { row: 6, column: 4, side: 2 }));
        // Two pixels, each 4 x 4 dots; the last of them bright.
        let title = LETTER + 2 * SEPARATOR;
        assert_eq!(picture.dimensions(), (3 * 12 - 4, 2 * (12 + title) - 4));
        assert_eq!(picture.get_pixel(3, title + 3).0[0], 102);
        assert_eq!(picture.get_pixel(4, title + 4).0[0], 255);
        assert_eq!(picture.get_pixel(7, title + 7).0[0], 255);
    }

    #[test]
    fn what_is_not_there_is_refused() {
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
