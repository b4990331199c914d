//! Rows of the table of file formats, and file names by their endings.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::io::FORMATS;
use crate::io::outgoing::Outgoing;
use crate::io::segmentation::Segmentation;
use crate::volume::{Geometry, Volume, VoxelType};

/// Receives grid and voxel type of a volume before its voxels are read; an error ends the reading.
pub type OnHeader<'a> = &'a dyn Fn(&Geometry, VoxelType) -> Result<()>;

/// Reads a file; stops once the function returns true.
pub(super) type ReadFile = fn(&Path, &dyn Fn() -> bool, OnHeader) -> Result<Volume>;

/// Writes a volume as the content of a file, whose path is named in errors; stops once the function
/// returns true.
pub(super) type WriteFile = fn(&Path, &Outgoing, &mut dyn Write, &dyn Fn() -> bool) -> Result<()>;

/// Writes a volume as the contents of two files; the path of the header is named in errors.
pub(super) type WritePair = fn(&Path, &Outgoing, PairOutput, &dyn Fn() -> bool) -> Result<()>;

/// A header and its voxels in another file.
pub(super) struct PairOutput<'a> {
    pub(super) header: &'a mut dyn Write,
    pub(super) data: &'a mut dyn Write,
    /// Name of the data file, which lies beside the header.
    pub(super) data_name: &'a str,
}

/// How a format is written.
#[derive(Clone, Copy)]
pub(super) enum Writer {
    Single(WriteFile),
    /// Header and voxels in two files with these endings, one of which is the format's.
    Pair([&'static str; 2], WritePair),
}

/// How a format keeps label maps with layers and names.
#[derive(Clone, Copy)]
pub(super) struct SegmentationFormat {
    /// Whether a file describes segments; false where it cannot be read.
    pub(super) has_segments: fn(&Path) -> bool,
    pub(super) read: fn(&Path, &dyn Fn() -> bool) -> Result<Segmentation>,
    pub(super) write: WriteSegmentation,
}

/// Writes a segmentation as the content of a file, whose path is named in errors; stops once the
/// function returns true.
pub(super) type WriteSegmentation =
    fn(&Path, &Segmentation, &mut dyn Write, &dyn Fn() -> bool) -> Result<()>;

/// A file format, recognised by the ending of the file's name.
pub struct Format {
    /// Name of the format.
    pub name: &'static str,
    /// Endings of file names, in lower case, with the dot. Upper case is accepted.
    pub endings: &'static [&'static str],
    /// Encodings and voxel types that are read and written.
    pub description: &'static str,
    pub(super) read: ReadFile,
    /// `None` for a format that is only read.
    pub(super) write: Option<Writer>,
    /// Whether it holds grids whose axes are not at right angles.
    pub(super) holds_shear: bool,
    /// Whether it holds a rescale; one that does not gets Hounsfield units.
    pub(super) holds_rescale: bool,
    /// `None` for a format of plain label maps.
    pub(super) segmentation: Option<SegmentationFormat>,
}

impl Format {
    /// Format of a file by its ending, in upper or lower case.
    pub fn of(path: &Path) -> Option<&'static Format> {
        let name = path.file_name()?.to_string_lossy();
        FORMATS.iter().find(|format| format.ending_of(&name).is_some())
    }

    /// Whether files in this format can be written.
    pub fn is_written(&self) -> bool {
        self.write.is_some()
    }

    /// Whether it is named by the file of its voxels, which only a header describes.
    pub(super) fn is_of_voxels(&self) -> bool {
        matches!(self.write, Some(Writer::Pair([_, voxels], _)) if self.endings == [voxels])
    }

    /// Name without what distinguishes its variants.
    pub(super) fn family(&self) -> &'static str {
        self.name.split(',').next().unwrap_or(self.name)
    }

    fn ending_of(&self, name: &str) -> Option<&'static str> {
        let ends = |ending: &&str| strip_ending(name, ending).is_some();
        self.endings.iter().copied().find(ends)
    }
}

/// Files that writing a volume to `path` creates: the file, or header and voxels where the format
/// keeps them apart.
pub fn output_files(path: &Path) -> Vec<PathBuf> {
    let Some(Writer::Pair(endings, _)) = Format::of(path).and_then(|format| format.write) else {
        return vec![path.to_path_buf()];
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = |ending| match strip_ending(&name, ending) {
        Some(_) => path.to_path_buf(),
        None => path.with_file_name(format!("{}{ending}", without_ending(&name))),
    };
    endings.map(file).to_vec()
}

/// Name of a file without the ending of its format.
pub(super) fn without_ending(name: &str) -> &str {
    let endings = FORMATS.iter().flat_map(|format| format.endings);
    endings.filter_map(|ending| strip_ending(name, ending)).next().unwrap_or(name)
}

/// Part of a name before an ending, in upper or lower case.
pub(super) fn strip_ending<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
    end.eq_ignore_ascii_case(ending).then_some(stem)
}

/// Endings of the files that are read, in words: `.nii, .nii.gz, .nrrd or ...`.
pub fn endings_read() -> String {
    in_words(FORMATS.iter())
}

/// Endings of the files that are written, in words: `.nii, .nii.gz, .nrrd or ...`.
pub fn endings_written() -> String {
    in_words(FORMATS.iter().filter(|format| format.is_written()))
}

fn in_words(formats: impl Iterator<Item = &'static Format>) -> String {
    let endings: Vec<&str> = formats.flat_map(|format| format.endings).copied().collect();
    match endings.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => endings.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_recognised_in_upper_and_lower_case() {
        let name = |path: &str| Format::of(Path::new(path)).map(|format| format.name);
        for format in FORMATS {
            for ending in format.endings {
                assert_eq!(name(&format!("a{ending}")), Some(format.name));
                assert_eq!(name(&format!("A{}", ending.to_uppercase())), Some(format.name));
                assert_eq!(without_ending(&format!("a.b{ending}")), "a.b");
                assert_eq!(without_ending(&format!("A{}", ending.to_uppercase())), "A");
            }
        }
        assert_eq!(name("nii"), None);
        assert_eq!(name("a.nii.zip"), None);
        assert_eq!(name("\u{e9}"), None, "shorter than an ending in characters, not in bytes");
        assert_eq!(without_ending("patient.7"), "patient.7");
        assert_eq!(output_files(Path::new("a/b.nii")), [Path::new("a/b.nii")]);
        let pair = ["a/b.c.mhd", "a/b.c.raw"].map(PathBuf::from);
        assert_eq!(output_files(Path::new("a/b.c.mhd")), pair);
        let pair = ["a/b.mhd", "a/b.ZRAW"].map(PathBuf::from);
        assert_eq!(output_files(Path::new("a/b.ZRAW")), pair);
    }

    #[test]
    fn endings_are_listed_in_words() {
        assert!(endings_read().starts_with(".nii, .nii.gz, .nrrd, "));
        let last = FORMATS.iter().rev().find(|format| format.is_written()).unwrap();
        assert!(endings_written().ends_with(&format!(" or {}", last.endings[0])));
    }
}
