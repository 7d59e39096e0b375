#include "analyze/extract/write_content.h"

#include "acquire/block/zero.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr size_t block = 4096;

class SparseFile {
public:
    SparseFile(FileDescriptor file, const std::string& name) : file_(std::move(file)), name_(name) {}

    // Runs of blocks that are not zero; offset is a multiple of the block but for what follows an unaligned end.
    void write(uint64_t offset, std::span<const std::byte> bytes) {
        for (size_t at = 0; at < bytes.size();) {
            size_t end = at;
            while (end < bytes.size() && !is_zero(piece(bytes, end))) end += piece(bytes, end).size();
            if (end > at) write_all(offset + at, bytes.subspan(at, end - at));
            at = end < bytes.size() ? end + piece(bytes, end).size() : end;
        }
    }

    void finish(uint64_t size) {
        if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) fail("cannot be sized");
        if (::fchmod(file_.get(), 0400) != 0) fail("cannot be made read-only");
        if (::close(file_.release()) != 0) fail("cannot be closed");
    }

private:
    static std::span<const std::byte> piece(std::span<const std::byte> bytes, size_t at) {
        return bytes.subspan(at, std::min(block, bytes.size() - at));
    }
    void write_all(uint64_t offset, std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t wrote = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) fail("cannot be written");
            bytes = bytes.subspan(static_cast<size_t>(wrote));
            offset += static_cast<uint64_t>(wrote);
        }
    }
    [[noreturn]] void fail(const char* what) const {
        throw Error(ExitCode::destination,
                    name_ + ": " + what + ": " + std::strerror(errno) + "; what manifest.jsonl.partial lists is whole");
    }

    FileDescriptor file_;
    const std::string& name_;
};

} // namespace

WrittenContent write_content(FileSystem& files, const ListedFile& file, ContentBuffer& buffer, FileDescriptor into,
                             const std::string& name, const std::stop_token& stop) {
    SparseFile out(std::move(into), name);
    WrittenContent result;
    const auto hasher = make_hasher(DigestAlgorithm::sha256);
    if (std::string why = too_large(files, file.info.size); !why.empty())
        result.read.failure = std::move(why);
    else
        result.read = read_content(
            files, file.handle, file.info.size, buffer,
            [&](uint64_t offset, std::span<const std::byte> bytes) {
                hasher->update(bytes);
                out.write(offset, bytes);
            },
            stop);
    out.finish(result.read.size);
    result.sha256 = hasher->finish();
    return result;
}

} // namespace kanshiki
