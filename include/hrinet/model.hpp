/// @file hrinet/model.hpp
/// Models, and the jobs that they do. Part of hrinet.hpp.
#ifndef HRINET_MODEL_HPP
#define HRINET_MODEL_HPP

#include "../hrinet.h"
#include "library.hpp"
#include "plan.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace hrinet {

/// How far a job has come.
struct Progress {
    std::uint32_t done;   ///< New slices made so far.
    std::uint32_t total;  ///< New slices in all.

    /// From 0 to 1.
    double fraction() const noexcept { return total == 0 ? 1 : static_cast<double>(done) / total; }
    /// What a callback returns to go on.
    static constexpr bool keep_going() noexcept { return true; }
    /// What a callback returns to end the job, which then throws Cancelled.
    static constexpr bool cancel() noexcept { return false; }
};

/// Told after every few slices, from the thread that called the job; false cancels it. What it throws
/// ends the job too, and comes out of the call. Empty: nobody is told.
using ProgressFunction = std::function<bool(Progress)>;

namespace detail {

struct Telling {
    const ProgressFunction& function;
    std::exception_ptr thrown;
};

extern "C" inline std::int32_t hrinet_hpp_tell(const HrinetProgress* progress, void* user) {
    auto& telling = *static_cast<Telling*>(user);
    try {
        return telling.function({progress->slices_done, progress->slices_total}) ? 0 : 1;
    } catch (...) {
        telling.thrown = std::current_exception();
        return 1;
    }
}

/// Runs a job with the host's callback; what that throws comes out here.
template <class Job>
void run(const ProgressFunction& progress, Job job) {
    Telling telling{progress, nullptr};
    const HrinetStatus status = job(progress ? hrinet_hpp_tell : nullptr, &telling);
    if (telling.thrown) std::rethrow_exception(telling.thrown);
    check(status);
}

inline void interpolate(const HrinetModel* model, const Plan& plan, const HrinetVolume& input,
                        const HrinetVolume& output, const ProgressFunction& progress) {
    run(progress, [&](HrinetProgressCallback tell, void* user) {
        return hrinet_interpolate_volume(model, plan.get(), &input, tell, user, &output);
    });
}

template <class T>
HrinetVolume output_into(const Plan& plan, Span<T> voxels) {
    HrinetVolume output = plan.output();
    if (voxels.size() != plan.voxels()) {
        refuse("room for " + std::to_string(voxels.size()) + " voxels; the plan makes " +
               std::to_string(plan.voxels()));
    }
    output.voxel_type = voxel_type_of<T>();
    output.data = voxels.data();
    return output;
}

}  // namespace detail

/// How labels between two known slices are chosen.
enum class LabelMethod : std::int32_t {
    nearest = HRINET_LABELS_NEAREST,  ///< Those of the nearer known slice.
    shape = HRINET_LABELS_SHAPE       ///< Outlines in between, by signed distances in mm.
};

/// Brings a label map onto the output grid of its CT's plan, into plan.voxels() voxels without gaps,
/// i fastest. Its type need not be the CT's. Known slices are copied bit for bit.
template <class T>
void interpolate_labels(const Plan& plan, const Volume<T>& input,
                        Span<std::remove_const_t<T>> output,
                        LabelMethod method = LabelMethod::nearest,
                        const ProgressFunction& progress = {}) {
    const HrinetVolume from = input.c();
    const HrinetVolume to = detail::output_into(plan, output);
    detail::run(progress, [&](HrinetProgressCallback tell, void* user) {
        return hrinet_interpolate_labels(plan.get(), &from, static_cast<std::int32_t>(method), tell,
                                         user, &to);
    });
}

/// The numbers that a network computes in.
enum class Precision : std::int32_t {
    float32 = HRINET_PRECISION_FLOAT32,   ///< On a CPU the same bits every time.
    bfloat16 = HRINET_PRECISION_BFLOAT16  ///< Half the memory, less exact; not for hrinet-motion.
};

/// What a model is.
struct ModelInfo {
    std::string system;             ///< `"hrinet-motion"`, `"hrinet-mse"`, ..., `"linear"`, `"cubic"`.
    std::string checksum;           ///< SHA-256 of the checkpoint in hexadecimal; or empty.
    std::string device;             ///< Where it computes: `"cpu"` or `"cuda:N"`.
    double window_low_hu;           ///< HU that becomes 0 of the network's grey window; or -infinity.
    double window_high_hu;          ///< HU that becomes 1; or infinity.
    std::uint64_t parameter_count;  ///< How many numbers were learnt.
};

/// A way to make slices: a network with its weights, `"linear"` or `"cubic"`. Immutable: any number of
/// threads may use one at once.
class Model {
public:
    /// A shipped model by its name, or a checkpoint file by its path (UTF-8), onto `"auto"`, `"cpu"`,
    /// `"cuda"` or `"cuda:N"`. `"linear"` and `"cubic"` are the plain interpolators.
    static Model load(const std::string& name_or_path, const std::string& device = "auto",
                      Precision precision = Precision::float32) {
        detail::require_abi();
        HrinetModel* model = nullptr;
        detail::check(hrinet_model_load_with_precision(name_or_path.c_str(), device.c_str(),
                                                       static_cast<std::int32_t>(precision), &model));
        return Model(model);
    }

