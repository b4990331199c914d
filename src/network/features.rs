//! Features of encoded slices, and the pairs of them that are decoded.

use std::any::Any;

use tch::Tensor;

use crate::error::{Error, Result};

/// The named feature maps of one kind of generator.
pub trait FeatureMaps: Any + Send {
    /// Applies `change`, which acts on the first dimension, the batch, to every map.
    ///
    /// # Errors
    /// Those of `change`.
    fn map_each(&self, change: &dyn Fn(&Tensor) -> Result<Tensor>) -> Result<Features>;
}

/// Feature maps `[N, C, H, W]` of a batch of slices, for the kind of generator that encoded them.
pub struct Features(Box<dyn FeatureMaps>);

impl Features {
    /// Wraps the maps of one kind of generator.
    pub fn new(maps: impl FeatureMaps) -> Features {
        Features(Box::new(maps))
    }

    /// The named maps of one kind of generator.
    ///
    /// # Errors
    /// [`Error::Argument`] for features of another kind of generator.
    pub fn maps<T: FeatureMaps>(&self) -> Result<&T> {
        let maps: &dyn Any = self.0.as_ref();
        maps.downcast_ref().ok_or_else(|| {
            Error::Argument(
                "features of another kind of network; decode with the model that encoded".into(),
            )
        })
    }

    /// Features of `count` slices of the batch from `start` on, as views.
    pub fn narrow(&self, start: i64, count: i64) -> Result<Features> {
        self.0.map_each(&|map| Ok(map.f_narrow(0, start, count)?))
    }

    /// The same features for another thread, as views.
    pub fn share(&self) -> Result<Features> {
        self.0.map_each(&|map| Ok(map.shallow_clone()))
    }

    /// Features of a batch of one slice as a batch of `count` equal ones, as views.
    pub fn repeat(&self, count: i64) -> Result<Features> {
        self.0.map_each(&|map| Ok(map.f_expand([count, -1, -1, -1], false)?))
    }

    /// Features of every slice of the batch `count` times in a row, copied.
    pub fn repeat_each(&self, count: i64) -> Result<Features> {
        self.0.map_each(&|map| Ok(map.f_repeat_interleave_self_int(count, 0, None::<i64>)?))
    }
}

/// Context slices of a batch of pairs: the known slice before the first and that after the second.
pub struct ContextSlices {
    /// Their features; where a slice is absent, those of the pair's own slice next to it.
    pub slices: [Features; 2],
    /// 1 where the slice is present, 0 where it is absent: `[N, 1, 1, 1]`.
    pub present: [Tensor; 2],
}

impl ContextSlices {
    /// The context of the pairs in the opposite order.
    pub fn reversed(self) -> ContextSlices {
        let ([before, after], [before_present, after_present]) = (self.slices, self.present);
        ContextSlices { slices: [after, before], present: [after_present, before_present] }
    }
}

/// A batch of pairs of encoded slices between which slices are decoded.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// Features of the first and of the second slice.
    pub slices: [&'a Features; 2],
    /// The known slices beyond the pair, for a generator that uses them.
    pub context: Option<&'a ContextSlices>,
}

impl<'a> Pair<'a> {
    /// A pair without context slices.
    pub fn new(first: &'a Features, second: &'a Features) -> Pair<'a> {
        Pair { slices: [first, second], context: None }
    }
}
