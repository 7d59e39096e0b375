#include "analyze/triage/listed_directory.h"

#include "analyze/triage/packed_info.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>

namespace kanshiki {
namespace {

constexpr size_t growth_step = 1024; // names
// Inodes that lie near each other are read by one thread, others at the same time: a root's folders lie anywhere.
// Beyond so many pieces there is enough to do at the same time, and a piece takes more memory than a name.
constexpr uint64_t near = 64;
constexpr size_t largest_piece = 128, most_by_distance = 4096;

struct TooMany {};

// The first bytes of a name after what all names of the directory begin with, as a number that compares as they do:
// most pairs of names differ there.
struct Key {
    uint64_t first = 0;
    uint32_t index = 0;
};

size_t common_prefix(const ListedDirectory& directory) {
    if (directory.names.empty()) return 0;
    std::string_view prefix = directory.text(directory.names.front());
    for (const auto& name : directory.names) {
        const std::string_view text = directory.text(name);
        if (text.starts_with(prefix)) continue;
        prefix = prefix.substr(0, static_cast<size_t>(std::ranges::mismatch(prefix, text).in1 - prefix.begin()));
    }
    return prefix.size();
}

uint64_t first_bytes(std::string_view text) {
    unsigned char bytes[8] = {};
    std::memcpy(bytes, text.data(), std::min<size_t>(text.size(), 8));
    uint64_t value = 0;
    for (const unsigned char byte : bytes) value = value << 8 | byte;
    return value;
}

// By bytes, then allocated ones first, then as they stand in the directory.
void sort_by_name(ListedDirectory& directory) {
    std::vector<Key> keys;
    keys.reserve(directory.names.size());
    const size_t prefix = common_prefix(directory);
    for (const auto& name : directory.names)
        keys.push_back({first_bytes(directory.text(name).substr(prefix)), static_cast<uint32_t>(keys.size())});
    std::ranges::sort(keys, [&](const Key& a, const Key& b) {
        if (a.first != b.first) return a.first < b.first;
        const auto& left = directory.names[a.index];
        const auto& right = directory.names[b.index];
        if (const int order = directory.text(left).compare(directory.text(right)); order != 0) return order < 0;
        if (left.deleted != right.deleted) return right.deleted;
        if (left.handle != right.handle) return left.handle < right.handle;
        return a.index < b.index;
    });
    std::vector<ListedDirectory::Name> sorted;
    sorted.reserve(keys.size());
    for (const Key& key : keys) sorted.push_back(directory.names[key.index]);
    directory.names = std::move(sorted);
}

void inspect(FileSystem& files, const WalkOptions& options, uint64_t handle, const FileInfo& info,
             ListedDirectory::Odd& odd) {
    try {
        options.inspect(files, handle, info);
    } catch (const Error& error) {
        if (ends_run(error)) throw;
        odd.inspect_error = error.what();
    }
}

void read_streams(FileSystem& files, const WalkOptions& options, const ListedDirectory::Name& name,
                  ListedDirectory::Odd& odd) {
    try {
        files.streams(name.handle, [&](const DirectoryEntry& stream) { odd.streams.push_back({stream, {}}); });
    } catch (const Error& error) {
        if (ends_run(error)) throw;
        odd.streams_error = error.what();
    }
    for (size_t index = 0; index < odd.streams.size(); index++) {
        try {
            odd.streams[index].info = files.stat(odd.streams[index].entry.inode);
            if (options.inspect) options.inspect(files, odd.streams[index].entry.inode, odd.streams[index].info);
        } catch (const Error& error) {
            if (ends_run(error)) throw;
            odd.streams_error = error.what();
            odd.streams.resize(index);
        }
    }
    if (!odd.streams.empty() || !odd.streams_error.empty()) odd.streams_unreadable = files.take_unreadable();
}

} // namespace

uint64_t ListedDirectory::memory() const {
    uint64_t sum = sizeof(*this) + texts.capacity() + names.capacity() * sizeof(Name) + odd.capacity() * sizeof(Odd) +
                   (by_handle.capacity() + enterable.capacity()) * sizeof(uint32_t) + pieces.capacity() * sizeof(Piece);
    for (const Piece& piece : pieces) sum += piece.infos.capacity();
    return sum;
}

void add_name(ListedDirectory& directory, const DirectoryEntry& entry) {
    ListedDirectory::Name name;
    name.handle = entry.inode;
    name.text = directory.texts.size();
    name.size = static_cast<uint32_t>(std::min<size_t>(entry.name.size(), UINT32_MAX));
    name.type = entry.type;
    name.deleted = entry.deleted;
    name.certainty = entry.certainty;
    directory.texts += entry.name;
    directory.names.push_back(name);
}

void read_names(FileSystem& files, uint64_t handle, const WalkLimits& limits, ListedDirectory& directory,
                const std::function<void()>& grown) {
    const size_t most = std::min<size_t>(limits.directory, UINT32_MAX);
    try {
        files.list(handle, [&](const DirectoryEntry& entry) {
            if (directory.names.size() >= most) throw TooMany();
            add_name(directory, entry);
            if (directory.names.size() % growth_step == 0) grown();
        });
    } catch (const TooMany&) {
        directory.error = "has more than " + std::to_string(most) + " names; the rest is not listed";
    } catch (const Error& error) {
        if (ends_run(error)) throw;
        directory.error = error.what();
    }
    directory.unreadable = files.take_unreadable();
}

void arrange(ListedDirectory& directory) {
    sort_by_name(directory);
    std::vector<std::pair<uint64_t, uint32_t>> order;
    order.reserve(directory.names.size());
    for (const auto& name : directory.names) order.emplace_back(name.handle, static_cast<uint32_t>(order.size()));
    std::ranges::sort(order);
    directory.by_handle.reserve(order.size());
    directory.pieces.emplace_back();
    uint64_t before = order.empty() ? 0 : order.front().first;
    for (const auto& [handle, index] : order) {
        const auto place = static_cast<uint32_t>(directory.by_handle.size());
        const bool apart = handle - before > near && directory.pieces.size() < most_by_distance;
        if (apart || place - directory.pieces.back().first >= largest_piece) {
            directory.pieces.emplace_back();
            directory.pieces.back().first = place;
        }
        directory.by_handle.push_back(index);
        directory.pieces.back().end = place + 1;
        before = handle;
    }
}

void read_inodes(FileSystem& files, const WalkOptions& options, size_t path_size, ListedDirectory& directory,
                 size_t piece_index) {
    auto& piece = directory.pieces[piece_index];
    piece.infos.reserve((piece.end - piece.first) * 48);
    for (size_t place = piece.first; place < piece.end; place++) {
        auto& name = directory.names[directory.by_handle[place]];
        if (path_size + 1 + name.size > options.limits.path) {
            name.state = ListedDirectory::State::too_long;
            continue;
        }
        if (name.handle == 0) continue;
        ListedDirectory::Odd odd;
        try {
            const FileInfo info = files.stat(name.handle);
            name.state = ListedDirectory::State::known;
            name.piece = static_cast<uint32_t>(piece_index);
            name.info = static_cast<uint32_t>(piece.infos.size());
            pack(info, piece.infos);
            if (options.inspect) inspect(files, options, name.handle, info, odd);
            odd.unreadable = files.take_unreadable();
            const bool directory_too = info.type == FileType::directory;
            if (!directory_too || !name.deleted) read_streams(files, options, name, odd);
            // Of a deleted name the inode may belong to another directory by now.
            if (directory_too && !(name.deleted && info.allocated))
                piece.enterable.push_back(directory.by_handle[place]);
        } catch (const Error& error) {
            if (ends_run(error)) throw;
            name.state = ListedDirectory::State::failed;
            odd.error = error.what();
            odd.unreadable = files.take_unreadable();
        }
        if (odd.error.empty() && odd.inspect_error.empty() && odd.unreadable.empty() && odd.streams.empty() &&
            odd.streams_error.empty())
            continue;
        odd.name = directory.by_handle[place];
        piece.odd.push_back(std::move(odd));
    }
}

void complete(ListedDirectory& directory) {
    directory.by_handle = {};
    for (auto& piece : directory.pieces) {
        std::ranges::move(piece.odd, std::back_inserter(directory.odd));
        directory.enterable.insert(directory.enterable.end(), piece.enterable.begin(), piece.enterable.end());
        piece.odd = {};
        piece.enterable = {};
        if (piece.infos.capacity() > piece.infos.size() + piece.infos.size() / 4) piece.infos.shrink_to_fit();
    }
    std::ranges::sort(directory.odd, {}, &ListedDirectory::Odd::name);
    std::ranges::sort(directory.enterable);
}

} // namespace kanshiki
