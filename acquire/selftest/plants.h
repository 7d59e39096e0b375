#pragma once
// Faults put in on purpose, to show that the selftest sees them (docs/selftest.md). Those of the source stand between
// it and the pipeline and do what other imagers do wrong; the others spoil what the selftest looks at.

#include "kanshiki/block_source.h"

#include <memory>

namespace kanshiki::selftest {

struct Plant {
    std::string_view name;
    std::string_view does;
};
std::span<const Plant> plants();

// The source with the plant in it; as it is where the plant is none of a source's. `faulty`: it has unreadable sectors.
std::unique_ptr<BlockSource> planted(std::unique_ptr<BlockSource> source, std::string_view plant, bool faulty);

} // namespace kanshiki::selftest
