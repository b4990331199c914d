//! A picture of a run's curves, a panel a value.

use std::path::Path;

use image::{Rgb, RgbImage};

use crate::error::Result;
use crate::render::text::{LETTER, save, write};
use crate::training::logging::csv::{Row, names};

/// Size of a panel, and its margin for text.
const PANEL: (u32, u32) = (640, 220);
const MARGIN: (u32, u32) = (76, 28);
const COLUMNS: u32 = 2;
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const INK: Rgb<u8> = Rgb([40, 40, 40]);
const EACH: Rgb<u8> = Rgb([190, 205, 230]);
const SMOOTH: Rgb<u8> = Rgb([20, 70, 160]);
const STAGE: Rgb<u8> = Rgb([220, 120, 40]);

/// Draws the curves as a PNG: each step pale, the running mean dark, a line where Stage II begins.
/// Positive values that span more than a factor of ten have a logarithmic scale.
///
/// # Errors
/// [`crate::Error::Io`].
pub fn draw(rows: &[Row], path: &Path) -> Result<()> {
    let curves: Vec<(&str, Vec<(u64, f64)>)> = names()
        .enumerate()
        .map(|(index, name)| {
            let points = rows.iter().filter_map(|row| Some((row.step, row.values[index]?)));
            (name, points.filter(|point| point.1.is_finite()).collect::<Vec<_>>())
        })
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let second = rows.iter().find(|row| row.stage == "two").map(|row| row.step);
    let second = second.filter(|&step| rows.first().is_some_and(|row| row.step < step));
    let last = rows.last().map_or(1, |row| row.step);
    let lines = (curves.len() as u32).div_ceil(COLUMNS).max(1);
    let mut picture = RgbImage::from_pixel(COLUMNS * PANEL.0, lines * PANEL.1, PAPER);
    for (number, (name, points)) in curves.iter().enumerate() {
        let number = number as u32;
        let corner = (number % COLUMNS * PANEL.0, number / COLUMNS * PANEL.1);
        panel(&mut picture, corner, name, points, last, second);
    }
    save(picture, path)
}

fn panel(
    picture: &mut RgbImage,
    corner: (u32, u32),
    name: &str,
    points: &[(u64, f64)],
    last: u64,
    second: Option<u64>,
) {
    let low = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let logarithmic = low > 0.0 && high > 10.0 * low;
    let scale = |value: f64| if logarithmic { value.ln() } else { value };
    let (width, height) = (PANEL.0 - MARGIN.0 - 12, PANEL.1 - 2 * MARGIN.1);
    let (left, top) = (corner.0 + MARGIN.0, corner.1 + MARGIN.1);
    let x = |step: u64| left as f64 + step as f64 / last.max(1) as f64 * f64::from(width);
    let y = |value: f64| {
        let span = scale(high) - scale(low);
        let part = if span > 0.0 { (scale(value) - scale(low)) / span } else { 0.5 };
        f64::from(top + height) - part * f64::from(height)
    };
    let frame = [(left, top), (left, top + height), (left + width, top + height)];
    for pair in frame.windows(2) {
        let at = |point: (u32, u32)| (f64::from(point.0), f64::from(point.1));
        line(picture, at(pair[0]), at(pair[1]), INK);
    }
    if let Some(step) = second {
        line(picture, (x(step), f64::from(top)), (x(step), f64::from(top + height)), STAGE);
    }
    for pair in points.windows(2) {
        line(picture, (x(pair[0].0), y(pair[0].1)), (x(pair[1].0), y(pair[1].1)), EACH);
    }
    // Exponential mean over a hundredth of the run.
    let weight = 1.0 / (points.len() as f64 / 100.0).max(1.0);
    let mut mean = points[0].1;
    let mut before = (x(points[0].0), y(mean));
    for point in points {
        mean += weight * (point.1 - mean);
        let here = (x(point.0), y(mean));
        line(picture, before, here, SMOOTH);
        before = here;
    }
    let scale_name = if logarithmic { " (logarithmic)" } else { "" };
    write(picture, (left, corner.1 + 8), &format!("{name}{scale_name}"), INK);
    write(picture, (corner.0 + 4, top), &short(high), INK);
    write(picture, (corner.0 + 4, top + height - 8), &short(low), INK);
    write(picture, (left, top + height + 8), "0", INK);
    let steps = format!("{last} steps");
    write(picture, (left + width - LETTER * steps.len() as u32, top + height + 8), &steps, INK);
}

/// At most nine characters.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (0.01..10_000.0).contains(&size) => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

fn line(picture: &mut RgbImage, from: (f64, f64), to: (f64, f64), colour: Rgb<u8>) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let steps = dx.abs().max(dy.abs()).ceil().max(1.0);
    for step in 0..=steps as u32 {
        let part = f64::from(step) / steps;
        dot(picture, (from.0 + part * dx).round(), (from.1 + part * dy).round(), colour);
    }
}

fn dot(picture: &mut RgbImage, x: f64, y: f64, colour: Rgb<u8>) {
    if x >= 0.0 && y >= 0.0 && x < f64::from(picture.width()) && y < f64::from(picture.height()) {
        picture.put_pixel(x as u32, y as u32, colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::logging::step_losses::StepLosses;
    use crate::training::settings::schedule::StageKind;

    #[test]
    fn picture_has_a_panel_a_value_and_a_line_at_stage_two() {
        let folder = tempfile::tempdir().unwrap();
        let row = |step: u64| {
            let stage = if step < 50 { StageKind::One } else { StageKind::Two };
            let content = Some(1.0 / step as f64);
            let losses = StepLosses { content, learning_rate: 1e-4, ..StepLosses::default() };
            Row::new(step, stage, &losses, None)
        };
        let rows: Vec<Row> = (1..=100).map(row).collect();
        let path = folder.path().join("curves.png");
        draw(&rows, &path).unwrap();
        let picture = image::open(&path).unwrap().to_rgb8();
        // Content, gradient norm and learning rate.
        assert_eq!(picture.dimensions(), (2 * PANEL.0, 2 * PANEL.1));
        // The content loss falls: its curve begins at the panel's top left and ends at the bottom.
        let (left, right) = (MARGIN.0 + 5, PANEL.0 - 12);
        assert_eq!(picture.get_pixel(right, PANEL.1 - MARGIN.1), &SMOOTH);
        let stage = picture.enumerate_pixels().filter(|pixel| *pixel.2 == STAGE);
        let width = f64::from(PANEL.0 - MARGIN.0 - 12);
        let middle = f64::from(MARGIN.0) + 0.5 * width;
        assert!(stage.map(|pixel| f64::from(pixel.0 % PANEL.0)).all(|x| (x - middle).abs() < 1.0));
        let dark = |x: u32| (0..PANEL.1).find(|&y| picture.get_pixel(x, y) == &SMOOTH);
        assert!(dark(left + 20).unwrap() < dark(right - 20).unwrap());
        draw(&[], &path).unwrap();
    }
}
