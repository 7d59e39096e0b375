#pragma once
// A disk in memory that fails as disks fail: a request that touches a bad sector fails as a whole. What is read around
// it is found by the same bisection as on a real device.

#include "kanshiki/block_source.h"

namespace kanshiki::selftest {

// Sectors that each begin with their own number, so that one in another's place is seen; here and there a run of zeros.
std::vector<std::byte> numbered_sectors(uint64_t size, uint32_t sector);

class ModelDisk final : public BlockSource {
public:
    // content must outlive the disk. faults: whole sectors, ascending, disjoint.
    ModelDisk(std::span<const std::byte> content, uint32_t sector, std::vector<Bad> faults);
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token stop) override;

private:
    int transfer(uint64_t offset, std::span<std::byte> into) const; // 0, or the errno

    std::span<const std::byte> content_;
    std::vector<Bad> faults_;
    SourceInfo info_;
};

} // namespace kanshiki::selftest
