//! Header of an NRRD file: the text fields before the voxels.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::nrrd::axes::{Axes, AxisFields};
use crate::io::raw_voxels::{LayerOrder, NumberFormat};
use crate::io::source::Compression;
use crate::volume::{Geometry, VoxelType};

/// Location of the voxels.
#[derive(Debug, PartialEq)]
pub(super) struct DataPlace {
    /// Name of the data file; `None`: the file of the header, after it.
    pub(super) file: Option<String>,
    /// Lines to skip, before anything is decompressed.
    pub(super) lines: u64,
    /// Bytes to skip after that, of the decompressed data; `None`: all but the voxels.
    pub(super) bytes: Option<u64>,
}

/// Fields of a header that reading needs.
#[derive(Debug)]
pub(super) struct NrrdHeader {
    pub(super) voxel_type: VoxelType,
    pub(super) format: NumberFormat,
    pub(super) compression: Option<Compression>,
    pub(super) place: DataPlace,
    pub(super) geometry: Geometry,
    /// Number of volumes, and the order of their voxels.
    pub(super) layers: (usize, LayerOrder),
    /// Sizes and kinds in words, for errors.
    pub(super) axes_text: String,
    /// Metadata of other software: lines `key:=value`, in their order.
    pub(super) metadata: Vec<(String, String)>,
}

/// Parses the lines of a header, without the empty line that ends it.
pub(super) fn parse(path: &Path, text: &str) -> Result<NrrdHeader> {
    let fields = Fields::new(path, text)?;
    let place = fields.place()?;
    let voxel_type = fields.voxel_type()?;
    let (compression, is_text) = fields.encoding()?;
    if place.bytes.is_none() && (compression.is_some() || is_text) {
        let reason = "byte skip is -1, which needs the encoding raw".to_string();
        return Err(fields.unsupported(reason));
    }
    let format = if is_text { NumberFormat::Text } else { fields.order(voxel_type)? };
    let axes = fields.axes()?;
    Ok(NrrdHeader {
        voxel_type,
        format,
        compression,
        place,
        geometry: axes.affine.geometry(path, axes.size)?,
        layers: axes.layers,
        axes_text: axes.text,
        metadata: fields.metadata,
    })
}

/// Values by field name, in lower case without spaces (`data file` and `datafile` are the same).
struct Fields<'a> {
    path: &'a Path,
    values: HashMap<String, &'a str>,
    metadata: Vec<(String, String)>,
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
        let mut metadata = Vec::new();
        for line in lines.filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.split_once(':') else {
                let reason = format!("a header line without a field name: {:?}", shortened(line));
                return Err(Error::damaged(path, reason));
            };
            // "key:=value" is metadata of other software.
            if let Some(value) = value.strip_prefix('=') {
                metadata.push((name.to_string(), value.to_string()));
                continue;
            }
            let name = name.to_lowercase().replace(' ', "");
            // File names follow in lines of their own.
            let is_list = name == "datafile" && value.trim().starts_with("LIST");
            if values.insert(name.clone(), value.trim()).is_some() {
                return Err(Error::damaged(path, format!("the header has the field {name} twice")));
            }
            if is_list {
                break;
            }
        }
        Ok(Fields { path, values, metadata })
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

    fn place(&self) -> Result<DataPlace> {
        let file = self.get("data file");
        if let Some(file) = file
            && (file.starts_with("LIST") || file.contains('%'))
        {
            let file = shortened(file);
            let reason = format!("voxels in several files ({file:?}); save them as one .nrrd file");
            return Err(self.unsupported(reason));
        }
        let count = |name: &str| match self.get(name).map(|text| (text, text.parse())) {
            None => Ok(0),
            Some((_, Ok(count))) => Ok(count),
            Some((text, Err(_))) => {
                let reason = format!("{name} is {:?}; it must be a number", shortened(text));
                Err(self.damaged(reason))
            }
        };
        let bytes = match self.get("byte skip") {
            Some("-1") => None,
            _ => Some(count("byte skip")?),
        };
        Ok(DataPlace { file: file.map(String::from), lines: count("line skip")?, bytes })
    }

    fn voxel_type(&self) -> Result<VoxelType> {
        let name = self.required("type")?;
        VoxelType::from_nrrd_name(name).ok_or_else(|| {
            let reason =
                format!("voxels of type {:?}; only integers and floats are read", shortened(name));
            self.unsupported(reason)
        })
    }

    fn order(&self, voxel_type: VoxelType) -> Result<NumberFormat> {
        match self.get("endian").map(str::to_lowercase).as_deref() {
            Some("little") => Ok(NumberFormat::LittleEndian),
            Some("big") => Ok(NumberFormat::BigEndian),
            None if voxel_type.bytes() == 1 => Ok(NumberFormat::LittleEndian),
            None => Err(self.damaged("the header lacks the field endian".to_string())),
            Some(other) => Err(self.damaged(format!("endian is {:?}", shortened(other)))),
        }
    }

    /// Compression of the voxels, and whether they are text.
    fn encoding(&self) -> Result<(Option<Compression>, bool)> {
        let name = self.required("encoding")?;
        match name.to_lowercase().as_str() {
            "raw" => Ok((None, false)),
            "txt" | "text" | "ascii" => Ok((None, true)),
            "gzip" | "gz" => Ok((Some(Compression::Gzip), false)),
            "bzip2" | "bz2" => Ok((Some(Compression::Bzip2), false)),
            _ => {
                let name = shortened(name);
                let reason = format!("encoding {name:?}; raw, gzip, bzip2 and ascii are read");
                Err(self.unsupported(reason))
            }
        }
    }

    fn axes(&self) -> Result<Axes> {
        let fields = AxisFields {
            path: self.path,
            dimension: self.required("dimension")?,
            sizes: self.required("sizes")?,
            kinds: self.get("kinds"),
            space: self.get("space"),
            space_dimension: self.get("space dimension"),
            space_units: self.get("space units"),
            directions: self.get("space directions"),
            origin: self.get("space origin"),
            spacings: self.get("spacings"),
            ends: self.get("axis mins").or(self.get("axis maxs")),
        };
        fields.axes()
    }
}

