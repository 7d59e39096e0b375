#include "analyze/filesystem/ext/recovered.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/content_map.h"
#include "analyze/filesystem/ext/directory.h"
#include "analyze/filesystem/ext/xattr.h"

#include <algorithm>
#include <unordered_map>

namespace kanshiki::ext {
namespace {

constexpr size_t most_files = size_t{1} << 20, most_names = size_t{4} << 20;

bool later(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

// A name that a copy of a directory block gave to an inode.
struct Name {
    std::string name;
    uint64_t block = 0;  // of the directory; 0: inside its inode
    uint32_t parent = 0; // the directory's inode, where the block says it
    uint32_t sequence = 0;
};

struct DirectoryRun {
    uint64_t first = 0, count = 0;
    uint32_t directory = 0;
};

} // namespace

class Search {
public:
    Search(Disk& disk, const LogBlocks& log, Recovered& into)
        : disk_(disk), super_(disk.super()), into_(into), read_([&](uint64_t index) {
              return disk.reader().view(*log.physical(index) * disk.super().block_size, disk.super().block_size);
          }),
          layout_{super_.block_size, super_.inodes, super_.has(incompatible::file_type), false} {}

    void run() {
        for (const LogCopy& copy : into_.history_.copies())
            if (const auto first = disk_.first_inode_in(copy.block)) inodes(copy, *first);
        for (const LogCopy& copy : into_.history_.copies())
            if (const auto first = disk_.first_inode_in(copy.block); !first)
                directory_block(copy);
            else if (super_.has(incompatible::inline_data))
                inline_directories(copy, *first);
        find_parents();
        for (auto& [key, file] : files_) into_.files_.push_back(finish(key, std::move(file)));
        for (const auto& [number, names] : names_)
            if (const auto known = name_for(number, {}); known && !has_copy(number)) {
                RecoveredFile& file = into_.names_[number];
                file.name = known->name;
                file.parent = handle_of(known->parent);
            }
    }

private:
    using Key = std::pair<uint32_t, uint32_t>; // inode, generation: one file
    struct Found {
        uint32_t index = 0, sequence = 0;
        Inode inode;
    };

    bool load(const LogCopy& copy) { return into_.history_.read(copy, read_, bytes_); }

    // Whether this is the file that the inode belongs to now.
    bool current(uint32_t number, uint32_t generation) {
        return disk_.inode_used(number) && le32(disk_.inode_bytes(number), 0x64) == generation;
    }

    void inodes(const LogCopy& copy, uint64_t first) {
        if (!load(copy)) return;
        for (size_t at = 0; at < super_.block_size; at += super_.inode_size) {
            const auto number = static_cast<uint32_t>(first + at / super_.inode_size);
            if (number < super_.first_inode || number > super_.inodes) continue;
            const auto bytes = std::span<const std::byte>(bytes_).subspan(at, super_.inode_size);
            const bool lived = le16(bytes, 0x0) != 0 && le16(bytes, 0x1a) != 0 && le32(bytes, 0x14) == 0;
            if (!lived) continue;
            const Key key{number, le32(bytes, 0x64)};
            const bool gone = !current(number, key.second);
            const Inode inode = parse_inode(bytes);
            if (gone && inode.info.type == FileType::directory) note_blocks(number, inode);
            if (!gone || inode.info.type == FileType::unknown) continue;
            const auto known = files_.find(key);
            if (known != files_.end() && later(known->second.sequence, copy.sequence)) continue;
            if (known == files_.end() && files_.size() == most_files) {
                disk_.warn(super_.type + " journal: more deleted files than are listed");
                continue;
            }
            files_[key] = {copy.index, copy.sequence, inode};
        }
    }

    // Where an old copy says that a directory lay.
    void note_blocks(uint32_t number, const Inode& inode) {
        if (!(inode.flags & flag_extents) || (inode.flags & flag_inline) || le16(inode.block, 6) != 0) return;
        try {
            for (const BlockRun& run : map_content(disk_, number, inode))
                runs_.push_back({run.physical, run.count, number});
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw; // an old copy: what can be read is enough
        }
    }

