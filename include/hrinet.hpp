/**
 * @file hrinet.hpp
 * hrinet.h for C++17: handles that free themselves, exceptions, typed voxels. Nothing to link beside
 * libhrinet.
 *
 * @code
 * #include <hrinet.hpp>
 *
 * auto model = hrinet::Model::load("hrinet-motion");
 * hrinet::Volume ct(voxels.data(), {512, 512, 120}, hrinet::Geometry::lps(spacing, origin, direction));
 * hrinet::Plan plan(ct, hrinet::ResampleOptions{}.factor(4));
 * std::vector<std::int16_t> fine(plan.voxels());
 * model.interpolate(plan, ct, fine, [](hrinet::Progress p) { return p.keep_going(); });
 * @endcode
 *
 * Every failure of the library is a hrinet::Error; a callback's `false` is a hrinet::Cancelled. An
 * exception that a callback throws ends the job and comes out of the call that ran it. Threads,
 * units and lifetimes are those of hrinet.h.
 */
#ifndef HRINET_HPP
#define HRINET_HPP

#include "hrinet.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hrinet {

/// What the library, or this wrapper, refused; `what()` is the one line that says why.
class Error : public std::runtime_error {
public:
    Error(HrinetStatus status, const std::string& message)
        : std::runtime_error(message), status_(status) {}

    /// One of the `HRINET_*` codes of hrinet.h.
    HrinetStatus status() const noexcept { return status_; }

private:
    HrinetStatus status_;
};

/// A job that the host's callback ended (`HRINET_CANCELLED`), or that the end of the process did.
class Cancelled : public Error {
public:
    using Error::Error;
};

namespace detail {

[[noreturn]] inline void refuse(const std::string& message) {
    throw Error(HRINET_INVALID_ARGUMENT, message);
}

/// Turns a code into an exception.
inline void check(HrinetStatus status) {
    if (status == HRINET_OK) return;
    const std::string message = hrinet_last_error_message();
    if (status == HRINET_CANCELLED) throw Cancelled(status, message);
    throw Error(status, message);
}

/// Throws where the library that is loaded is not of the header that this was compiled with. Called
/// before the first use of anything.
inline void require_abi() {
    static const std::uint32_t loaded = hrinet_abi_version();
    if (loaded != HRINET_ABI_VERSION) {
        refuse("libhrinet with ABI version " + std::to_string(loaded) +
               " is loaded, this program was compiled for " + std::to_string(HRINET_ABI_VERSION));
    }
}

template <class Handle, void (*Free)(Handle*)>
struct Freeing {
    void operator()(Handle* handle) const noexcept { Free(handle); }
};

template <class Handle, void (*Free)(Handle*)>
using Owned = std::unique_ptr<Handle, Freeing<Handle, Free>>;

}  // namespace detail

/// The version of the library that is loaded, `"0.1.0"`.
inline std::string version() {
    detail::require_abi();
    return hrinet_version();
}

/// Something that computes.
struct Device {
    std::string name;         ///< As Model::load takes it: `"cpu"`, `"cuda:0"`, ...
    std::string description;  ///< For people: `"CPU, 8 cores"`.
};

/// What can be used: the CPU, then each CUDA device.
inline std::vector<Device> devices() {
    detail::require_abi();
    std::vector<Device> all;
    for (std::uint32_t index = 0; index < hrinet_device_count(); ++index)
        all.push_back({hrinet_device_name(index), hrinet_device_description(index)});
    return all;
}

/// Whether a CUDA device can be used.
inline bool cuda_is_available() {
    detail::require_abi();
    return hrinet_cuda_is_available() != 0;
}

/// How many CPU threads the calling thread's work uses.
inline std::int32_t num_threads() {
    detail::require_abi();
    return hrinet_num_threads();
}

/// Sets how many CPU threads the calling thread's work uses from now on, at least 1.
inline void set_num_threads(std::int32_t threads) {
    detail::require_abi();
    detail::check(hrinet_set_num_threads(threads));
}

