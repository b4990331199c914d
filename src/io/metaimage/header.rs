//! Header of a MetaImage file: lines `Key = Value` before the voxels.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::affine::{Affine, swap_lps};
use crate::io::raw_voxels::NumberFormat;
use crate::volume::{Geometry, VoxelType};

/// Location of the voxels.
#[derive(Debug, PartialEq)]
pub(crate) enum DataFile {
    /// In the file of the header, after it.
    Local,
    /// In a file of this name, relative to the folder of the header.
    Other(String),
}

/// Fields of a header that reading needs.
#[derive(Debug)]
pub(crate) struct MetaImageHeader {
    pub(crate) voxel_type: VoxelType,
    pub(crate) format: NumberFormat,
    pub(crate) is_compressed: bool,
    pub(crate) data_file: DataFile,
    /// Bytes to skip in the data file; `None`: all but the voxels.
    pub(crate) skipped_bytes: Option<u64>,
    pub(crate) geometry: Geometry,
}

/// Parses the lines of a header, up to and including `ElementDataFile`.
pub(crate) fn parse(path: &Path, text: &str) -> Result<MetaImageHeader> {
    let fields = Fields::new(path, text)?;
    fields.reject_other_images()?;
    Ok(MetaImageHeader {
        voxel_type: fields.voxel_type()?,
        format: fields.format()?,
        is_compressed: fields.flag("CompressedData")?.unwrap_or(false),
        data_file: fields.data_file()?,
        skipped_bytes: fields.skipped_bytes()?,
        geometry: fields.geometry()?,
    })
}

/// Values by key.
struct Fields<'a> {
    path: &'a Path,
    values: HashMap<&'a str, &'a str>,
}