    // The names that stand in the inode itself.
    void inline_directories(const LogCopy& copy, uint64_t first) {
        if (!load(copy)) return;
        for (size_t at = 0; at < super_.block_size; at += super_.inode_size) {
            const auto number = static_cast<uint32_t>(first + at / super_.inode_size);
            const auto bytes = std::span<const std::byte>(bytes_).subspan(at, super_.inode_size);
            const Inode inode = parse_inode(bytes);
            if (inode.info.type != FileType::directory || !(inode.flags & flag_inline)) continue;
            names_in(std::span(inode.block).subspan(4), {{}, 0, number, copy.sequence});
            try {
                xattrs_in_inode(bytes, inode.extra_size, [&](const RawXattr& each) {
                    if (is_inline_data(each)) names_in(each.value, {{}, 0, number, copy.sequence});
                });
            } catch (const Error& error) {
                if (error.code() != ExitCode::never_valid) throw;
            }
        }
    }

    void directory_block(const LogCopy& copy) {
        if (!load(copy)) return;
        size_t entries = 0;
        bool plausible = true;
        const auto damage = live_entries(bytes_, layout_, [&](const RawEntry& each) {
            entries++;
            plausible = plausible && each.inode <= super_.inodes && each.name.find('\0') == each.name.npos;
        });
        if (damage || entries == 0 || !plausible) return;
        const bool first = le16(bytes_, 4) == 12 && bytes_[6] == std::byte{1} && bytes_[8] == std::byte{'.'};
        names_in(bytes_, {{}, copy.block, first ? le32(bytes_, 0) : 0, copy.sequence});
    }

    void names_in(std::span<const std::byte> bytes, const Name& where) {
        live_entries(bytes, layout_, [&](const RawEntry& each) {
            if (each.name == "." || each.name == ".." || each.inode > super_.inodes) return;
            if (disk_.inode_used(each.inode) && !has_copy(each.inode)) return;
            auto& names = names_[each.inode];
            const auto same = std::ranges::find_if(names, [&](const Name& name) {
                return name.block == where.block && name.parent == where.parent && name.name == each.name;
            });
            if (same != names.end()) {
                if (later(where.sequence, same->sequence)) same->sequence = where.sequence;
                return;
            }
            if (++count_ > most_names) return disk_.warn(super_.type + " journal: more deleted names than are kept");
            names.push_back(where);
            names.back().name = each.name;
        });
    }

    // Blocks without "." do not say whose they are: the directories that there are, and that there were, are asked.
    void find_parents() {
        std::vector<uint64_t> wanted;
        for (const auto& [number, names] : names_)
            for (const Name& each : names)
                if (each.parent == 0) wanted.push_back(each.block);
        if (wanted.empty()) return;
        std::ranges::sort(wanted);
        wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
        std::unordered_map<uint64_t, uint32_t> owners;
        const auto own = [&](const DirectoryRun& run) {
            for (auto each = std::ranges::lower_bound(wanted, run.first);
                 each != wanted.end() && *each - run.first < run.count; ++each)
                owners[*each] = run.directory;
        };
        for (const DirectoryRun& run : runs_) own(run);
        for (uint64_t group = 0; group < disk_.groups(); group++) living_directories(group, own);
        for (auto& [number, names] : names_)
            for (Name& each : names)
                if (const auto owner = owners.find(each.block); each.parent == 0 && owner != owners.end())
                    each.parent = owner->second;
    }

    template<class Own>
    void living_directories(uint64_t group, const Own& own) {
        const Group found = disk_.group(group);
        if (found.wrong || found.inodes_uninitialised || found.unused_inodes > super_.inodes_per_group) return;
        const uint64_t first = group * super_.inodes_per_group + 1;
        const uint64_t end =
            std::min<uint64_t>(first + super_.inodes_per_group - found.unused_inodes, uint64_t{super_.inodes} + 1);
        for (uint64_t number = first; number < end; number++) {
            if (le16(disk_.inode_bytes(number), 0) >> 12 != 4 || !disk_.inode_used(number)) continue;
            const Inode inode = parse_inode(disk_.inode_bytes(number));
            if (!inode.has_blocks()) continue;
            try {
                for (const BlockRun& run : map_content(disk_, number, inode))
                    own({run.physical, run.count, static_cast<uint32_t>(number)});
            } catch (const Error& error) {
                if (error.code() != ExitCode::never_valid) throw; // told when it is listed
            }
        }
    }

    bool has_copy(uint32_t number) const {
        const auto found = files_.lower_bound({number, 0});
        return found != files_.end() && found->first.first == number;
    }

    // The newest name; where the number was used for several files, one that is not newer than this file's last copy.
    const Name* name_for(uint32_t number, std::optional<uint32_t> sequence) const {
        const auto found = names_.find(number);
        if (found == names_.end()) return nullptr;
        const Name* best = nullptr;
        for (const Name& each : found->second)
            if ((!sequence || !later(each.sequence, *sequence)) && (!best || later(each.sequence, best->sequence)))
                best = &each;
        return best;
    }