/// A run of values that somebody else owns; made from anything with `data()` and `size()`.
template <class T>
class Span {
public:
    using element_type = T;

    constexpr Span() noexcept = default;
    constexpr Span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}

    /// A vector, an array, a std::span: what has `data()` and `size()`, of these values.
    template <class Container,
              class = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))> (*)[],
                  T (*)[]>>>
    constexpr Span(Container&& values) noexcept : data_(std::data(values)), size_(std::size(values)) {}

    constexpr T* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T& operator[](std::size_t index) const { return data_[index]; }
    constexpr T* begin() const noexcept { return data_; }
    constexpr T* end() const noexcept { return data_ + size_; }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

/// The `HRINET_INT8`, ... of a C++ type: any integer of 1 to 8 bytes, float or double.
template <class T>
constexpr HrinetScalarType scalar_type_of() noexcept {
    using Value = std::remove_cv_t<T>;
    static_assert(std::is_arithmetic_v<Value> && !std::is_same_v<Value, bool> &&
                      !std::is_same_v<Value, long double> && sizeof(Value) <= 8,
                  "voxels are integers of 1 to 8 bytes, float or double");
    if constexpr (std::is_floating_point_v<Value>) {
        return sizeof(Value) == 4 ? HRINET_FLOAT32 : HRINET_FLOAT64;
    } else {
        constexpr bool is_signed = std::is_signed_v<Value>;
        switch (sizeof(Value)) {
            case 1: return is_signed ? HRINET_INT8 : HRINET_UINT8;
            case 2: return is_signed ? HRINET_INT16 : HRINET_UINT16;
            case 4: return is_signed ? HRINET_INT32 : HRINET_UINT32;
            default: return is_signed ? HRINET_INT64 : HRINET_UINT64;
        }
    }
}

/// Three numbers along i, j, k, or x, y, z.
using Vector3 = std::array<double, 3>;

/// Row by row; column a is the direction of index axis a, of length 1.
using Matrix3 = std::array<std::array<double, 3>, 3>;

/// Where a volume lies in the patient.
///
/// hrinet.h speaks RAS (x to the patient's right, y to the front, z up), as 3D Slicer and NIfTI do;
/// ITK and DICOM speak LPS (x to the left, y to the back). The constructors say which one is meant,
/// and none does without saying it. From one to the other only signs of x and y change, so nothing is
/// rounded.
class Geometry {
public:
    /// Spacing 1 mm, voxel (0, 0, 0) at the origin, axes along R, A and S.
    Geometry() : Geometry(ras({1, 1, 1}, {0, 0, 0})) {}

    /// From spacing in mm, the place of voxel (0, 0, 0) and the axes' directions in RAS.
    static Geometry ras(const Vector3& spacing, const Vector3& origin,
                        const Matrix3& direction = identity()) {
        Geometry made{std::array<double, 16>{}};
        for (std::size_t row = 0; row < 3; ++row) {
            for (std::size_t axis = 0; axis < 3; ++axis)
                made.at(row, axis) = spacing[axis] * direction[row][axis];
            made.at(row, 3) = origin[row];
        }
        made.at(3, 3) = 1;
        return made;
    }

    /// From spacing in mm, the place of voxel (0, 0, 0) and the axes' directions in LPS: what
    /// `itk::Image` and DICOM hold.
    static Geometry lps(const Vector3& spacing, const Vector3& origin,
                        const Matrix3& direction = identity()) {
        return ras(spacing, origin, direction).flipped();
    }

    /// From the matrix that takes (i, j, k, 1) to RAS in mm, row by row: what a vtkMRMLVolumeNode
    /// gives as its IJK-to-RAS matrix.
    static Geometry ijk_to_ras(const std::array<double, 16>& matrix) { return Geometry(matrix); }

