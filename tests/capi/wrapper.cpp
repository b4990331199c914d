// What hrinet.hpp promises: typed voxels, geometry that says in which axes, exceptions that pass
// the C boundary unharmed, handles that move.
//
// usage: wrapper MODEL [FOLDER]      FOLDER: also trains, and saves there
#include <hrinet.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "check.hpp"

hrinet::Plan planned_elsewhere(const hrinet::Volume<const std::int16_t>& volume);

namespace {

constexpr std::array<std::size_t, 3> size{24, 20, 4};

template <class T>
std::vector<T> phantom() {
    std::vector<T> voxels(24 * 20 * 4);
    for (std::size_t at = 0; at < voxels.size(); ++at)
        voxels[at] = static_cast<T>(at * 37 % 101 + at / 480);
    return voxels;
}

// From LPS to RAS and back nothing is rounded, and what is asked is what was given.
void geometry() {
    using hrinet::Geometry;
    const hrinet::Vector3 spacing{0.7, 0.7, 3.1}, origin{-123.456, 0.1, 77.7};
    const hrinet::Matrix3 direction{{{{0, -1, 0}}, {{1, 0, 0}}, {{0, 0, -1}}}};
    const auto lps = Geometry::lps(spacing, origin, direction);
    CHECK(lps.spacing() == spacing && lps.origin_lps() == origin);
    CHECK(lps.direction_lps() == direction);
    CHECK((lps.origin_ras() == hrinet::Vector3{123.456, -0.1, 77.7}));
    CHECK((lps.direction_ras() == hrinet::Matrix3{{{{0, 1, 0}}, {{-1, 0, 0}}, {{0, 0, -1}}}}));
    const std::array<double, 16> matrix{0, 0.7, 0, 123.456, -0.7, 0, 0, -0.1,
                                        0, 0, -3.1, 77.7,   0,    0, 0, 1};
    CHECK(lps.ijk_to_ras() == matrix);
    for (const double entry : lps.ijk_to_ras()) CHECK(!(entry == 0 && std::signbit(entry)));
    const auto ras = Geometry::ras(spacing, origin, direction);
    CHECK(ras.origin_ras() == origin && ras.direction_ras() == direction);
    CHECK(Geometry::ijk_to_ras(matrix).ijk_to_ras() == matrix);
}

template <class T>
void typed(const hrinet::Model& model, HrinetVoxelType type) {
    static_assert(noexcept(hrinet::voxel_type_of<T>()));
    CHECK(hrinet::voxel_type_of<T>() == type && hrinet::voxel_type_of<const T>() == type);
    const std::vector<T> voxels = phantom<T>();
    hrinet::Volume ct(voxels.data(), size, hrinet::Geometry::ras({0.8, 0.8, 3}, {0, 0, 0}));
    ct.rescale(20, -1000);
    const hrinet::Plan plan(ct, hrinet::ResampleOptions{}.factor(2));
    std::vector<T> fine(plan.voxels());
    model.interpolate(plan, ct, fine);
    for (std::size_t k = 0; k < size[2]; ++k)
        CHECK(std::equal(fine.begin() + static_cast<std::ptrdiff_t>(2 * k * 480),
                         fine.begin() + static_cast<std::ptrdiff_t>((2 * k + 1) * 480),
                         voxels.begin() + static_cast<std::ptrdiff_t>(k * 480)));
    // The same, k fastest on the way out.
    std::vector<T> turned(plan.voxels());
    const auto bytes = static_cast<std::ptrdiff_t>(sizeof(T));
    hrinet::Volume out(turned.data(), plan.size(), plan.geometry());
    out.strides({7 * bytes, 7 * 24 * bytes, bytes});
    model.interpolate(plan, ct, out);
    for (std::size_t k = 0; k < 7; ++k)
        for (std::size_t at = 0; at < 480; ++at) CHECK(turned[at * 7 + k] == fine[k * 480 + at]);
}

void plans() {
    const auto voxels = phantom<std::int16_t>();
    const auto place = hrinet::Geometry::lps({0.8, 0.8, 3}, {-7.5, 20, 12.25});
    const hrinet::Volume ct(voxels.data(), size, place);
    hrinet::Plan plan(ct);
    CHECK(plan.axis() == hrinet::Axis::k && plan.slice_count() == 13);
    CHECK((plan.size() == std::array<std::size_t, 3>{24, 20, 13}));
    CHECK(plan.voxels() == 24 * 20 * 13 && plan.bytes() == 2 * plan.voxels());
    CHECK((plan.geometry().spacing() == hrinet::Vector3{0.8, 0.8, 0.75}));
    CHECK(plan.geometry().origin_lps() == place.origin_lps());
    CHECK(plan.geometry().direction_lps() == place.direction_lps());
    const auto slices = plan.slices();
    CHECK(slices.size() == 13 && slices[4].is_known && slices[4].first == 1 && !slices[5].is_known);
    CHECK(slices[5].first == 1 && slices[5].second == 2 && slices[5].fraction == 0.25);

    CHECK(planned_elsewhere(ct).slice_count() == 10);
    using hrinet::ResampleOptions;
    CHECK(hrinet::Plan(ct, ResampleOptions{}.nearest(1.1)).slice_count() == 10);
    CHECK(hrinet::Plan(ct, ResampleOptions{}.exact(2)).slice_count() == 5);
    CHECK(hrinet::Plan(ct, ResampleOptions{}.factor(9).isotropic()).slice_count() == 13);
    CHECK(hrinet::Plan(ct, ResampleOptions{}.factor(2).axis(hrinet::Axis::j)).slice_count() == 39);
    hrinet::Volume uneven(voxels.data(), size, place);
    uneven.slice_positions({0, 2, 4, 10});
    CHECK(hrinet::Plan(uneven, ResampleOptions{}.nearest(2)).slice_count() == 6);
    CHECK(status_of([&] { uneven.slice_positions({0, 1}); }, "2 slice positions") ==
          HRINET_INVALID_ARGUMENT);

    // Options hold the place of the other volume themselves, and so does a copy of them.
    ResampleOptions copy;
    {
        ResampleOptions options;
        std::array<std::size_t, 3> other{24, 20, 5};
        options.like(hrinet::Volume<const float>(
            nullptr, other, hrinet::Geometry::lps({0.8, 0.8, 2}, {-7.5, 20, 13.25})));
        copy = options;
    }
    CHECK((hrinet::Plan(ct, copy).geometry().origin_ras() == hrinet::Vector3{7.5, -20, 13.25}));
    CHECK(hrinet::Plan(ct, copy.factor(2)).slice_count() == 7);

    // It moves; what is left behind is refused, not followed.
    hrinet::Plan moved = std::move(plan);
    CHECK(moved.slice_count() == 13);
    CHECK(status_of([&] { plan.output(); }, "plan") == HRINET_NULL_POINTER);
    static_assert(!std::is_copy_constructible_v<hrinet::Plan>);
    static_assert(!std::is_copy_constructible_v<hrinet::Model>);
    static_assert(!std::is_copy_constructible_v<hrinet::Trainer>);
    static_assert(std::is_nothrow_move_constructible_v<hrinet::Model>);
}

// What a callback throws comes out of the call, and ends the job.
void progress(const hrinet::Model& model) {
    struct Mine {
        int value;
    };
    const auto voxels = phantom<float>();
    const hrinet::Volume ct(voxels.data(), size);
    const hrinet::Plan plan(ct, hrinet::ResampleOptions{}.factor(30));
    std::vector<float> fine(plan.voxels());
    std::uint32_t last = 0, total = 0;
    model.interpolate(plan, ct, fine, [&](hrinet::Progress p) {
        CHECK(p.done >= last && p.fraction() >= 0 && p.fraction() <= 1);
        last = p.done, total = p.total;
        return p.keep_going();
    });
    CHECK(last == total && total == 87);
    int calls = 0;
    const auto cancel = [&calls](hrinet::Progress p) { return ++calls < 2 ? true : p.cancel(); };
    bool cancelled = false;
    try {
        model.interpolate(plan, ct, fine, cancel);
    } catch (const hrinet::Cancelled& error) {
        cancelled = error.status() == HRINET_CANCELLED;
    }
    CHECK(cancelled && calls == 2);
    int caught = 0;
    try {
        model.interpolate(plan, ct, fine, [](hrinet::Progress p) -> bool {
            if (p.done > 0) throw Mine{42};
            return true;
        });
    } catch (const Mine& mine) {
        caught = mine.value;
    }
    CHECK(caught == 42);
    const auto labels = phantom<std::uint8_t>();
    const hrinet::Volume map(labels.data(), size);
    std::vector<std::uint8_t> fine_labels(plan.voxels()), along(plan.voxels());
    std::uint32_t slices = 0;
    hrinet::Job(model, plan)
        .input(ct)
        .output(fine)
        .labels(map, fine_labels, hrinet::LabelMethod::nearest)
        .labels(map, along, hrinet::LabelMethod::anatomy)
        .run([&](hrinet::Progress p) { return slices = p.total, p.keep_going(); });
    CHECK(slices == 3 * 87);
    CHECK(std::equal(labels.begin(), labels.begin() + 480, fine_labels.begin() + 480 * 14));
    CHECK(std::equal(labels.begin() + 480, labels.begin() + 960, along.begin() + 480 * 30));
    fine_labels.pop_back();
    CHECK(status_of([&] { hrinet::Job(model, plan).labels(map, fine_labels).run(); }, "room for") ==
          HRINET_INVALID_ARGUMENT);
    hrinet::Job(model, plan).input(ct).check();
    CHECK(status_of([&] { hrinet::Job(model, plan).input(ct).run(); }, "without output") ==
          HRINET_INVALID_ARGUMENT);
    CHECK(status_of([&] { std::vector<float> less(7); model.interpolate(plan, ct, less); },
                    "room for 7") == HRINET_INVALID_ARGUMENT);
}

void models(const std::string& path, hrinet::Model& model) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    const hrinet::Span<const std::uint8_t> checkpoint(data, bytes.size());
    const auto again = hrinet::Model::load(checkpoint, "cpu");
    CHECK(again.info().checksum == model.info().checksum && model.info().checksum.size() == 64);
    CHECK(model.info().system == "hrinet-motion" && model.info().device == "cpu");
    CHECK(hrinet::Model::load("cubic").info().parameter_count == 0);
    CHECK(status_of([] { hrinet::Model::load("nothing"); }, "nothing") == HRINET_INVALID_ARGUMENT);
    CHECK(status_of([] { hrinet::Model::load("no/thing.safetensors"); }, "no/thing") ==
          HRINET_FILE_SYSTEM);