    bool only_file_of(uint32_t number) const {
        const auto first = files_.lower_bound({number, 0}), next = std::next(first);
        return next == files_.end() || next->first.first != number;
    }

    uint64_t handle_of(uint32_t directory) {
        if (directory == 0 || directory > super_.inodes) return 0;
        if (disk_.inode_used(directory)) return le16(disk_.inode_bytes(directory), 0) >> 12 == 4 ? directory : 0;
        uint64_t handle = 0;
        const Found* newest = nullptr;
        for (auto each = files_.lower_bound({directory, 0}); each != files_.end() && each->first.first == directory;
             ++each)
            if (each->second.inode.info.type == FileType::directory &&
                (!newest || later(each->second.sequence, newest->sequence))) {
                newest = &each->second;
                handle = copy_handle(newest->index, directory);
            }
        return handle;
    }

    RecoveredFile finish(const Key& key, Found found) {
        const auto [number, generation] = key;
        RecoveredFile file;
        file.handle = copy_handle(found.index, number);
        file.sequence = found.sequence;
        file.generation = generation;
        file.type = found.inode.info.type;
        file.certainty = certainty(number, found);
        const bool reused = disk_.inode_used(number) || !only_file_of(number);
        if (const Name* name = name_for(number, reused ? std::optional(found.sequence) : std::nullopt)) {
            file.name = name->name;
            file.parent = handle_of(name->parent);
        }
        return file;
    }

    // "likely": nobody has taken its blocks since.
    Certainty certainty(uint32_t number, const Found& found) {
        if (!found.inode.has_blocks()) return Certainty::likely;
        try {
            const auto runs = runs_as_of(disk_, into_.history_, read_, number, found.inode, found.sequence);
            const bool free = std::ranges::all_of(
                runs, [&](const BlockRun& run) { return disk_.blocks_free(run.physical, run.count); });
            return free ? Certainty::likely : Certainty::possible;
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            return Certainty::possible; // told when it is read
        }
    }

    Disk& disk_;
    const Superblock& super_;
    Recovered& into_;
    const ReadLog read_;
    const DirectoryLayout layout_;
    std::vector<std::byte> bytes_;
    std::map<Key, Found> files_;
    std::unordered_map<uint32_t, std::vector<Name>> names_;
    std::vector<DirectoryRun> runs_;
    size_t count_ = 0;
};

Recovered::Recovered(Disk& disk, const JournalSuperblock& super, const LogBlocks& log)
    : history_(super, log, [&](uint64_t index) {
          return disk.reader().view(*log.physical(index) * disk.super().block_size, disk.super().block_size);
      }) {
    Search(disk, log, *this).run();
}

const RecoveredFile* Recovered::find(uint64_t handle) const {
    for (auto each = std::ranges::lower_bound(files_, number_of(handle), {},
                                              [](const RecoveredFile& file) { return number_of(file.handle); });
         each != files_.end() && number_of(each->handle) == number_of(handle); ++each)
        if (each->handle == handle) return &*each;
    return nullptr;
}

bool Recovered::has(uint32_t number, uint32_t generation) const {
    for (auto each = std::ranges::lower_bound(files_, number, {},
                                              [](const RecoveredFile& file) { return number_of(file.handle); });
         each != files_.end() && number_of(each->handle) == number; ++each)
        if (each->generation == generation) return true;
    return false;
}

const RecoveredFile* Recovered::named(uint32_t number) const {
    const auto found = names_.find(number);
    return found == names_.end() ? nullptr : &found->second;
}

std::vector<const RecoveredFile*> Recovered::children(uint64_t handle) const {
    std::vector<const RecoveredFile*> found;
    for (const RecoveredFile& each : files_)
        if (each.parent == handle) found.push_back(&each);
    for (const auto& [number, each] : names_)
        if (each.parent == handle) found.push_back(&each);
    return found;
}

std::vector<BlockRun> runs_as_of(Disk& disk, const History& history, const ReadLog& read, uint32_t number,
                                 const Inode& inode, uint32_t sequence) {
    std::vector<std::byte> bytes;
    return map_content(disk, number, inode, [&](uint64_t block, std::span<std::byte> into) {
        const LogCopy* copy = history.as_of(block, sequence);
        if (copy != nullptr && history.read(*copy, read, bytes))
            std::ranges::copy(bytes, into.begin());
        else
            std::ranges::copy(disk.block(block), into.begin());
    });
}

} // namespace kanshiki::ext
