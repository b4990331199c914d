//! Files of a DICOM series, and its grid by what their headers say.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hrinet::Result;
use hrinet::error::hex;
use hrinet::io::Glance;
use hrinet::volume::{Axis, Geometry};
use sha2::{Digest, Sha256};

use super::search::SeriesFile;

/// Largest difference of direction cosines within a series.
const DIRECTION_TOLERANCE: f64 = 1e-3;

/// A DICOM series, over all folders.
pub struct Series {
    /// SeriesInstanceUID; the folder for files without.
    pub uid: String,
    /// Modality of its first file.
    pub modality: String,
    /// Whether all its files are localizers.
    pub is_localizer: bool,
    /// At least one.
    pub files: Vec<SeriesFile>,
    /// Which of the series with this UID it is; the first has no number.
    pub part: Option<String>,
    size: [usize; 2],
    directions: Option<[f64; 6]>,
    pixel_spacing_mm: Option<[f64; 2]>,
    /// Whether all files are single slices of one size and orientation.
    is_uniform: bool,
}

impl Series {
    /// A series of one file.
    pub fn new(uid: String, file: SeriesFile, glance: &Glance) -> Series {
        Series {
            uid,
            modality: glance.modality.clone(),
            is_localizer: glance.is_localizer,
            files: vec![file],
            part: None,
            size: glance.size,
            directions: glance.directions,
            pixel_spacing_mm: glance.pixel_spacing_mm,
            is_uniform: glance.position.is_some()
                && glance.directions.is_some()
                && glance.pixel_spacing_mm.is_some(),
        }
    }

    /// Adds a file.
    pub fn add(&mut self, file: SeriesFile, glance: &Glance) {
        let is_parallel = match (&self.directions, &glance.directions) {
            (Some(ours), Some(theirs)) => {
                ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < DIRECTION_TOLERANCE)
            }
            _ => false,
        };
        self.is_localizer &= glance.is_localizer;
        self.is_uniform &= is_parallel && self.size == glance.size && glance.position.is_some();
        self.files.push(file);
    }

    /// Divides files of one UID in several folders, where images of one folder lie where those of
    /// another do. Copies of a folder are left out.
    pub fn divide(self) -> Vec<Series> {
        let is_one = self.files.iter().all(|file| file.folder() == self.files[0].folder());
        if is_one {
            return vec![self];
        }
        let mut groups: Vec<Group> = Vec::new();
        for folder in self.files.chunk_by(|a, b| a.folder() == b.folder()) {
            if groups.iter().any(|group| group.holds_copies_of(folder)) {
                continue;
            }
            match groups.iter_mut().find(|group| !group.has_places_of(folder)) {
                Some(group) => group.add(folder),
                None => groups.push(Group::of(folder)),
            }
        }
        let mut all: Vec<Series> = groups
            .into_iter()
            .map(|group| Series { files: group.files, uid: self.uid.clone(), ..self.alike() })
            .collect();
        // Names of folders do not matter.
        all.sort_by_key(Series::content);
        for series in all.iter_mut().skip(1) {
            series.part = Some(series.content());
        }
        all
    }

    fn alike(&self) -> Series {
        Series {
            uid: self.uid.clone(),
            modality: self.modality.clone(),
            files: Vec::new(),
            part: None,
            ..*self
        }
    }

    /// Checksum of the beginnings of its files, in any order.
    pub fn content(&self) -> String {
        let mut digests: Vec<[u8; 16]> = self.files.iter().map(|file| file.digest).collect();
        digests.sort_unstable();
        hex(&Sha256::digest(digests.concat()))
    }

    /// Its only file, or the deepest folder that holds all.
    pub fn common_path(&self) -> PathBuf {
        if let [file] = &self.files[..] {
            return file.path();
        }
        let mut common = self.files[0].folder();
        for file in &self.files {
            while !file.folder().starts_with(common) {
                common = common.parent().unwrap_or(Path::new(""));
            }
        }
        common.to_path_buf()
    }

    /// The paths of its files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(SeriesFile::path).collect()
    }

    /// Modality and localizers aside, whether it is one stack of slices by what is known of it.
    pub fn is_one_stack(&self) -> bool {
        self.is_uniform
            && self
                .places()
                .is_some_and(|places| places.windows(2).all(|pair| pair[1] - pair[0] > 0.01))
    }

    /// Positions along the normal, sorted.
    fn places(&self) -> Option<Vec<f64>> {
        let normal = self.normal()?;
        let along = |file: &SeriesFile| {
            let position = file.position?;
            Some((0..3).map(|row| position[row] * normal[row]).sum::<f64>())
        };
        let mut places = self.files.iter().map(along).collect::<Option<Vec<f64>>>()?;
        places.sort_by(f64::total_cmp);
        Some(places)
    }

    fn normal(&self) -> Option<[f64; 3]> {
        let [a, b, c, x, y, z] = self.directions?;
        Some([b * z - c * y, c * x - a * z, a * y - b * x])
    }

    /// Its grid; `None` for several stacks or frames. A tilt of the gantry is left out.
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub fn grid(&self) -> Result<Option<Geometry>> {
        let (Some(places), Some(normal), Some(directions), Some([rows, columns]), true) = (
            self.places(),
            self.normal(),
            self.directions,
            self.pixel_spacing_mm,
            self.is_one_stack(),
        ) else {
            return Ok(None);
        };
        let count = places.len();
        let whole = places[count - 1] - places[0];
        let step = if count > 1 { whole / (count - 1) as f64 } else { 1.0 };
        let [a, b, c, x, y, z] = directions;
        let times = |vector: [f64; 3], by: f64| vector.map(|component| component * by);
        let steps = [times([a, b, c], columns), times([x, y, z], rows), times(normal, step)];
        let [width, height] = self.size;
        let positions = places.iter().map(|place| place - places[0]).collect();
        Geometry::with_axis([width, height, count], [0.0; 3], steps, Some(Axis::K))
            .and_then(|geometry| geometry.with_slice_positions(positions))
            .map(Some)
    }
}

/// Files of folders that belong together.
struct Group {
    files: Vec<SeriesFile>,
    /// Contents by place.
    places: HashMap<[u64; 3], Vec<[u8; 16]>>,
}

impl Group {
    fn of(files: &[SeriesFile]) -> Group {
        let mut group = Group { files: Vec::new(), places: HashMap::new() };
        group.add(files);
        group
    }

    fn add(&mut self, files: &[SeriesFile]) {
        for file in files {
            if let Some(place) = place(file) {
                self.places.entry(place).or_default().push(file.digest);
            }
        }
        self.files.extend_from_slice(files);
    }

    fn has_places_of(&self, files: &[SeriesFile]) -> bool {
        files.iter().filter_map(place).any(|place| self.places.contains_key(&place))
    }

    fn holds_copies_of(&self, files: &[SeriesFile]) -> bool {
        files.iter().all(|file| {
            let there = place(file).and_then(|place| self.places.get(&place));
            there.is_some_and(|digests| digests.contains(&file.digest))
        })
    }
}

fn place(file: &SeriesFile) -> Option<[u64; 3]> {
    Some(file.position?.map(f64::to_bits))
}
