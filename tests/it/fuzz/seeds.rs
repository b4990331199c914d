//! Writes `fuzz/seeds/`, small valid inputs for fuzzing, with the library's writers and the
//! oracles: `cargo test --release --test it -- --ignored fuzz::seeds`.

use crate::common::python;
use crate::fuzz::bodies;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::common::phantom::moving_discs;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use hrinet::io;
use hrinet::metrics::niqe::{FEATURES, PatchChoice};
use hrinet::network::checkpoint::{FORMAT, Header, to_bytes};
use hrinet::network::motion::config::MotionConfig;
use hrinet::network::{Architecture, Checkpoint, Parameters, Record, System};
use hrinet::training::logging::csv;
use hrinet::training::{Settings, Trainer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Device;

fn keep(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
#[ignore = "writes to fuzz/seeds"]
fn write_seeds() {
    checkpoints();
    single_files();
    pairs();
    labels();
    dicom();
    plans();
    parameters();
    calls();
}

/// A network of one channel per layer: all of its parts in few bytes.
fn checkpoints() {
    let sizes =
        MotionConfig { widths: [1; 4], hidden: 1, refinement: 1, ..MotionConfig::default() };
    let header = Header {
        format: FORMAT,
        system: System::HrinetMotion,
        architecture: Architecture::Motion(sizes),
        window_hu: [-1000.0, 1000.0],
        record: Record::default(),
        training: None,
        weights_sha256: String::new(),
    };
    let mut parameters = Parameters::random(1, Device::Cpu);
    header.architecture.build(&mut parameters).unwrap();
    let weights = parameters.finish().unwrap();
    let named = weights.into_iter().map(|(name, weight)| (format!("generator.{name}"), weight));
    let model = to_bytes(header, &named.collect()).unwrap();
    keep("checkpoint", "motion.safetensors", &model);
    let checkpoint = Checkpoint::from_bytes(Path::new("a model"), &model).unwrap();
    let settings = Settings { size: 16, ..Settings::default_for(System::HrinetMotion) };
    let trainer = Trainer::begin_from(&checkpoint, settings, Device::Cpu).unwrap();
    keep("checkpoint", "training.safetensors", &trainer.checkpoint().unwrap());
}

/// Parameters of metrics, settings and losses of a training.
fn parameters() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, how) in [("1", "tiny"), ("3", "compressed")] {
        let path = folder.path().join(how);
        python::run("ma_model.py", &["make", seed, path.to_str().unwrap(), how]);
        keep("ma_model", how, &fs::read(path).unwrap());
    }
    let unit = |row: usize| -> Vec<u8> { (0..FEATURES).map(|at| u8::from(at == row)).collect() };
    let niqe = serde_json::json!({
        "patches": PatchChoice { side: 16, ..PatchChoice::CT },
        "volumes": ["a"],
        "mean": vec![0; FEATURES],
        "covariance": (0..FEATURES).map(unit).collect::<Vec<_>>(),
    });
    keep("niqe", "unit.json", niqe.to_string().as_bytes());
    let settings = Settings {
        motion: Some(MotionConfig::default()),
        hold_out: "a01,b02".parse().unwrap(),
        ..Settings::default_for(System::HrinetMotion)
    };
    keep("config", "motion.toml", settings.to_toml().unwrap().as_bytes());
    keep("config", "one.toml", b"# Comment\ngap = [4]\nlambda = 1\ncontent = \"psnr\"\n");
    let row = |step| format!("{step},one{},30.5,\n", ",0.25".repeat(csv::names().count() - 2));
    keep("losses", "two.csv", [csv::header(), row(1), row(2)].concat().as_bytes());
}

/// Sequences of calls: arbitrary bytes.
fn calls() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for number in 0..8 {
        let bytes: Vec<u8> = (0..256).map(|_| random.random()).collect();
        keep("capi", &number.to_string(), &bytes);
    }
}

