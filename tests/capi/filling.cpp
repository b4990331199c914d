// hrinet::fill_labels: a tube that leans, between the slices on which it is drawn.
#include <hrinet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.hpp"

namespace {

constexpr std::array<std::size_t, 3> size{40, 30, 13};
constexpr std::size_t plane = 40 * 30, voxels = 13 * plane;

bool inside(std::size_t at) {
    const int k = static_cast<int>(at / plane), y = static_cast<int>(at % plane / 40) - 15;
    const int x = static_cast<int>(at % 40) - 10 - k;
    return x * x + y * y <= 36;
}

}  // namespace

int main() {
    std::vector<std::int16_t> grey(voxels);
    std::vector<std::uint8_t> drawn(voxels), filled(voxels);
    for (std::size_t at = 0; at < voxels; ++at) {
        grey[at] = inside(at) ? 100 : 0;
        drawn[at] = at / plane % 4 == 0 && inside(at) ? 5 : 0;
    }
    const hrinet::Volume ct(grey.data(), size, hrinet::Geometry::ras({1, 1, 3}, {0, 0, 0}));
    const hrinet::Volume labels(drawn.data(), size);
    std::uint32_t done = 0;
    hrinet::fill_labels(ct, labels, filled, {}, [&](hrinet::Progress p) {
        CHECK(p.done >= done && p.done <= p.total);
        done = p.done;
        return p.keep_going();
    });
    int wrong = 0;
    for (std::size_t at = 0; at < voxels; ++at) {
        CHECK(drawn[at] == 0 || filled[at] == drawn[at]);
        CHECK(filled[at] == 0 || filled[at] == 5);
        wrong += (filled[at] > 0) != inside(at);
    }
    CHECK(wrong < 60 && done == 9);

    // The same, k fastest on the way out; then along the axis from left to right, where all is
    // drawn.
    std::vector<std::uint8_t> turned(voxels);
    hrinet::Volume out(turned.data(), size);
    out.strides({13, 13 * 40, 1});
    hrinet::fill_labels(ct, labels, out);
    for (std::size_t at = 0; at < voxels; ++at)
        CHECK(turned[at % plane * 13 + at / plane] == filled[at]);
    hrinet::fill_labels(ct, labels, filled, hrinet::FillOptions{}.axis(hrinet::Axis::i));
    CHECK(filled == drawn);

    // Some slices alone, and ends without a taper.
    hrinet::fill_labels(ct, labels, filled, hrinet::FillOptions{}.slices(2, 3).tapers(false));
    for (std::size_t at = 0; at < voxels; ++at)
        CHECK(filled[at] == drawn[at] || (at / plane >= 2 && at / plane < 5));
    CHECK(filled != drawn);

    bool cancelled = false;
    try {
        hrinet::fill_labels(ct, labels, filled, {}, [](hrinet::Progress p) { return p.cancel(); });
    } catch (const hrinet::Cancelled&) {
        cancelled = true;
    }
    CHECK(cancelled);
    int caught = 0;
    try {
        hrinet::fill_labels(ct, labels, filled, {}, [](hrinet::Progress) -> bool { throw 42; });
    } catch (int thrown) {
        caught = thrown;
    }
    CHECK(caught == 42);
    std::vector<float> other(voxels);
    CHECK(status_of([&] { hrinet::fill_labels(ct, labels, other); }, "voxel_type") ==
          HRINET_INVALID_ARGUMENT);
    filled.pop_back();
    CHECK(status_of([&] { hrinet::fill_labels(ct, labels, filled); }, "room for 15599") ==
          HRINET_INVALID_ARGUMENT);
    return 0;
}
