//! Pictures of interpolated slices during training, with the known ones and the truth.

use std::path::Path;

use image::{Rgb, RgbImage};
use tch::{Device, Tensor};

use crate::error::Result;
use crate::render::text::save;
use crate::training::data::batch::Batch;

/// White pixels between two slices.
const SEPARATOR: u32 = 4;

/// Draws the first group of a batch as a PNG: above, the known slices with the interpolated ones
/// between them; below, the real slices. Grey values are those of the network's window.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Torch`].
pub fn draw(batch: &Batch, interpolated: &Tensor, path: &Path) -> Result<()> {
    let inner = batch.inner()?;
    let [first, last] = [&batch.first, &batch.second].map(|ends| ends.f_narrow(0, 0, 1));
    let (first, last) = (first?, last?);
    let row = |between: &Tensor| -> Result<Tensor> {
        Ok(Tensor::f_cat(&[&first, &between.f_narrow(0, 0, inner)?, &last], 0)?)
    };
    let (_, _, rows, columns) = first.size4()?;
    let (width, height) = (columns as u32 + SEPARATOR, rows as u32 + SEPARATOR);
    let slices = inner as u32 + 2;
    let size = (slices * width - SEPARATOR, 2 * height - SEPARATOR);
    let mut picture = RgbImage::from_pixel(size.0, size.1, Rgb([255; 3]));
    for (line, images) in [row(interpolated)?, row(&batch.truth)?].into_iter().enumerate() {
        let images = images.f_clamp(0.0, 1.0)?.f_mul_scalar(255.0)?.f_round()?;
        let images = images.f_to_device(Device::Cpu)?.f_contiguous()?.f_view([-1])?;
        let mut greys = vec![0f32; images.numel()];
        images.f_copy_data(&mut greys, images.numel())?;
        for (index, grey) in greys.into_iter().enumerate() {
            let index = index as u32;
            let (slice, pixel) = (index / (rows * columns) as u32, index % (rows * columns) as u32);
            let x = slice * width + pixel % columns as u32;
            let y = line as u32 * height + pixel / columns as u32;
            picture.put_pixel(x, y, Rgb([grey as u8; 3]));
        }
    }
    save(picture, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn known_slices_are_at_the_ends_and_the_truth_below() {
        let plane = |grey: f64| Tensor::full([1, 1, 8, 6], grey, (Kind::Float, Device::Cpu));
        let three = |greys: [f64; 3]| Tensor::cat(&greys.map(plane), 0);
        let batch = Batch {
            first: plane(0.0),
            second: plane(1.0),
            truth: three([0.2, 0.4, 0.6]),
            alpha: Tensor::from_slice(&[0.75f32, 0.5, 0.25]),
            gap: Tensor::from_slice(&[4i64]),
            random_alpha: Tensor::from_slice(&[0.5f32]),
            context: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        draw(&batch, &three([0.1, 0.31, 2.0]), &path).unwrap();
        let picture = image::open(&path).unwrap().to_luma8();
        assert_eq!(picture.dimensions(), (5 * 6 + 4 * 4, 2 * 8 + 4));
        let grey = |column: u32, row: u32| picture.get_pixel(column * 10 + 3, row * 12 + 3).0[0];
        assert_eq!([0, 1, 2, 3, 4].map(|column| grey(column, 0)), [0, 26, 79, 255, 255]);
        assert_eq!([0, 1, 2, 3, 4].map(|column| grey(column, 1)), [0, 51, 102, 153, 255]);
        assert_eq!(picture.get_pixel(7, 3).0[0], 255);
    }
}
