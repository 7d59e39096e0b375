#pragma once
// Small images made by the file systems' own tools, and sources over them.

#include "kanshiki/error.h"
#include "kanshiki/file_system.h"
#include "kanshiki/open_source.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

namespace kanshiki::test {

class NoEvents : public Events {
public:
    void report(const Event&) override {}
    void progress(const Progress&) override {}
};

class Folder {
public:
    Folder() {
        std::string pattern = std::filesystem::temp_directory_path() / "kanshiki-XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        path_ = pattern;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline void run(const std::string& command) {
    const std::string whole =
        "export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C; (" + command + ") >/dev/null 2>&1 </dev/null";
    if (std::system(whole.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

inline void write(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string slurp(const std::filesystem::path& path) {
    std::string bytes(std::filesystem::file_size(path), '\0');
    std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

inline std::string noise(size_t size, unsigned seed) {
    std::mt19937_64 dice(seed);
    std::string bytes(size + 8, '\0');
    for (size_t at = 0; at < size; at += 8) {
        const uint64_t word = dice();
        std::memcpy(bytes.data() + at, &word, 8);
    }
    bytes.resize(size);
    return bytes;
}

// A source in memory; ranges of `bad` are unreadable. Counts its reads.
class Memory : public BlockSource {
public:
    explicit Memory(std::string bytes, std::vector<Range> bad = {}) : bytes_(std::move(bytes)), bad_(std::move(bad)) {
        info_.uri = info_.kind = "memory";
        info_.size = bytes_.size();
        info_.lanes = 4;
    }
    const SourceInfo& info() const override { return info_; }
    SourceInfo& change() { return info_; }
    void read(Read& read, std::stop_token) override {
        reads++;
        const uint64_t from = std::min<uint64_t>(read.offset, bytes_.size());
        read.got = static_cast<size_t>(std::min<uint64_t>(read.into.size(), bytes_.size() - from));
        std::memcpy(read.into.data(), bytes_.data() + from, read.got);
        read.bad.clear();
        for (const Range& each : bad_) {
            const uint64_t start = std::max(each.offset, from), end = std::min(each.end(), from + read.got);
            if (start >= end) continue;
            std::memset(read.into.data() + (start - from), 0, end - start);
            read.bad.push_back({{start, end - start}, EIO});
        }
    }
    std::atomic<unsigned> reads = 0;

private:
    std::string bytes_;
    std::vector<Range> bad_;
    SourceInfo info_;
};

inline std::unique_ptr<FileSystem> open_whole(BlockSource& source) {
    return open_file_system(source, {0, *source.info().size}, {});
}

inline std::map<std::string, DirectoryEntry> names(FileSystem& files, uint64_t directory) {
    std::map<std::string, DirectoryEntry> result;
    files.list(directory, [&](const DirectoryEntry& entry) {
        if (!entry.deleted) result[entry.name] = entry;
    });
    return result;
}

inline uint64_t find(FileSystem& files, const std::string& path) {
    uint64_t at = files.root();
    for (const auto& part : std::filesystem::path(path).relative_path()) at = names(files, at).at(part.string()).inode;
    return at;
}

inline std::string content(FileSystem& files, uint64_t inode, size_t step = 37'000) {
    std::string text;
    const uint64_t size = files.stat(inode).size;
    while (text.size() < size) {
        const size_t before = text.size();
        text.resize(before + step);
        const size_t got = files.read(inode, before, std::as_writable_bytes(std::span(text).subspan(before)));
        text.resize(before + got);
        if (got == 0) break;
    }
    return text;
}

} // namespace kanshiki::test
