#pragma once
// One small image of each file system, made of the same tree by the file system's own tools, without mounting.

#include "unit/analyze/filesystem/images.h"

#include <memory>
#include <vector>

namespace kanshiki::test {

struct MadeImage {
    const char* name;
    void (*make)(const std::filesystem::path& tree, const std::filesystem::path& image);
    bool folders = true;  // the tool takes a tree, else only files
    bool symlinks = true; // of the tree
    bool ours = true;     // no library between: what is hostile must not crash it
    friend void PrintTo(const MadeImage& image, std::ostream* out) { *out << image.name; }
};

// Every file system that is read. A new reader is one more line.
const std::vector<MadeImage>& made_images();

// Files of all sizes, a sparse one, folders of 1 to 400 names, symlinks, as far as the image can hold them.
void make_tree(const std::filesystem::path& tree, const MadeImage& kind);

// An image with its tree and the source over it.
class OpenedImage {
public:
    explicit OpenedImage(const MadeImage& kind);
    BlockSource& source() { return *source_; }
    std::filesystem::path tree() const { return folder_ / "tree"; }

private:
    Folder folder_;
    std::unique_ptr<BlockSource> source_;
};

// What is asked of a source, with some of its bytes replaced and some unreadable. Thread-safe while nobody changes it.
class Altered : public BlockSource {
public:
    explicit Altered(BlockSource& below) : below_(below) {}
    const SourceInfo& info() const override { return below_.info(); }
    void read(Read& read, std::stop_token stop) override;
    void replace(uint64_t offset, std::string bytes) { replaced_.emplace_back(offset, std::move(bytes)); }
    void spoil(Range range) { bad_.push_back(range); }

private:
    BlockSource& below_;
    std::vector<std::pair<uint64_t, std::string>> replaced_;
    std::vector<Range> bad_;
};

// path -> entry of everything below `top` that is not deleted; without what the file system keeps for itself.
std::map<std::string, DirectoryEntry> all_names(FileSystem& files);

} // namespace kanshiki::test
