//! Reads a structure set: the contours of regions of interest, drawn on the slices of the CT.

use std::collections::BTreeMap;
use std::path::Path;

use dicom_core::header::HasLength;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::error::{Error, Result};
use crate::io::affine::swap_lps;
use crate::io::dicom::attributes::{Attributes, items};
use crate::io::dicom::file::{self, text};
use crate::io::dicom::labels::compare_frames_of_reference;
use crate::io::dicom::labels::contours::Filling;
use crate::io::dicom::labels::fields::{integers, one_line};
use crate::io::dicom::labels::layers::{Layers, Plane};
use crate::io::segmentation::Segmentation;
use crate::volume::vector::{cross, dot, minus};
use crate::volume::{Axis, Geometry, Volume};

/// Largest distance of the points of a contour from their plane, in parts of the distance of the
/// nearest slices.
const MAX_LEAN: f64 = 0.25;

/// Distance up to which two contours are in one plane, mm.
const SAME_PLANE_MM: f64 = 0.01;

/// Reads a structure set and fills its contours on the slices of a CT.
///
/// # Errors
/// [`Error::Damaged`]; [`Error::Geometry`] for contours that are not parallel to the slices, and
/// where none lies within the CT; [`Error::Io`], [`Error::Memory`].
pub(super) fn read(path: &Path, ct: &Volume, cancelled: &dyn Fn() -> bool) -> Result<Segmentation> {
    let object = file::open(path)?.object;
    let regions = items(&object, tags::STRUCTURE_SET_ROI_SEQUENCE);
    let frame_of = |item| text(item, tags::REFERENCED_FRAME_OF_REFERENCE_UID);
    let stated: Vec<String> = regions.iter().map(frame_of).collect();
    compare_frames_of_reference(path, &stated, ct);
    let integer = |item, tag| Attributes::of_image(path, item).integer(tag);
    let names: BTreeMap<i64, String> = regions
        .iter()
        .filter_map(|item| Some((integer(item, tags::ROI_NUMBER)?, text(item, tags::ROI_NAME))))
        .collect();
    let slices = Slices::new(path, ct.geometry());
    let mut layers = Layers::new(path, ct.geometry().clone());
    let mut label = 0u16;
    let mut outside = Vec::new();
    for item in items(&object, tags::ROI_CONTOUR_SEQUENCE) {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        let number = integer(item, tags::REFERENCED_ROI_NUMBER).unwrap_or_default();
        let name = names.get(&number).cloned().unwrap_or_else(|| format!("ROI {number}"));
        let contours = contours(path, item, &name)?;
        if contours.is_empty() {
            log::warn!("{}: {name:?} has no closed contours; passed over", path.display());
            continue;
        }
        let (planes, lost) = slices.fill(&contours, &name)?;
        if planes.is_empty() {
            outside.push(name);
            continue;
        }
        if lost > 0 {
            let file = path.display();
            log::warn!("{file}: {lost} contours of {name:?} lie outside of the volume");
        }
        warn_of_gaps(path, &name, &planes);
        label = label
            .checked_add(1)
            .ok_or_else(|| Error::unsupported(path, "more than 65535 regions of interest"))?;
        layers.add(label, &planes, attributes(item, number, &name))?;
    }
    if label == 0 {
        let reason = match outside.is_empty() {
            true => "holds no closed contours".to_string(),
            false => "all its contours lie outside of the volume; is it of another CT?".to_string(),
        };
        return Err(Error::damaged(path, reason));
    }
    if !outside.is_empty() {
        log::warn!("{}: outside of the volume: {}", path.display(), outside.join(", "));
    }
    layers.finish()
}

fn attributes(item: &InMemDicomObject, number: i64, name: &str) -> Vec<(String, String)> {
    let mut attributes =
        vec![("ID".to_string(), format!("Segment_{number}")), ("Name".to_string(), one_line(name))];
    if let Ok(rgb) = <[i64; 3]>::try_from(integers(item, tags::ROI_DISPLAY_COLOR)) {
        let [r, g, b] = rgb.map(|part| format!("{:.6}", (part as f64 / 255.0).clamp(0.0, 1.0)));
        attributes.push(("Color".to_string(), format!("{r} {g} {b}")));
    }
    attributes
}

/// Says where slices between contours have none.
fn warn_of_gaps(path: &Path, name: &str, planes: &[Plane]) {
    let indices = planes.iter().map(|(k, _)| *k);
    let (first, last) = indices.fold((usize::MAX, 0), |(a, b), k| (a.min(k), b.max(k)));
    let empty = last + 1 - first - planes.len();
    if empty > 0 {
        log::warn!(
            "{}: {name:?} has no contours on {empty} of the slices between its first and its last",
            path.display()
        );
    }
}

/// Points of a closed contour, RAS, mm.
type Contour = Vec<[f64; 3]>;

