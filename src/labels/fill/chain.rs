//! Outlines carried from slice to slice by the flow of the image.

use ndarray::{Array2, Zip};

use crate::error::Result;
use crate::labels::fill::flow::{self, Field};

/// Depths beyond these are alike, mm.
const MAX_DEPTH_MM: f32 = 8.0;

/// The flow is used where it leaves less than this part of the squared error of no flow at all, at
/// the drawn slices.
const MAX_ERROR: f64 = 0.5;

/// Smallest half of the range of grey values that is looked at.
const MIN_CONTRAST: f32 = 1e-6;

/// Depths of two drawn outlines, carried to every slice from the first to the second.
pub struct Carried {
    depths: [Vec<Array2<f32>>; 2],
}

impl Carried {
    /// Carries the outlines of the first and the last of the slices along the chain of the flow
    /// between neighbours; `None` where each outline, carried all the way, does not come out much
    /// nearer to the other one than it is without. `on_step` is called between slices.
    ///
    /// # Errors
    /// Those of `on_step`.
    pub fn along(
        mut greys: Vec<Array2<f32>>,
        depths: [&Array2<f32>; 2],
        on_step: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<Carried>> {
        normalise(&mut greys);
        let forth = carry(&greys, depths[0], on_step)?;
        greys.reverse();
        let mut back = carry(&greys, depths[1], on_step)?;
        back.reverse();
        let ends = [(forth.last(), depths[0], depths[1]), (back.first(), depths[1], depths[0])];
        let (mut carried, mut still) = (0.0, 0.0);
        for (moved, start, end) in ends {
            carried += moved.map_or(0.0, |moved| error(moved, end));
            still += error(start, end);
        }
        Ok((carried < MAX_ERROR * still).then_some(Carried { depths: [forth, back] }))
    }

    /// Depths of both outlines in the slice `step` steps from the first.
    pub fn at(&self, step: usize) -> [&Array2<f32>; 2] {
        [0, 1].map(|side| &self.depths[side][step])
    }
}

/// Depths of the outline of the first slice, carried to each of the slices.
fn carry(
    greys: &[Array2<f32>],
    depth: &Array2<f32>,
    on_step: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<Array2<f32>>> {
    let place = |axis: usize| Array2::from_shape_fn(depth.dim(), |at| [at.0, at.1][axis] as f32);
    let still: Field = [place(0), place(1)];
    let mut positions = still.clone();
    let mut carried = vec![depth.clone()];
    for pair in greys.windows(2) {
        on_step()?;
        let [mut rows, mut columns] = flow::between(&pair[1], &pair[0]);
        rows += &still[0];
        columns += &still[1];
        let back = [rows, columns];
        positions = positions.each_ref().map(|places| flow::sample(places, &back));
        carried.push(flow::sample(depth, &positions));
    }
    Ok(carried)
}

/// Squared difference of two outlines, near the second and where they are not on the same side.
fn error(found: &Array2<f32>, wanted: &Array2<f32>) -> f64 {
    Zip::from(found).and(wanted).fold(0.0, |sum, &found, &wanted| {
        let counts = wanted.abs() < MAX_DEPTH_MM || (found > 0.0) != (wanted > 0.0);
        let apart = (found - wanted).abs().min(MAX_DEPTH_MM);
        sum + if counts { f64::from(apart * apart) } else { 0.0 }
    })
}

/// Brings grey values to about -1 to 1: what most pixels have is spread, the rest compressed.
fn normalise(greys: &mut [Array2<f32>]) {
    let ends = [greys.first(), greys.last()];
    let mut values: Vec<f32> = ends.into_iter().flatten().flatten().copied().collect();
    values.sort_unstable_by(f32::total_cmp);
    let quantile = |part: f64| values.get((part * values.len() as f64) as usize);
    let [Some(low), Some(high)] = [quantile(0.05), quantile(0.95)] else { return };
    let (middle, half) = (0.5 * (low + high), (0.5 * (high - low)).max(MIN_CONTRAST));
    for grey in greys {
        grey.mapv_inplace(|value| {
            let unit = (value - middle) / half;
            unit / (1.0 + unit.abs())
        });
    }
}
