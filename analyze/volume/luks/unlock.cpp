#include "analyze/volume/luks/unlock.h"

#include "acquire/block/zero.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <libcryptsetup.h>
#include <memory>
#include <sys/mman.h>
#include <unistd.h>

namespace kanshiki::luks {
namespace {

constexpr size_t piece = 1024 * 1024;
constexpr uint64_t most_copied = 160 << 20; // LUKS2: 2 × 4 MiB of headers and 128 MiB of keyslots at most

using Device = std::unique_ptr<crypt_device, decltype(&crypt_free)>;

Device open_device(int file) {
    crypt_set_log_callback(
        nullptr, [](int, const char*, void*) {}, nullptr);
    crypt_device* opened = nullptr;
    // The jail lets a file in memory be opened anew by its descriptor.
    const int error = crypt_init(&opened, ("/proc/self/fd/" + std::to_string(file)).c_str());
    if (error < 0) throw Error(ExitCode::internal, std::string("libcryptsetup: ") + std::strerror(-error));
    crypt_metadata_locking(opened, 0); // nobody else has it
    return {opened, crypt_free};
}

FileDescriptor memory_file(uint64_t size) {
    FileDescriptor file(::memfd_create("luks-header", MFD_CLOEXEC));
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0)
        throw Error(ExitCode::internal, std::string("no memory for a LUKS header: ") + std::strerror(errno));
    return file;
}

} // namespace

void prepare_unlocking() {
    const FileDescriptor file = memory_file(piece);
    const Device device = open_device(file.get());
    crypt_load(device.get(), CRYPT_LUKS, nullptr); // finds nothing
}

KeySlots::KeySlots(const volume::Disk& disk, uint64_t size) : file_(memory_file(disk.size)) {
    std::vector<std::byte> bytes(piece);
    size = std::min({size, disk.size, most_copied});
    for (uint64_t at = 0; at < size; at += piece) {
        const auto part = std::span(bytes).first(static_cast<size_t>(std::min<uint64_t>(piece, size - at)));
        disk.read(at, part);
        if (is_zero(part)) continue;
        if (::pwrite(file_.get(), part.data(), part.size(), static_cast<off_t>(at)) !=
            static_cast<ssize_t>(part.size()))
            throw Error(ExitCode::internal, std::string("no memory for a LUKS header: ") + std::strerror(errno));
    }
}

std::optional<std::vector<std::byte>> KeySlots::open(const std::string& key) {
    const Device device = open_device(file_.get());
    if (const int error = crypt_load(device.get(), CRYPT_LUKS, nullptr); error < 0)
        throw Error(ExitCode::never_valid,
                    std::string("libcryptsetup does not accept its header: ") + std::strerror(-error));
    const int size = crypt_get_volume_key_size(device.get());
    if (size <= 0 || size > 512)
        throw Error(ExitCode::never_valid, "a volume key of " + std::to_string(size) + " bytes");
    std::vector<std::byte> out(static_cast<size_t>(size));
    size_t got = out.size();
    const int slot = crypt_volume_key_get(device.get(), CRYPT_ANY_SLOT, reinterpret_cast<char*>(out.data()), &got,
                                          key.data(), key.size());
    if (slot == -EPERM || slot == -ENOENT) return {};
    if (slot < 0) throw Error(ExitCode::never_valid, std::string("its key cannot be derived: ") + std::strerror(-slot));
    out.resize(got);
    return out;
}

} // namespace kanshiki::luks
