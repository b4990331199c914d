//! Header of an NRRD file: the text fields before the voxels.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::affine::Affine;
use crate::io::raw_voxels::ByteOrder;
use crate::volume::{Geometry, VoxelType};

/// Compression of the voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Raw,
    Gzip,
}

/// Fields of a header that reading needs.
#[derive(Debug)]
pub(crate) struct NrrdHeader {
    pub(crate) voxel_type: VoxelType,
    pub(crate) order: ByteOrder,
    pub(crate) encoding: Encoding,
    pub(crate) geometry: Geometry,
}

/// Parses the lines of a header, without the empty line that ends it.
pub(crate) fn parse(path: &Path, text: &str) -> Result<NrrdHeader> {
    let fields = Fields::new(path, text)?;
    fields.refuse_detached()?;
    let voxel_type = fields.voxel_type()?;
    let order = fields.order(voxel_type)?;
    let encoding = fields.encoding()?;
    let size = fields.size()?;
    let geometry = fields.affine()?.geometry(path, size)?;
    Ok(NrrdHeader { voxel_type, order, encoding, geometry })
}

/// Values by field name, in lower case without spaces (`data file` and `datafile` are the same).
struct Fields<'a> {
    path: &'a Path,
    values: HashMap<String, &'a str>,
}

