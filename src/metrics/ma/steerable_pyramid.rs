//! Steerable pyramid of two levels and six orientations, in the frequency domain (Simoncelli and
//! Freeman, 1995): circular at the border, with transitions of one octave between levels.

use std::f64::consts::PI;

use ndarray::{Array2, ArrayView2, Zip, s};
use ndrustfft::{Complex, FftHandler, ndfft_inplace, ndifft_inplace};

use super::lookup::Lookup;

/// Number of orientations: their order is one less.
pub(super) const ORIENTATIONS: usize = 6;

/// Bands of an image.
pub(super) struct Pyramid {
    /// Frequencies above those of the first level.
    pub high_pass: Array2<f64>,
    /// Bands of each level, the first of the image's size, the second of half of it, rounded up.
    pub levels: [[Array2<f64>; ORIENTATIONS]; 2],
}

/// Frequencies of a level, the lowest in the middle.
struct Frequencies {
    spectrum: Array2<Complex<f64>>,
    log_radius: Array2<f64>,
    angle: Array2<f64>,
}

impl Pyramid {
    /// Decomposes an image of grey levels.
    pub(super) fn of(image: ArrayView2<f64>) -> Pyramid {
        let whole = Frequencies::of(image);
        let high_pass = inverse(whole.masked(&Lookup::high_pass(0)));
        let first = whole.with_mask(&Lookup::low_pass(0));
        let second = first.middle().with_mask(&Lookup::low_pass(1));
        Pyramid { high_pass, levels: [first.bands(1), second.bands(2)] }
    }
}

impl Frequencies {
    fn of(image: ArrayView2<f64>) -> Frequencies {
        let (rows, columns) = image.dim();
        let (middle_row, middle_column) = (rows / 2, columns / 2);
        let position = |(row, column): (usize, usize)| {
            let along = |index: usize, middle: usize, length: usize| {
                (index as f64 - middle as f64) / (0.5 * length as f64)
            };
            (along(row, middle_row, rows), along(column, middle_column, columns))
        };
        let mut log_radius = Array2::from_shape_fn((rows, columns), |at| {
            let (y, x) = position(at);
            (x * x + y * y).sqrt().log2()
        });
        // Frequency zero has no logarithm; its neighbour's value stops it as well.
        log_radius[(middle_row, middle_column)] = log_radius[(middle_row, middle_column - 1)];
        let angle = Array2::from_shape_fn((rows, columns), |at| {
            let (y, x) = position(at);
            y.atan2(x)
        });
        Frequencies { spectrum: spectrum(image), log_radius, angle }
    }

    /// The spectrum times a function of the radius.
    fn masked(&self, mask: &Lookup) -> Array2<Complex<f64>> {
        let mut spectrum = self.spectrum.clone();
        Zip::from(&mut spectrum)
            .and(&self.log_radius)
            .for_each(|value, &radius| *value *= mask.at(radius));
        spectrum
    }

    fn with_mask(mut self, mask: &Lookup) -> Frequencies {
        self.spectrum = self.masked(mask);
        self
    }

    /// The lower half of the frequencies along each axis, rounded up. Radius and angle stay those
    /// of the whole.
    fn middle(&self) -> Frequencies {
        let (rows, columns) = self.angle.dim();
        let (down, across) = (rows.div_ceil(2), columns.div_ceil(2));
        let (top, left) = (rows / 2 - down / 2, columns / 2 - across / 2);
        let window = s![top..top + down, left..left + across];
        Frequencies {
            spectrum: self.spectrum.slice(window).to_owned(),
            log_radius: self.log_radius.slice(window).to_owned(),
            angle: self.angle.slice(window).to_owned(),
        }
    }

    /// Bands of a level, counted from 1, in all orientations.
    fn bands(&self, level: usize) -> [Array2<f64>; ORIENTATIONS] {
        let ring = self.masked(&Lookup::high_pass(level));
        std::array::from_fn(|orientation| {
            let angles = Lookup::angular(PI / ORIENTATIONS as f64 * orientation as f64);
            let mut band = ring.clone();
            Zip::from(&mut band).and(&self.angle).for_each(|value, &angle| {
                // Odd order: times -i, so that the band is real.
                let turned = Complex::new(value.im, -value.re);
                *value = turned * angles.at(angle);
            });
            inverse(band)
        })
    }
}

/// Discrete Fourier transform, with frequency zero in the middle.
fn spectrum(image: ArrayView2<f64>) -> Array2<Complex<f64>> {
    let (rows, columns) = image.dim();
    let mut spectrum = image.mapv(|value| Complex::new(value, 0.0));
    for (axis, length) in [(1, columns), (0, rows)] {
        ndfft_inplace(&mut spectrum, &FftHandler::new(length), axis);
    }
    rolled(&spectrum, (rows / 2, columns / 2))
}

/// Real part of the inverse of [`spectrum`].
fn inverse(spectrum: Array2<Complex<f64>>) -> Array2<f64> {
    let (rows, columns) = spectrum.dim();
    let mut image = rolled(&spectrum, (rows.div_ceil(2), columns.div_ceil(2)));
    for (axis, length) in [(1, columns), (0, rows)] {
        ndifft_inplace(&mut image, &FftHandler::new(length), axis);
    }
    image.mapv(|value| value.re)
}

/// Moves all values down and right, and those that leave to the other side.
fn rolled(plane: &Array2<Complex<f64>>, by: (usize, usize)) -> Array2<Complex<f64>> {
    let (rows, columns) = plane.dim();
    let (row, column) = (rows - by.0, columns - by.1);
    let mut rolled = plane.clone();
    for (from_rows, to_rows) in [(0..row, by.0..rows), (row..rows, 0..by.0)] {
        for (from, to) in [(0..column, by.1..columns), (column..columns, 0..by.1)] {
            let part = plane.slice(s![from_rows.clone(), from]);
            rolled.slice_mut(s![to_rows.clone(), to]).assign(&part);
        }
    }
    rolled
}
