//! Deterministic random changes of inputs.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers at which arithmetic overflows.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Texts at which number parsers fail.
const TEXTS: [&str; 9] =
    ["0", "-1", "4294967296", "18446744073709551615", "1e308", "1e-320", "nan", "inf", ""];

/// Source of inputs: the seeds, then changed seeds.
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    count: usize,
    random: ChaCha8Rng,
}

impl Mutator {
    pub fn new(seeds: Vec<Vec<u8>>) -> Mutator {
        assert!(!seeds.is_empty(), "no seeds");
        Mutator { seeds, count: 0, random: ChaCha8Rng::seed_from_u64(1) }
    }

    /// Next input: each seed, then changed seeds; `None` once `late` and all seeds were returned.
    pub fn next(&mut self, late: bool) -> Option<Vec<u8>> {
        self.count += 1;
        if let Some(seed) = self.seeds.get(self.count - 1) {
            return Some(seed.clone());
        }
        if late {
            return None;
        }
        let seed = self.random.random_range(0..self.seeds.len());
        let mut bytes = self.seeds[seed].clone();
        for _ in 0..self.random.random_range(1..6) {
            self.change(&mut bytes);
        }
        Some(bytes)
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let place = self.random.random_range(0..=bytes.len());
        match self.random.random_range(0..9) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = self.random.random();
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << self.random.random_range(0..8);
                }
            }
            3 | 4 => {
                let edge = EDGES[self.random.random_range(0..EDGES.len())];
                let wide = 1 << self.random.random_range(0..4);
                let big = self.random.random();
                let number = if big { edge.swap_bytes() } else { edge }.to_le_bytes();
                let number = if big { &number[8 - wide..] } else { &number[..wide] };
                let end = (place + wide).min(bytes.len());
                bytes[place..end].copy_from_slice(&number[..end - place]);
            }
            5 => self.change_text(bytes, place),
            6 => bytes.truncate(place),
            7 => {
                let range = self.range(bytes.len());
                bytes.drain(range);
            }
            _ => {
                // Inserts a part of a random seed.
                let other = self.random.random_range(0..self.seeds.len());
                let range = self.range(self.seeds[other].len());
                let piece = self.seeds[other][range].to_vec();
                bytes.splice(place..place, piece);
            }
        }
    }

    /// Replaces the next decimal number.
    fn change_text(&mut self, bytes: &mut Vec<u8>, from: usize) {
        let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit) else {
            return;
        };
        let start = from + start;
        let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = TEXTS[self.random.random_range(0..TEXTS.len())];
        bytes.splice(start..start + digits, text.bytes());
    }

    /// Random range of up to 63 of `length` bytes.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.random.random_range(0..=length);
        let count = self.random.random_range(0..64);
        start..(start + count).min(length)
    }
}