impl<'a> Fields<'a> {
    fn new(path: &'a Path, text: &'a str) -> Result<Fields<'a>> {
        let mut lines = text.lines();
        let magic = lines.next().unwrap_or_default().trim_end();
        match magic.strip_prefix("NRRD000") {
            Some("1" | "2" | "3" | "4" | "5") => {}
            Some(version) if version.len() == 1 => {
                let reason = format!("NRRD version {version}; versions 1 to 5 are read");
                return Err(Error::unsupported(path, reason));
            }
            _ => return Err(Error::damaged(path, "not an NRRD file")),
        }
        let mut values = HashMap::new();
        for line in lines.filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.split_once(':') else {
                let reason = format!("a header line without a field name: {:?}", shortened(line));
                return Err(Error::damaged(path, reason));
            };
            // "key:=value" is metadata of other software.
            if value.starts_with('=') {
                continue;
            }
            let name = name.to_lowercase().replace(' ', "");
            if values.insert(name.clone(), value.trim()).is_some() {
                return Err(Error::damaged(path, format!("the header has the field {name} twice")));
            }
        }
        Ok(Fields { path, values })
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.values.get(&name.replace(' ', "")).copied()
    }

    fn required(&self, name: &str) -> Result<&'a str> {
        self.get(name).ok_or_else(|| self.damaged(format!("the header lacks the field {name}")))
    }

    fn damaged(&self, reason: String) -> Error {
        Error::damaged(self.path, reason)
    }

    fn unsupported(&self, reason: String) -> Error {
        Error::unsupported(self.path, reason)
    }

    fn refuse_detached(&self) -> Result<()> {
        if let Some(file) = self.get("data file") {
            let reason = format!(
                "a header whose voxels are in another file ({}); save both as one .nrrd file",
                shortened(file)
            );
            return Err(self.unsupported(reason));
        }
        for name in ["line skip", "byte skip"] {
            if let Some(value) = self.get(name).filter(|value| *value != "0") {
                let reason = format!("{name} is {}; save it without", shortened(value));
                return Err(self.unsupported(reason));
            }
        }
        Ok(())
    }

    fn voxel_type(&self) -> Result<VoxelType> {
        let name = self.required("type")?;
        VoxelType::from_nrrd_name(name).ok_or_else(|| {
            let reason =
                format!("voxels of type {:?}; only integers and floats are read", shortened(name));
            self.unsupported(reason)
        })
    }

    fn order(&self, voxel_type: VoxelType) -> Result<ByteOrder> {
        match self.get("endian").map(str::to_lowercase).as_deref() {
            Some("little") => Ok(ByteOrder::Little),
            Some("big") => Ok(ByteOrder::Big),
            None if voxel_type.bytes() == 1 => Ok(ByteOrder::Little),
            None => Err(self.damaged("the header lacks the field endian".to_string())),
            Some(other) => Err(self.damaged(format!("endian is {:?}", shortened(other)))),
        }
    }

    fn encoding(&self) -> Result<Encoding> {
        let name = self.required("encoding")?;
        match name.to_lowercase().as_str() {
            "raw" => Ok(Encoding::Raw),
            "gzip" | "gz" => Ok(Encoding::Gzip),
            _ => {
                let name = shortened(name);
                let reason = format!("encoding {name:?}; raw and gzip are read");
                Err(self.unsupported(reason))
            }
        }
    }

    /// Number of voxels along i, j, k.
    fn size(&self) -> Result<[usize; 3]> {
        let sizes = self.required("sizes")?;
        let dimension = self.required("dimension")?;
        let kinds = self.get("kinds").unwrap_or_default().to_lowercase();
        let scalar = ["domain", "space", "time", "none", "???"];
        let has_colours = !kinds.split_whitespace().all(|kind| scalar.contains(&kind));
        if dimension != "3" || has_colours {
            let kinds = if kinds.is_empty() { kinds } else { format!(", kinds {kinds}") };
            let reason = format!(
                "{}-D (sizes {}{}); only 3-D volumes with one value per voxel are read",
                shortened(dimension),
                shortened(sizes),
                shortened(&kinds)
            );
            return Err(self.unsupported(reason));
        }
        let lengths: Option<Vec<usize>> =
            sizes.split_whitespace().map(|word| word.parse().ok()).collect();
        lengths
            .and_then(|lengths| <[usize; 3]>::try_from(lengths).ok())
            .ok_or_else(|| self.damaged(format!("sizes is {:?}", shortened(sizes))))
    }

    /// Affine in mm in RAS.
    fn affine(&self) -> Result<Affine> {
        let ras = self.axes_to_ras()?;
        // Adding zero removes the sign of -0.0.
        let to_ras = |vector: [f64; 3]| [0, 1, 2].map(|row| vector[row] * ras[row] + 0.0);
        if let Some(units) = self.get("space units") {
            let millimetres = |word: &str| matches!(word, "\"mm\"" | "\"millimeter\"" | "\"\"");
            if !units.split_whitespace().all(millimetres) {
                let reason = format!("space units are {}; only mm is read", shortened(units));
                return Err(self.unsupported(reason));
            }
        }
        let Some(directions) = self.get("space directions") else {
            let [i, j, k] = self.spacings()?;
            let steps = [[i, 0.0, 0.0], [0.0, j, 0.0], [0.0, 0.0, k]].map(to_ras);
            return Ok(Affine { origin: [0.0; 3], steps });
        };
        if directions.to_lowercase().split_whitespace().any(|word| word == "none") {
            let reason = format!(
                "space directions are {}; only spatial axes are read",
                shortened(directions)
            );
            return Err(self.unsupported(reason));
        }
        let steps =
            vectors(directions).and_then(|list| <[[f64; 3]; 3]>::try_from(list).ok()).ok_or_else(
                || self.damaged(format!("space directions is {:?}", shortened(directions))),
            )?;
        let origin = match self.get("space origin") {
            None => [0.0; 3],
            Some(text) => match vectors(text).as_deref() {
                Some([origin]) => *origin,
                _ => return Err(self.damaged(format!("space origin is {:?}", shortened(text)))),
            },
        };
        Ok(Affine { origin: to_ras(origin), steps: steps.map(to_ras) })
    }

    /// Signs that turn the axes of the file's space to RAS. A file without a named space is in
    /// left-posterior-superior, as in ITK and 3D Slicer. (Left-anterior-superior is as in the
    /// format's definition and 3D Slicer; ITK 5.4 flips another axis.)
    fn axes_to_ras(&self) -> Result<[f64; 3]> {
        let Some(space) = self.get("space") else {
            return match self.get("space dimension") {
                None | Some("3") => Ok([-1.0, -1.0, 1.0]),
                Some(other) => {
                    let reason = format!("space dimension is {}; only 3 is read", shortened(other));
                    Err(self.unsupported(reason))
                }
            };
        };
        match space.to_lowercase().as_str() {
            "left-posterior-superior" | "lps" => Ok([-1.0, -1.0, 1.0]),
            "right-anterior-superior" | "ras" => Ok([1.0, 1.0, 1.0]),
            "left-anterior-superior" | "las" => Ok([-1.0, 1.0, 1.0]),
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

    /// Spacing along the axes of a file without space directions.
    fn spacings(&self) -> Result<[f64; 3]> {
        let space = self.get("space").or(self.get("space dimension"));
        for (name, value) in [
            ("space", space),
            ("axis mins", self.get("axis mins")),
            ("axis maxs", self.get("axis maxs")),
        ] {
            if value.is_some() {
                let reason = format!("a header with {name} but without space directions; add them");
                return Err(self.unsupported(reason));
            }
        }
        let text = self.required("spacings")?;
        let values: Option<Vec<f64>> =
            text.split_whitespace().map(|word| word.parse().ok()).collect();
        let values = values
            .and_then(|values| <[f64; 3]>::try_from(values).ok())
            .ok_or_else(|| self.damaged(format!("spacings is {:?}", shortened(text))))?;
        if !values.iter().all(|&value| value.is_finite() && value > 0.0) {
            let reason = format!("spacings is {}; each must be greater than zero", shortened(text));
            return Err(self.damaged(reason));
        }
        Ok(values)
    }
}

/// Parses vectors of three numbers: `(1,0,0) (0,1,0)`.
fn vectors(text: &str) -> Option<Vec<[f64; 3]>> {
    let mut list = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (vector, after) = rest.strip_prefix('(')?.split_once(')')?;
        let numbers: Option<Vec<f64>> =
            vector.split(',').map(|word| word.trim().parse().ok()).collect();
        list.push(numbers?.try_into().ok()?);
        rest = after.trim();
    }
    Some(list)
}

