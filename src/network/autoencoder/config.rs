//! Sizes of the paper's autoencoder.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::network::autoencoder::generator::AutoencoderGenerator;
use crate::network::generator::{Generator, GeneratorConfig, check_channels};
use crate::network::nn::parameters::Parameters;

/// Sizes of the paper's autoencoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoencoderConfig {
    /// Channels of the one to three feature maps, at strides 16, 32 and 64 (Table 1).
    pub map_channels: Vec<i64>,
}

impl GeneratorConfig for AutoencoderConfig {
    fn kind(&self) -> String {
        match self.map_channels.len() {
            1 => "with one feature map".into(),
            count => format!("with {count} feature maps"),
        }
    }

    fn side_multiple(&self) -> i64 {
        8 << self.map_channels.len()
    }

    fn loses_detail(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        let maps = self.map_channels.len();
        if !(1..=3).contains(&maps) {
            return Err(Error::Argument(format!("{maps} feature maps; an autoencoder has 1 to 3")));
        }
        check_channels(self.map_channels.iter().copied())
    }

    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn Generator>> {
        Ok(Box::new(AutoencoderGenerator::new(parameters, self)?))
    }
}
