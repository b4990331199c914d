//! Event files of TensorBoard: records of TFRecord, each an `Event` of protocol buffers.
//!
//! A record is its length (u64), the length's masked CRC-32C, the bytes, their masked CRC-32C, all
//! little endian. The messages are the parts of TensorFlow's `event.proto` and `summary.proto` that
//! scalars need.

use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::error::{Error, Result};

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    /// Member of a oneof, so that 0 is written.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// The first record of a file.
///
/// # Errors
/// [`Error::Argument`] for an event that cannot be encoded.
pub fn header() -> Result<Vec<u8>> {
    let file_version = Some("brain.Event:2".into());
    record(&Event { wall_time: now(), step: 0, file_version, summary: None })
}

/// The record of a step's values by name; `None` are left out.
///
/// # Errors
/// Those of [`header`].
pub fn of_step<'a>(
    step: u64,
    values: impl Iterator<Item = (&'a str, Option<f64>)>,
) -> Result<Vec<u8>> {
    let scalar = |(name, value): (&str, Option<f64>)| {
        let group = if name.ends_with("psnr") { "validation" } else { "training" };
        let simple_value = Some(value? as f32);
        Some(Value { tag: format!("{group}/{name}"), simple_value })
    };
    let summary = Some(Summary { values: values.filter_map(scalar).collect() });
    record(&Event { wall_time: now(), step: step as i64, file_version: None, summary })
}

fn record(event: &Event) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    event.encode(&mut data).map_err(|error| Error::Argument(format!("an event: {error}")))?;
    let length = (data.len() as u64).to_le_bytes();
    Ok([&length[..], &masked_crc(&length), &data, &masked_crc(&data)].concat())
}

fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
