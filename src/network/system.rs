//! The systems by name, and the sizes of their generators.
//!
//! To add a system: a folder beside this file with its generator and its sizes ([`Generator`],
//! [`GeneratorConfig`]), one variant and one row here, and its stage in `training/stages`.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::network::autoencoder::config::AutoencoderConfig;
use crate::network::generator::{Generator, GeneratorConfig};
use crate::network::motion::config::MotionConfig;
use crate::network::motion::error_head::ErrorHead;
use crate::network::nn::parameters::Parameters;
use crate::network::precision::Precision;

/// A way to build and train an interpolating network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Autoencoder with one feature map, trained by reconstruction alone.
    Ae,
    /// Autoencoder with one feature map and the critic, which estimates alpha.
    Acai,
    /// Three feature maps, critic and PatchGAN; no real slices in between as truth.
    HrinetPatchgan,
    /// Alternative supervision with the squared error as content loss.
    HrinetMse,
    /// Alternative supervision with the perceptual content loss.
    HrinetPerceptual,
    /// Feature maps warped along a flow field before they are blended.
    HrinetMotion,
}

/// A row of [`SYSTEMS`].
struct Row {
    system: System,
    /// Name in commands, files and the C API.
    name: &'static str,
    /// Default side of a training plane in pixels.
    default_size: i64,
    /// Sizes of the generator for planes of a side in pixels.
    architecture: fn(i64) -> Architecture,
}

/// All systems: those of the paper's Table 2 in its order, then HRINet-Motion.
const SYSTEMS: &[Row] = &[
    Row { system: System::Ae, name: "ae", default_size: 256, architecture: one_map },
    Row { system: System::Acai, name: "acai", default_size: 256, architecture: one_map },
    Row {
        system: System::HrinetPatchgan,
        name: "hrinet-patchgan",
        default_size: 256,
        architecture: three_maps,
    },
    Row {
        system: System::HrinetMse,
        name: "hrinet-mse",
        default_size: 256,
        architecture: three_maps,
    },
    Row {
        system: System::HrinetPerceptual,
        name: "hrinet-perceptual",
        default_size: 256,
        architecture: three_maps,
    },
    Row {
        system: System::HrinetMotion,
        name: "hrinet-motion",
        default_size: 96,
        architecture: |_| Architecture::Motion(MotionConfig::default()),
    },
];

fn one_map(_size: i64) -> Architecture {
    Architecture::Autoencoder(AutoencoderConfig { map_channels: vec![16] })
}

/// Table 1: planes of 512 pixels and more have a narrower third map.
fn three_maps(size: i64) -> Architecture {
    let third = if size >= 512 { 4 } else { 8 };
    Architecture::Autoencoder(AutoencoderConfig { map_channels: vec![16, 8, third] })
}

impl System {
    /// All systems, those of the paper's Table 2 first.
    pub const ALL: [System; SYSTEMS.len()] = {
        let mut all = [System::Ae; SYSTEMS.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = SYSTEMS[index].system;
            assert!(all[index] as usize == index, "rows are in the order of the variants");
            index += 1;
        }
        all
    };

    fn row(self) -> &'static Row {
        &SYSTEMS[self as usize]
    }

    /// Name in commands, files and the C API.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Default side of a training plane in pixels.
    pub fn default_size(self) -> i64 {
        self.row().default_size
    }

    /// Sizes of the generator for planes of a side in pixels (Table 1).
    ///
    /// # Errors
    /// [`Error::Argument`] for a side that the generator cannot halve often enough.
    pub fn architecture(self, size: i64) -> Result<Architecture> {
        let architecture = (self.row().architecture)(size);
        architecture.check_side(size, self)?;
        Ok(architecture)
    }

    fn default_architecture(self) -> Architecture {
        (self.row().architecture)(self.default_size())
    }

    /// Whether its generator finds flow fields between slices.
    pub fn has_flow(self) -> bool {
        self.default_architecture().has_flow()
    }

    /// Whether an error head can be trained for it.
    pub fn has_error_head(self) -> bool {
        self.default_architecture().has_error_head()
    }

    /// Whether it trains in this precision.
    pub fn trains_in(self, precision: Precision) -> bool {
        self.default_architecture().trains_in(precision)
    }
}

