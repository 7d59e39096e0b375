// Disk images of virtual machines, to read: qcow2, VMDK, VHD and VHDX, through libqcow, libvmdk and libvhdi. Such a
// file may name others (a backing file, extents): none of them is opened, since who made the image chose the names.
#include "acquire/block/file_descriptor.h"
#include "acquire/evidence/formats.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <libqcow.h>
#include <libvhdi.h>
#include <libvmdk.h>
#include <mutex>
#include <thread>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
    throw Error(ExitCode::never_valid, file.string() + ": " + why);
}

// What a library says of its failure, in one line.
template<class LibraryError, class Print, class Free>
std::string text_of(LibraryError* error, Print print, Free free) {
    if (!error) return "unknown failure";
    std::array<char, 1024> text{};
    print(error, text.data(), text.size());
    free(&error);
    std::string out(text.data());
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
}

// One open image; not thread-safe.
class Disk {
public:
    virtual ~Disk() = default;
    virtual uint64_t size() const = 0;
    virtual bool read(uint64_t offset, std::span<std::byte> into) = 0; // all of it
};

class QcowDisk final : public Disk {
public:
    explicit QcowDisk(const fs::path& file) : file_(file) {
        look_at_header();
        libqcow_error_t* error = nullptr;
        if (libqcow_file_initialize(&disk_, &error) != 1 ||
            libqcow_file_open(disk_, file.c_str(), LIBQCOW_ACCESS_FLAG_READ, &error) != 1 ||
            libqcow_file_get_media_size(disk_, &size_, &error) != 1) {
            libqcow_file_free(&disk_, nullptr);
            refuse(file,
                   "not a qcow image that can be read: " + text_of(error, libqcow_error_sprint, libqcow_error_free));
        }
    }
    ~QcowDisk() override { libqcow_file_free(&disk_, nullptr); }
    uint64_t size() const override { return size_; }
    bool read(uint64_t offset, std::span<std::byte> into) override {
        return libqcow_file_read_buffer_at_offset(disk_, into.data(), into.size(), static_cast<off64_t>(offset),
                                                  nullptr) == static_cast<ssize_t>(into.size());
    }

private:
    // What the library would follow, or would read as data though it is not.
    void look_at_header() const {
        const FileDescriptor fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        std::array<std::byte, 104> header{};
        if (!fd || read_at(fd.get(), 0, header) < 48) refuse(file_, "too short for a qcow image");
        const auto number = [&](size_t at, size_t bytes) {
            uint64_t value = 0;
            for (size_t i = 0; i < bytes; ++i) value = value << 8 | std::to_integer<uint64_t>(header[at + i]);
            return value;
        };
        const uint64_t version = number(4, 4);
        if (number(0, 4) != 0x514649fb || version < 1 || version > 3) refuse(file_, "no qcow signature");
        if (number(8, 8) != 0)
            refuse(file_, "it has a backing file, which is not opened; make one image of both with qemu-img convert");
        if (number(version == 1 ? 36 : 32, 4) != 0) refuse(file_, "it is encrypted");
        if (version == 3 && (number(72, 8) & 4) != 0)
            refuse(file_, "its data lies in another file, which is not opened; use qemu-img convert");
    }

    const fs::path file_;
    libqcow_file_t* disk_ = nullptr;
    size64_t size_ = 0;
};

class VmdkDisk final : public Disk {
public:
    explicit VmdkDisk(const fs::path& file) {
        libvmdk_error_t* error = nullptr;
        try {
            if (libvmdk_handle_initialize(&disk_, &error) != 1 ||
                libvmdk_handle_open(disk_, file.c_str(), LIBVMDK_ACCESS_FLAG_READ, &error) != 1)
                refuse(file,
                       "not a VMDK that can be read: " + text_of(error, libvmdk_error_sprint, libvmdk_error_free));
            look_at_extents(file);
            const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
            if (libvmdk_handle_set_extent_data_files_path(disk_, folder.c_str(), folder.size(), &error) != 1 ||
                libvmdk_handle_open_extent_data_files(disk_, &error) != 1 ||
                libvmdk_handle_get_media_size(disk_, &size_, &error) != 1)
                refuse(file, "its data cannot be read: " + text_of(error, libvmdk_error_sprint, libvmdk_error_free));
        } catch (...) {
            libvmdk_handle_free(&disk_, nullptr);
            throw;
        }
    }
    ~VmdkDisk() override { libvmdk_handle_free(&disk_, nullptr); }
    uint64_t size() const override { return size_; }
    bool read(uint64_t offset, std::span<std::byte> into) override {
        return libvmdk_handle_read_buffer_at_offset(disk_, into.data(), into.size(), static_cast<off64_t>(offset),
                                                    nullptr) == static_cast<ssize_t>(into.size());
    }

private:
    // The library opens extents by the names that the file gives: only the file itself may be one.
    void look_at_extents(const fs::path& file) const {
        size_t parent = 0;
        if (libvmdk_handle_get_utf8_parent_filename_size(disk_, &parent, nullptr) == 1 && parent > 1)
            refuse(file, "it has a parent image, which is not opened; make one image of both with qemu-img convert");
        int extents = 0;
        if (libvmdk_handle_get_number_of_extents(disk_, &extents, nullptr) != 1 || extents < 1)
            refuse(file, "it names no extent");
        for (int i = 0; i < extents; ++i) {
            libvmdk_extent_descriptor_t* extent = nullptr;
            size_t size = 0;
            if (libvmdk_handle_get_extent_descriptor(disk_, i, &extent, nullptr) != 1) refuse(file, "extents: damaged");
            std::string name;
            if (libvmdk_extent_descriptor_get_utf8_filename_size(extent, &size, nullptr) == 1 && size > 0 &&
                size < 4096) {
                name.resize(size);
                libvmdk_extent_descriptor_get_utf8_filename(extent, reinterpret_cast<uint8_t*>(name.data()), size,
                                                            nullptr);
                name = name.c_str();
            }
            libvmdk_extent_descriptor_free(&extent, nullptr);
            if (name != file.filename().string())
                refuse(file,
                       "its data lies in '" + name +
                           "', another file, which is not opened; use qemu-img convert, or give it that name back");
        }
    }

