/// @file hrinet/filling.hpp
/// Filling label maps between drawn slices. Part of hrinet.hpp.
#ifndef HRINET_FILLING_HPP
#define HRINET_FILLING_HPP

#include "../hrinet.h"
#include "job.hpp"
#include "library.hpp"
#include "model.hpp"
#include "plan.hpp"
#include "volume.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <string>
#include <type_traits>

namespace hrinet {

/// Axis, ends and slices of fill_labels().
class FillOptions {
public:
    FillOptions() {
        detail::require_abi();
        detail::check(hrinet_fill_job_init(&job_));
    }

    /// The axis across the drawn slices: i, j or k (the default).
    FillOptions& axis(Axis axis) {
        job_.axis = static_cast<std::int32_t>(axis);
        return *this;
    }

    /// Whether a label tapers beyond its first and last drawn slice, for less than the distance to
    /// its next drawn one; on by default. Off: it ends there.
    FillOptions& tapers(bool wanted = true) {
        job_.tapers = wanted ? 1 : 0;
        return *this;
    }

    /// Fills `count` slices from `first` on alone; the others stay as they are drawn. 0: all.
    FillOptions& slices(std::size_t first, std::size_t count) {
        job_.first_slice = first;
        job_.slice_count = count;
        return *this;
    }

    /// The options for hrinet.h, without volumes.
    const HrinetFillJob& c() const noexcept { return job_; }

private:
    HrinetFillJob job_{};
};

namespace detail {

/// The volume of filled labels for hrinet.h.
template <class T, class Output>
HrinetVolume filled_labels(const Volume<T>& labels, Output& output) {
    using Value = std::remove_pointer_t<decltype(std::data(output))>;
    static_assert(!std::is_const_v<Value>, "an output is written");
    HrinetVolume volume = labels.c();
    const std::size_t voxels = volume.size[0] * volume.size[1] * volume.size[2];
    if (std::size(output) != voxels) {
        refuse("room for " + std::to_string(std::size(output)) + " voxels; the labels have " +
               std::to_string(voxels));
    }
    volume.voxel_type = voxel_type_of<Value>();
    volume.data = std::data(output);
    for (auto& stride : volume.strides) stride = 0;
    return volume;
}

template <class T, class Value>
HrinetVolume filled_labels(const Volume<T>&, Volume<Value>& output) {
    static_assert(!std::is_const_v<Value>, "an output is written");
    return output.c();
}

}  // namespace detail

/// Fills every label between the slices on which it is drawn, by its outlines there and by the
/// image of the slices between. Drawn voxels are copied bit for bit. Needs no model.
///
/// `image`: grey values of any unit; its geometry counts. `labels`: on its grid; 0 is background.
/// `output`: as many voxels without gaps, i fastest, or a Volume with strides of its own, of the
/// voxel type of the labels; apart from both inputs in memory.
///
/// @code
/// std::vector<std::uint8_t> filled(drawn.size());
/// hrinet::fill_labels(ct, hrinet::Volume(drawn.data(), ct.size()), filled);
/// @endcode
template <class T, class Label, class Output>
void fill_labels(const Volume<T>& image, const Volume<Label>& labels, Output&& output,
                 const FillOptions& options = {}, const ProgressFunction& progress = {}) {
    const HrinetVolume inputs[2] = {image.c(), labels.c()};
    const HrinetVolume place = detail::filled_labels(labels, output);
    detail::ProgressCall call{progress, nullptr};
    HrinetFillJob job = options.c();
    job.image = &inputs[0];
    job.labels = &inputs[1];
    job.output = &place;
    job.progress = progress ? detail::hrinet_hpp_progress : nullptr;
    job.user = &call;
    const HrinetStatus status = hrinet_fill_labels(&job);
    if (call.thrown) std::rethrow_exception(call.thrown);
    detail::check(status);
}

}  // namespace hrinet

#endif  // HRINET_FILLING_HPP
