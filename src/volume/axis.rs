//! Index axes of a volume.

/// One of the three index axes of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Columns; fastest in memory.
    I = 0,
    /// Rows.
    J = 1,
    /// Slowest in memory; in most files the slices as scanned.
    K = 2,
}

impl Axis {
    /// All axes, fastest in memory first.
    pub const ALL: [Axis; 3] = [Axis::I, Axis::J, Axis::K];

    /// Index of the axis in an array of shape `[k, j, i]`.
    pub fn array_axis(self) -> usize {
        2 - self as usize
    }

    /// The two other axes, fastest in memory first.
    pub fn others(self) -> [Axis; 2] {
        match self {
            Axis::I => [Axis::J, Axis::K],
            Axis::J => [Axis::I, Axis::K],
            Axis::K => [Axis::I, Axis::J],
        }
    }
}

impl std::fmt::Display for Axis {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str(["i", "j", "k"][*self as usize])
    }
}
