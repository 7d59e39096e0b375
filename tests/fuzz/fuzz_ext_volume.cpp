// A whole ext file system, small: superblock, groups, journal, inodes, directories, attributes; as the volume stands in
// the seed. Everything that a caller may ask is asked, of every inode number that there can be, copies too.

#include "analyze/filesystem/ext/ext_file_system.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace kanshiki;

namespace {

// The input is a list of pieces that are not zero: 4 bytes offset / 64, 2 bytes length, the bytes. What is left out is
// zero, so that a seed of a few KiB stands for a volume of MiB.
class Sparse : public BlockSource {
public:
    explicit Sparse(std::span<const std::byte> input) : bytes_(size) {
        info_.uri = info_.kind = "memory";
        info_.size = bytes_.size();
        while (input.size() >= 6) {
            uint32_t place = 0;
            uint16_t length = 0;
            std::memcpy(&place, input.data(), 4);
            std::memcpy(&length, input.data() + 4, 2);
            const size_t offset = size_t{place} * 64 % size;
            const auto piece = input.subspan(6, std::min<size_t>({length, input.size() - 6, size - offset}));
            std::ranges::copy(piece, bytes_.begin() + static_cast<ptrdiff_t>(offset));
            input = input.subspan(6 + piece.size());
        }
    }
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token) override {
        const uint64_t from = std::min<uint64_t>(read.offset, bytes_.size());
        read.got = static_cast<size_t>(std::min<uint64_t>(read.into.size(), bytes_.size() - from));
        std::memcpy(read.into.data(), bytes_.data() + from, read.got);
    }

private:
    static constexpr size_t size = 4 << 20;
    std::vector<std::byte> bytes_;
    SourceInfo info_;
};

template<class Action>
void attempt(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) std::abort(); // a hostile image is never our bug, nor a lost source
    }
}

void look_at(FileSystem& files, uint64_t handle) {
    attempt([&] {
        const FileInfo info = files.stat(handle);
        std::byte buffer[5000];
        for (const uint64_t offset : {uint64_t{0}, info.size / 2, info.size - std::min<uint64_t>(info.size, 100)})
            if (files.read(handle, offset, buffer) > sizeof buffer) std::abort();
    });
    attempt([&] {
        uint64_t next = 0;
        for (const auto& each : files.extents(handle)) {
            if (each.logical < next || each.range.size == 0) std::abort();
            next = each.logical + each.range.size;
        }
    });
    attempt([&] {
        files.xattrs(handle, [](const Xattr& each) {
            if (each.name.empty()) std::abort();
        });
    });
    attempt([&] {
        files.list(handle, [](const DirectoryEntry& each) {
            if (each.name == "." || each.name == ".." || each.name.find('/') != each.name.npos) std::abort();
        });
    });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Sparse source(std::as_bytes(std::span(data, size)));
    std::unique_ptr<FileSystem> files;
    attempt([&] { files = ext::open_ext(source, {0, *source.info().size}, {}); });
    if (!files) return 0;
    for (uint64_t number = 1; number < 40; number++) look_at(*files, number);
    attempt([&] {
        uint64_t next = 0;
        files->free_space([&](const Range& range) {
            if (range.offset < next || range.end() > *source.info().size) std::abort();
            next = range.end();
        });
    });
    std::vector<uint64_t> found;
    attempt([&] {
        files->orphans([](uint64_t) { return false; },
                       [&](const DirectoryEntry& entry) { found.push_back(entry.inode); });
    });
    for (const uint64_t each : found)
        if (each >= 40) look_at(*files, each);
    look_at(*files, uint64_t{1} << 63 | uint64_t{3} << 32 | 12);
    files->take_warnings();
    return 0;
}