    libvmdk_handle_t* disk_ = nullptr;
    size64_t size_ = 0;
};

class VhdDisk final : public Disk {
public:
    explicit VhdDisk(const fs::path& file) {
        libvhdi_error_t* error = nullptr;
        uint32_t type = 0;
        try {
            if (libvhdi_file_initialize(&disk_, &error) != 1 ||
                libvhdi_file_open(disk_, file.c_str(), LIBVHDI_ACCESS_FLAG_READ, &error) != 1 ||
                libvhdi_file_get_disk_type(disk_, &type, &error) != 1 ||
                libvhdi_file_get_media_size(disk_, &size_, &error) != 1)
                refuse(file, "not a VHD that can be read: " + text_of(error, libvhdi_error_sprint, libvhdi_error_free));
            if (type == LIBVHDI_DISK_TYPE_DIFFERENTIAL)
                refuse(file,
                       "it has a parent image, which is not opened; make one image of both with qemu-img convert");
        } catch (...) {
            libvhdi_file_free(&disk_, nullptr);
            throw;
        }
    }
    ~VhdDisk() override { libvhdi_file_free(&disk_, nullptr); }
    uint64_t size() const override { return size_; }
    bool read(uint64_t offset, std::span<std::byte> into) override {
        return libvhdi_file_read_buffer_at_offset(disk_, into.data(), into.size(), static_cast<off64_t>(offset),
                                                  nullptr) == static_cast<ssize_t>(into.size());
    }

private:
    libvhdi_file_t* disk_ = nullptr;
    size64_t size_ = 0;
};

// The libraries lock a handle for the time of a read: each reader that comes at once gets a handle of its own.
class VirtualDisk final : public BlockSource {
public:
    using Open = std::function<std::unique_ptr<Disk>()>;
    VirtualDisk(const fs::path& file, const char* kind, Open open) : open_(std::move(open)) {
        free_.push_back(open_());
        info_.uri = file.string();
        info_.kind = kind;
        info_.size = free_.front()->size();
        info_.lanes = std::max(1u, std::thread::hardware_concurrency());
        if (*info_.size > static_cast<uint64_t>(INT64_MAX)) refuse(file, "its size cannot be");
    }
    const SourceInfo& info() const override { return info_; }

    void read(Read& read, std::stop_token) override {
        constexpr uint64_t step = 64 * 1024; // where a read fails it is tried in parts
        read.kind = Kind::data;
        read.bad.clear();
        const uint64_t end = std::min(*info_.size, read.offset + read.into.size());
        read.got = end > read.offset ? end - read.offset : 0;
        if (read.got == 0) return;
        std::unique_ptr<Disk> disk = take();
        if (!disk->read(read.offset, read.into.first(read.got))) {
            for (uint64_t at = read.offset; at < end; at += step) {
                const auto into = read.into.subspan(at - read.offset, std::min(step, end - at));
                if (disk->read(at, into)) continue;
                std::fill(into.begin(), into.end(), std::byte{0});
                read.bad.push_back({{at, into.size()}, EILSEQ});
            }
        }
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(disk));
    }

private:
    std::unique_ptr<Disk> take() {
        {
            const std::lock_guard lock(mutex_);
            if (!free_.empty()) {
                auto out = std::move(free_.back());
                free_.pop_back();
                return out;
            }
        }
        return open_();
    }

    const Open open_;
    SourceInfo info_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Disk>> free_;
};

template<class Kind>
std::unique_ptr<BlockSource> open_disk(const fs::path& file, const char* kind) {
    return std::make_unique<VirtualDisk>(file, kind, [file] { return std::make_unique<Kind>(file); });
}

} // namespace

std::unique_ptr<BlockSource> open_qcow(const fs::path& file) { return open_disk<QcowDisk>(file, "qcow2"); }
std::unique_ptr<BlockSource> open_vmdk(const fs::path& file) { return open_disk<VmdkDisk>(file, "vmdk"); }
std::unique_ptr<BlockSource> open_vhd(const fs::path& file) { return open_disk<VhdDisk>(file, "vhd"); }

} // namespace kanshiki
