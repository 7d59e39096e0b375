#include "kanshiki/listing.h"

#include "analyze/triage/packed_info.h"

#include <cstring>

namespace kanshiki {
namespace {

constexpr size_t block_size = 1024 * 1024;

enum Bit : uint64_t { bit_deleted = 16, bit_orphan = 32, bit_known = 64, certainty_shift = 7 };

} // namespace

std::string_view Listing::keep(std::string_view bytes) {
    if (bytes.size() > free_) {
        const size_t size = std::max(block_size, bytes.size());
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
        block_end_ = blocks_.back().get() + size;
        free_ = size;
        held_ += size;
    }
    char* place = block_end_ - free_;
    std::memcpy(place, bytes.data(), bytes.size());
    free_ -= bytes.size();
    return {place, bytes.size()};
}

// Of a walk's paths the last one's folders, from the root down, are all that is needed to know the next one's.
uint32_t Listing::folder_of(std::string_view path) {
    const auto holds = [&](size_t size) { // the first `size` bytes of last_folder_ are `path` or a folder above it
        return size <= path.size() && path.substr(0, size) == std::string_view(last_folder_).substr(0, size) &&
               (size == path.size() || path[size] == '/');
    };
    while (open_.back().size > 0 && !holds(open_.back().size)) open_.pop_back();
    if (open_.back().size < path.size()) {
        const std::string_view rest = path.substr(open_.back().size);
        if (folders_.size() > UINT32_MAX - 1) throw std::length_error("more than 2^32 directories");
        folders_.push_back({open_.back().folder, keep(rest)});
        open_.push_back({static_cast<uint32_t>(folders_.size() - 1), path.size()});
    }
    last_folder_.assign(path);
    return open_.back().folder;
}

void Listing::push_back(const ListedFile& file) {
    const std::string_view path = file.path;
    const size_t slash = std::min(path.rfind('/'), path.size());
    const std::string_view tail = slash == path.size() ? path : path.substr(slash);
    const uint32_t folder = folder_of(path.substr(0, path.size() - tail.size()));
    uint64_t bits = static_cast<uint64_t>(file.name_type) | static_cast<uint64_t>(file.certainty) << certainty_shift;
    if (file.deleted) bits |= bit_deleted;
    if (file.orphan) bits |= bit_orphan;
    if (file.known) bits |= bit_known;
    char bytes[5 * longest_number];
    char* at = bytes;
    for (const uint64_t value :
         {bits, uint64_t{file.volume}, uint64_t{folder}, folded(file.handle - file.info.inode), uint64_t{tail.size()}})
        at = put_number(at, value);
    record_.assign(bytes, static_cast<size_t>(at - bytes));
    record_ += tail;
    pack(file.info, record_);
    records_.push_back(keep(record_).data());
}

void Listing::append_path(uint32_t folder, std::string& path) const {
    std::vector<std::string_view> parts;
    for (; folder != 0; folder = folders_[folder].parent) parts.push_back(folders_[folder].name);
    for (; !parts.empty(); parts.pop_back()) path += parts.back();
}

void Listing::get(size_t index, ListedFile& file, uint32_t& folder, size_t& folder_size) const {
    const char* at = records_[index];
    const auto next = [&] {
        uint64_t value = 0;
        at = get_number(at, value);
        return value;
    };
    const uint64_t bits = next();
    file.name_type = static_cast<FileType>(bits & 15);
    file.deleted = (bits & bit_deleted) != 0;
    file.orphan = (bits & bit_orphan) != 0;
    file.known = (bits & bit_known) != 0;
    file.certainty = static_cast<Certainty>(bits >> certainty_shift);
    file.volume = static_cast<unsigned>(next());
    const auto found = static_cast<uint32_t>(next());
    const uint64_t handle = unfolded(next());
    const auto size = static_cast<size_t>(next());
    if (found == folder) {
        file.path.resize(folder_size);
    } else {
        file.path.clear();
        append_path(folder = found, file.path);
        folder_size = file.path.size();
    }
    file.path.append(at, size);
    unpack(at + size, file.info);
    file.handle = handle + file.info.inode;
}

ListedFile Listing::operator[](size_t index) const {
    ListedFile file;
    uint32_t folder = 0;
    size_t folder_size = 0;
    get(index, file, folder, folder_size);
    return file;
}

uint64_t Listing::memory() const {
    return held_ + records_.size() * sizeof(const char*) + folders_.size() * sizeof(Folder);
}

} // namespace kanshiki
