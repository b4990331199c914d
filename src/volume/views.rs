//! Borrowed voxels of any type and strides: arrays that stay with whoever owns their memory.

use ndarray::{ArrayView3, ArrayViewMut3};

use crate::volume::Voxels;
use crate::volume::voxel_type::{VoxelType, voxel_type_table};

macro_rules! define_voxel_views {
    ($(
        $variant:ident $type:ident $name:literal $c_value:literal $nifti:literal
        $meta_image:tt $nrrd:tt,
    )*) => {
        /// Voxels `[k, j, i]` to read.
        pub enum VoxelsView<'a> {
            $(
                #[doc = concat!("Voxels of type ", $name, ".")]
                $variant(ArrayView3<'a, $type>),
            )*
        }

        /// Voxels `[k, j, i]` to write.
        pub enum VoxelsViewMut<'a> {
            $(
                #[doc = concat!("Voxels of type ", $name, ".")]
                $variant(ArrayViewMut3<'a, $type>),
            )*
        }

        $(
            impl<'a> From<ArrayView3<'a, $type>> for VoxelsView<'a> {
                fn from(array: ArrayView3<'a, $type>) -> VoxelsView<'a> {
                    VoxelsView::$variant(array)
                }
            }

            impl<'a> From<ArrayViewMut3<'a, $type>> for VoxelsViewMut<'a> {
                fn from(array: ArrayViewMut3<'a, $type>) -> VoxelsViewMut<'a> {
                    VoxelsViewMut::$variant(array)
                }
            }
        )*

        impl VoxelsView<'_> {
            /// Type of the voxels.
            pub fn voxel_type(&self) -> VoxelType {
                match self {
                    $(VoxelsView::$variant(_) => VoxelType::$variant,)*
                }
            }

            /// Number of voxels along `[k, j, i]`.
            pub fn shape(&self) -> [usize; 3] {
                match self {
                    $(VoxelsView::$variant(array) => array.dim().into(),)*
                }
            }
        }

        impl VoxelsViewMut<'_> {
            /// Type of the voxels.
            pub fn voxel_type(&self) -> VoxelType {
                match self {
                    $(VoxelsViewMut::$variant(_) => VoxelType::$variant,)*
                }
            }

            /// Number of voxels along `[k, j, i]`.
            pub fn shape(&self) -> [usize; 3] {
                match self {
                    $(VoxelsViewMut::$variant(array) => array.dim().into(),)*
                }
            }
        }

        impl Voxels {
            /// Borrows the voxels to read.
            pub fn view(&self) -> VoxelsView<'_> {
                match self {
                    $(Voxels::$variant(array) => VoxelsView::$variant(array.view()),)*
                }
            }

            /// Borrows the voxels to write.
            pub fn view_mut(&mut self) -> VoxelsViewMut<'_> {
                match self {
                    $(Voxels::$variant(array) => VoxelsViewMut::$variant(array.view_mut()),)*
                }
            }

            /// Zeros of the same voxel type, of another shape `[k, j, i]`.
            pub fn zeros_like(&self, shape: [usize; 3]) -> Voxels {
                match self {
                    $(Voxels::$variant(_) => ndarray::Array3::<$type>::zeros(shape).into(),)*
                }
            }
        }

        /// Evaluates the same expression on the array of whatever type is there.
        macro_rules! with_view {
            ($view:expr, $array:ident => $body:expr) => {
                match $view {
                    $($crate::volume::VoxelsView::$variant($array) => $body,)*
                }
            };
        }
        pub(crate) use with_view;

        /// Evaluates the same expression on an input and an output array of one type; `$other` for
        /// arrays of different types.
        macro_rules! with_views {
            (
                $input:expr, $output:expr,
                ($from:ident, $to:ident) => $body:expr, _ => $other:expr
            ) => {
                match ($input, $output) {
                    $(
                        (
                            $crate::volume::VoxelsView::$variant($from),
                            $crate::volume::VoxelsViewMut::$variant($to),
                        ) => $body,
                    )*
                    _ => $other,
                }
            };
        }
        pub(crate) use with_views;
    };
}

voxel_type_table!(define_voxel_views);
