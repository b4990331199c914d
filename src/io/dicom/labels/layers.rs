//! Label maps of segments that may overlap: each segment goes to the first layer where it covers no
//! other one.

use std::path::Path;

use ndarray::Array3;

use crate::error::{Error, Result};
use crate::io::segmentation::{Segment, Segmentation};
use crate::runtime::memory;
use crate::volume::{Geometry, Rescale, Volume};

/// A plane of a segment: index of the slice, and which pixels are in the segment, row by row.
pub(super) type Plane = (usize, Vec<bool>);

/// Layers that grow by segments.
pub(super) struct Layers<'a> {
    /// Named in errors.
    path: &'a Path,
    geometry: Geometry,
    layers: Vec<Vec<u16>>,
    segments: Vec<Segment>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(path: &'a Path, geometry: Geometry) -> Layers<'a> {
        Layers { path, geometry, layers: Vec::new(), segments: Vec::new() }
    }

    /// Adds a segment with a label of 1 or more. Planes of one slice are joined.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(super) fn add(
        &mut self,
        label: u16,
        planes: &[Plane],
        attributes: Vec<(String, String)>,
    ) -> Result<()> {
        let [i, j, k] = self.geometry.size();
        let plane = i * j;
        let free =
            |layer: &Vec<u16>| places(plane, planes).all(|at| layer[at] == 0 || layer[at] == label);
        let layer = match self.layers.iter().position(free) {
            Some(layer) => layer,
            None => {
                let mut layer = memory::reserve(plane * k, self.path)?;
                layer.resize(plane * k, 0);
                self.layers.push(layer);
                self.layers.len() - 1
            }
        };
        places(plane, planes).for_each(|at| self.layers[layer][at] = label);
        self.segments.push(Segment { layer, label: label.into(), attributes });
        Ok(())
    }

    /// The segmentation, in uint8 where its labels fit.
    ///
    /// # Errors
    /// [`Error::Damaged`] without segments.
    pub(super) fn finish(self) -> Result<Segmentation> {
        if self.layers.is_empty() {
            return Err(Error::damaged(self.path, "holds no segments"));
        }
        let [i, j, k] = self.geometry.size();
        let is_small = self.segments.iter().all(|segment| segment.label <= i64::from(u8::MAX));
        let layer = |values: Vec<u16>| {
            let array = Array3::from_shape_vec((k, j, i), values)
                .map_err(|error| Error::damaged(self.path, error.to_string()))?;
            let voxels = match is_small {
                true => array.map(|&label| label as u8).into(),
                false => array.into(),
            };
            Volume::new(voxels, Rescale::IDENTITY, self.geometry.clone())
        };
        let layers = self.layers.into_iter().map(layer).collect::<Result<_>>()?;
        let others = [
            ("Segmentation_ContainedRepresentationNames", "Binary labelmap|"),
            ("Segmentation_MasterRepresentation", "Binary labelmap"),
            ("Segmentation_ReferenceImageExtentOffset", "0 0 0"),
        ];
        let others = others.map(|(key, value)| (key.to_string(), value.to_string())).to_vec();
        Ok(Segmentation { layers, segments: self.segments, others })
    }
}

/// Indices of the voxels of a segment, on slices of `size` pixels.
fn places(size: usize, planes: &[Plane]) -> impl Iterator<Item = usize> {
    planes.iter().flat_map(move |(k, pixels)| {
        let inside = pixels.iter().take(size).enumerate().filter(|&(_, &inside)| inside);
        inside.map(move |(at, _)| k * size + at)
    })
}
