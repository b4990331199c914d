/**
 * @file hrinet.hpp
 * hrinet.h for C++17: handles that free themselves, exceptions, typed voxels. Nothing to link
 * beside libhrinet.
 *
 * @code
 * #include <hrinet.hpp>
 *
 * auto model = hrinet::Model::load("hrinet-motion");
 * hrinet::Volume ct(voxels.data(), {512, 512, 120}, hrinet::Geometry::lps(spacing, origin,
 * direction)); hrinet::Plan plan(ct, hrinet::ResampleOptions{}.factor(4));
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

#include "hrinet/library.hpp"
#include "hrinet/span.hpp"
#include "hrinet/volume.hpp"
#include "hrinet/plan.hpp"
#include "hrinet/model.hpp"
#include "hrinet/job.hpp"
#include "hrinet/filling.hpp"
#include "hrinet/training.hpp"

#endif  // HRINET_HPP
