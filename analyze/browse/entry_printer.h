#pragma once
// Entries as ls prints them: formatted, and where asked for hashed, by several threads; printed in the listing's order.

#include "analyze/browse/hash_files.h"
#include "analyze/browse/image.h"
#include "analyze/browse/ordered_work.h"

namespace kanshiki {

struct EntryStyle {
    bool json = false, details = false, inode = false; // -l, --inode
    bool hash = false, xattrs = false;                 // read from the image for each entry
    bool full_path = false;                            // else the last component alone
};

// What is told beside the output.
struct Complaints {
    std::function<void(const NotCovered&)> missed;   // could not be read
    std::function<void(const std::string&)> warning; // FileSystem::take_warnings
};

class EntryPrinter {
public:
    EntryPrinter(BlockSource& source, const BrowsedVolume& volume, const EntryStyle& style, unsigned threads,
                 std::function<void(std::string_view)> print, Complaints complaints, std::stop_token stop);
    void add(const ListedFile& file);
    void finish();

private:
    class Worker;
    struct Item {
        ListedFile file;
        std::shared_ptr<const FileHash> hash;
    };
    // Used again once it is printed: a million names would else take as many allocations, and give them back on another
    // thread.
    struct Batch {
        std::vector<Item> items; // its first `used`
        size_t used = 0;
        std::string text;
        std::vector<NotCovered> missed;
        std::vector<std::string> warnings;
    };

    void hash_window();
    void add(const ListedFile& file, std::shared_ptr<const FileHash> hash);
    void print(Batch&& batch);
    void start_batch();

    const BrowsedVolume& volume_;
    EntryStyle style_;
    Batch batch_;
    std::vector<Batch> spare_;
    FileHasher hasher_;
    std::vector<ListedFile> window_; // to be hashed together, so that they can be read as they lie on the disk
    Complaints complaints_;
    std::function<void(std::string_view)> print_;
    OrderedWork<Batch, Batch> work_;
};

} // namespace kanshiki
