#include "analyze/filesystem/xfs/metadata.h"

#include "kanshiki/error.h"

namespace kanshiki::xfs {
namespace {

constexpr size_t most_warnings = 10'000; // of one object; a volume full of wrong checksums must not fill memory

} // namespace

void damaged(const std::string& what) { throw Error(ExitCode::never_valid, "XFS " + what); }

void Metadata::read_ag_block(uint32_t ag, uint64_t block, std::span<std::byte> into) {
    const auto offset = super.ag_block_offset(ag, block);
    if (!offset) damaged("allocation group " + std::to_string(ag) + ": no block " + std::to_string(block));
    read(*offset, into);
}

uint64_t Metadata::place_of(uint64_t fs_block, uint64_t count) const {
    const auto offset = super.block_offset(fs_block, count);
    if (!offset)
        damaged("block " + std::to_string(fs_block) + " (" + std::to_string(count) +
                " blocks) lies beyond its allocation group");
    return *offset;
}

void Metadata::check(std::span<const std::byte> bytes, const Description& kind, uint64_t offset, uint64_t owner) {
    if (!super.checksums() || changed_by_log(offset, bytes.size())) return;
    const std::string what = contradiction(bytes, kind, super, offset, owner);
    if (what.empty()) return;
    warn("XFS " + std::string(kind.owner_size == 4 ? "allocation group " : "inode ") + std::to_string(owner) + ": " +
         kind.name + " at byte " + std::to_string(offset) + " " + what);
}

void Metadata::warn(const std::string& line) {
    if (told_.size() > most_warnings || !told_.insert(line).second) return;
    warnings_.push_back(told_.size() > most_warnings ? "XFS: further contradictions are not told" : line);
}

} // namespace kanshiki::xfs
