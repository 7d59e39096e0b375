// The journal: the input is its log in blocks of 1 KiB, superblock first.

#include "analyze/filesystem/ext/journal_history.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <array>
#include <cstdlib>

using namespace kanshiki;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t block = 1024;
    const auto bytes = std::as_bytes(std::span(data, size));
    if (bytes.size() < block) return 0;
    const uint64_t count = bytes.size() / block;
    const ext::LogBlocks log({{0, 100, count, false}});
    const auto read = [&](uint64_t index) {
        if (index >= count) std::abort(); // the walk stays inside the ring
        return bytes.subspan(static_cast<size_t>(index * block), block);
    };
    try {
        const auto super = ext::parse_journal_superblock(bytes.first(block), block, count);
        const ext::Overlay overlay = ext::replay_journal(super, log, read);
        for (size_t at = 0; at < overlay.blocks.size(); at++) {
            const auto& each = overlay.blocks[at];
            if (each.at < 100 || each.at >= 100 + count || overlay.find(each.block) != &each) std::abort();
            if (at > 0 && overlay.blocks[at - 1].block >= each.block) std::abort();
        }
        const ext::History history(super, log, read);
        std::vector<std::byte> copy;
        for (const ext::LogCopy& each : history.copies()) {
            if (history.as_of(each.block, each.sequence) == nullptr) std::abort();
            history.read(each, read, copy);
        }
    } catch (const Error&) {
    }
    return 0;
}
