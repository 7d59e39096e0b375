#include "analyze/extract/output_tree.h"

#include "analyze/extract/safe_name.h"
#include "kanshiki/digest.h"
#include "kanshiki/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kanshiki {
namespace {

// So that other tools can open every file by its path (PATH_MAX is 4096), and ours have enough descriptors.
constexpr size_t deepest = 200, longest_path = 3000;
constexpr const char* files = "files";
constexpr const char *deep = "%~deep", *orphans = "%~orphans"; // safe_name() never gives these
constexpr const char* orphans_path = "/$OrphanFiles";

bool is_below(const std::string& path, const std::string& folder) {
    return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

} // namespace

OutputTree::OutputTree(const std::filesystem::path& folder, bool force) : folder_(folder), force_(force) {
    top_.folder = FileDescriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!top_.folder) fail("", "cannot be opened");
}

void OutputTree::fail(const std::string& name, const char* what) const {
    throw Error(ExitCode::destination, (folder_ / name).string() + ": " + what + ": " + std::strerror(errno) +
                                           "; what manifest.jsonl.partial lists is whole");
}

FileDescriptor OutputTree::enter(Level& parent, const std::string& name) {
    const int at = parent.folder.get();
    const std::string shown = parent.name + name;
    if (::mkdirat(at, name.c_str(), 0700) != 0 && errno != EEXIST) fail(shown, "cannot be made");
    FileDescriptor opened(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) fail(shown, "cannot be opened");
    return opened;
}

FileDescriptor OutputTree::create_in(Level& parent, const std::string& name) {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    FileDescriptor made(::openat(parent.folder.get(), name.c_str(), flags, 0600));
    if (!made && errno == EEXIST && force_ && ::unlinkat(parent.folder.get(), name.c_str(), 0) == 0)
        made = FileDescriptor(::openat(parent.folder.get(), name.c_str(), flags, 0600));
    if (!made) fail(parent.name + name, "cannot be made");
    return made;
}

FileDescriptor OutputTree::create(const std::string& name) { return create_in(top_, name); }

void OutputTree::rename(const std::string& from, const std::string& to) {
    if (::renameat(top_.folder.get(), from.c_str(), top_.folder.get(), to.c_str()) != 0) fail(to, "cannot be named");
}

void OutputTree::flush() {
    if (::syncfs(top_.folder.get()) != 0) fail("", "cannot be flushed");
}

void OutputTree::begin(const std::vector<std::string>& names, const std::string& path) {
    levels_.clear();
    Level level{"", std::string(files) + "/", enter(top_, files)};
    for (const std::string& name : names) {
        FileDescriptor inside = enter(level, safe_name(name));
        level = {"", level.name + safe_name(name) + "/", std::move(inside)};
    }
    level.path = path;
    levels_.push_back(std::move(level));
}

// The folder made last that the file lies in; that for all that lies too deep, where its own has not been made.
OutputTree::Level& OutputTree::parent_of(const ListedFile& file) {
    while (levels_.size() > 1 && !is_below(file.path, levels_.back().path)) levels_.pop_back();
    Level& parent = levels_.back();
    const std::string_view rest = std::string_view(file.path).substr(parent.path.size() + 1);
    const bool direct = rest.find('/') == std::string_view::npos;
    if (file.orphan && !direct && levels_.size() == 1 && is_below(file.path, orphans_path)) {
        const std::string name = orphans; // no directory of the image
        levels_.push_back({orphans_path, parent.name + name + "/", enter(parent, name)});
        return parent_of(file);
    }
    if (direct && levels_.size() < deepest && parent.name.size() < longest_path) return parent;
    if (!deep_.folder) {
        Level inside{"", std::string(files) + "/", enter(top_, files)};
        deep_ = {"", inside.name + deep + "/", enter(inside, deep)};
    }
    return deep_;
}

std::string OutputTree::unused(Level& parent, const ListedFile& file) {
    std::string name = safe_name(std::string_view(file.path).substr(file.path.rfind('/') + 1));
    if (&parent == &deep_) name = to_hex(sha256(std::as_bytes(std::span(file.path)))).substr(0, 16) + "%~" + name;
    if (file.deleted) name += "%~deleted-" + std::to_string(file.info.inode);
    std::string free = name;
    for (unsigned copy = 2; !parent.made.insert(free).second; copy++) free = name + "%~" + std::to_string(copy);
    return free;
}

std::string OutputTree::make_folder(const ListedFile& folder) {
    Level& parent = parent_of(folder);
    if (&parent == &deep_) return {}; // what is in it comes to lie beside it
    const std::string name = unused(parent, folder);
    Level level{folder.path, parent.name + name + "/", enter(parent, name)};
    levels_.push_back(std::move(level)); // `parent` is not used after it
    return levels_.back().name.substr(0, levels_.back().name.size() - 1);
}

MadeFile OutputTree::make_file(const ListedFile& file) {
    Level& parent = parent_of(file);
    const std::string name = unused(parent, file);
    return {create_in(parent, name), parent.name + name};
}

} // namespace kanshiki
