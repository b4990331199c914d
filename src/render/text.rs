//! Text in images, and atomic writing of image files.

use std::path::Path;

use font8x8::{BASIC_FONTS, UnicodeFonts};
use image::{DynamicImage, GenericImage, ImageFormat};

use crate::error::{Error, Result};
use crate::io::atomic_write::write_atomically;

/// Width and height of a letter, pixels.
pub const LETTER: u32 = 8;

/// Draws a line of text with its upper left corner at `left`, `top`, clipped to the image.
pub fn write<I: GenericImage>(image: &mut I, (left, top): (u32, u32), text: &str, ink: I::Pixel) {
    for (number, letter) in text.chars().enumerate() {
        let Some(rows) = BASIC_FONTS.get(letter) else { continue };
        for (row, bits) in rows.into_iter().enumerate() {
            for column in (0..8).filter(|column| bits >> column & 1 == 1) {
                let (x, y) = (left + LETTER * number as u32 + column, top + row as u32);
                if image.in_bounds(x, y) {
                    image.put_pixel(x, y, ink);
                }
            }
        }
    }
}

/// Writes an image as PNG, replacing an existing file.
///
/// # Errors
/// [`Error::Io`].
pub fn save(image: impl Into<DynamicImage>, path: &Path) -> Result<()> {
    let mut png = std::io::Cursor::new(Vec::new());
    image
        .into()
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|error| Error::io(path, std::io::Error::other(error)))?;
    write_atomically(path, true, |file| {
        file.write_all(png.get_ref()).map_err(|error| Error::io(path, error))
    })
}
