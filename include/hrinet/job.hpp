/// @file hrinet/job.hpp
/// Jobs: a volume, its expected errors and label maps on the grid of a plan. Part of hrinet.hpp.
#ifndef HRINET_JOB_HPP
#define HRINET_JOB_HPP

#include "../hrinet.h"
#include "library.hpp"
#include "model.hpp"
#include "plan.hpp"
#include "span.hpp"
#include "volume.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hrinet {

/// Progress of a job.
struct Progress {
    std::uint32_t done;   ///< Slices interpolated so far, of all outputs.
    std::uint32_t total;  ///< Slices to interpolate, of all outputs.

    /// From 0 to 1.
    double fraction() const noexcept { return total == 0 ? 1 : static_cast<double>(done) / total; }
    /// Return value of a callback that lets the job continue.
    static constexpr bool keep_going() noexcept { return true; }
    /// Return value of a callback that ends the job, which then throws Cancelled.
    static constexpr bool cancel() noexcept { return false; }
};

/// Method for labels between two known slices.
enum class LabelMethod : std::int32_t {
    nearest = HRINET_LABELS_NEAREST,  ///< The labels of the nearer known slice.
    shape = HRINET_LABELS_SHAPE,      ///< Outlines between those of both, by distances in mm.
    anatomy = HRINET_LABELS_ANATOMY   ///< Outlines along the flow that the model finds in the CT.
};

namespace detail {

template <class T>
struct IsVolume : std::false_type {};
template <class T>
struct IsVolume<Volume<T>> : std::true_type {};

struct ProgressCall {
    const ProgressFunction& function;
    std::exception_ptr thrown;
};

extern "C" inline std::int32_t hrinet_hpp_progress(const HrinetProgress* progress, void* user) {
    auto& call = *static_cast<ProgressCall*>(user);
    try {
        return call.function({progress->slices_done, progress->slices_total}) ? 0 : 1;
    } catch (...) {
        call.thrown = std::current_exception();
        return 1;
    }
}

}  // namespace detail

/// A resampling: inputs, plan, model and the wanted outputs. Voxels stay the caller's and must live
/// until run() returns.
///
/// @code
/// hrinet::Job(model, plan).input(ct).output(fine).expected_error(errors)
///     .labels(map, fine_map, hrinet::LabelMethod::anatomy).run();
/// @endcode
class Job {
public:
    /// A job without input and output yet. Model and plan must live until run() returns.
    Job(const Model& model, const Plan& plan) : plan_(plan), model_(model.handle()) {}

    /// The CT. Not needed for labels alone, unless their method is anatomy.
    template <class T>
    Job& input(const Volume<T>& volume) {
        input_ = volume.c();
        return *this;
    }

    /// Place for the resampled CT, of the input's voxel type: plan.voxels() voxels without gaps, i
    /// fastest, or a Volume with strides of its own.
    template <class Output>
    Job& output(Output&& output) {
        output_ = described(output);
        return *this;
    }

    /// Place for the expected absolute error of every voxel in HU, 0 in known slices: floats. For a
    /// model whose ModelInfo::predicts_error is true.
    template <class Output>
    Job& expected_error(Output&& output) {
        expected_error_ = described(output);
        return *this;
    }

    /// A label map and the place for its resampled voxels, of the same voxel type.
    template <class T, class Output>
    Job& labels(const Volume<T>& input, Output&& output, LabelMethod method = LabelMethod::shape) {
        labels_.push_back({input.c(), described(output), method});
        return *this;
    }

    /// Shows a network the grey values from `low` to `high` as its own window, for volumes that are
    /// not in HU.
    Job& window(double low, double high) {
        window_[0] = low;
        window_[1] = high;
        return *this;
    }

    /// Resamples all outputs. Known slices are copied bit for bit.
    void run(const ProgressFunction& progress = {}) const {
        std::vector<HrinetLabelJob> labels(labels_.size());
        for (std::size_t index = 0; index < labels.size(); ++index) {
            detail::check(hrinet_label_job_init(&labels[index]));
            labels[index].input = &labels_[index].input;
            labels[index].output = &labels_[index].output;
            labels[index].method = static_cast<std::int32_t>(labels_[index].method);
        }
        detail::ProgressCall call{progress, nullptr};
        HrinetJob job = with_input();
        job.progress = progress ? detail::hrinet_hpp_progress : nullptr;
        job.user = &call;
        job.output = output_ ? &*output_ : nullptr;
        job.expected_error = expected_error_ ? &*expected_error_ : nullptr;
        job.labels = labels.data();
        job.label_count = labels.size();
        const HrinetStatus status = hrinet_resample(&job);
        if (call.thrown) std::rethrow_exception(call.thrown);
        detail::check(status);
    }

    /// Sends the warnings that run() would give to the log callback, without resampling.
    void check() const {
        const HrinetJob job = with_input();
        detail::check(hrinet_job_check(&job));
    }

private:
    HrinetJob with_input() const {
        HrinetJob job;
        detail::check(hrinet_job_init(&job));
        job.model = model_;
        job.plan = plan_.get();
        job.input = input_ ? &*input_ : nullptr;
        job.window_low = window_[0];
        job.window_high = window_[1];
        return job;
    }

    struct Labels {
        HrinetVolume input, output;
        LabelMethod method;
    };

    /// A place for an output as hrinet.h takes it.
    template <class Output>
    HrinetVolume described(Output& output) const {
        using Value = std::remove_pointer_t<decltype(std::data(output))>;
        static_assert(!std::is_const_v<Value>, "an output is written");
        if constexpr (detail::IsVolume<std::decay_t<Output>>::value) {
            return output.c();
        } else {
            if (std::size(output) != plan_.voxels()) {
                detail::refuse("room for " + std::to_string(std::size(output)) +
                               " voxels; the output has " + std::to_string(plan_.voxels()));
            }
            HrinetVolume volume = plan_.output();
            volume.voxel_type = voxel_type_of<Value>();
            volume.data = std::data(output);
            return volume;
        }
    }

    const Plan& plan_;
    const HrinetModel* model_;
    std::optional<HrinetVolume> input_, output_, expected_error_;
    std::vector<Labels> labels_;
    double window_[2] = {0, 0};
};

template <class T, class Output>
void Model::interpolate(const Plan& plan, const Volume<T>& input, Output&& output,
                        const ProgressFunction& progress) const {
    Job(*this, plan).input(input).output(output).run(progress);
}

}  // namespace hrinet

#endif  // HRINET_JOB_HPP
