// A Btrfs volume of 64 MiB of which the input gives runs of bytes: offset (8 bytes), size (2), content. A wrong
// checksum is no hindrance to the reader, so a mutated node is read as it is.

#include "kanshiki/error.h"
#include "kanshiki/file_system.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

using namespace kanshiki;

namespace kanshiki::btrfs {
std::unique_ptr<FileSystem> open_btrfs(BlockSource& source, Range range, std::stop_token stop);
}

namespace {

constexpr uint64_t volume_size = 64 << 20;

class Runs : public BlockSource {
public:
    explicit Runs(std::span<const std::byte> input) {
        info_.size = volume_size;
        while (input.size() > 10) {
            uint64_t offset = 0;
            uint16_t size = 0;
            std::memcpy(&offset, input.data(), 8);
            std::memcpy(&size, input.data() + 8, 2);
            input = input.subspan(10);
            const auto run = input.first(std::min<size_t>(size, input.size()));
            input = input.subspan(run.size());
            if (offset < volume_size)
                runs_.emplace_back(offset, run.first(std::min<size_t>(run.size(), volume_size - offset)));
        }
    }
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token) override {
        if (read.offset > volume_size || read.into.size() > volume_size - read.offset) std::abort();
        std::ranges::fill(read.into, std::byte{0});
        read.got = read.into.size();
        const uint64_t end = read.offset + read.got;
        for (const auto& [offset, run] : runs_) {
            const uint64_t from = std::max(offset, read.offset), to = std::min(offset + run.size(), end);
            if (from < to)
                std::memcpy(read.into.data() + (from - read.offset), run.data() + (from - offset), to - from);
        }
    }

private:
    SourceInfo info_;
    std::vector<std::pair<uint64_t, std::span<const std::byte>>> runs_;
};

template<class Action>
void guarded(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) std::abort();
    }
}

void ask(FileSystem& files) {
    std::vector<uint64_t> todo{files.root()};
    std::set<uint64_t> seen;
    std::vector<std::byte> buffer(5000);
    const auto met = [&](const DirectoryEntry& entry) {
        if (entry.name.empty() || entry.name == "." || entry.name == ".." ||
            entry.name.find('/') != std::string::npos || entry.name.find('\0') != std::string::npos)
            std::abort();
        if (entry.inode != 0) todo.push_back(entry.inode);
    };
    const auto drain = [&] {
        while (!todo.empty() && seen.size() < 300) {
            const uint64_t inode = todo.back();
            todo.pop_back();
            if (!seen.insert(inode).second) continue;
            guarded([&] {
                const FileInfo info = files.stat(inode);
                if (files.read(inode, info.size / 2, buffer) > info.size) std::abort();
                files.read(inode, 0, buffer);
            });
            guarded([&] { files.xattrs(inode, [](const Xattr&) {}); });
            guarded([&] {
                uint64_t end = 0;
                for (const auto& extent : files.extents(inode)) {
                    if (extent.logical < end) std::abort();
                    end = extent.logical + extent.length();
                }
            });
            guarded([&] { files.list(inode, met); });
        }
        todo.clear();
    };
    drain();
    guarded([&] { files.orphans([&](uint64_t inode) { return seen.contains(inode); }, met); });
    drain();
    guarded([&] {
        uint64_t end = 0;
        files.free_space([&](const Range& range) {
            if (range.size == 0 || range.offset < end || range.end() > volume_size) std::abort();
            end = range.end();
        });
    });
    files.take_warnings();
    files.take_unreadable();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Runs source(std::as_bytes(std::span(data, size)));
    guarded([&] {
        if (const auto files = btrfs::open_btrfs(source, {0, volume_size}, {})) ask(*files);
    });
    return 0;
}
