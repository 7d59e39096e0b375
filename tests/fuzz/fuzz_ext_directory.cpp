// One directory block of ext, and the same bytes as the attributes of an inode and as an attribute block.

#include "analyze/filesystem/ext/directory.h"
#include "analyze/filesystem/ext/xattr.h"
#include "kanshiki/error.h"

#include <cstdlib>

using namespace kanshiki;

namespace {

void inside(std::span<const std::byte> bytes, const void* pointer, size_t size) {
    const auto* at = static_cast<const std::byte*>(pointer);
    if (size != 0 && (at < bytes.data() || at + size > bytes.data() + bytes.size())) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 257) return 0;
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    const bool wide = data[0] & 1;
    const ext::DirectoryLayout layout{wide ? 65536u : 1024u, 5000, (data[0] & 2) != 0, (data[0] & 4) != 0};
    size_t names = 0;
    const auto entry = [&](const ext::RawEntry& each) {
        inside(bytes, each.name.data(), each.name.size());
        if (each.type > 7 || ++names > bytes.size()) std::abort();
    };
    ext::live_entries(bytes, layout, entry);
    ext::stale_entries(bytes, layout, entry);
    for (const bool first : {false, true}) ext::directory_checksum_right(bytes, first, 0);
    const auto attribute = [&](const ext::RawXattr& each) {
        inside(bytes, each.value.data(), each.value.size());
        ext::xattr_name(each);
        if (each.value_inode == 0) ext::xattr_value(each, each.value);
    };
    try {
        ext::xattrs_in_inode(bytes, 32, attribute);
    } catch (const Error&) {
    }
    try {
        ext::xattrs_in_block(bytes, attribute);
    } catch (const Error&) {
    }
    ext::xattr_block_checksum_right(bytes, 7, 0);
    return 0;
}
