//! The ten types a voxel can have: one table for memory, files and the C API.

/// Calls a macro with the table of voxel types, one row per type.
///
/// Every list of voxel types is made from this table: [`VoxelType`],
/// [`Voxels`](crate::volume::Voxels), the implementations of [`Voxel`](crate::volume::Voxel) and
/// the choice of a Rust type at run time (`with_voxel_type!`, `with_voxels!`). Of several names for
/// a format, the first is written and all are read.
macro_rules! voxel_type_table {
    ($callback:ident) => {
        $callback! {
            // variant, Rust type, name, value in C, NIfTI datatype, MetaImage, NRRD
            Int8 i8 "int8" 1 256 ["MET_CHAR"] ["signed char", "int8", "int8_t"],
            UInt8 u8 "uint8" 2 2 ["MET_UCHAR"] ["unsigned char", "uchar", "uint8", "uint8_t"],
            Int16 i16 "int16" 3 4 ["MET_SHORT"] ["short", "short int", "signed short",
                "signed short int", "int16", "int16_t"],
            UInt16 u16 "uint16" 4 512 ["MET_USHORT"] ["unsigned short", "ushort",
                "unsigned short int", "uint16", "uint16_t"],
            Int32 i32 "int32" 5 8 ["MET_INT", "MET_LONG"] ["int", "signed int", "int32", "int32_t"],
            UInt32 u32 "uint32" 6 768 ["MET_UINT", "MET_ULONG"] ["unsigned int", "uint",
                "uint32", "uint32_t"],
            Int64 i64 "int64" 7 1024 ["MET_LONG_LONG"] ["long long int", "longlong", "long long",
                "signed long long", "signed long long int", "int64", "int64_t"],
            UInt64 u64 "uint64" 8 1280 ["MET_ULONG_LONG"] ["unsigned long long int", "ulonglong",
                "unsigned long long", "uint64", "uint64_t"],
            Float32 f32 "float32" 9 16 ["MET_FLOAT"] ["float"],
            Float64 f64 "float64" 10 64 ["MET_DOUBLE"] ["double"],
        }
    };
}
pub(crate) use voxel_type_table;

/// One row of the table.
struct Row {
    voxel_type: VoxelType,
    name: &'static str,
    bytes: usize,
    c_value: i32,
    nifti_datatype: i16,
    meta_image_names: &'static [&'static str],
    nrrd_names: &'static [&'static str],
}

macro_rules! define_voxel_type {
    ($(
        $variant:ident $type:ident $name:literal $c_value:literal $nifti:literal
        [$($meta_image:literal),+] [$($nrrd:literal),+],
    )*) => {
        /// The type of a voxel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum VoxelType {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        const TABLE: &[Row] = &[
            $(Row {
                voxel_type: VoxelType::$variant,
                name: $name,
                bytes: size_of::<$type>(),
                c_value: $c_value,
                nifti_datatype: $nifti,
                meta_image_names: &[$($meta_image),+],
                nrrd_names: &[$($nrrd),+],
            },)*
        ];

        /// Evaluates an expression with `$T` as the Rust type of a [`VoxelType`].
        macro_rules! with_voxel_type {
            ($voxel_type:expr, $T:ident => $body:expr) => {
                match $voxel_type {
                    $($crate::volume::VoxelType::$variant => {
                        type $T = $type;
                        $body
                    })*
                }
            };
        }
        pub(crate) use with_voxel_type;
    };
}

voxel_type_table!(define_voxel_type);

impl VoxelType {
    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// All voxel types, in the order of their values in C.
    pub fn all() -> impl Iterator<Item = VoxelType> {
        TABLE.iter().map(|row| row.voxel_type)
    }

    /// Name as in NumPy: `int16`, `float32`, ...
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Bytes of one voxel.
    pub const fn bytes(self) -> usize {
        self.row().bytes
    }

    /// Whether values are whole numbers.
    pub const fn is_integer(self) -> bool {
        !matches!(self, VoxelType::Float32 | VoxelType::Float64)
    }

    /// Value in the C API: `HRINET_INT8` (1) to `HRINET_FLOAT64` (10).
    pub const fn c_value(self) -> i32 {
        self.row().c_value
    }

    /// Voxel type of a value in the C API.
    pub fn from_c_value(value: i32) -> Option<VoxelType> {
        Self::find(|row| row.c_value == value)
    }

    /// Code in the field `datatype` of a NIfTI header.
    pub const fn nifti_datatype(self) -> i16 {
        self.row().nifti_datatype
    }

    /// Voxel type of a code in the field `datatype` of a NIfTI header.
    pub fn from_nifti_datatype(code: i16) -> Option<VoxelType> {
        Self::find(|row| row.nifti_datatype == code)
    }

    /// Name in the field `type` of an NRRD header.
    pub const fn nrrd_name(self) -> &'static str {
        self.row().nrrd_names[0]
    }

    /// Voxel type of a name in the field `type` of an NRRD header, any of its synonyms.
    pub fn from_nrrd_name(name: &str) -> Option<VoxelType> {
        let is_name = |known: &&str| known.eq_ignore_ascii_case(name);
        Self::find(|row| row.nrrd_names.iter().any(is_name))
    }

    /// Name in the field `ElementType` of a MetaImage header.
    pub const fn meta_image_name(self) -> &'static str {
        self.row().meta_image_names[0]
    }

    /// Voxel type of a name in the field `ElementType` of a MetaImage header. `MET_LONG` has four
    /// bytes, as in ITK.
    pub fn from_meta_image_name(name: &str) -> Option<VoxelType> {
        Self::find(|row| row.meta_image_names.contains(&name))
    }

    fn find(fits: impl Fn(&Row) -> bool) -> Option<VoxelType> {
        TABLE.iter().find(|row| fits(row)).map(|row| row.voxel_type)
    }
}

impl std::fmt::Display for VoxelType {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_voxel_type_is_found_by_each_of_its_names() {
        assert_eq!(VoxelType::all().count(), 10);
        for voxel_type in VoxelType::all() {
            assert_eq!(VoxelType::from_c_value(voxel_type.c_value()), Some(voxel_type));
            let nifti = voxel_type.nifti_datatype();
            assert_eq!(VoxelType::from_nifti_datatype(nifti), Some(voxel_type));
            let meta_image = voxel_type.meta_image_name();
            assert_eq!(VoxelType::from_meta_image_name(meta_image), Some(voxel_type));
            for name in voxel_type.row().nrrd_names {
                assert_eq!(VoxelType::from_nrrd_name(name), Some(voxel_type), "{name}");
            }
            let bits = voxel_type.name().trim_start_matches(char::is_alphabetic);
            assert_eq!(bits.parse(), Ok(8 * voxel_type.bytes()));
            assert_eq!(voxel_type.is_integer(), voxel_type.name().contains("int"));
        }
        assert_eq!(VoxelType::from_nrrd_name("Unsigned Short"), Some(VoxelType::UInt16));
        assert_eq!(VoxelType::from_c_value(0), None);
        assert_eq!(VoxelType::from_nifti_datatype(128), None, "RGB");
    }
}
