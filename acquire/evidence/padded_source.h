#pragma once
// An unfinished raw image ends with its last chunk of data: what lies between there and `size` was zero.

#include "kanshiki/block_source.h"

#include <memory>

namespace kanshiki {

class PaddedSource final : public BlockSource {
public:
    PaddedSource(std::unique_ptr<BlockSource> below, uint64_t size);
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token stop) override;

private:
    std::unique_ptr<BlockSource> below_;
    SourceInfo info_;
};

} // namespace kanshiki