    const std::vector<float> first(16 * 16, -500), second(16 * 16, 500);
    const auto made = model.between(first, second, 16, 16, std::array<double, 3>{1, 0.5, 0});
    CHECK(made.size() == 768 && made[0] == -500 && made[767] == 500);
    CHECK(status_of([&] { model.between(first, second, 16, 15, std::array<double, 1>{0.5}); },
                    "16 x 15") == HRINET_INVALID_ARGUMENT);

    hrinet::Model moved = std::move(model);
    CHECK(moved.info().parameter_count > 0);
    const hrinet::Volume ct(first.data(), {16, 4, 4});
    CHECK(status_of([&] {
              const hrinet::Plan plan(ct);
              std::vector<float> fine(plan.voxels());
              model.interpolate(plan, ct, fine);
          }, "moved") == HRINET_INVALID_ARGUMENT);
    model = std::move(moved);
}

void trainers(const std::string& folder) {
    std::vector<float> slices(7 * 64 * 64);
    for (std::size_t at = 0; at < slices.size(); ++at)
        slices[at] = static_cast<float>((at % 64 + at / 4096 * 3) % 64) * 10 - 500;
    const auto perceptual = hrinet::TrainerOptions("hrinet-perceptual")
                             .size(64)
                             .stage_one_iterations(1)
                             .iterations(2)
                             .seed(3);
    hrinet::Trainer trainer(perceptual, "cpu");
    hrinet::TrainingBatch batch(slices, 1, 7, 64, 64);
    const auto stage_one = trainer.step(batch);
    CHECK(stage_one.contains("content") && !stage_one.contains("step_two"));
    CHECK(stage_one.iteration == 1 && stage_one.learning_rate > 0);
    CHECK(status_of([&] { stage_one.at("step_two"); }, "step_two") == HRINET_INVALID_ARGUMENT);
    std::size_t named = 0;
    for (const auto& [name, loss] : trainer.step(batch)) {
        CHECK(!name.empty() && loss == loss);
        ++named;
    }
    CHECK(named == 6);
    trainer.save(folder + "/wrapper.safetensors");
    auto again = hrinet::Trainer::load(folder + "/wrapper.safetensors", "cpu");
    CHECK(again.iterations() == 2);
    CHECK(again.step(batch).at("step_two") == trainer.step(batch).at("step_two"));
    CHECK(trainer.model().info().system == "hrinet-perceptual");
    const std::vector<float> context(2 * 64 * 64, -1000.0f);
    CHECK(trainer.step(batch.context(context)).contains("step_two"));
    CHECK(status_of([&] { batch.context(slices); }, "1 x 2") == HRINET_INVALID_ARGUMENT);
    CHECK(status_of([&] { hrinet::TrainingBatch(slices, 1, 7, 64, 32); }, "1 x 7") ==
          HRINET_INVALID_ARGUMENT);
    CHECK(status_of([&] { hrinet::TrainingBatch(slices, 2, 7, 64, 64); }, "2 x 7") ==
          HRINET_INVALID_ARGUMENT);

    hrinet::TrainerOptions options;
    options.c().tissue_bias = 0;
    hrinet::Trainer tuned(options.iterations(8).warm_up(0).learning_rate(5e-4),
                          hrinet::Model::load("hrinet-motion", "cpu"));
    double first = 0, last = 0;
    for (int number = 0; number < 8; ++number) {
        last = tuned.step(hrinet::TrainingBatch(slices, 1, 7, 64, 64)).at("step_two");
        if (number == 0) first = last;
    }
    CHECK(last < first);
}

