// Deleted files that no directory names: free inodes, and what the journal still knows of them.

#include "analyze/filesystem/ext/ext_file_system.h"

#include <algorithm>

namespace kanshiki::ext {
namespace {

std::string name_or_number(const RecoveredFile* known, uint64_t number) {
    if (known == nullptr || known->name.empty()) return "OrphanFile-" + std::to_string(number);
    std::string name = known->name;
    for (char& each : name)
        if (each == '/' || each == '\0') each = '_'; // never stored by a sane system; would forge a path
    return name;
}

} // namespace

void ExtFileSystem::give_recovered(const RecoveredFile& file, const std::function<void(const DirectoryEntry&)>& entry) {
    DirectoryEntry each;
    each.name = name_or_number(&file, number_of(file.handle));
    each.inode = file.handle;
    each.type = file.type;
    each.deleted = true;
    each.certainty = file.certainty;
    entry(each);
}

void ExtFileSystem::list_copy(const File& directory, const std::function<void(const DirectoryEntry&)>& entry) {
    for (const RecoveredFile* each : recovered().children(directory.handle)) give_recovered(*each, entry);
}

void ExtFileSystem::orphans(const std::function<bool(uint64_t)>& named,
                            const std::function<void(const DirectoryEntry&)>& entry) {
    std::string wrong;
    const auto attempt = [&](const auto& action) {
        try {
            action();
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            if (wrong.empty()) wrong = error.what();
        }
    };
    const Recovered* known = nullptr;
    if (disk_.super().journal_inode != 0 && (disk_.super().compatible & compatible::has_journal))
        attempt([&] { known = &recovered(); });
    if (known != nullptr)
        for (const RecoveredFile& each : known->files()) give_recovered(each, entry);
    for (uint64_t index = 0; index < disk_.groups(); index++) attempt([&] { orphans_of(index, known, named, entry); });
    if (!wrong.empty()) throw Error(ExitCode::never_valid, wrong);
}

void ExtFileSystem::orphans_of(uint64_t index, const Recovered* known, const std::function<bool(uint64_t)>& named,
                               const std::function<void(const DirectoryEntry&)>& entry) {
    const Superblock& super = disk_.super();
    const Group found = disk_.group(index);
    // Inodes that were never used need not be looked at: the group descriptor counts them.
    if (found.inodes_uninitialised || found.unused_inodes >= super.inodes_per_group) return;
    const uint64_t first = index * super.inodes_per_group + 1;
    const uint64_t end =
        std::min<uint64_t>(first + super.inodes_per_group - found.unused_inodes, uint64_t{super.inodes} + 1);
    DirectoryEntry each;
    for (uint64_t number = std::max<uint64_t>(first, super.first_inode); number < end; number++) {
        const Inode candidate = parse_inode(disk_.inode_bytes(number));
        if (!candidate.used) continue;
        const bool used = disk_.inode_used(number);
        // Without a link and yet allocated: its name is gone, but a program had it open. The inode is what it was.
        if (used && (candidate.info.links != 0 || candidate.info.type == FileType::unknown)) continue;
        if (named(number)) continue;
        const auto narrow = static_cast<uint32_t>(number);
        if (!used && known != nullptr && known->has(narrow, candidate.generation)) continue; // its copy says more
        const RecoveredFile* name = known == nullptr ? nullptr : known->named(narrow);
        each.name = name_or_number(name, number);
        each.inode = number;
        each.deleted = !used;
        each.type = candidate.info.type;
        each.certainty = used ? Certainty::certain : Certainty::likely;
        entry(each);
    }
}

} // namespace kanshiki::ext
