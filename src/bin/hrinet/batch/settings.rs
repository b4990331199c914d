//! What is the same for all volumes of a run, and what is decided of each by its header.

use std::path::{Path, PathBuf};

use hrinet::error::hex;
use hrinet::resample::{Interpolator, JobOptions, Plan};
use hrinet::runtime::memory;
use hrinet::volume::{Geometry, VoxelType};
use hrinet::{Result, SliceNetwork, io};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::arguments::{Arguments, OutputFormat};
use super::budget::Need;
use super::manifest::Row;
use super::series::Series;
use super::volume::Volume;
use crate::resample::{Alias, Request};
use crate::site::Choice;

/// Folders of OUTPUT_DIR.
pub const VOLUMES: &str = "volumes";
pub const REPORTS: &str = "reports";
pub const THUMBNAILS: &str = "thumbnails";

/// Options, names and identities of a run.
pub struct Settings {
    pub options: JobOptions,
    pub output: PathBuf,
    pub format: OutputFormat,
    pub names: bool,
    pub min_slices: usize,
    label_rule: Option<String>,
    uid_seed: Option<String>,
    checks_model: bool,
    /// Whether volumes that are not in HU are skipped.
    pub needs_hu: bool,
    model_sha256: String,
    options_sha256: String,
    /// Bytes of the work on planes, by their numbers of pixels.
    work: Vec<Work>,
}

/// Bytes of a network's work on planes of so many pixels.
struct Work {
    pixels: usize,
    /// Whatever is done at once: libtorch and the weights.
    fixed: u64,
    /// A slice at a time.
    least: u64,
    /// As many slices at a time as one thread decodes at once.
    full: u64,
}

impl Work {
    fn of(network: &dyn SliceNetwork, pixels: usize) -> Work {
        let (fixed, full) = (network.working_bytes(0), network.working_bytes(pixels));
        Work { pixels, fixed, least: fixed + network.slice_bytes(pixels), full }
    }

    /// The least and full work on smaller planes.
    fn scaled(&self, pixels: usize) -> [u64; 2] {
        let share = pixels as f64 / self.pixels as f64;
        [self.least, self.full]
            .map(|bytes| self.fixed + ((bytes - self.fixed) as f64 * share).ceil() as u64)
    }
}

/// Whether a volume is made.
pub enum Decision {
    Make(Box<Plan>),
    /// For this reason.
    Skip(String),
}

impl Settings {
    /// The settings of a run.
    ///
    /// # Errors
    /// [`hrinet::Error::Argument`] for a format that is not written.
    pub fn new(
        arguments: &Arguments,
        options: JobOptions,
        model: &Choice<String>,
        interpolator: &Interpolator,
    ) -> Result<Settings> {
        let format = arguments.format()?;
        let model_sha256 = interpolator.model().map_or("", |model| model.checksum()).to_string();
        let all = json!({
            "options": options,
            "model": if model_sha256.is_empty() { model.value.as_str() } else { "" },
            "format": format!("{format:?}"),
            "labels": arguments.label_rule(),
            "uid-seed": arguments.uid_seed(),
            "check": arguments.checks_model(),
            "min-slices": arguments.run.min_slices,
            "names": arguments.outputs.names,
        });
        let network = interpolator.network();
        let work = |side: usize| network.map(|network| Work::of(network, side * side));
        Ok(Settings {
            needs_hu: network.is_some() && options.window.is_none(),
            work: (5..=12).filter_map(|power| work(1 << power)).collect(),
            options,
            output: arguments.output.clone(),
            format,
            names: arguments.outputs.names,
            min_slices: arguments.run.min_slices,
            label_rule: arguments.label_rule().map(String::from),
            uid_seed: arguments.uid_seed().map(String::from),
            checks_model: arguments.checks_model(),
            model_sha256,
            options_sha256: hex(&Sha256::digest(all.to_string())),
        })
    }

    /// The row of a volume before anything is known of it.
    pub fn row(&self, volume: &Volume) -> Row {
        let series = volume.found.series.as_ref();
        let path = volume.found.path.display();
        Row {
            id: volume.id.clone(),
            input: if self.names { path.to_string() } else { String::new() },
            modality: series.map_or(String::new(), |series| series.modality.clone()),
            model: self.options.model.clone(),
            model_sha256: self.model_sha256.clone(),
            options_sha256: self.options_sha256.clone(),
            hrinet_version: env!("CARGO_PKG_VERSION").into(),
            ..Row::default()
        }
    }

    /// The segmentation of a volume, where there is one.
    pub fn labels(&self, volume: &Volume) -> Option<PathBuf> {
        volume.labels(self.label_rule.as_deref())
    }