impl std::fmt::Display for System {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

impl std::str::FromStr for System {
    type Err = Error;

    fn from_str(name: &str) -> Result<System> {
        System::ALL.into_iter().find(|system| system.name() == name).ok_or_else(|| {
            Error::Argument(format!(
                "unknown system {name:?}; choose one of {}",
                System::ALL.map(System::name).join(", ")
            ))
        })
    }
}

/// Sizes of a generator by kind, as checkpoints store them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// The paper's autoencoder.
    Autoencoder(AutoencoderConfig),
    /// HRINet-Motion.
    Motion(MotionConfig),
}

impl Architecture {
    fn config(&self) -> &dyn GeneratorConfig {
        match self {
            Architecture::Autoencoder(config) => config,
            Architecture::Motion(config) => config,
        }
    }

    /// The kind of generator, to follow "a generator": weights fit generators of the same kind.
    pub fn kind(&self) -> String {
        self.config().kind()
    }

    /// Pixels that the sides of a plane must be multiples of; models pad to it.
    pub fn side_multiple(&self) -> i64 {
        self.config().side_multiple()
    }

    /// Checks that planes of this side in pixels can be halved as often as the generator does.
    ///
    /// # Errors
    /// [`Error::Argument`] with the side and what it must be a multiple of.
    pub fn check_side(&self, size: i64, system: System) -> Result<()> {
        let multiple = self.side_multiple();
        if size < multiple || size % multiple != 0 {
            return Err(Error::Argument(format!(
                "a size of {size} pixels does not fit {system}; it must be a multiple of {multiple}"
            )));
        }
        Ok(())
    }

    /// Whether the generator uses context slices, the known slices beyond the pair.
    pub fn has_context(&self) -> bool {
        self.config().has_context()
    }

    /// Whether a known slice does not come back from its features as it was.
    pub fn loses_detail(&self) -> bool {
        self.config().loses_detail()
    }

    /// Whether the generator finds flow fields between slices.
    pub fn has_flow(&self) -> bool {
        self.config().has_flow()
    }

    /// Whether an error head can be built for the generator.
    pub fn has_error_head(&self) -> bool {
        self.config().has_error_head()
    }

    /// Whether the generator makes thin slices from thick ones, at known places as well.
    pub fn is_thin(&self) -> bool {
        self.config().is_thin()
    }

    /// Makes it one of thin slices, or of slices as thick as the known ones. The paper's
    /// autoencoder has the latter alone.
    pub fn with_thin(self, thin: bool) -> Architecture {
        match self {
            Architecture::Motion(config) => Architecture::Motion(MotionConfig { thin, ..config }),
            other => other,
        }
    }

    /// Whether the generator trains in this precision.
    pub fn trains_in(&self, precision: Precision) -> bool {
        self.config().trains_in(precision)
    }

    /// Checks that the sizes make a network, and returns them.
    ///
    /// # Errors
    /// [`Error::Argument`] with the size that does not.
    pub fn checked(self) -> Result<Architecture> {
        self.config().validate()?;
        Ok(self)
    }

    /// Builds the generator with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Argument`] for sizes that make no network, and where the weights do not fit.
    pub fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn Generator>> {
        self.config().validate()?;
        self.config().build(parameters)
    }