fn single_files() {
    let folder = tempfile::tempdir().unwrap();
    let written = |ending: &str| {
        let path = folder.path().join(format!("a.{ending}"));
        io::write(&path, &moving_discs(6, 3, 0), true).unwrap();
        fs::read(path).unwrap()
    };
    keep("nifti", "plain.nii", &written("nii"));
    keep("nifti", "zipped.nii.gz", &written("nii.gz"));
    keep("metaimage", "raw.mha", &written("mha"));
    let header = "ObjectType = Image\nNDims = 3\nBinaryData = True\n\
        BinaryDataByteOrderMSB = True\nCompressedData = True\nRotation = 0 1 0 0 0 1 1 0 0\n\
        Position = 1 -2 3.5\nElementSize = 0.5 0.5 2\nDimSize = 2 2 3\n\
        ElementType = MET_USHORT\nElementDataFile = LOCAL\n";
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&[5; 24]).unwrap();
    keep("metaimage", "zlib.mha", &[header.as_bytes(), &zlib.finish().unwrap()].concat());
    let nrrd = written("nrrd");
    keep("nrrd", "zipped.nrrd", &nrrd);
    keep("nrrd", "zipped.nrrd.gz", &gzip(&nrrd));
    let header = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 3 2 2\nspacings: 0.5 0.5 2\n\
        kinds: domain domain domain\nencoding: raw\nspace units: \"mm\" \"mm\" \"mm\"\n\n";
    keep("nrrd", "raw.nrrd", &[header.as_bytes(), &[7; 12]].concat());
    let header = "NRRD0005\n# big\ntype: double\ndimension: 3\nspace: right-anterior-superior\n\
        sizes: 2 2 2\nspace directions: (0,1,0) (0,0,1) (2.5,0,0)\nspace origin: (1,-2,3.5)\n\
        endian: big\nencoding: gzip\nkey:=value\n\n";
    keep("nrrd", "big.nrrd", &[header.as_bytes(), &gzip(&[64; 64])].concat());
}

/// Files of other software: NIfTI-2, pairs, bzip2 and text.
fn pairs() {
    let folder = tempfile::tempdir().unwrap();
    python::run("io_formats_cases.py", &[folder.path().to_str().unwrap()]);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    keep("nifti", "two.nii", &read("two-big.nii"));
    keep("nifti", "padded.nii.gz", &read("padded.nii.gz"));
    keep("nrrd", "bzip2.nrrd", &read("by-pynrrd-bzip2.nrrd"));
    keep("nrrd", "text.nrrd", &read("by-pynrrd-ascii.nrrd"));
    keep("nrrd", "one-layer.nrrd", &read("one-layer-first.nrrd"));
    keep("metaimage", "four.mha", &read("four.mha"));
    keep("metaimage", "text.mha", &read("text.mha"));
    for (kind, name, header, data) in [
        (0, "nhdr", "skipped.nhdr", "skipped.bin"),
        (0, "nhdr-gzip", "zipped.nhdr", "zipped.bin"),
        (0, "nhdr-text", "text.nhdr", "text.txt"),
        (1, "mhd", "packed.mhd", "packed.zraw"),
        (2, "hdr", "pair-little.hdr", "pair-little.img"),
        (2, "hdr-two", "two-pair-big.hdr", "two-pair-big.img"),
    ] {
        let header = read(header);
        let text = String::from_utf8_lossy(&header).replace(data, "voxels.raw");
        let header = if kind == 2 { header } else { text.into_bytes() };
        keep("pair", name, &[&[kind], &header[..], bodies::NEXT_FILE, &read(data)].concat());
    }
}

fn labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.seg.nrrd");
    python::run("io_segmentation.py", &["write", path.to_str().unwrap()]);
    keep("segmentation", "layers.seg.nrrd", &fs::read(path).unwrap());
    python::run("io_dicom_labels.py", &[folder.path().to_str().unwrap()]);
    for name in [
        "binary",
        "binary-tilted",
        "binary-deflated-frames",
        "bits-jpeg-2000",
        "fractional",
        "label-map",
        "label-map-rle",
        "ball",
    ] {
        let file = fs::read(folder.path().join(format!("{name}.dcm"))).unwrap();
        keep("dicom_labels", name, &file);
    }
}