/// The closed contours of a region of interest.
fn contours(path: &Path, item: &InMemDicomObject, name: &str) -> Result<Vec<Contour>> {
    let mut contours = Vec::new();
    for contour in items(item, tags::CONTOUR_SEQUENCE) {
        if !text(contour, tags::CONTOUR_GEOMETRIC_TYPE).starts_with("CLOSED") {
            continue;
        }
        let data = contour.get(tags::CONTOUR_DATA).filter(|element| !element.is_empty());
        let Some(data) = data else { continue };
        let numbers = data.to_multi_float64().ok();
        let numbers = numbers
            .filter(|numbers| numbers.len() % 3 == 0 && numbers.iter().all(|x| x.is_finite()));
        let Some(numbers) = numbers else {
            let reason = format!("ContourData of {name:?} is not a list of points (x, y, z)");
            return Err(Error::damaged(path, reason));
        };
        let points = numbers.chunks_exact(3).map(|point| swap_lps([point[0], point[1], point[2]]));
        contours.push(points.collect());
    }
    Ok(contours)
}

/// Contours of one plane.
struct ContourPlane<'a> {
    /// Distance from the first slice, mm.
    place: f64,
    contours: Vec<&'a Contour>,
}

/// Slices of a CT, on which contours are filled.
struct Slices<'a> {
    /// File with the contours, named in errors.
    path: &'a Path,
    grid: &'a Geometry,
    /// Distances from the first slice, mm.
    places: Vec<f64>,
    /// Unit vector across the slices.
    normal: [f64; 3],
}

impl<'a> Slices<'a> {
    fn new(path: &'a Path, grid: &'a Geometry) -> Slices<'a> {
        let across = cross(grid.direction(Axis::I), grid.direction(Axis::J));
        let along = dot(across, grid.direction(Axis::K));
        let normal = across.map(|part| part * along.signum());
        let places = grid.slice_positions(Axis::K).into_iter().map(|place| place * along.abs());
        Slices { path, grid, places: places.collect(), normal }
    }

    /// Distance of a point from the first slice, mm.
    fn place(&self, point: [f64; 3]) -> f64 {
        dot(minus(point, self.grid.origin()), self.normal)
    }

    /// Planes of a region of interest, and how many of its contours are beyond the slices. Of
    /// several contour planes nearest to one slice, the nearest counts.
    fn fill(&self, contours: &[Contour], name: &str) -> Result<(Vec<Plane>, usize)> {
        let mut planes: Vec<ContourPlane> = Vec::new();
        for contour in contours {
            let place = self.plane_of(contour, name)?;
            let same = |plane: &&mut ContourPlane| (plane.place - place).abs() <= SAME_PLANE_MM;
            match planes.iter_mut().rev().find(same) {
                Some(plane) => plane.contours.push(contour),
                None => planes.push(ContourPlane { place, contours: vec![contour] }),
            }
        }
        let mut of_slice: BTreeMap<usize, (f64, ContourPlane)> = BTreeMap::new();
        let mut lost = 0;
        for plane in planes {
            let Some((index, distance)) = self.nearest(plane.place) else {
                lost += plane.contours.len();
                continue;
            };
            match of_slice.get(&index) {
                Some((nearer, _)) if *nearer <= distance => {}
                _ => {
                    of_slice.insert(index, (distance, plane));
                }
            }
        }
        let mut filled = Vec::new();
        for (index, (_, plane)) in of_slice {
            let pixels = self.pixels(index, &plane);
            if pixels.contains(&true) {
                filled.push((index, pixels));
            } else {
                lost += plane.contours.len();
            }
        }
        Ok((filled, lost))
    }

    /// Distance of the plane of a contour from the first slice, mm.
    fn plane_of(&self, contour: &Contour, name: &str) -> Result<f64> {
        let places: Vec<f64> = contour.iter().map(|&point| self.place(point)).collect();
        let low = places.iter().copied().fold(f64::INFINITY, f64::min);
        let high = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if high - low > MAX_LEAN * self.grid.spacing(Axis::K) {
            return Err(Error::Geometry(format!(
                "{}: contours of {name:?} are not parallel to the slices of the volume (they reach \
                 over {:.2} mm across them); give the CT that they were drawn on",
                self.path.display(),
                high - low
            )));
        }
        Ok((low + high) / 2.0)
    }

    /// The nearest slice, and its distance in mm; `None` half a slice distance or more beyond both
    /// ends.
    fn nearest(&self, place: f64) -> Option<(usize, f64)> {
        let after = self.places.partition_point(|&slice| slice < place);
        let candidates = after.saturating_sub(1)..(after + 1).min(self.places.len());
        let distances = candidates.map(|index| (index, (self.places[index] - place).abs()));
        let nearest = distances.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (nearest.1 <= self.grid.spacing(Axis::K) / 2.0).then_some(nearest)
    }

    /// Pixels of a slice inside of the contours of a plane.
    fn pixels(&self, index: usize, plane: &ContourPlane) -> Vec<bool> {
        let along = self.grid.direction(Axis::K);
        let place = self.grid.slice_positions(Axis::K)[index];
        let origin = [0, 1, 2].map(|row| self.grid.origin()[row] + along[row] * place);
        let pixel = |axis: Axis, point: [f64; 3]| {
            dot(minus(point, origin), self.grid.direction(axis)) / self.grid.spacing(axis)
        };
        let mut filling = Filling::new([self.grid.length(Axis::I), self.grid.length(Axis::J)]);
        for contour in &plane.contours {
            let points: Vec<[f64; 2]> = contour
                .iter()
                .map(|&point| [pixel(Axis::I, point), pixel(Axis::J, point)])
                .collect();
            filling.add(&points);
        }
        filling.pixels()
    }
}
