#pragma once
// What the persistence analyzers look up about files that they do not read: recorded by inventory.cpp.

#include "kanshiki/records.h"

#include <set>
#include <string>
#include <string_view>

namespace kanshiki {

struct PackageFile { // named in a dpkg file list; only paths that the analyzers ask for
    unsigned volume = 0;
    std::string path;
};
struct WritableProgram { // executable, and everyone may change it
    unsigned volume = 0;
    std::string path;
};
struct LibraryFile {
    unsigned volume = 0;
    std::string path;
};

// /usr/lib and /lib (bin, sbin alike) are one folder on merged systems: compared without the leading /usr.
std::string_view without_usr(std::string_view path);

template<class T>
class PathSet {
public:
    explicit PathSet(const Records& records) {
        for (const T& file : records.of<T>()) paths_.emplace(file.volume, without_usr(file.path));
    }
    bool has(unsigned volume, std::string_view path) const { return paths_.contains({volume, without_usr(path)}); }
    bool any(unsigned volume) const {
        const auto first = paths_.lower_bound({volume, {}});
        return first != paths_.end() && first->first == volume;
    }

private:
    std::set<std::pair<unsigned, std::string_view>> paths_;
};

} // namespace kanshiki
