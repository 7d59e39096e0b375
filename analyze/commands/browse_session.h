#pragma once
// What ls, stat, cat, extract and timeline begin with: IMAGE[:PATH] opened, the jail shut, its volumes known; and what
// they end with: 4 when something in it could not be read, each told on standard error.

#include "analyze/browse/image.h"
#include "analyze/browse/target.h"
#include "analyze/jail/jail.h"
#include "kanshiki/open_source.h"
#include "kanshiki/terminal.h"

#include <set>

namespace CLI {
class App;
}

namespace kanshiki {

struct BrowseOptions {
    OpenOptions open;
    VolumeOptions volumes; // --key-file
    std::string volume;    // --volume
    bool quiet = false;
};

// Which file stat and cat mean.
struct FileChoice {
    std::string target; // IMAGE[:PATH]
    std::optional<uint64_t> inode;
    bool deleted = false;
};

void add_volume_option(CLI::App& app, BrowseOptions& options); // --volume --key-file, and those of the source
void add_file_choice(CLI::App& app, FileChoice& choice,
                     BrowseOptions& options); // IMAGE[:PATH] --inode --deleted, and all above
unsigned default_threads();

class BrowseSession {
public:
    // Opens the source, then confines the process to `rules` (and the source's network). Parsing begins after that.
    // prepare, in between, may throw: what a source that cannot be opened is to leave nothing of.
    BrowseSession(
        const std::string& image, const BrowseOptions& options, JailRules rules, Events& events, std::stop_token stop,
        const std::function<void()>& prepare = [] {});

    Image& image() { return *image_; }
    // The file of stat and cat; the root where neither path nor inode is given. Unreadable places on the way are told.
    Place find(const Target& target, const FileChoice& choice);
    // A line on standard error, whatever --quiet says; the exit status is 4 from now on.
    void missed(const NotCovered& what);
    // A line on standard error, once.
    void notice(const std::string& what);
    // Tells what the volume's file system has noted by now.
    void take_notes(BrowsedVolume& volume, const std::string& path);
    int status() const { return static_cast<int>(status_); }

private:
    Events& events_;
    std::unique_ptr<BlockSource> opened_, cache_;
    std::optional<Image> image_;
    std::set<std::string> told_;
    ExitCode status_ = ExitCode::ok;
};

} // namespace kanshiki