    /// Takes (i, j, k, 1) to RAS in mm, row by row.
    const std::array<double, 16>& ijk_to_ras() const noexcept { return ijk_to_ras_; }

    /// Distance of neighbours along i, j, k in mm.
    Vector3 spacing() const {
        const auto length = [this](std::size_t axis) {
            return std::hypot(at(0, axis), at(1, axis), at(2, axis));
        };
        return {length(0), length(1), length(2)};
    }

    /// Where voxel (0, 0, 0) lies, in RAS.
    Vector3 origin_ras() const noexcept { return {at(0, 3), at(1, 3), at(2, 3)}; }

    /// Where voxel (0, 0, 0) lies, in LPS.
    Vector3 origin_lps() const noexcept { return flipped().origin_ras(); }

    /// Directions of the axes in RAS.
    Matrix3 direction_ras() const {
        const Vector3 lengths = spacing();
        Matrix3 made{};
        for (std::size_t row = 0; row < 3; ++row)
            for (std::size_t axis = 0; axis < 3; ++axis)
                made[row][axis] = at(row, axis) / lengths[axis];
        return made;
    }

    /// Directions of the axes in LPS.
    Matrix3 direction_lps() const { return flipped().direction_ras(); }

    /// Axes along those of the patient.
    static constexpr Matrix3 identity() noexcept {
        return {{{{1, 0, 0}}, {{0, 1, 0}}, {{0, 0, 1}}}};
    }

private:
    explicit Geometry(const std::array<double, 16>& matrix) : ijk_to_ras_(matrix) {}

    double& at(std::size_t row, std::size_t column) { return ijk_to_ras_[4 * row + column]; }
    double at(std::size_t row, std::size_t column) const { return ijk_to_ras_[4 * row + column]; }

    /// RAS to LPS, or back. `0 - x`, so that no zero becomes -0.
    Geometry flipped() const {
        Geometry made = *this;
        for (std::size_t entry = 0; entry < 8; ++entry) made.ijk_to_ras_[entry] = 0 - ijk_to_ras_[entry];
        return made;
    }

    std::array<double, 16> ijk_to_ras_;
};

/// A host's voxels and their place; owns no voxel. `T` is const for voxels that are only read.
///
/// @code
/// hrinet::Volume ct(image->GetBufferPointer(), {512, 512, 120}, geometry);
/// ct.rescale(1, -1024);        // HU = stored - 1024
/// @endcode
template <class T>
class Volume {
public:
    /// `size`: voxels along i, j, k; they lie without gaps, i fastest, unless strides() is called.
    Volume(T* data, const std::array<std::size_t, 3>& size, const Geometry& geometry = {})
        : data_(data), size_(size), geometry_(geometry) {}

    /// Bytes from one voxel to the next along i, j, k, each greater than zero.
    Volume& strides(const std::array<std::ptrdiff_t, 3>& bytes) {
        strides_ = bytes;
        return *this;
    }

    /// `HU = slope * stored + intercept`; without it the stored numbers are HU.
    Volume& rescale(double slope, double intercept) {
        slope_ = slope;
        intercept_ = intercept;
        return *this;
    }

    /// Where the k slices lie, in mm from the first along k, where they are unevenly spaced.
    Volume& slice_positions(std::vector<double> mm) {
        if (mm.size() != size_[2]) {
            detail::refuse(std::to_string(mm.size()) + " slice positions for " +
                           std::to_string(size_[2]) + " slices");
        }
        positions_ = std::move(mm);
        return *this;
    }

    T* data() const noexcept { return data_; }
    const std::array<std::size_t, 3>& size() const noexcept { return size_; }
    const Geometry& geometry() const noexcept { return geometry_; }
    const std::vector<double>& slice_positions() const noexcept { return positions_; }

