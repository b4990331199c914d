//! Decoding of the slices between known ones, pair by pair, by any number of threads.

use std::time::Instant;

use ndarray::{Array2, Array3, ArrayRef3, ArrayView2};

use crate::error::{Error, Result, count_of};
use crate::network::{EncodedSlice, Neighbours, SliceNetwork};
use crate::resample::Plan;
use crate::resample::encoded_slices::EncodedSlices;
use crate::volume::voxels::slice;
use crate::volume::{Rescale, Voxel, Window};

/// Index and fraction of each output slice between the slices of a pair, the first of which is
/// named.
type PairMembers = (usize, Vec<(usize, f64)>);

/// The pairs of a plan, to be decoded in any order.
pub(super) struct PairDecoder<'a, T> {
    plan: &'a Plan,
    input: &'a ArrayRef3<T>,
    rescale: Rescale,
    with_errors: bool,
    pairs: Vec<PairMembers>,
    /// Slices of a pair that are decoded at once.
    batch: usize,
    /// Whether slices beyond a pair are its context.
    has_context: bool,
    encoded: EncodedSlices,
}

/// Slices between those of one pair, in grey values.
pub(super) struct Decoded {
    /// First slice of the pair.
    pub(super) first: usize,
    /// Index and fraction of each slice.
    pub(super) members: Vec<(usize, f64)>,
    /// `[members, rows, columns]`.
    pub(super) slices: Array3<f32>,
    /// Expected errors `[members, rows, columns]`, where they are wanted.
    pub(super) errors: Option<Array3<f32>>,
}

impl<'a, T: Voxel> PairDecoder<'a, T> {
    /// Prepares for the pairs of a plan.
    pub(super) fn new(
        plan: &'a Plan,
        input: &'a ArrayRef3<T>,
        rescale: Rescale,
        with_errors: bool,
        batch: usize,
        has_context: bool,
    ) -> PairDecoder<'a, T> {
        let pairs = plan.pairs();
        let needed = pairs.iter().flat_map(|&(first, _)| needed(plan, first, has_context));
        let encoded = EncodedSlices::new(needed.flatten());
        PairDecoder { plan, input, rescale, with_errors, pairs, batch, has_context, encoded }
    }

    /// Number of pairs.
    pub(super) fn count(&self) -> usize {
        self.pairs.len()
    }

    /// Slices that were encoded so far.
    pub(super) fn encoded(&self) -> usize {
        self.encoded.count()
    }

    /// Decodes the slices of pair `number`, and gives them to `receive` as they come.
    pub(super) fn decode(
        &self,
        number: usize,
        network: &dyn SliceNetwork,
        receive: &mut dyn FnMut(Decoded) -> Result<()>,
    ) -> Result<()> {
        let (first, ref members) = self.pairs[number];
        let take = |index| self.encoded.take(index, || self.encode(index, network));
        let mut taken = Vec::new();
        for index in needed(self.plan, first, self.has_context) {
            taken.push(index.map(take).transpose()?);
        }
        let [before, Some(start), Some(end), after] = &taken[..] else {
            return Err(Error::Argument(format!("pair {number} lacks a known slice")));
        };
        let neighbours = Neighbours::new([start, end], [before.as_ref(), after.as_ref()]);
        for members in members.chunks(self.batch) {
            let start = Instant::now();
            let fractions: Vec<f64> = members.iter().map(|&(_, fraction)| fraction).collect();
            let [slices, errors] = match self.with_errors {
                false => [Some(network.decode(&neighbours, &fractions)?), None],
                true => network
                    .decode_with_error(&neighbours, &fractions)?
                    .map_or([None, None], |both| both.map(Some)),
            };
            let slices = slices
                .ok_or_else(|| Error::Argument("this network predicts no expected error".into()))?;
            trace(first, members, start);
            receive(Decoded { first, members: members.to_vec(), slices, errors })?;
        }
        Ok(())
    }

    fn encode(&self, index: usize, network: &dyn SliceNetwork) -> Result<EncodedSlice> {
        let [low, high] = network.window_hu();
        let window = Window { low, high };
        let plane: ArrayView2<T> = slice(self.input, self.plan.axis(), index);
        let grey: Array2<f32> =
            plane.map(|&stored| window.to_grey(self.rescale.to_hu(stored.to_f64())) as f32);
        let start = Instant::now();
        let encoded = network.encode(&grey);
        let seconds = start.elapsed().as_secs_f64();
        log::trace!("known slice {index} encoded in {seconds:.3} s");
        encoded
    }
}

/// Logs slices that were decoded between those of a pair, the first of which is named.
fn trace(first: usize, members: &[(usize, f64)], start: Instant) {
    let (second, seconds) = (first + 1, start.elapsed().as_secs_f64());
    for (index, fraction) in members {
        log::trace!("slice {index}, at {fraction:.4} between known slices {first} and {second}");
    }
    log::trace!("{} decoded in {seconds:.3} s", count_of(members.len(), "slice"));
}

/// The known slices of a pair, with its context slices before and after where it has any.
fn needed(plan: &Plan, first: usize, has_context: bool) -> [Option<usize>; 4] {
    let [before, after] = if has_context { plan.context(first) } else { [None; 2] };
    [before, Some(first), Some(first + 1), after]
}
