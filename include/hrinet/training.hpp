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

/// How a trainer trains: the usual settings of a system, unless something else is said.
class TrainerOptions {
public:
    explicit TrainerOptions(const std::string& system = "hrinet-motion") {
        detail::require_abi();
        detail::check(hrinet_trainer_options_init(system.c_str(), &options_));
    }

    /// Side in pixels of the planes that it is made for.
    TrainerOptions& size(std::uint32_t pixels) { return set(options_.size, pixels); }
    /// Iterations of Stage I before Stage II; 0 for systems of one stage.
    TrainerOptions& stage_one_iterations(std::uint64_t count) {
        return set(options_.stage_one_iterations, count);
    }
    /// Iterations of the only or the last stage: the learning rate declines over them.
    TrainerOptions& iterations(std::uint64_t count) { return set(options_.iterations, count); }
    /// Seed of the first weights and of the alphas that are drawn.
    TrainerOptions& seed(std::uint64_t value) { return set(options_.seed, value); }
    /// Peak of the learning rate.
    TrainerOptions& learning_rate(double peak) { return set(options_.learning_rate, peak); }
    /// Steps over which the learning rate rises to its peak.
    TrainerOptions& warm_up(std::uint64_t steps) { return set(options_.warm_up, steps); }
    /// The numbers that passes are computed in.
    TrainerOptions& precision(Precision value) {
        return set(options_.precision, static_cast<std::int32_t>(value));
    }

    /// All of them, as hrinet.h has them: for what has no function here.
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

/// The losses of one iteration by name, in the order of hrinet.h; only those that the stage and the
/// system have.
///
/// @code
/// for (auto [name, loss] : trainer.step(slices, 4, 7, 256, 256)) std::cout << name << ' ' << loss;
/// @endcode
class Losses {
public:
    using value_type = std::pair<std::string_view, double>;

    explicit Losses(const HrinetLosses& losses)
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
    double gradient_norm;     ///< Norm of the generator's gradient, before it is cut.
    double learning_rate;     ///< The learning rate of the iteration.

    auto begin() const noexcept { return values_.begin(); }
    auto end() const noexcept { return values_.end(); }
    std::size_t size() const noexcept { return values_.size(); }

    /// Whether the stage and the system have this loss.
    bool contains(std::string_view name) const noexcept { return find(name) != nullptr; }

    /// The loss of this name; an Error where there is none.
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

/// A generator in training, with its discriminators and optimisers. One thread at a time may use it;
/// a second one gets an Error of HRINET_IN_USE.
class Trainer {
public:
    /// New weights, drawn from the seed.
    explicit Trainer(const TrainerOptions& options, const std::string& device = "auto") {
        HrinetTrainer* trainer = nullptr;
        detail::check(hrinet_trainer_create(&options.c(), device.c_str(), &trainer));
        trainer_.reset(trainer);
    }

    /// Begins with a model's weights, on its device: fine-tuning. The model stays as it is.
    Trainer(const TrainerOptions& options, const Model& model) {
        HrinetTrainer* trainer = nullptr;
        detail::check(hrinet_trainer_create_from_model(&options.c(), model.get(), &trainer));
        trainer_.reset(trainer);
    }

    /// Goes on where save(), or the program's training, stopped.
    static Trainer load(const std::string& path, const std::string& device = "auto") {
        detail::require_abi();
        HrinetTrainer* trainer = nullptr;
        detail::check(hrinet_trainer_load(path.c_str(), device.c_str(), &trainer));
        return Trainer(trainer);
    }

    /// One iteration on `groups` groups of `group_slices` consecutive slices of `rows` x `columns`
    /// pixels in HU, one after the other, row by row. The first and the last slice of each group are
    /// given to the network, the others are what it should make.
    Losses step(Span<const float> slices_hu, std::size_t groups, std::size_t group_slices,
                std::size_t rows, std::size_t columns) {
        detail::require_count(slices_hu.size(), {groups, group_slices, rows, columns});
        HrinetLosses losses{};
        losses.struct_size = sizeof losses;
        detail::check(hrinet_trainer_step(get(), slices_hu.data(), groups, group_slices, rows, columns,
                                          &losses));
        return Losses(losses);
    }

    /// The same with the known slices beyond each group, which hrinet-motion sees as well in a volume:
    /// `groups` x 2 slices, the one before the first and the one after the last, each as far from it as
    /// both from each other; NaN alone where there is none.
    Losses step(Span<const float> slices_hu, Span<const float> beyond_hu, std::size_t groups,
                std::size_t group_slices, std::size_t rows, std::size_t columns) {
        detail::require_count(slices_hu.size(), {groups, group_slices, rows, columns});
        detail::require_count(beyond_hu.size(), {groups, 2, rows, columns});
        HrinetLosses losses{};
        losses.struct_size = sizeof losses;
        detail::check(hrinet_trainer_step_with_beyond(get(), slices_hu.data(), beyond_hu.data(), groups,
                                                      group_slices, rows, columns, &losses));
        return Losses(losses);
    }

    /// Iterations so far; 0 while another thread uses the trainer.
    std::uint64_t iterations() const { return hrinet_trainer_iterations(get()); }

    /// Writes a checkpoint that load() goes on from, bit for bit on a CPU.
    void save(const std::string& path) const {
        detail::check(hrinet_trainer_save(get(), path.c_str()));
    }

    /// The generator as it is now, as a model that interpolates; training goes on without it.
    Model model() const {
        HrinetModel* model = nullptr;
        detail::check(hrinet_trainer_model(get(), &model));
        return Model(model);
    }

    /// The handle, which stays this trainer's. NULL after a move.
    HrinetTrainer* get() const noexcept { return trainer_.get(); }

private:
    explicit Trainer(HrinetTrainer* trainer) : trainer_(trainer) {}

    detail::Owned<HrinetTrainer, hrinet_trainer_free> trainer_;
};

}  // namespace hrinet

#endif  // HRINET_TRAINING_HPP
