#include "acquire/evidence/direct_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr uint64_t block = AlignedBuffer::alignment;
constexpr long xfs_magic = 0x58465342; // "XFSB"; <linux/magic.h> has it from 6.2 on

// 0 or an errno.
int write_all(int fd, uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        bytes = bytes.subspan(static_cast<size_t>(n));
        offset += static_cast<uint64_t>(n);
    }
    return 0;
}

} // namespace

std::unique_ptr<DirectWriter> DirectWriter::open(const std::filesystem::path& file, int plain) {
    struct statfs about {};
    if (::fstatfs(plain, &about) != 0 || (about.f_type != EXT4_SUPER_MAGIC && about.f_type != xfs_magic))
        return nullptr;
    FileDescriptor direct(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_DIRECT));
    if (!direct) return nullptr;
    return std::unique_ptr<DirectWriter>(new DirectWriter(std::move(direct), plain));
}

// The buffer is empty, and writing goes on at `offset`: what shares its block is read first.
int DirectWriter::begin(uint64_t offset) {
    start_ = offset / block * block;
    size_ = clean_ = offset - start_;
    if (size_ == 0) return 0;
    const ssize_t got = read_at(plain_, start_, buffer_.span().first(size_));
    if (got < 0) return errno;
    std::fill(buffer_.data() + got, buffer_.data() + size_, std::byte{0}); // a hole
    return 0;
}

int DirectWriter::put_blocks() {
    const size_t whole = size_ / block * block;
    if (whole == 0) return 0;
    int error = write_all(direct_.get(), start_, buffer_.span().first(whole));
    // A device below may want larger blocks than we know: then by way of the cache.
    if (error == EINVAL) error = write_all(plain_, start_, buffer_.span().first(whole));
    if (error) return error;
    std::memmove(buffer_.data(), buffer_.data() + whole, size_ - whole);
    start_ += whole;
    size_ -= whole;
    clean_ = clean_ > whole ? clean_ - whole : 0;
    return 0;
}

int DirectWriter::flush_locked() {
    if (const int error = put_blocks()) return error;
    if (size_ == clean_) return 0;
    if (const int error = write_all(plain_, start_, buffer_.span().first(size_))) return error;
    clean_ = size_; // it stays, for the block is written again when more of it comes
    return 0;
}

int DirectWriter::write(uint64_t offset, std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    if (offset != start_ + size_) {
        if (const int error = flush_locked()) return error;
        if (const int error = begin(offset)) return error;
    }
    while (!bytes.empty()) {
        // Whole blocks in aligned memory need no copy.
        if (size_ == 0 && bytes.size() % block == 0 && reinterpret_cast<uintptr_t>(bytes.data()) % block == 0) {
            const int error = write_all(direct_.get(), offset, bytes);
            if (error == 0) start_ = offset + bytes.size();
            if (error != EINVAL) return error;
        }
        const size_t take = std::min(bytes.size(), buffer_.size() - size_);
        std::memcpy(buffer_.data() + size_, bytes.data(), take);
        size_ += take;
        offset += take;
        bytes = bytes.subspan(take);
        if (size_ == buffer_.size())
            if (const int error = put_blocks()) return error;
    }
    return 0;
}

int DirectWriter::flush() {
    const std::lock_guard lock(mutex_);
    return flush_locked();
}

void DirectWriter::forget() {
    const std::lock_guard lock(mutex_);
    start_ = size_ = clean_ = 0; // whoever writes next reads what shares its block
}

} // namespace kanshiki
