//! Axes of an NRRD header: three spatial ones, and others of one entry or of several volumes.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::affine::Affine;
use crate::io::nrrd::header::shortened;
use crate::io::raw_voxels::LayerOrder;

/// Largest number of axes, as in the definition of the format.
const MAX_AXES: usize = 16;

/// Kinds of axes that do not make colours, vectors or matrices of the voxels.
const SCALAR_KINDS: [&str; 7] = ["domain", "space", "time", "none", "???", "list", "stub"];

/// Fields of a header that describe its axes.
pub(super) struct AxisFields<'a> {
    pub(super) path: &'a Path,
    pub(super) dimension: &'a str,
    pub(super) sizes: &'a str,
    pub(super) kinds: Option<&'a str>,
    pub(super) space: Option<&'a str>,
    pub(super) space_dimension: Option<&'a str>,
    pub(super) space_units: Option<&'a str>,
    pub(super) directions: Option<&'a str>,
    pub(super) origin: Option<&'a str>,
    pub(super) spacings: Option<&'a str>,
    /// `axis mins` or `axis maxs`.
    pub(super) ends: Option<&'a str>,
}

/// Axes of a file.
pub(super) struct Axes {
    /// Number of voxels along i, j, k.
    pub(super) size: [usize; 3],
    /// Number of volumes, and the order of their voxels.
    pub(super) layers: (usize, LayerOrder),
    pub(super) affine: Affine,
    /// Sizes and kinds in words, for errors.
    pub(super) text: String,
}

/// One axis of a file.
struct FileAxis {
    size: usize,
    kind: String,
    /// Vector from one voxel to the next in the space of the file; `None` for an axis outside of
    /// space.
    step: Option<[f64; 3]>,
}

