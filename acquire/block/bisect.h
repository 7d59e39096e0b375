#pragma once
// noerror,sync done right: what can be read is kept, to the sector; what cannot is zero in its own place, and listed.

#include "kanshiki/block_source.h"

#include <chrono>
#include <functional>

namespace kanshiki {

// Reads exactly `into` at offset; 0, or the errno of the failure.
using ReadExactly = std::function<int(uint64_t offset, std::span<std::byte> into)>;

struct Bisection {
    uint64_t sector;  // smallest piece that can be read
    unsigned retries; // of a single sector, before it is given up
    // What was not tried by then is given up untried, as ETIMEDOUT.
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
};

// A range that failed as a whole is halved until the failing sectors stand alone. offset: a multiple of sector.
// Neighbours with the same errno are one entry. A stop request throws Error{interrupted}; a read that throws ends the
// search.
std::vector<Bad> read_bisecting(uint64_t offset, std::span<std::byte> into, const Bisection& how,
                                const ReadExactly& read, std::stop_token stop);

} // namespace kanshiki
