#include "kanshiki/chunk_list.h"

#include "acquire/custody/files.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr size_t leaf_size = sizeof(Digest);
constexpr size_t buffer_size = 256 * 1024;
constexpr size_t page_size = 64 * 1024;

} // namespace

ChunkListWriter::ChunkListWriter(const std::filesystem::path& path, uint64_t keep) : path_(path), size_(keep) {
    buffer_.reserve(buffer_size);
    if (keep == 0) {
        fd_ = create_anew(path).release();
        return;
    }
    FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    if (fd.get() < 0) throw_errno(ExitCode::destination, "open", path, errno);
    const uint64_t size = regular_size(fd.get(), path, ExitCode::destination);
    if (keep > size / leaf_size)
        throw Error(ExitCode::altered, path.string() + " holds " + std::to_string(size / leaf_size) +
                                           " leaves, not the " + std::to_string(keep) + " expected: it was cut short");
    written_ = keep * leaf_size;
    if (::ftruncate(fd.get(), static_cast<off_t>(written_)) != 0)
        throw_errno(ExitCode::destination, "shorten", path, errno);
    fd_ = fd.release();
}

ChunkListWriter::~ChunkListWriter() {
    if (fd_ < 0) return;
    release_space(fd_, written_);
    ::close(fd_);
}

void ChunkListWriter::reserve(uint64_t leaves) { reserve_space(fd_, path_, leaves * leaf_size); }

void ChunkListWriter::append(const Digest& leaf, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
        if (buffer_.size() >= buffer_size) flush();
        buffer_.insert(buffer_.end(), leaf.begin(), leaf.end());
        ++size_;
    }
}

void ChunkListWriter::flush() {
    // At its own offset: after a failure in the middle (a full disk) the same bytes can be written again.
    write_all(fd_, path_, buffer_, written_);
    written_ += buffer_.size();
    buffer_.clear();
}

void ChunkListWriter::sync() {
    flush();
    if (::fdatasync(fd_) != 0) throw_errno(ExitCode::destination, "flush", path_, errno);
}

ChunkListReader::ChunkListReader(const std::filesystem::path& path) : path_(path) {
    FileDescriptor fd = open_to_read(path, ExitCode::never_valid);
    const uint64_t size = regular_size(fd.get(), path, ExitCode::never_valid);
    if (size % leaf_size)
        throw Error(ExitCode::never_valid, path.string() + ": its size, " + std::to_string(size) +
                                               " bytes, is no multiple of 32: not a chunk list, or cut short");
    size_ = size / leaf_size;
    fd_ = fd.release();
}

ChunkListReader::~ChunkListReader() {
    if (fd_ >= 0) ::close(fd_);
}

Digest ChunkListReader::operator[](uint64_t index) {
    const uint64_t offset = index * leaf_size, page = offset / page_size;
    if (index < size_ && page != page_) {
        page_ = ~uint64_t{0};
        buffer_.resize(page_size);
        buffer_.resize(read_upto(fd_, path_, buffer_, page * page_size, ExitCode::altered));
        page_ = page;
    }
    const size_t at = offset % page_size;
    if (index >= size_ || at + leaf_size > buffer_.size())
        throw Error(ExitCode::altered, path_.string() + " has no leaf " + std::to_string(index) + ": it was cut short");
    Digest leaf;
    std::memcpy(leaf.data(), buffer_.data() + at, leaf_size);
    return leaf;
}

} // namespace kanshiki
