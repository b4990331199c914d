/// @file hrinet/training.hpp
/// Trainers. Part of hrinet.hpp.
#ifndef HRINET_TRAINING_HPP
#define HRINET_TRAINING_HPP

#include "../hrinet.h"
#include "library.hpp"
#include "model.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hrinet {

/// Course of the learning rate after the warm-up.
enum class LrSchedule : std::int32_t {
    cosine = HRINET_LR_SCHEDULE_COSINE,     ///< Half a cosine down to one hundredth of the peak.
    constant = HRINET_LR_SCHEDULE_CONSTANT  ///< The peak throughout.
};

/// Optimizer of the generator.
enum class Optimizer : std::int32_t {
    adamw = HRINET_OPTIMIZER_ADAMW,  ///< AdamW for all weights.
    muon = HRINET_OPTIMIZER_MUON     ///< Muon for convolutions, AdamW for the rest.
};

/// Settings of a trainer: the defaults of a system, changed one by one.
class TrainerOptions {
public:
    explicit TrainerOptions(const std::string& system = "hrinet-motion") {
        detail::require_abi();
        detail::check(hrinet_trainer_options_init(system.c_str(), &options_));
    }

    /// Side of the training planes in pixels.
    TrainerOptions& size(std::uint32_t pixels) { return set(options_.size, pixels); }
    /// Iterations of Stage I before Stage II; 0 for systems of one stage.
    TrainerOptions& stage_one_iterations(std::uint64_t count) {
        return set(options_.stage_one_iterations, count);
    }
    /// Iterations of the only or the last stage, over which the learning rate is scheduled.
    TrainerOptions& iterations(std::uint64_t count) { return set(options_.iterations, count); }
    /// Seed of the first weights and of random alphas.
    TrainerOptions& seed(std::uint64_t value) { return set(options_.seed, value); }
    /// Peak of the learning rate.
    TrainerOptions& learning_rate(double peak) { return set(options_.learning_rate, peak); }
    /// Steps over which the learning rate rises to its peak.
    TrainerOptions& warm_up(std::uint64_t steps) { return set(options_.warm_up, steps); }
    /// Course of the learning rate after the warm-up.
    TrainerOptions& lr_schedule(LrSchedule value) {
        return set(options_.lr_schedule, static_cast<std::int32_t>(value));
    }
    /// Optimizer of the generator.
    TrainerOptions& optimizer(Optimizer value) {
        return set(options_.optimizer, static_cast<std::int32_t>(value));
    }
    /// Decay of the weights; 0 makes AdamW the Adam of the paper.
    TrainerOptions& weight_decay(double value) { return set(options_.weight_decay, value); }
    /// Norm at which gradients are clipped; 0: never.
    TrainerOptions& max_grad_norm(double norm) { return set(options_.max_grad_norm, norm); }
    /// Precision of forward and backward passes.
    TrainerOptions& precision(Precision value) {
        return set(options_.precision, static_cast<std::int32_t>(value));
    }

    /// All fields, for those without a function here.
    HrinetTrainerOptions& c() noexcept { return options_; }
    const HrinetTrainerOptions& c() const noexcept { return options_; }

private:
    template <class Field, class Value>
    TrainerOptions& set(Field& field, Value value) {
        field = value;
        return *this;
    }

    HrinetTrainerOptions options_{};
};

/// Losses of one iteration by name, in the order of hrinet.h; only those that the stage and the
/// system have.
///
/// @code
/// for (auto [name, loss] : trainer.step(batch)) std::cout << name << ' ' << loss;
/// @endcode
class StepLosses {
public:
    using value_type = std::pair<std::string_view, double>;

    explicit StepLosses(const HrinetStepLosses& losses)
        : iteration(losses.iteration),
          gradient_norm(losses.gradient_norm),
          learning_rate(losses.learning_rate) {
        const value_type all[] = {{"content", losses.content},
                                  {"against_critic", losses.against_critic},
                                  {"against_patch_gan", losses.against_patch_gan},
                                  {"step_two", losses.step_two},
                                  {"critic", losses.critic},
                                  {"patch_gan", losses.patch_gan}};
        for (const value_type& loss : all)
            if (!std::isnan(loss.second)) values_.push_back(loss);
    }

    std::uint64_t iteration;  ///< Iterations so far, this one included.
    double gradient_norm;     ///< Norm of the generator's gradient before clipping.
    double learning_rate;     ///< Learning rate of the iteration.

    auto begin() const noexcept { return values_.begin(); }
    auto end() const noexcept { return values_.end(); }
    std::size_t size() const noexcept { return values_.size(); }

    /// Whether the stage and the system have this loss.
    bool contains(std::string_view name) const noexcept { return find(name) != nullptr; }

