#include "acquire/selftest/model_disk.h"

#include "acquire/block/bisect.h"

#include <algorithm>
#include <cstring>

namespace kanshiki::selftest {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): each number gives another word, without a state that runs on.
uint64_t mixed(uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

constexpr uint64_t zero_run = 128 * 1024; // bytes; one in four of these is zeros, but not the last

} // namespace

std::vector<std::byte> numbered_sectors(uint64_t size, uint32_t sector) {
    std::vector<std::byte> out(size);
    for (uint64_t at = 0; at < size; at += 8) {
        if (mixed(at / zero_run) % 4 == 0 && at / zero_run != size / zero_run) continue;
        const uint64_t word = at % sector == 0 ? at / sector + 1 : mixed(at);
        std::memcpy(out.data() + at, &word, std::min<uint64_t>(8, size - at));
    }
    return out;
}

ModelDisk::ModelDisk(std::span<const std::byte> content, uint32_t sector, std::vector<Bad> faults)
    : content_(content), faults_(std::move(faults)) {
    info_.uri = "selftest";
    info_.kind = "model";
    info_.size = content.size();
    info_.logical_sector = info_.physical_sector = sector;
    info_.lanes = 4;
}

int ModelDisk::transfer(uint64_t offset, std::span<std::byte> into) const {
    const uint64_t end = offset + into.size();
    for (const Bad& fault : faults_)
        if (fault.range.offset < end && offset < fault.range.end()) return fault.error;
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return 0;
}

void ModelDisk::read(Read& read, std::stop_token stop) {
    const uint64_t size = content_.size();
    read.got = read.offset >= size ? 0 : std::min<uint64_t>(read.into.size(), size - read.offset);
    read.kind = Kind::data;
    const auto into = read.into.first(read.got);
    read.bad.clear();
    if (into.empty() || transfer(read.offset, into) == 0) return;
    read.bad = read_bisecting(
        read.offset, into, {info_.logical_sector, 1},
        [this](uint64_t offset, std::span<std::byte> part) { return transfer(offset, part); }, stop);
}

} // namespace kanshiki::selftest
