//! The named systems of the paper, HRINet-Motion, and the generator of each.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Error, Result};
use crate::network::autoencoder::blend::blend;
use crate::network::autoencoder::decoder::Decoder;
use crate::network::autoencoder::encoder::Encoder;
use crate::network::features::{Features, Pair};
use crate::network::motion::config::MotionConfig;
use crate::network::motion::error_head::ErrorHead;
use crate::network::motion::flow::MidpointFlow;
use crate::network::motion::generator::Motion;
use crate::network::motion::outputs::MotionOutputs;
use crate::network::nn::parameters::Parameters;

/// More channels than any of these networks has: a damaged header, not a network.
const MAX_CHANNELS: i64 = 4096;

/// A way to build and train an interpolating network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// An autoencoder with one feature map, trained by reconstruction alone.
    Ae,
    /// The same with the critic that guesses alpha.
    Acai,
    /// Three feature maps, critic and PatchGAN, without the slices in between as truth.
    HrinetPatchgan,
    /// Alternative supervision with squared error as content loss.
    HrinetMse,
    /// Alternative supervision with the perceptual content loss.
    HrinetPerceptual,
    /// Aligns the feature maps before it mixes them.
    HrinetMotion,
}

impl System {
    /// All systems, in the order of the paper's Table 2; ours last.
    pub const ALL: [System; 6] = [
        System::Ae,
        System::Acai,
        System::HrinetPatchgan,
        System::HrinetMse,
        System::HrinetPerceptual,
        System::HrinetMotion,
    ];

    /// The name by which it is called everywhere.
    pub fn name(self) -> &'static str {
        match self {
            System::Ae => "ae",
            System::Acai => "acai",
            System::HrinetPatchgan => "hrinet-patchgan",
            System::HrinetMse => "hrinet-mse",
            System::HrinetPerceptual => "hrinet-perceptual",
            System::HrinetMotion => "hrinet-motion",
        }
    }

    /// The plane's side that it trains on unless another is asked for, in pixels.
    pub fn default_size(self) -> i64 {
        if self == System::HrinetMotion { 96 } else { 256 }
    }

    /// The generator for planes of this side (Table 1): 512 and more have a narrower third map.
    ///
    /// # Errors
    /// [`Error::Argument`] for a side that the generator cannot halve often enough.
    pub fn architecture(self, size: i64) -> Result<Architecture> {
        let third = if size >= 512 { 4 } else { 8 };
        let architecture = match self {
            System::Ae | System::Acai => Architecture::Autoencoder { map_channels: vec![16] },
            System::HrinetPatchgan | System::HrinetMse | System::HrinetPerceptual => {
                Architecture::Autoencoder { map_channels: vec![16, 8, third] }
            }
            System::HrinetMotion => Architecture::Motion(MotionConfig::default()),
        };
        let multiple = architecture.side_multiple();
        if size < multiple || size % multiple != 0 {
            return Err(Error::Argument(format!(
                "a size of {size} pixels does not fit {self}: it must be a multiple of {multiple}"
            )));
        }
        Ok(architecture)
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
            let names: Vec<_> = System::ALL.iter().map(|system| system.name()).collect();
            Error::Argument(format!("no system is called {name:?}; there are {}", names.join(", ")))
        })
    }
}

/// The shape of a generator: enough to build it before its weights are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// The paper's: maps of these channels at strides 16, 32, 64.
    Autoencoder {
        /// One to three counts.
        map_channels: Vec<i64>,
    },
    /// HRINet-Motion.
    Motion(MotionConfig),
}

impl Architecture {
    /// The kind of generator in words: weights fit from one to another of the same kind.
    pub fn kind(&self) -> String {
        match self {
            Architecture::Autoencoder { map_channels } => match map_channels.len() {
                1 => "has one feature map".into(),
                count => format!("has {count} feature maps"),
            },
            Architecture::Motion(_) => "aligns its maps by motion".into(),
        }
    }

    /// Sides of a plane must be multiples of this many pixels; models pad to it.
    pub fn side_multiple(&self) -> i64 {
        match self {
            Architecture::Autoencoder { map_channels } => 8 << map_channels.len(),
            Architecture::Motion(_) => 16,
        }
    }

    /// Builds the generator from drawn or stored weights.
    ///
    /// # Errors
    /// [`Error::Argument`] where stored weights do not fit.
    pub fn build(&self, parameters: &mut Parameters) -> Result<Generator> {
        self.check()?;
        Ok(match self {
            Architecture::Autoencoder { map_channels } => Generator::Autoencoder(
                Encoder::new(parameters, map_channels)?,
                Decoder::new(parameters, map_channels)?,
            ),
            Architecture::Motion(sizes) => {
                Generator::Motion(Box::new(Motion::new(parameters, sizes)?))
            }
        })
    }

    /// Builds the head that says how far the generator's slices are expected to be off.
    ///
    /// # Errors
    /// [`Error::Argument`] where stored weights do not fit, and for a generator that has no such head.
    pub fn build_error_head(&self, parameters: &mut Parameters) -> Result<ErrorHead> {
        match self {
            Architecture::Motion(sizes) => ErrorHead::new(parameters, sizes),
            Architecture::Autoencoder { .. } => Err(Error::Argument(
                "an expected error of slices: of the systems, hrinet-motion alone has it".into(),
            )),
        }
    }