impl<'a> Fields<'a> {
    fn new(path: &'a Path, text: &'a str) -> Result<Fields<'a>> {
        let mut values = HashMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let Some((key, value)) = line.split_once('=') else {
                let reason = format!("a header line without `=`: {:?}", shortened(line));
                return Err(Error::damaged(path, reason));
            };
            if values.insert(key.trim(), value.trim()).is_some() {
                let reason = format!("the header has the key {} twice", shortened(key.trim()));
                return Err(Error::damaged(path, reason));
            }
        }
        Ok(Fields { path, values })
    }

    /// Value of a key or of one of its synonyms.
    fn get(&self, keys: &[&str]) -> Option<&'a str> {
        keys.iter().find_map(|key| self.values.get(key).copied())
    }

    fn required(&self, key: &str) -> Result<&'a str> {
        self.get(&[key])
            .ok_or_else(|| Error::damaged(self.path, format!("the header lacks the key {key}")))
    }

    fn invalid(&self, key: &str, value: &str, expected: &str) -> Error {
        let reason = format!("{key} is {:?}; it must be {expected}", shortened(value));
        Error::damaged(self.path, reason)
    }

    fn unsupported(&self, reason: String) -> Error {
        Error::unsupported(self.path, reason)
    }

    fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.get(&[key]).map(str::to_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(value) => Err(self.invalid(key, value, "True or False")),
        }
    }

    /// Exactly `count` numbers, if the key or one of its synonyms is present.
    fn numbers(&self, keys: &[&str], count: usize) -> Result<Option<Vec<f64>>> {
        let Some(text) = self.get(keys) else { return Ok(None) };
        let values: Option<Vec<f64>> =
            text.split_whitespace().map(|word| word.parse().ok()).collect();
        match values.filter(|values| values.len() == count) {
            Some(values) => Ok(Some(values)),
            None => Err(self.invalid(keys[0], text, &format!("{count} numbers"))),
        }
    }

    /// Number of axes: three, and more of one voxel.
    fn dimensions(&self) -> Result<usize> {
        let text = self.required("NDims")?;
        match text.parse() {
            Ok(dimensions @ 3..=10) => Ok(dimensions),
            _ => Err(self.unsupported(format!(
                "NDims is {:?}; only volumes are read, 3, or more with axes of one voxel",
                shortened(text)
            ))),
        }
    }

    /// Rejects everything but images with one value per voxel, in HU and mm.
    fn reject_other_images(&self) -> Result<()> {
        if let Some(kind) = self.get(&["ObjectType"]).filter(|&kind| kind != "Image") {
            let reason = format!("ObjectType is {:?}; only Image is read", shortened(kind));
            return Err(self.unsupported(reason));
        }
        for (key, only) in [
            ("ElementNumberOfChannels", "1"),
            ("DistanceUnits", "mm"),
            ("ElementToIntensityFunctionSlope", "1"),
            ("ElementToIntensityFunctionOffset", "0"),
        ] {
            if let Some(value) = self.get(&[key]).filter(|&value| value != only && value != "?") {
                let reason = format!("{key} is {:?}; only {only} is read", shortened(value));
                return Err(self.unsupported(reason));
            }
        }
        Ok(())
    }

    fn voxel_type(&self) -> Result<VoxelType> {
        let name = self.required("ElementType")?;
        VoxelType::from_meta_image_name(name).ok_or_else(|| {
            let name = shortened(name);
            self.unsupported(format!("ElementType is {name:?}; only integers and floats are read"))
        })
    }

    fn format(&self) -> Result<NumberFormat> {
        if self.flag("BinaryData")? == Some(false) {
            return Ok(NumberFormat::Text);
        }
        let big = match self.flag("BinaryDataByteOrderMSB")? {
            Some(big) => Some(big),
            None => self.flag("ElementByteOrderMSB")?,
        };
        Ok(if big == Some(true) { NumberFormat::BigEndian } else { NumberFormat::LittleEndian })
    }

    fn data_file(&self) -> Result<DataFile> {
        let name = self.required("ElementDataFile")?;
        if name.eq_ignore_ascii_case("LOCAL") {
            return Ok(DataFile::Local);
        }
        if name.starts_with("LIST") || name.contains('%') || name.is_empty() {
            let name = shortened(name);
            let reason = format!("voxels in several files ({name:?}); save them as one .mha file");
            return Err(self.unsupported(reason));
        }
        Ok(DataFile::Other(name.to_string()))
    }

    fn skipped_bytes(&self) -> Result<Option<u64>> {
        let text = self.get(&["HeaderSize"]);
        if let Some(text) = text.filter(|&text| text != "0")
            && self.data_file()? == DataFile::Local
        {
            let text = shortened(text);
            let reason = format!("HeaderSize is {text}, in one file with the voxels; remove it");
            return Err(self.unsupported(reason));
        }
        match text {
            None => Ok(Some(0)),
            Some("-1") => Ok(None),
            Some(text) => match text.parse() {
                Ok(bytes) => Ok(Some(bytes)),
                Err(_) => Err(self.invalid("HeaderSize", text, "-1 or a number of bytes")),
            },
        }
    }

    /// Number of voxels along i, j, k.
    fn size(&self, dimensions: usize) -> Result<[usize; 3]> {
        let text = self.required("DimSize")?;
        let lengths: Option<Vec<usize>> =
            text.split_whitespace().map(|word| word.parse().ok()).collect();
        let lengths = lengths.filter(|lengths| lengths.len() == dimensions);
        match lengths.as_deref() {
            Some([i, j, k, others @ ..]) if others.iter().all(|&length| length == 1) => {
                Ok([*i, *j, *k])
            }
            Some(_) => Err(self.unsupported(format!(
                "several volumes (DimSize is {:?}); save one of them as a file of its own",
                shortened(text)
            ))),
            None => {
                let expected = format!("{dimensions} whole numbers");
                Err(self.invalid("DimSize", text, &expected))
            }
        }
    }

    /// Grid in RAS, from a header in LPS. A negative spacing turns its axis, as in ITK.
    fn geometry(&self) -> Result<Geometry> {
        let n = self.dimensions()?;
        let size = self.size(n)?;
        let spacing = self.numbers(&["ElementSpacing", "ElementSize"], n)?;
        let spacing = spacing.unwrap_or_else(|| vec![1.0; n]);
        let directions = self.numbers(&["TransformMatrix", "Rotation", "Orientation"], n * n)?;
        let identity = || (0..n * n).map(|at| f64::from(at % (n + 1) == 0)).collect();
        let directions: Vec<f64> = directions.unwrap_or_else(identity);
        let origin = self.numbers(&["Offset", "Position", "Origin"], n)?;
        let origin = origin.unwrap_or_else(|| vec![0.0; n]);
        let step =
            |axis: usize| swap_lps([0, 1, 2].map(|row| directions[n * axis + row] * spacing[axis]));
        if spacing[..3].contains(&0.0) {
            return Err(self.invalid("ElementSpacing", "0", "other than zero"));
        }
        let origin = swap_lps([origin[0], origin[1], origin[2]]);
        Affine { origin, steps: [step(0), step(1), step(2)] }.geometry(self.path, size)
    }
}

