//! Unique identifiers of written objects: UUIDs under the root `2.25`.

use sha2::{Digest, Sha256};

/// Identifier of this software as a writer of DICOM files.
pub(super) const IMPLEMENTATION_CLASS: &str = "2.25.283446612945130126519842360391187406121";

/// Source of new unique identifiers.
pub(super) enum Uids {
    /// Random ones: UUIDs of version 4.
    Random,
    /// UUIDs of version 8 that follow from this digest and the name of an object.
    Named([u8; 32]),
}

impl Uids {
    /// A new identifier; where they are not random, the same for the same name.
    pub(super) fn uid(&self, name: &str) -> String {
        let (bits, version) = match self {
            Uids::Random => (rand::random::<u128>(), 4),
            Uids::Named(base) => {
                let digest = Sha256::new().chain_update(base).chain_update(name).finalize();
                let bytes = digest.iter().take(16);
                (bytes.fold(0, |bits, &byte| bits << 8 | u128::from(byte)), 8)
            }
        };
        let bits = bits & !(0xf << 76) & !(0b11 << 62) | version << 76 | 0b10 << 62;
        format!("2.25.{bits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_uuids_under_2_25() {
        let named = Uids::Named([7; 32]);
        for (uid, version) in [(Uids::Random.uid("a"), 4), (named.uid("a"), 8)] {
            let bits: u128 = uid.strip_prefix("2.25.").unwrap().parse().unwrap();
            assert_eq!((bits >> 76 & 0xf, bits >> 62 & 0b11), (version, 0b10), "{uid}");
            assert!(uid.len() <= 64);
        }
        assert_ne!(Uids::Random.uid("a"), Uids::Random.uid("a"));
        assert_eq!(named.uid("a"), Uids::Named([7; 32]).uid("a"));
        assert_ne!(named.uid("a"), named.uid("b"));
        assert_ne!(named.uid("a"), Uids::Named([8; 32]).uid("a"));
    }
}