    /// The loss of this name; an Error where the stage and the system have none.
    double at(std::string_view name) const {
        const value_type* found = find(name);
        if (!found) detail::refuse("no loss is called " + std::string(name) + " here");
        return found->second;
    }

private:
    const value_type* find(std::string_view name) const noexcept {
        for (const value_type& loss : values_)
            if (loss.first == name) return &loss;
        return nullptr;
    }

    std::vector<value_type> values_;
};

namespace detail {

/// Refuses pixels that are not the product of these sides.
inline void require_count(std::size_t pixels, std::initializer_list<std::size_t> sides) {
    std::size_t left = pixels;
    std::string product;
    for (const std::size_t side : sides) {
        if (side == 0 || left % side != 0) left = 0;
        if (side != 0) left /= side;
        product += (product.empty() ? "" : " x ") + std::to_string(side);
    }
    if (left != 1) refuse(std::to_string(pixels) + " pixels are not " + product);
}

}  // namespace detail

/// Groups of consecutive slices to train on. Refers to the caller's pixels.
class TrainingBatch {
public:
    /// `groups` groups of `group_slices` consecutive slices of `rows` x `columns` pixels in HU, one
    /// after the other, row by row. The first and the last slice of each group are the known ones;
    /// the others, evenly between them, are the truth to be interpolated.
    TrainingBatch(Span<const float> slices_hu, std::size_t groups, std::size_t group_slices,
                  std::size_t rows, std::size_t columns) {
        detail::require_count(slices_hu.size(), {groups, group_slices, rows, columns});
        detail::check(hrinet_training_batch_init(&batch_));
        batch_.slices_hu = slices_hu.data();
        batch_.groups = groups;
        batch_.group_slices = group_slices;
        batch_.rows = rows;
        batch_.columns = columns;
    }

    /// Adds the context slices of each group, `groups` x 2: the one before the first slice and the
    /// one after the last, each as far from it as both from each other; all NaN where there is
    /// none.
    TrainingBatch& context(Span<const float> context_hu) {
        detail::require_count(context_hu.size(), {batch_.groups, 2, batch_.rows, batch_.columns});
        batch_.context_hu = context_hu.data();
        return *this;
    }

    /// All fields.
    const HrinetTrainingBatch& c() const noexcept { return batch_; }

private:
    HrinetTrainingBatch batch_{};
};

/// A generator in training, with its discriminators and optimizers. One thread at a time may use
/// it; a second one gets an Error of HRINET_IN_USE.
class Trainer {
public:
    /// Random weights by the seed.
    explicit Trainer(const TrainerOptions& options, const std::string& device = "auto") {
        HrinetTrainer* trainer = nullptr;
        detail::check(hrinet_trainer_create(&options.c(), device.c_str(), &trainer));
        trainer_.reset(trainer);
    }

    /// A model's weights, on its device: fine-tuning. The model does not change.
    Trainer(const TrainerOptions& options, const Model& model) {
        HrinetTrainer* trainer = nullptr;
        detail::check(hrinet_trainer_create_from_model(&options.c(), model.get(), &trainer));
        trainer_.reset(trainer);
    }

    /// Resumes a training from a checkpoint of save() or of `hrinet train`.
    static Trainer load(const std::string& path, const std::string& device = "auto") {
        detail::require_abi();
        HrinetTrainer* trainer = nullptr;
        detail::check(hrinet_trainer_load(path.c_str(), device.c_str(), &trainer));
        return Trainer(trainer);
    }

    /// Trains one iteration on a batch.
    StepLosses step(const TrainingBatch& batch) {
        HrinetStepLosses losses{};
        losses.struct_size = sizeof losses;
        detail::check(hrinet_trainer_step(get(), &batch.c(), &losses));
        return StepLosses(losses);
    }

    /// Iterations so far; 0 while another thread uses the trainer.
    std::uint64_t iterations() const { return hrinet_trainer_iterations(get()); }

    /// Writes a checkpoint that load() resumes, bit for bit on a CPU.
    void save(const std::string& path) const {
        detail::check(hrinet_trainer_save(get(), path.c_str()));
    }

    /// Copies the generator as it is now to a model, which later steps do not change.
    Model model() const {
        HrinetModel* model = nullptr;
        detail::check(hrinet_trainer_model(get(), &model));
        return Model(model);
    }

    /// The handle, owned by this object. NULL after a move.
    HrinetTrainer* get() const noexcept { return trainer_.get(); }

private:
    explicit Trainer(HrinetTrainer* trainer) : trainer_(trainer) {}

    detail::Owned<HrinetTrainer, hrinet_trainer_free> trainer_;
};

}  // namespace hrinet

#endif  // HRINET_TRAINING_HPP
