//! Numbers from bytes: mostly plausible, sometimes arbitrary.

/// Bytes that are consumed one by one, followed by zeros.
pub struct Numbers<'a>(pub &'a [u8]);

impl Numbers<'_> {
    /// Whether all bytes are consumed.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// True for one of `many` values of a byte.
    pub fn one_in(&mut self, many: u8) -> bool {
        self.byte() % many == 1
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// A length or coordinate, mm.
    pub fn number(&mut self) -> f64 {
        const ODD: [f64; 16] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            1e-9,
            1e-6,
            0.1,
            1e6,
            1e160,
            -1e160,
            1e308,
            -1e308,
            1e-308,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        match self.byte() % 8 {
            0 => f64::from_le_bytes(self.bytes()),
            1 => ODD[usize::from(self.byte()) % ODD.len()],
            2 => f64::from(i16::from_le_bytes(self.bytes())),
            3 => f64::from(u16::from_le_bytes(self.bytes())) / 1e4,
            _ => f64::from(i16::from_le_bytes(self.bytes())) / 1e2,
        }
    }

    /// A count.
    pub fn count(&mut self) -> usize {
        match self.byte() % 8 {
            0 => u64::from_le_bytes(self.bytes()) as usize,
            1 => usize::from(u16::from_le_bytes(self.bytes())),
            _ => usize::from(self.byte() % 32),
        }
    }
}