    /// Builds the error head of the generator, with random weights or those of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Argument`] for a generator without one, and where the weights do not fit.
    pub fn build_error_head(&self, parameters: &mut Parameters) -> Result<ErrorHead> {
        self.config().build_error_head(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::autoencoder::features::AutoencoderFeatures;
    use crate::network::features::Pair;
    use tch::{Device, Kind, Tensor};

    /// Table 1 of the paper: channels, height and width of each map.
    #[test]
    fn feature_maps_have_the_sizes_of_table_1() {
        let one = |size: i64| vec![[16, size / 16, size / 16]];
        let three = |size: i64, last: i64| {
            vec![
                [16, size / 16, size / 16],
                [8, size / 32, size / 32],
                [last, size / 64, size / 64],
            ]
        };
        for (size, last) in [(256, 8), (512, 4)] {
            for system in System::ALL {
                let expected = match system {
                    System::HrinetMotion => continue,
                    System::Ae | System::Acai => one(size),
                    _ => three(size, last),
                };
                let mut parameters = Parameters::random(0, Device::Cpu);
                let generator = system.architecture(size).unwrap().build(&mut parameters).unwrap();
                let slice = Tensor::zeros([1, 1, size, size], (Kind::Float, Device::Cpu));
                let features = tch::no_grad(|| generator.encode(&slice)).unwrap();
                let maps = &features.maps::<AutoencoderFeatures>().unwrap().maps;
                let sizes: Vec<[i64; 3]> =
                    maps.iter().map(|map| map.size()[1..].try_into().unwrap()).collect();
                assert_eq!(sizes, expected, "{system} at {size}");
                let alpha = Tensor::from_slice(&[0.5f32]);
                let pair = Pair::new(&features, &features);
                let decoded = tch::no_grad(|| generator.decode(pair, &alpha)).unwrap();
                assert_eq!(decoded.size(), [1, 1, size, size]);
            }
        }
    }

    #[test]
    fn map_channels_are_those_of_table_1() {
        let channels = |system: System, size| match system.architecture(size).unwrap() {
            Architecture::Autoencoder(config) => config.map_channels,
            Architecture::Motion(_) => vec![],
        };
        assert_eq!(channels(System::HrinetMse, 256), [16, 8, 8]);
        assert_eq!(channels(System::HrinetMse, 512), [16, 8, 4]);
        assert_eq!(channels(System::Acai, 512), [16]);
    }

    #[test]
    fn system_names_are_parsed_and_sizes_are_checked() {
        for system in System::ALL {
            assert_eq!(system.name().parse::<System>().unwrap(), system);
            assert_eq!(serde_json::to_value(system).unwrap(), system.name());
            system.default_architecture().checked().unwrap();
        }
        assert!("unet".parse::<System>().unwrap_err().to_string().contains("hrinet-motion"));
        assert!(System::HrinetMse.architecture(96).is_err());
        assert!(System::HrinetMotion.architecture(96).is_ok());
    }

    /// The JSON of checkpoints that exist.
    #[test]
    fn architecture_is_read_from_the_json_of_earlier_checkpoints() {
        let autoencoder = r#"{"autoencoder":{"map_channels":[16,8,8]}}"#;
        let motion = r#"{"motion":{"widths":[12,32,64,96],"hidden":4,"refinement":8,"#.to_owned()
            + r#""context":[0,0,0,0],"deeper":[0,0,0,0],"correlation":[0,0,0,0]}}"#;
        for (system, json) in
            [(System::HrinetMse, autoencoder), (System::HrinetMotion, motion.as_str())]
        {
            let architecture = system.default_architecture();
            assert_eq!(serde_json::from_str::<Architecture>(json).unwrap(), architecture);
            assert_eq!(serde_json::to_string(&architecture).unwrap(), json);
        }
    }

    #[test]
    fn features_of_another_kind_of_generator_are_rejected() {
        let slice = Tensor::zeros([1, 1, 64, 64], (Kind::Float, Device::Cpu));
        let [ae, motion] = [System::Ae, System::HrinetMotion].map(|system| {
            let mut parameters = Parameters::random(0, Device::Cpu);
            system.default_architecture().build(&mut parameters).unwrap()
        });
        let features = ae.encode(&slice).unwrap();
        let alpha = Tensor::from_slice(&[0.5f32]);
        let error = motion.decode(Pair::new(&features, &features), &alpha).unwrap_err();
        assert!(error.to_string().contains("another kind of network"), "{error}");
    }
}
