// A library of another ABI version is refused before anything else of it is used.
#include <cstdio>
#include <string>

#include <hrinet.hpp>

// The loader prefers this one to the library's.
extern "C" std::uint32_t hrinet_abi_version() { return 4711; }

int main() {
    int refused = 0;
    const auto refuses = [&refused](auto call) {
        try {
            call();
        } catch (const hrinet::Error& error) {
            refused += std::string(error.what()).find("4711") != std::string::npos;
        }
    };
    refuses([] { hrinet::Model::load("hrinet-motion", "cpu"); });
    refuses([] { hrinet::version(); });
    refuses([] { hrinet::devices(); });
    refuses([] { hrinet::ResampleOptions options; });
    refuses([] { hrinet::TrainerOptions options; });
    refuses([] { hrinet::set_num_threads(1); });
    refuses([] {
        const short voxels[8] = {};
        hrinet::Plan plan(hrinet::Volume(voxels, {2, 2, 2}));
    });
    if (refused != 7) std::fprintf(stderr, "%d of 7 refused\n", refused);
    return refused == 7 ? 0 : 1;
}