// The small model has no error head; expected_error.c has one that does.
void expected_errors(const hrinet::Model& model) {
    const std::vector<float> voxels = phantom<float>();
    hrinet::Volume ct(voxels.data(), size, hrinet::Geometry::ras({0.8, 0.8, 3}, {0, 0, 0}));
    const hrinet::Plan plan(ct, hrinet::ResampleOptions{}.factor(2));
    std::vector<float> fine(plan.voxels()), errors(plan.voxels());
    CHECK(!model.info().predicts_error && model.info().has_flow && !model.info().is_thin);
    CHECK(status_of([&] { hrinet::Job(model, plan).input(ct).expected_error(errors).run(); },
                    "no expected error") == HRINET_INVALID_ARGUMENT);
    errors.pop_back();
    CHECK(status_of([&] { hrinet::Job(model, plan).input(ct).expected_error(errors).run(); },
                    "room for") == HRINET_INVALID_ARGUMENT);
}

void log(const std::string& path) {
    int lines = 0;
    hrinet::set_log(hrinet::LogLevel::debugging, [&](hrinet::LogLevel, const char* line) {
        lines += *line != 0;
        throw 1;
    });
    hrinet::Model::load(path, "cpu");
    hrinet::set_log(hrinet::LogLevel::none, {});
    std::printf("%d log lines\n", lines);
}

}  // namespace

