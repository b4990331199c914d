/// @file hrinet/library.hpp
/// Errors, and what is the library's as a whole: its version, its log, devices, threads. Part of
/// hrinet.hpp.
#ifndef HRINET_LIBRARY_HPP
#define HRINET_LIBRARY_HPP

#include "../hrinet.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hrinet {

/// Failure of a call; `what()` is one line with the reason.
class Error : public std::runtime_error {
public:
    Error(HrinetStatus status, const std::string& message)
        : std::runtime_error(message), status_(status) {}

    /// One of the `HRINET_*` codes of hrinet.h.
    HrinetStatus status() const noexcept { return status_; }

private:
    HrinetStatus status_;
};

/// A job that a callback or the end of the process cancelled (`HRINET_CANCELLED`).
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

/// Throws where the loaded library has another ABI version than this header. Called before the
/// first use of the library.
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

/// Version of the loaded library, `"0.1.0"`.
inline std::string version() {
    detail::require_abi();
    return hrinet_version();
}

/// A device that computes.
struct Device {
    std::string name;         ///< As ModelOptions takes it: `"cpu"`, `"cuda:0"`, ...
    std::string description;  ///< For people: `"CPU, 8 cores"`.
};

/// Usable devices: the CPU, then each CUDA device.
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

/// Number of CPU threads for the work of the calling thread.
inline std::int32_t num_threads() {
    detail::require_abi();
    return hrinet_num_threads();
}

/// Sets the number of CPU threads for the work of the calling thread, at least 1.
inline void set_num_threads(std::int32_t threads) {
    detail::require_abi();
    detail::check(hrinet_set_num_threads(threads));
}

/// Level of log lines.
enum class LogLevel : std::int32_t {
    none = 0,
    error = 1,
    warning = 2,
    information = 3,
    debugging = 4
};

/// Takes log lines, from any thread, several at once; it must not call the library. What it throws
/// is dropped.
using LogFunction = std::function<void(LogLevel, const char* line)>;

namespace detail {

extern "C" inline void hrinet_hpp_log(std::int32_t level, const char* line, void* user) {
    try {
        (*static_cast<const LogFunction*>(user))(static_cast<LogLevel>(level), line);
    } catch (...) {
        // A log line must not end the job.
    }
}

}  // namespace detail

/// Sends log lines up to `level` to `function`; an empty one ends it. The function is kept until
/// the process ends, for threads that may still be in it.
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

#endif  // HRINET_LIBRARY_HPP
