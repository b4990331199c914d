// Shared by the C++ programs beside check.h.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <hrinet.hpp>

#include "check.h"

// The status of the error that a call throws, whose message contains `words`; HRINET_OK without.
template <class Call>
HrinetStatus status_of(Call call, const char* words = "") {
    try {
        call();
    } catch (const hrinet::Error& error) {
        CHECK(strstr(error.what(), words));
        return error.status();
    }
    return HRINET_OK;
}

#endif  // CHECK_HPP
