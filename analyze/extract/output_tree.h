#pragma once
// The folder that an extraction writes into. Every step is relative to a folder that is already open and follows no
// symbolic link; names have been made safe.

#include "acquire/block/file_descriptor.h"
#include "kanshiki/triage.h"

#include <unordered_set>

namespace kanshiki {

struct MadeFile {
    FileDescriptor file;
    std::string name; // relative to the output folder: "files/p1/etc/passwd"
};

class OutputTree {
public:
    OutputTree(const std::filesystem::path& folder, bool force);

    // Folders of these names, one in the other, for what is given next; "/" of the image is the last one.
    void begin(const std::vector<std::string>& names, const std::string& path);
    std::string here() const { return levels_.front().name.substr(0, levels_.front().name.size() - 1); }
    // Of the listing, in its order. A folder is made and entered, a file is made and opened for writing, 0600; its
    // name here is told. Throws Error{destination}.
    std::string make_folder(const ListedFile& folder);
    MadeFile make_file(const ListedFile& file);
    // A file of the output folder itself.
    FileDescriptor create(const std::string& name);
    void rename(const std::string& from, const std::string& to);
    void flush(); // all of it on the medium

private:
    struct Level {
        std::string path; // in the image, without the last '/'
        std::string name; // here
        FileDescriptor folder;
        std::unordered_set<std::string> made = {};
    };

    Level& parent_of(const ListedFile& file);
    std::string unused(Level& parent, const ListedFile& file);
    FileDescriptor enter(Level& parent, const std::string& name);
    FileDescriptor create_in(Level& parent, const std::string& name);
    [[noreturn]] void fail(const std::string& name, const char* what) const;

    const std::filesystem::path folder_;
    const bool force_;
    Level top_, deep_; // the output folder; where what lies too deep goes
    std::vector<Level> levels_;
};

} // namespace kanshiki