    /// The same for hrinet.h; valid as long as this volume.
    HrinetVolume c() const {
        detail::require_abi();
        HrinetVolume volume;
        detail::check(hrinet_volume_init(&volume));
        volume.scalar_type = scalar_type_of<T>();
        // The library writes voxels of outputs only, and these are of types that are not const.
        volume.data = const_cast<std::remove_const_t<T>*>(data_);
        for (std::size_t axis = 0; axis < 3; ++axis) {
            volume.size[axis] = size_[axis];
            volume.strides[axis] = strides_[axis];
        }
        for (std::size_t entry = 0; entry < 16; ++entry)
            volume.ijk_to_ras[entry] = geometry_.ijk_to_ras()[entry];
        volume.slice_positions_mm = positions_.empty() ? nullptr : positions_.data();
        volume.rescale_slope = slope_;
        volume.rescale_intercept = intercept_;
        return volume;
    }

private:
    T* data_;
    std::array<std::size_t, 3> size_;
    Geometry geometry_;
    std::array<std::ptrdiff_t, 3> strides_{};
    std::vector<double> positions_;
    double slope_ = 1;
    double intercept_ = 0;
};

/// The axis across which slices are made.
enum class Axis : std::int32_t { automatic = HRINET_AXIS_AUTO, i = 0, j = 1, k = 2 };

/// What is wanted: isotropic, across the axis with the largest spacing, unless something else is said.
/// The last word about the spacing counts.
class ResampleOptions {
public:
    ResampleOptions() {
        detail::require_abi();
        detail::check(hrinet_resample_options_init(&options_));
    }

    /// The whole division of the slice spacing that comes closest to the in-plane spacing.
    ResampleOptions& isotropic() { return spacing(HRINET_SPACING_ISOTROPIC, 0); }

    /// `parts` slices for each one.
    ResampleOptions& factor(std::uint32_t parts) {
        options_.factor = parts;
        return spacing(HRINET_SPACING_FACTOR, 0);
    }

    /// The whole division that comes closest to `mm`.
    ResampleOptions& nearest(double mm) { return spacing(HRINET_SPACING_NEAREST, mm); }

    /// Exactly `mm`, even where known slices are then missed.
    ResampleOptions& exact(double mm) { return spacing(HRINET_SPACING_EXACT, mm); }

    /// The slices of another volume's grid, as far as they lie within the volume. Its place is kept,
    /// not its voxels.
    template <class T>
    ResampleOptions& like(const Volume<T>& other) {
        auto kept = std::make_shared<Like>(
            Like{{nullptr, other.size(), other.geometry()}, HrinetVolume{}});
        if (!other.slice_positions().empty()) kept->place.slice_positions(other.slice_positions());
        kept->described = kept->place.c();
        spacing(HRINET_SPACING_LIKE, 0);
        like_ = std::move(kept);
        options_.like = &like_->described;
        return *this;
    }

    /// The axis across which slices are made.
    ResampleOptions& axis(Axis axis) {
        options_.axis = static_cast<std::int32_t>(axis);
        return *this;
    }

    /// The same for hrinet.h; valid as long as these options or a copy of them.
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
        Volume<const std::int16_t> place;
        HrinetVolume described;
    };

    HrinetResampleOptions options_{};
    std::shared_ptr<Like> like_;  // Shared by copies, so that the pointer in options_ stays good.
};

/// Where an output slice comes from.
struct Slice {
    bool is_known;       ///< A copy of a known slice, bit for bit.
    std::uint32_t first;   ///< The known slice; or the first of the two on both sides.
    std::uint32_t second;  ///< The known slice; or the second of the two on both sides.
    double alpha;          ///< The paper's coefficient: 1 is the first slice, 0 the second.
};

/// An output's grid and where each of its slices comes from. Immutable: for any number of threads.
class Plan {
public:
    /// The output of a volume, whose voxels are not looked at.
    template <class T>
    explicit Plan(const Volume<T>& volume, const ResampleOptions& options = {}) {
        const HrinetVolume described = volume.c();
        HrinetPlan* plan = nullptr;
        detail::check(hrinet_plan_create(&described, &options.c(), &plan));
        plan_.reset(plan);
    }

