#include "analyze/filesystem/btrfs/node.h"

#include "analyze/filesystem/bytes.h"

#include <bit>
#include <cstring>

namespace kanshiki::btrfs {
namespace {

constexpr size_t header_size = 101, item_stride = 25, pointer_stride = 33;
constexpr uint64_t flag_relocated = 2; // BTRFS_HEADER_FLAG_RELOC

// Unchecked: a Node has checked its bounds once, and keys are read a dozen times for each item that is looked up.
template<class T>
T load(const std::byte* at) {
    T value = 0;
    std::memcpy(&value, at, sizeof value);
    static_assert(std::endian::native == std::endian::little);
    return value;
}

} // namespace

NodeHeader parse_header(std::span<const std::byte> bytes) {
    NodeHeader header;
    header.fsid = bytes.subspan(0x20, 16);
    header.address = le64(bytes, 0x30);
    header.relocated = le64(bytes, 0x38) & flag_relocated;
    header.generation = le64(bytes, 0x50);
    header.owner = le64(bytes, 0x58);
    header.count = le32(bytes, 0x60);
    header.level = little_endian<uint8_t>(bytes, 0x64);
    return header;
}

Node::Node(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {
    header_ = parse_header(bytes_);
    stride_ = leaf() ? item_stride : pointer_stride;
    check();
}

void Node::check() const {
    const auto fail = [](const std::string& what) { throw Error(ExitCode::never_valid, what); };
    if (header_.count > (bytes_.size() - header_size) / stride_) fail(std::to_string(header_.count) + " entries");
    if (!leaf() && header_.count == 0) fail("an inner node without entries");
    for (uint32_t index = 0; index < header_.count; index++) {
        if (index > 0 && key(index) <= key(index - 1)) fail("keys out of order at entry " + std::to_string(index));
        if (!leaf()) continue;
        const uint64_t from = header_size + uint64_t{load<uint32_t>(entry(index) + 17)};
        const uint64_t end = from + load<uint32_t>(entry(index) + 21);
        if (from < header_size + header_.count * stride_ || end > bytes_.size())
            fail("the item of entry " + std::to_string(index) + " leaves the node");
    }
}

const std::byte* Node::entry(uint32_t index) const { return bytes_.data() + header_size + index * stride_; }

Key Node::key(uint32_t index) const {
    const std::byte* at = entry(index);
    return {load<uint64_t>(at), load<uint8_t>(at + 8), load<uint64_t>(at + 9)};
}

std::span<const std::byte> Node::item(uint32_t index) const {
    const std::byte* at = entry(index);
    return std::span(bytes_).subspan(header_size + load<uint32_t>(at + 17), load<uint32_t>(at + 21));
}

TreeRoot Node::child(uint32_t index) const {
    const std::byte* at = entry(index);
    return {load<uint64_t>(at + 17), load<uint64_t>(at + 25), static_cast<uint8_t>(header_.level - 1)};
}

uint32_t Node::lower_bound(const Key& wanted) const {
    uint32_t first = 0, count = header_.count;
    while (count > 0) {
        const uint32_t half = count / 2;
        if (key(first + half) < wanted) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return first;
}

} // namespace kanshiki::btrfs
