#include "acquire/evidence/padded_source.h"

#include <algorithm>

namespace kanshiki {

PaddedSource::PaddedSource(std::unique_ptr<BlockSource> below, uint64_t size)
    : below_(std::move(below)), info_(below_->info()) {
    info_.size = size;
    info_.holes = false;
}

void PaddedSource::read(Read& read, std::stop_token stop) {
    const uint64_t wanted =
        read.offset < *info_.size ? std::min<uint64_t>(read.into.size(), *info_.size - read.offset) : 0;
    Read part{.offset = read.offset, .into = read.into.first(wanted)};
    below_->read(part, stop);
    std::fill(read.into.begin() + static_cast<std::ptrdiff_t>(part.got),
              read.into.begin() + static_cast<std::ptrdiff_t>(wanted), std::byte{0});
    read.got = wanted;
    read.kind = Kind::data;
    read.bad = std::move(part.bad);
}

} // namespace kanshiki
