// Reads .img.zst at any offset. A frame that does not decode is reported as unreadable (EILSEQ) in its own place.
#include "acquire/block/file_descriptor.h"
#include "acquire/evidence/formats.h"
#include "acquire/evidence/zst_frames.h"
#include "acquire/evidence/zst_table.h"
#include "kanshiki/error.h"
#include "kanshiki/pipeline.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <list>
#include <mutex>
#include <sys/stat.h>
#include <thread>
#include <zstd.h>

namespace kanshiki {
namespace {

using Content = std::shared_ptr<const std::vector<std::byte>>; // null: the frame does not decode

// Frames decoded lately, for readers that ask in small pieces (file systems do).
class FrameCache {
public:
    std::optional<Content> find(uint64_t frame) {
        std::lock_guard lock(mutex_);
        for (auto at = kept_.begin(); at != kept_.end(); ++at)
            if (at->first == frame) {
                kept_.splice(kept_.begin(), kept_, at);
                return at->second;
            }
        return {};
    }
    void keep(uint64_t frame, Content content) {
        std::lock_guard lock(mutex_);
        bytes_ += content ? content->size() : 0;
        kept_.emplace_front(frame, std::move(content));
        while (kept_.size() > 1 && bytes_ > most_bytes) {
            bytes_ -= kept_.back().second ? kept_.back().second->size() : 0;
            kept_.pop_back();
        }
    }

private:
    static constexpr size_t most_bytes = 32 * 1024 * 1024;
    std::mutex mutex_;
    std::list<std::pair<uint64_t, Content>> kept_;
    size_t bytes_ = 0;
};

class ZstSource final : public BlockSource {
public:
    ZstSource(const std::filesystem::path& file, FileDescriptor fd, std::vector<ZstFrame> frames, uint64_t upto)
        : file_(std::move(fd)), frames_(std::move(frames)) {
        info_.uri = file.string();
        info_.kind = "zst";
        info_.size = frames_.empty() ? 0 : frames_.back().content_offset + frames_.back().content;
        info_.size = std::min(*info_.size, upto);
        info_.lanes = std::max(1u, std::thread::hardware_concurrency());
    }

    const SourceInfo& info() const override { return info_; }

    void read(Read& read, std::stop_token) override {
        read.kind = Kind::data;
        read.bad.clear();
        const uint64_t end = std::min(*info_.size, read.offset + read.into.size());
        read.got = end > read.offset ? end - read.offset : 0;
        for (uint64_t at = read.offset; at < read.offset + read.got;) at = copy_from_frame(at, read);
    }

private:
    // Copies what one frame has of the range; returns where the next one starts.
    uint64_t copy_from_frame(uint64_t at, Read& read) {
        const uint64_t index = frame_of(at);
        const ZstFrame& frame = frames_[index];
        const uint64_t end = std::min(frame.content_offset + frame.content, read.offset + read.got);
        const auto into = read.into.subspan(at - read.offset, end - at);
        bool good;
        if (into.size() == frame.content) { // the whole frame: no detour through the cache
            good = decode(frame, into);
        } else {
            const Content content = cached(index);
            good = content != nullptr;
            if (good) std::memcpy(into.data(), content->data() + (at - frame.content_offset), into.size());
        }
        if (!good) {
            std::fill(into.begin(), into.end(), std::byte{0});
            read.bad.push_back({{at, into.size()}, EILSEQ});
        }
        return end;
    }

    uint64_t frame_of(uint64_t at) const {
        const auto after =
            std::upper_bound(frames_.begin(), frames_.end(), at,
                             [](uint64_t offset, const ZstFrame& frame) { return offset < frame.content_offset; });
        return static_cast<uint64_t>(after - frames_.begin()) - 1;
    }

    Content cached(uint64_t index) {
        if (const auto found = cache_.find(index)) return *found;
        auto content = std::make_shared<std::vector<std::byte>>(frames_[index].content);
        Content out = decode(frames_[index], *content) ? content : nullptr;
        cache_.keep(index, out);
        return out;
    }

    bool decode(const ZstFrame& frame, std::span<std::byte> into) const {
        thread_local std::vector<std::byte> stored;
        thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
        stored.resize(frame.stored);
        if (read_at(file_.get(), frame.offset, stored) != static_cast<ssize_t>(stored.size())) return false;
        // Exactly one frame, of exactly this content: nothing uninitialised may pass for evidence.
        if (ZSTD_findFrameCompressedSize(stored.data(), stored.size()) != stored.size()) return false;
        return ZSTD_decompressDCtx(context.get(), into.data(), into.size(), stored.data(), stored.size()) ==
               into.size();
    }

    const FileDescriptor file_;
    const std::vector<ZstFrame> frames_;
    SourceInfo info_;
    FrameCache cache_;
};

FileDescriptor open_readable(const std::filesystem::path& file) {
    FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw Error(ExitCode::never_valid, file.string() + ": cannot open: " + std::strerror(errno));
    return fd;
}

std::vector<std::byte> read_tail(int fd, uint64_t file_size, uint64_t size, const std::filesystem::path& file) {
    std::vector<std::byte> out(size);
    if (read_at(fd, file_size - size, out) != static_cast<ssize_t>(size))
        throw Error(ExitCode::never_valid, file.string() + ": cannot read its last " + std::to_string(size) + " bytes");
    return out;
}

std::vector<ZstFrame> read_seek_table(int fd, const std::filesystem::path& file) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw Error(ExitCode::never_valid, file.string() + ": " + std::strerror(errno));
    const uint64_t size = static_cast<uint64_t>(status.st_size);
    const uint64_t table_size = size >= 9 ? seek_table_size(read_tail(fd, size, 9, file)) : 0;
    if (table_size == 0)
        throw Error(ExitCode::never_valid, file.string() + ": no zstd seek table at its end: cut short, or not written "
                                                           "by kanshiki; zstd -t checks it, zstd -d restores it");
    if (table_size > size) throw Error(ExitCode::never_valid, file.string() + ": seek table: larger than the file");
    return parse_seek_table(read_tail(fd, size, table_size, file), size, file.string());
}

} // namespace

std::unique_ptr<BlockSource> open_zst(const std::filesystem::path& file) {
    FileDescriptor fd = open_readable(file);
    std::vector<ZstFrame> frames = read_seek_table(fd.get(), file);
    return std::make_unique<ZstSource>(file, std::move(fd), std::move(frames), ~uint64_t{0});
}

std::unique_ptr<BlockSource> salvage_zst(const std::filesystem::path& file, uint64_t upto) {
    std::vector<ZstFrame> frames;
    walk_zst_frames(file, [&](const ZstFrame& frame, std::span<const std::byte>) {
        if (frame.content_offset >= upto) return false;
        frames.push_back(frame);
        return true;
    });
    return std::make_unique<ZstSource>(file, open_readable(file), std::move(frames), upto);
}

} // namespace kanshiki
