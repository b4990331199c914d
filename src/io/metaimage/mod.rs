//! MetaImage: header and voxels in one file (`.mha`) or two (`.mhd` with `.raw` or `.zraw`).

mod header;
mod read;
mod write;

pub(crate) use read::{read, read_by_voxels};
pub(crate) use write::{write, write_compressed_pair, write_pair};
