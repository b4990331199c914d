/// @file hrinet/plan.hpp
/// Output grids: wished spacing, and the source of each slice. Part of hrinet.hpp.
#ifndef HRINET_PLAN_HPP
#define HRINET_PLAN_HPP

#include "../hrinet.h"
#include "library.hpp"
#include "volume.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hrinet {

/// The axis along which to interpolate.
enum class Axis : std::int32_t { automatic = HRINET_AXIS_AUTO, i = 0, j = 1, k = 2 };

/// Wished spacing and axis: by default isotropic, along the slice axis of the volume. The spacing
/// that is set last counts.
class ResampleOptions {
public:
    ResampleOptions() {
        detail::require_abi();
        detail::check(hrinet_resample_options_init(&options_));
    }

    /// The whole division of the slice spacing closest to the in-plane spacing.
    ResampleOptions& isotropic() { return spacing(HRINET_SPACING_ISOTROPIC, 0); }

    /// The slice spacing divided by a factor.
    ResampleOptions& factor(std::uint32_t factor) {
        options_.factor = factor;
        return spacing(HRINET_SPACING_FACTOR, 0);
    }

    /// The whole division of the slice spacing closest to `mm`.
    ResampleOptions& nearest(double mm) { return spacing(HRINET_SPACING_NEAREST, mm); }

    /// Exactly `mm`, even where known slices are then missed.
    ResampleOptions& exact(double mm) { return spacing(HRINET_SPACING_EXACT, mm); }

    /// The slices of another volume's grid, as far as they are within the volume. Its geometry is
    /// copied, not its voxels.
    template <class T>
    ResampleOptions& like(const Volume<T>& other) {
        auto kept = std::make_shared<Like>(
            Like{{nullptr, other.size(), other.geometry()}, HrinetVolume{}});
        if (!other.slice_positions().empty()) kept->grid.slice_positions(other.slice_positions());
        kept->described = kept->grid.c();
        spacing(HRINET_SPACING_LIKE, 0);
        like_ = std::move(kept);
        options_.like = &like_->described;
        return *this;
    }

    /// The axis along which to interpolate.
    ResampleOptions& axis(Axis axis) {
        options_.axis = static_cast<std::int32_t>(axis);
        return *this;
    }

    /// Leaves the output of a tilted gantry sheared, with known slices bit for bit, instead of
    /// moving the slices in their plane onto a right-angled grid.
    ResampleOptions& keep_tilt(bool keep = true) {
        options_.keep_tilt = keep ? 1 : 0;
        return *this;
    }

    /// The options for hrinet.h; valid as long as these options or a copy of them.
    const HrinetResampleOptions& c() const noexcept { return options_; }

private:
    ResampleOptions& spacing(HrinetSpacing kind, double mm) {
        options_.spacing = kind;
        options_.spacing_mm = mm;
        options_.like = nullptr;
        like_.reset();
        return *this;
    }

    struct Like {
        Volume<const std::int16_t> grid;
        HrinetVolume described;
    };

    HrinetResampleOptions options_{};
    std::shared_ptr<Like> like_;  // Shared by copies, so that the pointer in options_ stays good.
};

/// Source of an output slice.
struct Slice {
    bool is_known;       ///< A copy of a known slice, bit for bit.
    std::uint32_t first;   ///< The known slice; or the first of the two on both sides.
    std::uint32_t second;  ///< The known slice; or the second of the two on both sides.
    double fraction;       ///< Position between them: 0 at the first, 1 at the second.
};

/// Output grid of a volume, and the source of each slice. Immutable: for any number of threads.
class Plan {
public:
    /// Plans the output of a volume, whose voxels are not read.
    template <class T>
    explicit Plan(const Volume<T>& volume, const ResampleOptions& options = {}) {
        const HrinetVolume described = volume.c();
        HrinetPlan* plan = nullptr;
        detail::check(hrinet_plan_create(&described, &options.c(), &plan));
        plan_.reset(plan);
    }

    /// Voxels of the output along i, j, k.
    std::array<std::size_t, 3> size() const {
        const HrinetVolume described = output();
        return {described.size[0], described.size[1], described.size[2]};
    }

    /// Geometry of the output.
    Geometry geometry() const {
        const HrinetVolume described = output();
        std::array<double, 16> matrix{};
        for (std::size_t entry = 0; entry < 16; ++entry)
            matrix[entry] = described.ijk_to_ras[entry];
        return Geometry::ijk_to_ras(matrix);
    }

    /// Number of voxels of the output.
    std::size_t voxels() const {
        const auto [i, j, k] = size();
        return i * j * k;
    }

    /// Bytes of the voxels of the output, without gaps.
    std::size_t bytes() const { return hrinet_plan_output_bytes(get()); }

    /// The slice axis.
    Axis axis() const { return static_cast<Axis>(hrinet_plan_axis(get())); }

    /// How the output differs from what was asked for, in words; empty where there is nothing to
    /// say.
    std::string remark() const { return hrinet_plan_remark(get()); }

    /// Number of slices of the output along the slice axis.
    std::uint32_t slice_count() const { return hrinet_plan_slice_count(get()); }

    /// Source of output slice `index`.
    Slice slice(std::uint32_t index) const {
        HrinetSlice described{};
        described.struct_size = sizeof described;
        detail::check(hrinet_plan_slice(get(), index, &described));
        return {described.is_known != 0, described.first, described.second, described.fraction};
    }

    /// Source of each output slice.
    std::vector<Slice> slices() const {
        std::vector<Slice> all;
        for (std::uint32_t index = 0; index < slice_count(); ++index) all.push_back(slice(index));
        return all;
    }

    /// The output for hrinet.h; its `data` is NULL.
    HrinetVolume output() const {
        HrinetVolume described;
        detail::check(hrinet_plan_output(get(), &described));
        return described;
    }

    /// The handle, which stays this plan's. NULL after a move.
    const HrinetPlan* get() const noexcept { return plan_.get(); }

private:
    detail::Owned<HrinetPlan, hrinet_plan_free> plan_;
};

}  // namespace hrinet

#endif  // HRINET_PLAN_HPP