    /// A checkpoint in memory, which is not needed afterwards.
    static Model load(Span<const std::uint8_t> checkpoint, const std::string& device = "auto") {
        detail::require_abi();
        HrinetModel* model = nullptr;
        detail::check(hrinet_model_load_from_memory(checkpoint.data(), checkpoint.size(),
                                                    device.c_str(), &model));
        return Model(model);
    }

    /// What it is.
    ModelInfo info() const {
        HrinetModelInfo info{};
        info.struct_size = sizeof info;
        detail::check(hrinet_model_info(get(), &info));
        return {info.system,        info.checksum,       info.device,
                info.window_low_hu, info.window_high_hu, info.parameter_count};
    }

    /// About how many bytes interpolate() takes beside the voxels of input and output.
    std::uint64_t work_bytes(const Plan& plan) const {
        return hrinet_plan_work_bytes(plan.get(), get());
    }

    /// Makes the planned volume into `output`, plan.voxels() voxels without gaps, i fastest. Known
    /// slices are copied bit for bit.
    template <class T>
    void interpolate(const Plan& plan, const Volume<T>& input, Span<std::remove_const_t<T>> output,
                     const ProgressFunction& progress = {}) const {
        detail::interpolate(handle(), plan, input.c(), detail::output_into(plan, output), progress);
    }

    /// The same into voxels with strides of their own.
    template <class T>
    void interpolate(const Plan& plan, const Volume<T>& input,
                     const Volume<std::remove_const_t<T>>& output,
                     const ProgressFunction& progress = {}) const {
        detail::interpolate(handle(), plan, input.c(), output.c(), progress);
    }

    /// Whether it has learnt how far off its slices are expected to be.
    bool has_confidence() const { return hrinet_model_has_confidence(handle()) != 0; }

    /// As interpolate(), and into `expected_error`, as many voxels, the expected absolute error of every
    /// voxel in HU: 0 in known slices. For a model that has_confidence().
    template <class T>
    void interpolate_with_confidence(const Plan& plan, const Volume<T>& input,
                                     Span<std::remove_const_t<T>> output,
                                     Span<float> expected_error,
                                     const ProgressFunction& progress = {}) const {
        const HrinetModel* model = handle();
        const HrinetVolume from = input.c();
        const HrinetVolume to = detail::output_into(plan, output);
        const HrinetVolume errors = detail::output_into(plan, expected_error);
        detail::run(progress, [&](HrinetProgressCallback tell, void* user) {
            return hrinet_interpolate_with_confidence(model, plan.get(), &from, tell, user, &to,
                                                      &errors);
        });
    }

    /// Brings a label map onto the plan's output grid along with the tissue: by the motion that this
    /// model finds in `image`, the CT of the plan. Only hrinet-motion finds any.
    template <class T, class I>
    void interpolate_labels(const Plan& plan, const Volume<I>& image, const Volume<T>& input,
                            Span<std::remove_const_t<T>> output,
                            const ProgressFunction& progress = {}) const {
        const HrinetModel* model = handle();
        const HrinetVolume ct = image.c();
        const HrinetVolume from = input.c();
        const HrinetVolume to = detail::output_into(plan, output);
        detail::run(progress, [&](HrinetProgressCallback tell, void* user) {
            return hrinet_interpolate_labels_with_image(model, plan.get(), &ct, &from, tell, user,
                                                        &to);
        });
    }

    /// The slices between two of `rows` x `columns` in HU, row by row: one for each alpha, 1 being
    /// `first` and 0 `second`, one after the other.
    std::vector<float> between(Span<const float> first, Span<const float> second, std::size_t rows,
                               std::size_t columns, Span<const double> alphas) const {
        // Divided, not multiplied: a product may overflow.
        for (const auto& slice : {first, second}) {
            if (columns == 0 || slice.size() % columns != 0 || slice.size() / columns != rows) {
                detail::refuse("a slice of " + std::to_string(slice.size()) + " pixels is not " +
                               std::to_string(rows) + " x " + std::to_string(columns));
            }
        }
        std::vector<float> made(alphas.size() * first.size());
        detail::check(hrinet_interpolate_slices(handle(), first.data(), second.data(), rows, columns,
                                                alphas.data(), alphas.size(), made.data()));
        return made;
    }

    /// The handle, which stays this model's. NULL after a move.
    const HrinetModel* get() const noexcept { return model_.get(); }

private:
    friend class Trainer;
    explicit Model(HrinetModel* model) : model_(model) {}

    /// The handle for a call that takes NULL as "no model".
    const HrinetModel* handle() const {
        if (!model_) detail::refuse("this model was moved from");
        return get();
    }

    detail::Owned<HrinetModel, hrinet_model_free> model_;
};

}  // namespace hrinet

#endif  // HRINET_MODEL_HPP