    /// The output's voxels along i, j, k.
    std::array<std::size_t, 3> size() const {
        const HrinetVolume described = output();
        return {described.size[0], described.size[1], described.size[2]};
    }

    /// The output's place in the patient.
    Geometry geometry() const {
        const HrinetVolume described = output();
        std::array<double, 16> matrix{};
        for (std::size_t entry = 0; entry < 16; ++entry) matrix[entry] = described.ijk_to_ras[entry];
        return Geometry::ijk_to_ras(matrix);
    }

    /// How many voxels the output has.
    std::size_t voxels() const {
        const auto [i, j, k] = size();
        return i * j * k;
    }

    /// Bytes of the output's voxels without gaps.
    std::size_t bytes() const { return hrinet_plan_output_bytes(get()); }

    /// The slice axis.
    Axis axis() const { return static_cast<Axis>(hrinet_plan_axis(get())); }

    /// How many slices the output has across the slice axis.
    std::uint32_t slice_count() const { return hrinet_plan_slice_count(get()); }

    /// Where output slice `index` comes from.
    Slice slice(std::uint32_t index) const {
        HrinetSlice described{};
        described.struct_size = sizeof described;
        detail::check(hrinet_plan_slice(get(), index, &described));
        return {described.is_known != 0, described.first, described.second, described.alpha};
    }

    /// Where each output slice comes from.
    std::vector<Slice> slices() const {
        std::vector<Slice> all;
        for (std::uint32_t index = 0; index < slice_count(); ++index) all.push_back(slice(index));
        return all;
    }

    /// The output for hrinet.h; its data is NULL.
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
    output.scalar_type = scalar_type_of<T>();
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
        std::size_t left = slices_hu.size();
        for (const std::size_t side : {groups, group_slices, rows, columns}) {
            if (side == 0 || left % side != 0) left = 0;
            if (side != 0) left /= side;
        }
        if (left != 1) {
            detail::refuse(std::to_string(slices_hu.size()) + " pixels are not " +
                           std::to_string(groups) + " x " + std::to_string(group_slices) + " x " +
                           std::to_string(rows) + " x " + std::to_string(columns));
        }
        HrinetLosses losses{};
        losses.struct_size = sizeof losses;
        detail::check(hrinet_trainer_step(get(), slices_hu.data(), groups, group_slices, rows, columns,
                                          &losses));
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

/// What the library has to say, and how much of it.
enum class LogLevel : std::int32_t { none = 0, error = 1, warning = 2, information = 3, debugging = 4 };

/// Takes log lines, from any thread, several at once; it must not call the library. What it throws is
/// dropped.
using LogFunction = std::function<void(LogLevel, const char* line)>;

namespace detail {

extern "C" inline void hrinet_hpp_log(std::int32_t level, const char* line, void* user) {
    try {
        (*static_cast<const LogFunction*>(user))(static_cast<LogLevel>(level), line);
    } catch (...) {
        // A log line is not worth the job that it tells of.
    }
}

}  // namespace detail

/// Sends log lines up to `level` to `function`; an empty one ends it. The function is kept until the
/// process ends, for threads that may still be in it.
inline void set_log(LogLevel level, LogFunction function) {
    detail::require_abi();
    if (!function) {
        detail::check(hrinet_set_log_callback(nullptr, 0, nullptr));
        return;
    }
    static std::mutex guard;
    static auto& kept = *new std::deque<LogFunction>();
    const std::lock_guard<std::mutex> locked(guard);
    kept.push_back(std::move(function));
    detail::check(hrinet_set_log_callback(detail::hrinet_hpp_log, static_cast<std::int32_t>(level),
                                          &kept.back()));
}

}  // namespace hrinet

#endif  // HRINET_HPP