fn dicom() {
    let folder = tempfile::tempdir().unwrap();
    python::run("io_dicom_make.py", &[folder.path().to_str().unwrap()]);
    for case in ["", "-uneven", "-eight", "-run-length", "-implicit", "-jpeg2000", "-jpeg-lossless"]
    {
        let case = format!("small{case}");
        let files = files_in(&folder.path().join(&case));
        keep("dicom", &case, &files.join(bodies::NEXT_FILE));
        if case == "small" {
            keep("dicom", "deflated", &deflated(&files[0]));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    python::run("io_dicom_odd.py", &[folder.path().to_str().unwrap()]);
    for case in [
        "bare-big",
        "says-explicit",
        "un-nested",
        "odd-length-padded",
        "jpeg-ls",
        "near",
        "twelve-bits",
        "enhanced",
        "enhanced-fragments",
        "enhanced-phases",
        "copies",
        "localizer",
        "media-alone",
    ] {
        let files = files_in(&folder.path().join(case));
        keep("dicom", case, &files[..files.len().min(3)].join(bodies::NEXT_FILE));
    }
}

/// Files in a folder, in order of their names.
fn files_in(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Re-encodes a file as deflated explicit VR little endian.
fn deflated(file: &[u8]) -> Vec<u8> {
    // Value of (0002,0000), the length of the meta information; the transfer syntax is 2 bytes
    // longer.
    let length = u32::from_le_bytes(file[140..144].try_into().unwrap());
    let (meta, body) = file[144..].split_at(length as usize);
    let (before, after) = (b"\x14\x001.2.840.10008.1.2.1\0", b"\x16\x001.2.840.10008.1.2.1.99");
    let place = meta.windows(before.len()).position(|part| part == before).unwrap();
    let (start, end) = (&meta[..place], &meta[place + before.len()..]);
    let mut out = DeflateEncoder::new(Vec::new(), Compression::default());
    out.write_all(body).unwrap();
    let length = (length + 2).to_le_bytes();
    [&file[..140], &length, start, after, end, &out.finish().unwrap()].concat()
}

fn plans() {
    // Axis, kind of spacing, then numbers as `fuzz/bodies/numbers.rs` decodes them.
    let count = |count: u8| vec![2, count];
    let number = |value: f64| [vec![4], ((value * 100.0) as i16).to_le_bytes().to_vec()].concat();
    let grid = |size: [u8; 3], kind: u8, spacing: [f64; 3]| {
        let mut bytes: Vec<u8> = size.into_iter().flat_map(count).collect();
        bytes.push(kind);
        bytes.extend([-10.0, 20.0, 30.0].into_iter().chain(spacing).flat_map(number));
        bytes
    };
    let thick = grid([4, 4, 9], 2, [0.78, 0.78, 5.0]);
    let turned = [grid([4, 5, 7], 1, [0.7, 0.7, 2.5]), number(0.3), number(0.2), number(1.1)];
    let uneven = [grid([2, 2, 4], 6, [1.0, 1.0, 1.0]), number(2.5), number(5.0), number(2.5)];
    for (name, parts) in [
        ("isotropic", vec![vec![3, 0], thick.clone()]),
        ("factor", vec![vec![3, 1], count(4), turned.concat()]),
        ("nearest", vec![vec![2, 2], number(1.0), turned.concat()]),
        ("exact", vec![vec![2, 3], number(1.3), thick.clone()]),
        ("uneven", vec![vec![2, 0], uneven.concat()]),
        ("like", vec![vec![2, 4], grid([3, 3, 40], 2, [1.0, 1.0, 1.5]), thick]),
    ] {
        keep("plan", name, &parts.concat());
    }
}
