/// @file hrinet/span.hpp
/// Borrowed values, and the voxel types of C++. Part of hrinet.hpp.
#ifndef HRINET_SPAN_HPP
#define HRINET_SPAN_HPP

#include "../hrinet.h"
#include "library.hpp"

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

namespace hrinet {

/// Borrowed contiguous values, from anything with `data()` and `size()`.
template <class T>
class Span {
public:
    using element_type = T;

    constexpr Span() noexcept = default;
    constexpr Span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}

    /// A vector, an array, a std::span: anything with `data()` and `size()` of these values.
    template <class Container,
              class = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))> (*)[],
                  T (*)[]>>>
    constexpr Span(Container&& values) noexcept
        : data_(std::data(values)), size_(std::size(values)) {}

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
constexpr HrinetVoxelType voxel_type_of() noexcept {
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

}  // namespace hrinet

#endif  // HRINET_SPAN_HPP