/// First 80 characters of a text.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\n\
        BinaryDataByteOrderMSB = False\nCompressedData = False\n\
        TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 10 20 30\nElementSpacing = 2 3 4\n\
        DimSize = 5 4 3\nElementType = MET_SHORT\nElementDataFile = LOCAL\n";

    fn error(from: &str, to: &str) -> String {
        assert!(VALID.contains(from));
        parse(Path::new("a.mha"), &VALID.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn header_is_read_in_ras() {
        let header = parse(Path::new("a.mha"), VALID).unwrap();
        assert_eq!(header.geometry.origin(), [-10.0, -20.0, 30.0]);
        assert_eq!(header.geometry.size(), [5, 4, 3]);
        assert_eq!(header.geometry.spacing(crate::volume::Axis::K), 4.0);
        assert_eq!(header.data_file, DataFile::Local);
        let other = VALID.replace("LOCAL", "my scan.raw").replace("Offset", "Origin");
        let header = parse(Path::new("a.mhd"), &other).unwrap();
        assert_eq!(header.data_file, DataFile::Other("my scan.raw".to_string()));
        assert_eq!(header.geometry.origin(), [-10.0, -20.0, 30.0]);
    }

    #[test]
    fn unreadable_headers_are_rejected_with_the_value() {
        assert!(error("= Image", "= Tube").contains("ObjectType is \"Tube\""));
        assert!(error("NDims = 3", "NDims = 2").contains("NDims is \"2\""));
        assert!(error("NDims = 3", "NDims = 4").contains("DimSize is \"5 4 3\""));
        assert!(error("NDims = 3\n", "").contains("lacks the key NDims"));
        assert!(error("= False", "= Maybe").contains("maybe"));
        assert!(error("MET_SHORT", "MET_STRING").contains("MET_STRING"));
        assert!(error("LOCAL", "LIST").contains("several files"));
        assert!(error("LOCAL", "slice%03d.raw 1 9 1").contains("several files"));
        assert!(error("5 4 3", "5 4").contains("DimSize is \"5 4\""));
        assert!(error("5 4 3", "5 0 3").contains("empty"));
        assert!(error("2 3 4", "2 0 4").contains("ElementSpacing is \"0\""));
        assert!(error("2 3 4", "2 nan 4").contains("not finite"));
        assert!(error("1 0 0 0 1 0 0 0 1", "1 0 0 0 1 0 0 1 1").contains("degrees"));
        assert!(error("Offset = 10 20 30", "Offset = 10 20").contains("3 numbers"));
        assert!(error("NDims = 3\n", "NDims = 3\nNDims = 3\n").contains("twice"));
        assert!(error("NDims = 3\n", "NDims = 3\nnothing\n").contains("without `=`"));
        let scaled = "NDims = 3\nElementToIntensityFunctionSlope = 2\n";
        assert!(error("NDims = 3\n", scaled).contains("Slope is \"2\""));
    }
}