impl AxisFields<'_> {
    pub(super) fn axes(&self) -> Result<Axes> {
        let sizes = self.sizes()?;
        let kinds = self.kinds(sizes.len())?;
        let steps = match self.directions {
            Some(text) => self.directions(text, sizes.len())?,
            None => self.spacings(&sizes, &kinds)?,
        };
        let all = sizes.into_iter().zip(kinds).zip(steps);
        let all = all.map(|((size, kind), step)| FileAxis { size, kind, step });
        // Axes of one entry outside of space say nothing.
        let axes: Vec<FileAxis> =
            all.filter(|axis| axis.step.is_some() || axis.size != 1).collect();
        let (layers, spatial) = self.layers(&axes)?;
        let [Some(i), Some(j), Some(k)] = [0, 1, 2].map(|at| spatial.get(at)?.step) else {
            return Err(self.not_a_volume(&format!("{} spatial axes", spatial.len())));
        };
        if let Some(axis) = axes.iter().find(|axis| !SCALAR_KINDS.contains(&&axis.kind[..])) {
            return Err(self.not_a_volume(&format!("an axis of kind {}", shortened(&axis.kind))));
        }
        let ras = self.axes_to_ras()?;
        // Adding zero removes the sign of -0.0.
        let to_ras = |vector: [f64; 3]| [0, 1, 2].map(|row| vector[row] * ras[row] + 0.0);
        let affine = Affine { origin: to_ras(self.origin()?), steps: [i, j, k].map(to_ras) };
        let size = [0, 1, 2].map(|at| spatial[at].size);
        Ok(Axes { size, layers, affine, text: self.text() })
    }

    /// Number and order of the volumes, and the three spatial axes.
    fn layers<'b>(&self, axes: &'b [FileAxis]) -> Result<((usize, LayerOrder), &'b [FileAxis])> {
        let ((layers, order), spatial) = match axes {
            [first, spatial @ ..] if first.step.is_none() => {
                ((first.size, LayerOrder::VoxelByVoxel), spatial)
            }
            [spatial @ .., last] if last.step.is_none() => {
                ((last.size, LayerOrder::LayerByLayer), spatial)
            }
            spatial => ((1, LayerOrder::VoxelByVoxel), spatial),
        };
        if spatial.len() != 3 || spatial.iter().any(|axis| axis.step.is_none()) {
            let count = axes.iter().filter(|axis| axis.step.is_some()).count();
            return Err(self.not_a_volume(&format!("{count} spatial axes")));
        }
        Ok(((layers, order), spatial))
    }

    fn damaged(&self, name: &str, text: &str) -> Error {
        Error::damaged(self.path, format!("{name} is {:?}", shortened(text)))
    }

    fn unsupported(&self, reason: String) -> Error {
        Error::unsupported(self.path, reason)
    }

    fn not_a_volume(&self, fault: &str) -> Error {
        let text = self.text();
        self.unsupported(format!(
            "{text}, {fault}; only 3-D volumes with one value per voxel are read"
        ))
    }

    /// Dimension, sizes and kinds in words.
    fn text(&self) -> String {
        let kinds = self.kinds.map(|kinds| format!(", kinds {}", shortened(kinds)));
        let (dimension, sizes) = (shortened(self.dimension), shortened(self.sizes));
        format!("{dimension}-D (sizes {sizes}{})", kinds.unwrap_or_default())
    }

    fn sizes(&self) -> Result<Vec<usize>> {
        let dimension = self.dimension.parse::<usize>().ok();
        let dimension = dimension
            .filter(|dimension| (1..=MAX_AXES).contains(dimension))
            .ok_or_else(|| self.damaged("dimension", self.dimension))?;
        let sizes: Option<Vec<usize>> =
            self.sizes.split_whitespace().map(|word| word.parse().ok()).collect();
        sizes
            .filter(|sizes| sizes.len() == dimension)
            .ok_or_else(|| self.damaged("sizes", self.sizes))
    }

    fn kinds(&self, count: usize) -> Result<Vec<String>> {
        let Some(text) = self.kinds else { return Ok(vec!["none".to_string(); count]) };
        let kinds: Vec<String> = text.split_whitespace().map(|kind| kind.to_lowercase()).collect();
        if kinds.len() == count { Ok(kinds) } else { Err(self.damaged("kinds", text)) }
    }

    /// Steps along the axes; vectors of a space with time have a fourth entry.
    fn directions(&self, text: &str, count: usize) -> Result<Vec<Option<[f64; 3]>>> {
        let step = |vector: Option<Vec<f64>>| match vector.as_deref() {
            None => Some(None),
            Some(&[x, y, z]) => Some(Some([x, y, z])),
            Some(&[x, y, z, 0.0]) => Some(Some([x, y, z])),
            Some(&[0.0, 0.0, 0.0, _]) => Some(None),
            Some(_) => None,
        };
        let steps: Option<Vec<_>> =
            vectors(text).and_then(|vectors| vectors.into_iter().map(step).collect());
        steps
            .filter(|steps| steps.len() == count)
            .ok_or_else(|| self.damaged("space directions", text))
    }

    /// Steps along the axes of a file without space directions.
    fn spacings(&self, sizes: &[usize], kinds: &[String]) -> Result<Vec<Option<[f64; 3]>>> {
        let space = self.space.or(self.space_dimension);
        for (name, value) in [("space", space), ("axis mins or maxs", self.ends)] {
            if value.is_some() {
                let reason = format!("a header with {name} but without space directions; add them");
                return Err(self.unsupported(reason));
            }
        }
        let text = self
            .spacings
            .ok_or_else(|| Error::damaged(self.path, "the header lacks the field spacings"))?;
        let values: Option<Vec<f64>> =
            text.split_whitespace().map(|word| word.parse().ok()).collect();
        let values = values
            .filter(|values| values.len() == sizes.len())
            .ok_or_else(|| self.damaged("spacings", text))?;
        let mut surplus = sizes.len().saturating_sub(3);
        let mut outside = vec![false; sizes.len()];
        // Outside of space are lists, axes without a spacing, else axes of one entry, the last ones
        // first.
        let is_list = |at: usize| kinds[at] == "list" || values[at].is_nan();
        for fits in [&is_list as &dyn Fn(usize) -> bool, &|at| sizes[at] == 1] {
            for at in (0..sizes.len()).rev().filter(|&at| fits(at)) {
                if surplus > 0 && !outside[at] {
                    outside[at] = true;
                    surplus -= 1;
                }
            }
        }
        let mut rows = 0..3;
        let mut steps = Vec::new();
        for (&spacing, outside) in values.iter().zip(outside) {
            if outside {
                steps.push(None);
                continue;
            }
            if !(spacing.is_finite() && spacing != 0.0) {
                let reason =
                    format!("spacings is {}; none may be zero or infinite", shortened(text));
                return Err(Error::damaged(self.path, reason));
            }
            let mut step = [0.0; 3];
            match rows.next() {
                Some(row) => step[row] = spacing,
                None => return Err(self.not_a_volume("more than 3 axes")),
            }
            steps.push(Some(step));
        }
        Ok(steps)
    }

    fn origin(&self) -> Result<[f64; 3]> {
        let (Some(text), Some(_)) = (self.origin, self.directions) else { return Ok([0.0; 3]) };
        match vectors(text).as_deref() {
            Some([Some(origin)]) if matches!(origin.len(), 3 | 4) => {
                Ok([origin[0], origin[1], origin[2]])
            }
            _ => Err(self.damaged("space origin", text)),
        }
    }

    /// Signs that turn the axes of the file's space to RAS. A file without a named space is in
    /// left-posterior-superior, as in ITK and 3D Slicer. (Left-anterior-superior is as in the
    /// format's definition and 3D Slicer; ITK 5.4 flips another axis.)
    fn axes_to_ras(&self) -> Result<[f64; 3]> {
        if let Some(units) = self.space_units {
            let millimetres = |word: &str| matches!(word, "\"mm\"" | "\"millimeter\"" | "\"\"");
            if !units.split_whitespace().take(3).all(millimetres) {
                let reason = format!("space units are {}; only mm is read", shortened(units));
                return Err(self.unsupported(reason));
            }
        }
        let Some(space) = self.space else {
            return match self.space_dimension {
                None | Some("3") => Ok([-1.0, -1.0, 1.0]),
                Some(other) => {
                    let reason = format!("space dimension is {}; only 3 is read", shortened(other));
                    Err(self.unsupported(reason))
                }
            };
        };
        match space.to_lowercase().trim_end_matches("-time") {
            "left-posterior-superior" | "lps" | "lpst" => Ok([-1.0, -1.0, 1.0]),
            "right-anterior-superior" | "ras" | "rast" => Ok([1.0, 1.0, 1.0]),
            "left-anterior-superior" | "las" | "last" => Ok([-1.0, 1.0, 1.0]),
            _ => {
                let reason = format!(
                    "space is {:?}; left-posterior-superior, right-anterior-superior and \
                     left-anterior-superior are read",
                    shortened(space)
                );
                Err(self.unsupported(reason))
            }
        }
    }
}

/// Parses vectors: `(1,0,0) none (0,1,0)`.
fn vectors(text: &str) -> Option<Vec<Option<Vec<f64>>>> {
    let mut list = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some((word, after)) = rest.split_at_checked(4)
            && word.eq_ignore_ascii_case("none")
        {
            list.push(None);
            rest = after.trim();
            continue;
        }
        let (vector, after) = rest.strip_prefix('(')?.split_once(')')?;
        let numbers: Option<Vec<f64>> =
            vector.split(',').map(|word| word.trim().parse().ok()).collect();
        list.push(Some(numbers?));
        rest = after.trim();
    }
    Some(list)
}