/// First 80 characters of a text.
fn shortened(text: &str) -> String {
    const MAX_CHARACTERS: usize = 80;
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "NRRD0004\n# text\ntype: short\ndimension: 3\nspace: RAS\nsizes: 5 4 3\n\
        space directions: (2,0,0) (0,3,0) (0,0,4)\nkinds: domain domain domain\nendian: little\n\
        encoding: raw\nspace origin: (10,20,30)\nkey:=a: b\n";

    fn error(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        parse(Path::new("a.nrrd"), &GOOD.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn axes_follow_the_named_space() {
        for (space, origin) in [
            ("RAS", [10.0, 20.0, 30.0]),
            ("left-posterior-superior", [-10.0, -20.0, 30.0]),
            ("Left-Anterior-Superior", [-10.0, 20.0, 30.0]),
        ] {
            let header = parse(Path::new("a.nrrd"), &GOOD.replace("RAS", space)).unwrap();
            assert_eq!(header.geometry.origin(), origin, "{space}");
            assert_eq!(header.geometry.spacing(crate::volume::Axis::K), 4.0);
        }
        assert!(error("RAS", "scanner-xyz").contains("scanner-xyz"));
    }

    #[test]
    fn unreadable_headers_are_rejected_with_the_value() {
        assert!(error("NRRD0004", "NRRD0006").contains("version 6"));
        assert!(error("NRRD0004", "NRRX").contains("not an NRRD file"));
        assert!(error("short", "block").contains("block"));
        assert!(error("raw", "bzip2").contains("bzip2"));
        assert!(error("dimension: 3", "dimension: 4").contains("4-D"));
        assert!(error("kinds: domain", "kinds: RGB-color").contains("rgb-color"));
        assert!(error("(2,0,0)", "none").contains("none"));
        assert!(error("(2,0,0)", "(0,0,0)").contains("along i is 0 mm"));
        assert!(error("(2,0,0)", "(2,0,nan)").contains("not finite"));
        assert!(error("(2,0,0)", "(2,0,1)").contains("degrees"));
        assert!(error("(2,0,0)", "(2,0)").contains("space directions"));
        assert!(error("5 4 3", "5 4").contains("sizes"));
        assert!(error("5 4 3", "5 -4 3").contains("sizes"));
        assert!(error("5 4 3", "5 0 3").contains("empty"));
        assert!(error("endian: little\n", "").contains("endian"));
        assert!(error("key:=a", "data file: x.raw\nkey:=a").contains("x.raw"));
        assert!(error("key:=a", "byte skip: 7\nkey:=a").contains("byte skip is 7"));
        assert!(error("key:=a", "endian: big\nkey:=a").contains("twice"));
        assert!(error("key:=a", "no field\nkey:=a").contains("no field"));
    }
}
