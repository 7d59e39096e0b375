#include "analyze/browse/hash_files.h"

#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace kanshiki;
using namespace kanshiki::test;

namespace {

// Notes the offsets of large reads: file contents go past caches.
class Traced : public Memory {
public:
    using Memory::Memory;
    void read(Read& read, std::stop_token stop) override {
        if (read.into.size() == 40'000) offsets.push_back(read.offset);
        Memory::read(read, stop);
    }
    std::vector<uint64_t> offsets;
};

std::string image_of_files() {
    Folder folder;
    std::filesystem::create_directories(folder / "tree");
    for (unsigned index = 0; index < 40; index++)
        write(folder / ("tree/f" + std::to_string(index * 7 % 40)), noise(40'000, index * 7 % 40));
    std::filesystem::create_hard_link(folder / "tree/f3", folder / "tree/link");
    run("mke2fs -q -F -t ext4 -d " + (folder / "tree").string() + " " + (folder / "image").string() + " 8M");
    return slurp(folder / "image");
}

std::vector<ListedFile> listed(FileSystem& files) {
    std::vector<ListedFile> all;
    for (const auto& [name, entry] : names(files, files.root())) {
        ListedFile file;
        file.path = "/" + name;
        file.handle = entry.inode;
        file.info = files.stat(entry.inode);
        all.push_back(file);
    }
    return all;
}

} // namespace

TEST(FileHasher, EachContentOnceInTheOrderOfTheDisk) {
    Traced source(image_of_files());
    const auto files = open_whole(source);
    auto all = listed(*files);
    std::shuffle(all.begin(), all.end(), std::mt19937(1));
    source.offsets.clear();
    const auto hashes = FileHasher([&] { return open_whole(source); }, 1, {}).hash(all);
    ASSERT_EQ(hashes.size(), all.size());
    for (size_t index = 0; index < all.size(); index++) {
        if (all[index].info.type != FileType::regular) {
            EXPECT_EQ(hashes[index], nullptr) << all[index].path;
            continue;
        }
        const auto hasher = make_hasher(DigestAlgorithm::sha256);
        const std::string bytes = noise(
            40'000, all[index].path == "/link" ? 3 : static_cast<unsigned>(std::stoul(all[index].path.substr(2))));
        hasher->update(std::as_bytes(std::span(bytes)));
        EXPECT_EQ(hashes[index]->sha256, to_hex(hasher->finish())) << all[index].path;
    }
    EXPECT_EQ(source.offsets.size(), 40u) << "the hard link once";
    EXPECT_TRUE(std::ranges::is_sorted(source.offsets));
}

TEST(FileHasher, TheSameForAnyNumberOfThreadsWithUnreadableBytes) {
    const std::string image = image_of_files();
    Memory whole(image);
    const auto files = open_whole(whole);
    const auto all = listed(*files);
    const uint64_t at = files->extents(find(*files, "/f7")).at(0).range.offset;
    Memory source(image, {{at + 1024, 512}});
    for (const unsigned threads : {1u, 2u, 8u}) {
        const auto hashes = FileHasher([&] { return open_whole(source); }, threads, {}).hash(all);
        for (size_t index = 0; index < all.size(); index++) {
            if (!hashes[index]) continue;
            EXPECT_EQ(hashes[index]->sha256.has_value(), all[index].path != "/f7") << all[index].path;
            EXPECT_EQ(hashes[index]->content.unreadable.size(), all[index].path == "/f7" ? 1u : 0u);
        }
    }
}

TEST(FileHasher, EndsWithTheStopRequest) {
    Memory source(image_of_files());
    const auto files = open_whole(source);
    std::stop_source stop;
    stop.request_stop();
    FileHasher hasher([&] { return open_whole(source); }, 2, stop.get_token());
    EXPECT_THROW(hasher.hash(listed(*files)), Error);
}
