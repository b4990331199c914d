/// @file hrinet/volume.hpp
/// Geometry of a volume in the patient, and its voxels. Part of hrinet.hpp.
#ifndef HRINET_VOLUME_HPP
#define HRINET_VOLUME_HPP

#include "../hrinet.h"
#include "library.hpp"
#include "span.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hrinet {

/// Three numbers along i, j, k, or x, y, z.
using Vector3 = std::array<double, 3>;

/// Row by row; column a is the direction of index axis a, of length 1.
using Matrix3 = std::array<std::array<double, 3>, 3>;

/// Geometry of a volume in the patient.
///
/// hrinet.h uses RAS (x to the patient's right, y to the front, z up), as 3D Slicer and NIfTI do;
/// ITK and DICOM use LPS (x to the left, y to the back). Every constructor names its coordinates.
/// From one to the other only the signs of x and y change, so nothing is rounded.
class Geometry {
public:
    /// Spacing 1 mm, voxel (0, 0, 0) at the origin, axes along R, A and S.
    Geometry() : Geometry(ras({1, 1, 1}, {0, 0, 0})) {}

    /// From spacing in mm, the position of voxel (0, 0, 0) and the directions of the axes in RAS.
    static Geometry ras(const Vector3& spacing, const Vector3& origin,
                        const Matrix3& direction = identity()) {
        Geometry geometry{std::array<double, 16>{}};
        for (std::size_t row = 0; row < 3; ++row) {
            for (std::size_t axis = 0; axis < 3; ++axis)
                geometry.at(row, axis) = spacing[axis] * direction[row][axis];
            geometry.at(row, 3) = origin[row];
        }
        geometry.at(3, 3) = 1;
        return geometry;
    }

    /// From spacing in mm, the position of voxel (0, 0, 0) and the directions of the axes in LPS,
    /// as in `itk::Image` and DICOM.
    static Geometry lps(const Vector3& spacing, const Vector3& origin,
                        const Matrix3& direction = identity()) {
        return ras(spacing, origin, direction).flipped();
    }

    /// From the matrix from (i, j, k, 1) to RAS in mm, row by row: the IJK-to-RAS matrix of a
    /// vtkMRMLVolumeNode.
    static Geometry ijk_to_ras(const std::array<double, 16>& matrix) { return Geometry(matrix); }

    /// Matrix from (i, j, k, 1) to RAS in mm, row by row.
    const std::array<double, 16>& ijk_to_ras() const noexcept { return ijk_to_ras_; }

    /// Spacing along i, j, k in mm.
    Vector3 spacing() const {
        const auto length = [this](std::size_t axis) {
            return std::hypot(at(0, axis), at(1, axis), at(2, axis));
        };
        return {length(0), length(1), length(2)};
    }

    /// Position of voxel (0, 0, 0) in RAS.
    Vector3 origin_ras() const noexcept { return {at(0, 3), at(1, 3), at(2, 3)}; }

    /// Position of voxel (0, 0, 0) in LPS.
    Vector3 origin_lps() const noexcept { return flipped().origin_ras(); }

    /// Directions of the axes in RAS.
    Matrix3 direction_ras() const {
        const Vector3 lengths = spacing();
        Matrix3 direction{};
        for (std::size_t row = 0; row < 3; ++row)
            for (std::size_t axis = 0; axis < 3; ++axis)
                direction[row][axis] = at(row, axis) / lengths[axis];
        return direction;
    }

    /// Directions of the axes in LPS.
    Matrix3 direction_lps() const { return flipped().direction_ras(); }

    /// Axes along those of the patient.
    static constexpr Matrix3 identity() noexcept {
        return {{{{1, 0, 0}}, {{0, 1, 0}}, {{0, 0, 1}}}};
    }

private:
    explicit Geometry(const std::array<double, 16>& matrix) : ijk_to_ras_(matrix) {}

    double& at(std::size_t row, std::size_t column) { return ijk_to_ras_[4 * row + column]; }
    double at(std::size_t row, std::size_t column) const { return ijk_to_ras_[4 * row + column]; }

    /// RAS to LPS, or back. `0 - x`, so that no zero becomes -0.
    Geometry flipped() const {
        Geometry flipped = *this;
        for (std::size_t entry = 0; entry < 8; ++entry)
            flipped.ijk_to_ras_[entry] = 0 - ijk_to_ras_[entry];
        return flipped;
    }

    std::array<double, 16> ijk_to_ras_;
};

/// Voxels of the caller and their geometry; owns no voxel. `T` is const for voxels that are only
/// read.
///
/// @code
/// hrinet::Volume ct(image->GetBufferPointer(), {512, 512, 120}, geometry);
/// ct.rescale(1, -1024);        // HU = stored - 1024
/// @endcode
template <class T>
class Volume {
public:
    /// `size`: voxels along i, j, k, without gaps, i fastest, unless strides() is called.
    Volume(T* data, const std::array<std::size_t, 3>& size, const Geometry& geometry = {})
        : data_(data), size_(size), geometry_(geometry) {}

    /// Bytes from one voxel to the next along i, j, k, each greater than zero.
    Volume& strides(const std::array<std::ptrdiff_t, 3>& bytes) {
        strides_ = bytes;
        return *this;
    }

    /// `HU = slope * stored + intercept`; without it stored values are HU.
    Volume& rescale(double slope, double intercept) {
        slope_ = slope;
        intercept_ = intercept;
        return *this;
    }

    /// Positions of the k slices in mm from the first, for unevenly spaced slices.
    Volume& slice_positions(std::vector<double> mm) {
        if (mm.size() != size_[2]) {
            detail::refuse(std::to_string(mm.size()) + " slice positions for " +
                           std::to_string(size_[2]) + " slices");
        }
        positions_ = std::move(mm);
        return *this;
    }

    T* data() const noexcept { return data_; }
    const std::array<std::size_t, 3>& size() const noexcept { return size_; }
    const Geometry& geometry() const noexcept { return geometry_; }
    const std::vector<double>& slice_positions() const noexcept { return positions_; }

    /// The volume for hrinet.h; valid as long as this object.
    HrinetVolume c() const {
        detail::require_abi();
        HrinetVolume volume;
        detail::check(hrinet_volume_init(&volume));
        volume.voxel_type = voxel_type_of<T>();
        // The library writes voxels of outputs alone, whose types are not const.
        volume.data = const_cast<std::remove_const_t<T>*>(data_);
        for (std::size_t axis = 0; axis < 3; ++axis) {
            volume.size[axis] = size_[axis];
            volume.strides[axis] = strides_[axis];
        }
        for (std::size_t entry = 0; entry < 16; ++entry)
            volume.ijk_to_ras[entry] = geometry_.ijk_to_ras()[entry];
        volume.slice_positions_mm = positions_.empty() ? nullptr : positions_.data();
        volume.rescale_slope = slope_;
        volume.rescale_intercept = intercept_;
        return volume;
    }

private:
    T* data_;
    std::array<std::size_t, 3> size_;
    Geometry geometry_;
    std::array<std::ptrdiff_t, 3> strides_{};
    std::vector<double> positions_;
    double slope_ = 1;
    double intercept_ = 0;
};

}  // namespace hrinet

#endif  // HRINET_VOLUME_HPP
