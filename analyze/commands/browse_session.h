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
    std::string volume; // --volume
    bool quiet = false;
};

void add_volume_option(CLI::App& app, BrowseOptions& options); // --volume, and those of the source
unsigned default_threads();

class BrowseSession {
public:
    // Opens the source, then confines the process: what may be written is `writable` alone. Parsing begins after that.
    BrowseSession(const std::string& image, const BrowseOptions& options, const std::filesystem::path& writable,
                  Events& events, std::stop_token stop);

    Image& image() { return *image_; }
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
