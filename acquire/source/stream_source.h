#pragma once
// Standard input: a stream of unknown length that is read once, from start to end.

#include "kanshiki/block_source.h"

#include <memory>

namespace kanshiki {

std::unique_ptr<BlockSource> open_stream(int fd, const std::string& name); // does not own fd

} // namespace kanshiki
