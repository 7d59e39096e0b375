#include "analyze/filesystem/xfs/notices.h"

#include <fmt/format.h>

namespace kanshiki::xfs {

std::vector<std::string> notices(const Metadata& metadata) {
    const Superblock& super = metadata.super;
    std::vector<std::string> result;
    if (super.checksum_wrong) result.emplace_back("the superblock's checksum is wrong");
    if (super.in_progress) result.emplace_back("the superblock says that mkfs has not finished");
    if (const uint32_t unknown = super.incompatible & ~incompat_known)
        result.push_back(fmt::format("incompatible features that are not understood: {:#x}; what can be read is read, "
                                     "but it may be read wrongly",
                                     unknown));
    if (super.incompatible & incompat_needs_repair)
        result.emplace_back("the file system says of itself that it needs repair (NEEDSREPAIR)");
    if (super.incompatible & incompat_metadir)
        result.emplace_back("the file system's own files (metadata directory tree) are not listed");
    if (super.realtime_blocks != 0)
        result.emplace_back("it has a realtime volume: files whose content lies there are listed, but their content "
                            "cannot be read");
    const uint64_t size = metadata.reader.size();
    if (size >> super.block_log < super.blocks)
        result.push_back(fmt::format("the volume is cut short: {} of {} bytes", size, super.blocks << super.block_log));
    result.insert(result.end(), metadata.replayed->notices.begin(), metadata.replayed->notices.end());
    return result;
}

} // namespace kanshiki::xfs
