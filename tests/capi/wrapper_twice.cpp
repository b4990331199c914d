// The second file of a program that includes the wrapper: nothing is defined twice, types are one.
#include <hrinet.hpp>

hrinet::Plan planned_elsewhere(const hrinet::Volume<const std::int16_t>& volume) {
    return hrinet::Plan(volume, hrinet::ResampleOptions{}.factor(3));
}
