/// @file hrinet/model.hpp
/// Models: networks with their weights, linear and cubic interpolation. Part of hrinet.hpp.
#ifndef HRINET_MODEL_HPP
#define HRINET_MODEL_HPP

#include "../hrinet.h"
#include "library.hpp"
#include "plan.hpp"
#include "span.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hrinet {

struct Progress;
/// Called after every few slices, from the thread that called the job; false cancels it. An
/// exception that it throws ends the job too, and comes out of the call. Empty: no calls.
using ProgressFunction = std::function<bool(Progress)>;

/// Number format of a network's computation.
enum class Precision : std::int32_t {
    float32 = HRINET_PRECISION_FLOAT32,   ///< On a CPU the same bits every time.
    bfloat16 = HRINET_PRECISION_BFLOAT16, ///< Faster where the device computes in it, less exact.
    automatic = HRINET_PRECISION_AUTO     ///< bfloat16 on processors that compute in it.
};

/// Device, precision, ensemble and detail carry of a model. A device name alone converts to them.
class ModelOptions {
public:
    /// A device: `"auto"` (CUDA where there is one), `"cpu"`, `"cuda"` or `"cuda:N"`.
    ModelOptions(std::string device = "auto") : device_(std::move(device)) {
        detail::require_abi();
        detail::check(hrinet_model_options_init(&options_));
    }

    /// A device, as a literal.
    ModelOptions(const char* device) : ModelOptions(std::string(device)) {}

    /// Number format of the computation.
    ModelOptions& precision(Precision precision) {
        options_.precision = static_cast<std::int32_t>(precision);
        return *this;
    }

    /// Interpolate every slice twice, with the pair in either order, and take the mean.
    ModelOptions& ensemble(bool wanted = true) {
        options_.ensemble = wanted ? 1 : 0;
        return *this;
    }

    /// Carry the detail that an autoencoder loses of the known slices into interpolated ones; on by
    /// default.
    ModelOptions& detail_carry(bool wanted = true) {
        options_.detail_carry = wanted ? 1 : 0;
        return *this;
    }

    /// The options for hrinet.h; valid as long as this object.
    HrinetModelOptions c() const noexcept {
        HrinetModelOptions options = options_;
        options.device = device_.c_str();
        return options;
    }

private:
    std::string device_;
    HrinetModelOptions options_{};
};

/// Description of a model.
struct ModelInfo {
    std::string system;    ///< `"hrinet-motion"`, `"hrinet-mse"`, ..., `"linear"`, `"cubic"`.
    std::string checksum;  ///< SHA-256 of the checkpoint in hexadecimal; or empty.
    std::string device;    ///< The device that computes: `"cpu"` or `"cuda:N"`.
    double window_low_hu;  ///< HU that becomes 0 of the network's grey window; or -infinity.
    double window_high_hu;          ///< HU that becomes 1; or infinity.
    std::uint64_t parameter_count;  ///< Number of trained parameters.
    bool predicts_error;            ///< Whether Job::expected_error() can be had.
    bool has_flow;                  ///< Whether LabelMethod::anatomy can be had.
    bool is_thin;                   ///< Whether it makes thin slices, and keeps no known one.
};

/// An interpolator: a network with its weights, `"linear"` or `"cubic"`. Immutable: any number of
/// threads may use one at once.
class Model {
public:
    /// A shipped model by its name, or a checkpoint file by its path (UTF-8). `"linear"` and
    /// `"cubic"` are linear and cubic interpolation.
    static Model load(const std::string& name_or_path, const ModelOptions& options = {}) {
        const HrinetModelOptions described = options.c();
        HrinetModel* model = nullptr;
        detail::check(hrinet_model_load(name_or_path.c_str(), &described, &model));
        return Model(model);
    }

    /// A checkpoint in memory, which is not needed afterwards.
    static Model load(Span<const std::uint8_t> checkpoint, const ModelOptions& options = {}) {
        const HrinetModelOptions described = options.c();
        HrinetModel* model = nullptr;
        detail::check(hrinet_model_load_from_memory(checkpoint.data(), checkpoint.size(),
                                                    &described, &model));
        return Model(model);
    }

    /// Describes the model.
    ModelInfo info() const {
        HrinetModelInfo info{};
        info.struct_size = sizeof info;
        detail::check(hrinet_model_info(get(), &info));
        return {info.system,          info.checksum,        info.device,
                info.window_low_hu,   info.window_high_hu,  info.parameter_count,
                info.predicts_error != 0, info.has_flow != 0, hrinet_model_is_thin(get()) != 0};
    }

    /// About how many bytes interpolate() takes beside the voxels of input and output.
    std::uint64_t work_bytes(const Plan& plan) const {
        return hrinet_plan_work_bytes(plan.get(), get());
    }

    /// Resamples a volume into `output`: plan.voxels() voxels without gaps, i fastest, or a Volume
    /// with strides of its own. Known slices are copied bit for bit, unless the model makes thin
    /// slices (ModelInfo::is_thin). A Job offers more outputs.
    template <class T, class Output>
    void interpolate(const Plan& plan, const Volume<T>& input, Output&& output,
                     const ProgressFunction& progress = {}) const;

    /// Interpolates slices between two of `rows` x `columns` in HU, row by row: one for each alpha,
    /// 1 being `first` and 0 `second`, one after the other.
    std::vector<float> between(Span<const float> first, Span<const float> second, std::size_t rows,
                               std::size_t columns, Span<const double> alphas) const {
        // Divided, not multiplied: a product may overflow.
        for (const auto& slice : {first, second}) {
            if (columns == 0 || slice.size() % columns != 0 || slice.size() / columns != rows) {
                detail::refuse("a slice of " + std::to_string(slice.size()) + " pixels is not " +
                               std::to_string(rows) + " x " + std::to_string(columns));
            }
        }
        std::vector<float> slices(alphas.size() * first.size());
        detail::check(hrinet_interpolate_slices(handle(), first.data(), second.data(), rows,
                                                columns, alphas.data(), alphas.size(),
                                                slices.data()));
        return slices;
    }

    /// The handle, which stays this model's. NULL after a move.
    const HrinetModel* get() const noexcept { return model_.get(); }

private:
    friend class Job;
    friend class Trainer;
    explicit Model(HrinetModel* model) : model_(model) {}

    /// The handle for a call that takes NULL as linear interpolation.
    const HrinetModel* handle() const {
        if (!model_) detail::refuse("this model was moved from");
        return get();
    }

    detail::Owned<HrinetModel, hrinet_model_free> model_;
};

}  // namespace hrinet

#endif  // HRINET_MODEL_HPP
