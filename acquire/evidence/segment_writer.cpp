#include "acquire/evidence/segment_writer.h"

#include "acquire/custody/files.h"
#include "acquire/evidence/segments.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

void rename_file(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) throw_errno(ExitCode::destination, "rename", from, errno);
}

} // namespace

SegmentWriter::SegmentWriter(const fs::path& image) : image_(image) { open(PartialFile::Mode::create); }

SegmentWriter::SegmentWriter(const fs::path& image, std::vector<EvidenceFile> kept, uint64_t size)
    : image_(image), finished_(std::move(kept)), size_(size) {
    const std::vector<fs::path> there = partial_files(image);
    for (uint32_t i = 0; i < there.size(); ++i) {
        const fs::path partial = partial_segment_path(image, i + 1);
        if (there[i] != partial) rename_file(there[i], partial); // publish() was cut short
        if (::chmod(partial.c_str(), 0600) != 0) throw_errno(ExitCode::destination, "set the mode of", partial, errno);
        if (i + 1 > number() && ::unlink(partial.c_str()) != 0)
            throw_errno(ExitCode::destination, "remove", partial, errno);
    }
    open(PartialFile::Mode::resume);
    current_->resize(size);
}

void SegmentWriter::open(PartialFile::Mode mode) {
    if (number() > most_segments(image_))
        throw Error(ExitCode::destination, image_.string() + ": more than " + std::to_string(most_segments(image_)) +
                                               " segments: start again with a larger --split");
    const fs::path segment = segment_path(image_, number());
    if (number() > 1 && fs::exists(fs::symlink_status(segment)))
        throw Error(ExitCode::destination,
                    segment.string() + ": exists, and is no part of this image; move it away, then --resume");
    auto opened = std::make_shared<PartialFile>(segment, partial_segment_path(image_, number()), mode);
    const std::lock_guard lock(mutex_);
    current_ = std::move(opened);
}

void SegmentWriter::append(std::span<const std::byte> bytes) {
    current_->write(size_, bytes);
    size_ += bytes.size();
}

void SegmentWriter::skip(uint64_t size) { size_ += size; }

void SegmentWriter::write_at(uint64_t offset, std::span<const std::byte> bytes) { current_->write(offset, bytes); }

void SegmentWriter::finish(const std::optional<Digest>& sha256) {
    current_->resize(size_);
    current_->sync();
    finished_.push_back({segment_path(image_, number()), size_, sha256});
    size_ = 0;
}

void SegmentWriter::next(const std::optional<Digest>& sha256) {
    finish(sha256);
    open(PartialFile::Mode::create);
}

void SegmentWriter::amend(uint32_t number, uint64_t offset, std::span<const std::byte> bytes) {
    const fs::path partial = partial_segment_path(image_, number);
    const FileDescriptor file(::open(partial.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) throw_errno(ExitCode::destination, "open", partial, errno);
    write_all(file.get(), partial, bytes, offset);
    if (::fsync(file.get()) != 0) throw_errno(ExitCode::destination, "flush", partial, errno);
    finished_[number - 1].sha256.reset();
}

void SegmentWriter::sync() {
    std::shared_ptr<PartialFile> file;
    {
        const std::lock_guard lock(mutex_);
        file = current_;
    }
    file->sync();
}

void SegmentWriter::publish() {
    for (auto number = static_cast<uint32_t>(finished_.size()); number > 1; --number) {
        seal_file(partial_segment_path(image_, number));
        rename_file(partial_segment_path(image_, number), segment_path(image_, number));
    }
    sync_folder_of(image_);
    seal_file(partial_segment_path(image_, 1));
    rename_file(partial_segment_path(image_, 1), image_);
    sync_folder_of(image_);
}

} // namespace kanshiki