int main(int argc, char** argv) {
    CHECK(argc >= 2);
    CHECK(hrinet::version().size() >= 5);
    CHECK(hrinet::devices().at(0).name == "cpu");
    hrinet::set_num_threads(1);
    CHECK(hrinet::num_threads() == 1);
    geometry();
    plans();
    auto model = hrinet::Model::load(argv[1], "cpu");
    typed<std::int8_t>(model, HRINET_INT8);
    typed<std::uint8_t>(model, HRINET_UINT8);
    typed<short>(model, HRINET_INT16);
    typed<unsigned short>(model, HRINET_UINT16);
    typed<int>(model, HRINET_INT32);
    typed<unsigned>(model, HRINET_UINT32);
    typed<long>(model, sizeof(long) == 8 ? HRINET_INT64 : HRINET_INT32);
    typed<long long>(model, HRINET_INT64);
    typed<unsigned long long>(model, HRINET_UINT64);
    typed<float>(model, HRINET_FLOAT32);
    typed<double>(model, HRINET_FLOAT64);
    progress(model);
    expected_errors(model);
    models(argv[1], model);
    if (argc > 2) trainers(argv[2]);
    log(argv[1]);
    // The last one of two threads' handles is freed by whoever comes last.
    std::thread other([kept = std::move(model)] { CHECK(kept.info().parameter_count > 0); });
    other.join();
    return 0;
}