    /// The files of a volume.
    pub fn request(&self, volume: &Volume) -> Request {
        let folder = |name: &str| self.output.join(name);
        let name = match self.names {
            true => format!("{}-{}", volume.name(), volume.id),
            false => volume.id.clone(),
        };
        let beside = |ending: &str| folder(VOLUMES).join(format!("{name}{ending}"));
        let output = match &volume.given.output {
            Some(given) => self.output.join(given),
            None => beside(self.format.ending()),
        };
        let labels = self
            .labels(volume)
            .map(|path| [path, beside(&format!(".labels{}", self.format.label_ending()))]);
        let error = beside(&format!(".expected-error{}", self.format.error_ending()));
        let thumbnail = |when: &str| folder(THUMBNAILS).join(format!("{}-{when}.png", volume.id));
        let series = volume.found.series.as_ref();
        Request {
            input: volume.found.path.clone(),
            files: series.map(|series| series.paths()),
            series: volume.number.map(|number| number.to_string()),
            output,
            labels,
            expected_error: self.options.expected_error.then_some(error),
            thumbnails: Some(["before", "after"].map(thumbnail)),
            json: Some(folder(REPORTS).join(format!("{}.json", volume.id))),
            dicom: self.format == OutputFormat::Dicom,
            overwrite: true,
            uid_seed: self.uid_seed.clone(),
            checks_model: self.checks_model,
            alias: (!self.names)
                .then(|| Alias { input: volume.id.clone(), root: self.output.clone() }),
            ..Request::default()
        }
    }

    /// Why a DICOM series is skipped, by what is known of its files.
    pub fn skipped_series(&self, series: &Series) -> Option<String> {
        let modality = series.modality.as_str();
        if !["CT", ""].contains(&modality) && self.options.window.is_none() {
            return Some(format!("not a CT: its modality is {modality}"));
        }
        if series.is_localizer {
            return Some("a localizer".into());
        }
        let is_short = series.is_one_stack() && series.files.len() < self.min_slices;
        is_short.then(|| self.too_few(series.files.len()))
    }

    fn too_few(&self, slices: usize) -> String {
        let min = self.min_slices;
        format!("too few slices: {slices}, fewer than {min} (--min-slices)")
    }

    /// Decides by the grid of a volume, and fills the row with what it says.
    ///
    /// # Errors
    /// Those of [`JobOptions::plan`].
    pub fn decide(&self, row: &mut Row, grid: &Geometry) -> Result<Decision> {
        let axis = self.options.axis.unwrap_or_else(|| grid.slice_axis());
        let [columns, rows] = axis.others();
        let (slices, pixels, distance) =
            (grid.length(axis), grid.spacing(columns), grid.spacing(axis));
        row.columns = Some(grid.length(columns));
        row.rows = Some(grid.length(rows));
        row.slices = Some(slices);
        row.pixel_spacing_mm = Some(rounded(pixels));
        row.slice_distance_mm = (slices > 1).then(|| rounded(distance));
        if slices < self.min_slices.max(2) {
            return Ok(Decision::Skip(self.too_few(slices)));
        }
        let plan = self.options.plan(grid)?;
        row.slices_after = Some(plan.slices().len());
        row.slice_distance_after_mm = Some(rounded(plan.output().spacing(plan.axis())));
        Ok(match plan.is_copy() {
            true => Decision::Skip(format!(
                "already isotropic: the slices are {distance:.3} mm apart, the pixels {pixels:.3} \
                 mm; no slice is to be interpolated"
            )),
            false => Decision::Make(Box::new(plan)),
        })
    }

    /// Bytes that a volume takes, its voxels and the work on it, with the program.
    pub fn need(&self, plan: &Plan, voxel_type: VoxelType, has_labels: bool) -> Need {
        let volume = self.options.volume_bytes(plan, voxel_type);
        // Their own type is not known yet.
        let labels =
            if has_labels { self.options.volume_bytes(plan, VoxelType::UInt16) } else { 0 };
        let [columns, rows] = plan.axis().others().map(|axis| plan.output().length(axis));
        let pixels = columns * rows;
        let sized = self.work.iter().find(|work| work.pixels >= pixels).or(self.work.last());
        let [least_work, work] = sized.map_or([0; 2], |work| work.scaled(pixels));
        Need {
            volume: volume.saturating_add(labels),
            least_work: least_work.max(memory::PROCESS_BYTES),
            work: work.max(memory::PROCESS_BYTES),
        }
    }

    /// A path as the manifest has it: below OUTPUT_DIR.
    pub fn below_output(&self, path: &Path) -> String {
        path.strip_prefix(&self.output).unwrap_or(path).display().to_string()
    }
}

/// All files that a request writes.
pub fn outputs_of(request: &Request) -> Vec<PathBuf> {
    let labels = request.label_files().map(|[_, output]| output.to_path_buf());
    let volumes = [Some(request.output.clone()), labels, request.expected_error.clone()];
    let volumes = volumes.into_iter().flatten().flat_map(|path| io::output_files(&path));
    let thumbnails = request.thumbnails.iter().flatten().cloned();
    volumes.chain(thumbnails).chain(request.json.clone()).collect()
}

/// A number in micrometres.
pub fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