    /// Whether the generator has use for slices beyond the pair.
    pub fn has_context(&self) -> bool {
        matches!(self, Architecture::Motion(sizes) if sizes.has_context())
    }

    /// Itself, where its sizes make a network.
    ///
    /// # Errors
    /// [`Error::Argument`] with the size that does not.
    pub fn checked(self) -> Result<Architecture> {
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        let channels = match self {
            Architecture::Autoencoder { map_channels } => {
                if !(1..=3).contains(&map_channels.len()) {
                    return Err(Error::Argument(format!(
                        "{} feature maps; a generator has one to three",
                        map_channels.len()
                    )));
                }
                map_channels.clone()
            }
            Architecture::Motion(sizes) => {
                let MotionConfig {
                    widths,
                    hidden,
                    refinement,
                    context,
                    deeper,
                    correlation,
                    shared,
                } = sizes;
                if !(0..=3).contains(shared) {
                    return Err(Error::Argument(format!(
                        "{shared} shared levels; 0 to 3 of the four can find motion once a pair"
                    )));
                }
                // No refinement, context, further blocks or correlation is 0.
                let none = [&[*refinement][..], context, deeper, correlation].concat();
                let some = none.into_iter().map(|count| count + i64::from(count == 0));
                widths.iter().copied().chain([*hidden]).chain(some).collect()
            }
        };
        match channels.iter().find(|&&count| !(1..=MAX_CHANNELS).contains(&count)) {
            Some(count) => Err(Error::Argument(format!("a layer of {count} channels"))),
            None => Ok(()),
        }
    }
}

/// A network that encodes slices and decodes what lies between two of them.
pub enum Generator {
    /// The paper's.
    Autoencoder(Encoder, Decoder),
    /// Ours.
    Motion(Box<Motion>),
}

impl Generator {
    /// Slices `[N, 1, H, W]` to their features. Once a slice, whatever follows.
    pub fn encode(&self, slices: &Tensor) -> Result<Features> {
        match self {
            Generator::Autoencoder(encoder, _) => encoder.forward(slices),
            Generator::Motion(motion) => motion.encode(slices),
        }
    }

    /// The slices `[N, 1, H, W]` at `alpha` `[N]` between those of a batch of pairs.
    pub fn decode(&self, pair: Pair, alpha: &Tensor) -> Result<Tensor> {
        match self {
            Generator::Autoencoder(_, decoder) => {
                let [first, second] = pair.slices;
                decoder.forward(&blend(first, second, alpha)?)
            }
            Generator::Motion(motion) => motion.decode(pair, alpha),
        }
    }

    /// What is found once of a pair, for all planes in between; `None` of a generator that looks at each.
    pub fn midpoint_flow(&self, pair: Pair) -> Result<Option<MidpointFlow>> {
        match self {
            Generator::Autoencoder(..) => Ok(None),
            Generator::Motion(motion) => motion.midpoint_flow(pair),
        }
    }

    /// The same slices, and what a [`ErrorHead`] judges them by; `None` of a generator that has none.
    pub fn decode_with_outputs(&self, pair: Pair, alpha: &Tensor) -> Result<Option<MotionOutputs>> {
        match self {
            Generator::Autoencoder(..) => Ok(None),
            Generator::Motion(motion) => motion.decode_with_outputs(pair, alpha).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// Table 1 of the paper: width x height x channels of each map.
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
                let sizes: Vec<[i64; 3]> =
                    features.maps.iter().map(|map| map.size()[1..].try_into().unwrap()).collect();
                assert_eq!(sizes, expected, "{system} at {size}");
                let alpha = Tensor::from_slice(&[0.5f32]);
                let pair = Pair::alone(&features, &features);
                let made = tch::no_grad(|| generator.decode(pair, &alpha)).unwrap();
                assert_eq!(made.size(), [1, 1, size, size]);
            }
        }
    }

    #[test]
    fn table_1_in_numbers() {
        let map = |system: System, size| match system.architecture(size).unwrap() {
            Architecture::Autoencoder { map_channels } => map_channels,
            Architecture::Motion(_) => vec![],
        };
        assert_eq!(map(System::HrinetMse, 256), [16, 8, 8]);
        assert_eq!(map(System::HrinetMse, 512), [16, 8, 4]);
        assert_eq!(map(System::Acai, 512), [16]);
    }

    #[test]
    fn names_go_both_ways_and_sizes_are_checked() {
        for system in System::ALL {
            assert_eq!(system.name().parse::<System>().unwrap(), system);
            assert_eq!(serde_json::to_value(system).unwrap(), system.name());
        }
        assert!("unet".parse::<System>().unwrap_err().to_string().contains("hrinet-motion"));
        assert!(System::HrinetMse.architecture(96).is_err());
        assert!(System::HrinetMotion.architecture(96).is_ok());
    }
}