/// First 80 characters of a text.
pub(super) fn shortened(text: &str) -> String {
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
    fn place_of_the_voxels_and_metadata_are_read() {
        let more = "datafile: my scan.raw\nline skip: 2\nbyteskip: -1\nkey:=a";
        let header = parse(Path::new("a.nhdr"), &GOOD.replace("key:=a", more)).unwrap();
        let file = Some("my scan.raw".to_string());
        assert_eq!(header.place, DataPlace { file, lines: 2, bytes: None });
        assert_eq!(header.metadata, [("key".to_string(), "a: b".to_string())]);
    }

    #[test]
    fn unreadable_headers_are_rejected_with_the_value() {
        assert!(error("NRRD0004", "NRRD0006").contains("version 6"));
        assert!(error("NRRD0004", "NRRX").contains("not an NRRD file"));
        assert!(error("short", "block").contains("block"));
        assert!(error("raw", "hex").contains("hex"));
        assert!(error("dimension: 3", "dimension: 4").contains("sizes is \"5 4 3\""));
        assert!(error("dimension: 3", "dimension: 99").contains("dimension is \"99\""));
        assert!(error("kinds: domain", "kinds: RGB-color").contains("rgb-color"));
        assert!(error("(2,0,0)", "none").contains("2 spatial axes"));
        assert!(error("(2,0,0)", "(0,0,0)").contains("along i is 0 mm"));
        assert!(error("(2,0,0)", "(2,0,nan)").contains("not finite"));
        assert!(error("(2,0,0)", "(2,0,2)").contains("45.00 degrees"));
        assert!(error("(2,0,0)", "(2,0)").contains("space directions"));
        assert!(error("5 4 3", "5 4").contains("sizes"));
        assert!(error("5 4 3", "5 -4 3").contains("sizes"));
        assert!(error("5 4 3", "5 0 3").contains("empty"));
        assert!(error("endian: little\n", "").contains("endian"));
        assert!(error("key:=a", "data file: x%03d.raw 1 9 1\nkey:=a").contains("several files"));
        assert!(error("key:=a", "data file: LIST\na.raw\nb.raw\nkey:=a").contains("\"LIST\""));
        assert!(error("key:=a", "byte skip: -7\nkey:=a").contains("byte skip is \"-7\""));
        assert!(error("encoding: raw", "byte skip: -1\nencoding: gz").contains("needs the"));
        assert!(error("key:=a", "endian: big\nkey:=a").contains("twice"));
        assert!(error("key:=a", "no field\nkey:=a").contains("no field"));
    }
}
