#include "analyze/browse/image.h"

#include "analyze/browse/find_entries.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki {
namespace {

// "/p2/etc" -> "/etc" for the volume p2.
std::optional<std::string> below(const BrowsedVolume& volume, const std::string& path) {
    const std::string prefix = "/" + volume.name;
    if (volume.name.empty() || !path.starts_with(prefix)) return {};
    if (path.size() == prefix.size()) return "/";
    if (path[prefix.size()] != '/') return {};
    return path.substr(prefix.size());
}

} // namespace

Image::Image(BlockSource& source, const VolumeOptions& options, const std::string& chosen, std::stop_token stop)
    : source_(source) {
    const VolumeTable table = read_volumes(source, options, stop);
    for (const std::string& notice : table.notices) notices_.push_back("volumes: " + notice);
    if (!chosen.empty()) {
        const bool as_prefix = chosen.size() > 1 && chosen.front() == 'p' &&
                               chosen.find_first_not_of("0123456789", 1) == std::string::npos; // "p2", as ls prints it
        open(find_volume(table, as_prefix ? chosen.substr(1) : chosen), false, stop);
    } else {
        const bool named = table.scheme != "none" || table.volumes.size() > 1;
        for (const Volume& volume : table.volumes)
            if (volume.allocated) open(volume, named, stop);
    }
    if (volumes_.empty())
        throw Error(ExitCode::never_valid,
                    source.info().uri + ": " + (not_covered_.empty() ? "no volume in it" : not_covered_.front().why));
}

void Image::open(const Volume& volume, bool named, const std::stop_token& stop) {
    auto files = open_volume(source_, volume, stop);
    if (!files && volume.opened) return; // what is in it has volumes of its own
    if (!files) {
        const std::string content =
            volume.holds.empty() ? recognise_content(volume.in(source_), volume.range, stop) : volume.holds;
        not_covered_.push_back(
            {volume.number, "",
             "volume " + std::to_string(volume.number) + " at byte " + std::to_string(volume.range.offset),
             content.empty() ? "no file system that is known" : content + ": not read by this version"});
        return;
    }
    for (const std::string& notice : files->info().notices)
        notices_.push_back((named ? "volume " + std::to_string(volume.number) + ": " : "") + notice);
    volumes_.push_back({volume, named ? "p" + std::to_string(volume.number) : "", std::move(files), &source_});
}

ListedFile Image::root_of(BrowsedVolume& volume) {
    FileSystem& files = *volume.files;
    return {volume.volume.number,     FileType::directory, false, false, files.root(), "/",
            files.stat(files.root()), Certainty::certain};
}

std::vector<Place> Image::find_all(const std::string& path, bool deleted) {
    std::vector<Place> found;
    std::optional<Error> damage;
    for (BrowsedVolume& volume : volumes_) {
        std::vector<std::string> readings{path};
        if (auto inside = below(volume, path)) readings.push_back(std::move(*inside));
        for (const std::string& each : readings) {
            try {
                for (ListedFile& file : find_entries(*volume.files, volume.volume.number, each, deleted))
                    found.push_back({&volume, std::move(file)});
            } catch (const Error& error) {
                if (error.code() != ExitCode::never_valid) throw;
                damage = error;
            }
        }
    }
    if (found.empty() && damage) throw Error(*damage);
    if (found.empty())
        throw Error(ExitCode::usage, path + ": no such file in it" +
                                         (deleted ? ", deleted or not" : "; --deleted looks for deleted ones"));
    return found;
}

Place Image::find(const std::string& path, bool deleted) {
    std::vector<Place> found = find_all(path, deleted);
    if (found.size() == 1) return std::move(found.front());
    std::string which;
    for (const Place& each : found)
        which += (which.empty() ? "" : ", ") +
                 (each.file.deleted ? "inode " + std::to_string(each.file.info.inode) + " (deleted)"
                                    : "volume " + std::to_string(each.file.volume) + " " + each.file.path);
    throw Error(ExitCode::usage, path + " is " + std::to_string(found.size()) + " things: " + which +
                                     "; choose with --volume or --inode");
}

Place Image::find_inode(uint64_t inode) {
    if (volumes_.size() > 1) throw Error(ExitCode::usage, "--inode needs --volume: several volumes hold a file system");
    BrowsedVolume& volume = volumes_.front();
    ListedFile file{volume.volume.number,      FileType::unknown, false, false, inode, "",
                    volume.files->stat(inode), Certainty::certain};
    if (file.info.inode != inode) throw Error(ExitCode::usage, "no inode " + std::to_string(inode) + " in it");
    file.path = "inode " + std::to_string(inode); // whatever its names are
    file.deleted = !file.info.allocated;
    if (file.deleted) file.certainty = Certainty::likely;
    return {&volume, std::move(file)};
}

} // namespace kanshiki
