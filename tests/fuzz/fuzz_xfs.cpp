// A whole XFS volume, thinned out: the input is sectors of 512 bytes, each after its number (32 bits, little-endian);
// all others are zeros. Seeds: the sectors of small file systems that a walk like this one asks for.

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/xfs/superblock.h"
#include "kanshiki/file_system.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

namespace kanshiki::xfs {
std::unique_ptr<FileSystem> open_xfs(BlockSource& source, Range range, std::stop_token stop);
}
using namespace kanshiki;

namespace {

constexpr size_t sector = 512, record = 4 + sector;
constexpr uint64_t volume_size = uint64_t{400} << 20;
constexpr size_t most_entries = 3000, most_inodes = 60;

class Thinned : public BlockSource {
public:
    explicit Thinned(std::span<const std::byte> bytes) {
        info_.size = volume_size;
        for (size_t at = 0; at + record <= bytes.size(); at += record)
            sectors_[le32(bytes, at)] = bytes.subspan(at + 4, sector);
    }
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token) override {
        const uint64_t from = std::min(read.offset, volume_size);
        read.got = static_cast<size_t>(std::min<uint64_t>(read.into.size(), volume_size - from));
        std::memset(read.into.data(), 0, read.got);
        for (auto each = sectors_.lower_bound(from / sector); each != sectors_.end(); ++each) {
            const uint64_t start = each->first * sector;
            if (start >= from + read.got) break;
            const uint64_t first = std::max(start, from), end = std::min(start + sector, from + read.got);
            std::memcpy(read.into.data() + (first - from), each->second.data() + (first - start), end - first);
        }
    }

private:
    std::map<uint64_t, std::span<const std::byte>> sectors_;
    SourceInfo info_;
};

template<class Call>
void tolerate(Call call) {
    try {
        call();
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) std::abort(); // nothing else may end it
    }
}

struct Enough {};

void check_extents(const std::vector<FileSystem::FileExtent>& extents) {
    uint64_t next = 0;
    for (const auto& each : extents) {
        if (each.range.size == 0 || each.logical < next || each.range.end() < each.range.size) std::abort();
        next = each.logical + each.range.size;
    }
}

void visit(FileSystem& files, uint64_t inode, std::vector<uint64_t>& found) {
    tolerate([&] {
        size_t count = 0;
        try {
            files.list(inode, [&](const DirectoryEntry& entry) {
                if (entry.name.find('/') != entry.name.npos || entry.name.find('\0') != entry.name.npos) std::abort();
                found.push_back(entry.inode);
                if (++count > most_entries) throw Enough{};
            });
        } catch (const Enough&) {
        }
    });
    tolerate([&] { files.stat(inode); });
    tolerate([&] { check_extents(files.extents(inode)); });
    std::vector<std::byte> bytes(10'000);
    for (const uint64_t offset : {uint64_t{0}, uint64_t{1} << 20, (uint64_t{1} << 63) - 5})
        tolerate([&] {
            if (files.read(inode, offset, bytes) > bytes.size()) std::abort();
        });
    tolerate([&] { files.xattrs(inode, [](const Xattr&) {}); });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Thinned source(std::as_bytes(std::span(data, size)));
    std::unique_ptr<FileSystem> files;
    tolerate([&] { files = xfs::open_xfs(source, {0, volume_size}, {}); });
    if (!files) return 0;
    std::vector<uint64_t> found{files->root()};
    for (size_t index = 0; index < std::min(found.size(), most_inodes); index++) visit(*files, found[index], found);
    uint64_t next = 0;
    tolerate([&] {
        size_t count = 0;
        try {
            files->free_space([&](const Range& range) {
                if (range.size == 0 || range.offset < next || range.end() > volume_size) std::abort();
                next = range.end();
                if (++count > most_entries) throw Enough{};
            });
        } catch (const Enough&) {
        }
    });
    tolerate([&] {
        size_t count = 0;
        try {
            files->orphans([](uint64_t) { return false; },
                           [&](const DirectoryEntry&) {
                               if (++count > most_entries) throw Enough{};
                           });
        } catch (const Enough&) {
        }
    });
    files->take_warnings();
    files->take_unreadable();
    return 0;
}
