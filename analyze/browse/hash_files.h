#pragma once
// SHA-256 of many files: read in the order in which they lie on the disk, by several threads, each content once.

#include "analyze/browse/content.h"
#include "kanshiki/digest.h"

#include <atomic>

namespace kanshiki {

struct FileHash {
    std::optional<std::string> sha256; // hexadecimal; nothing where not all of the content could be read
    ContentResult content;
};

class FileHasher {
public:
    // open: the file system, for a thread of its own; called from several threads.
    FileHasher(std::function<std::unique_ptr<FileSystem>()> open, unsigned threads, std::stop_token stop);
    // One for each file, null where it has no content of its own or is no regular file. The same for any number of
    // threads. Throws only what ends the run.
    std::vector<std::shared_ptr<const FileHash>> hash(std::span<const ListedFile> files);
    std::vector<std::string> take_warnings(); // of the file systems, sorted

private:
    struct Content { // of one handle, whatever its names
        uint64_t handle = 0, size = 0;
        uint64_t place = 0; // of its first byte in the source
        std::shared_ptr<FileHash> hash;
    };
    struct Reader { // of one thread, kept between calls
        std::unique_ptr<FileSystem> files;
        ContentBuffer buffer;
    };
    void each(std::vector<Content>& contents, size_t at_once, void (FileHasher::*work)(Reader&, Content&));
    void find(Reader& reader, Content& content);
    void read(Reader& reader, Content& content);

    const std::function<std::unique_ptr<FileSystem>()> open_;
    const std::stop_token stop_;
    std::vector<Reader> readers_;
};

} // namespace kanshiki
