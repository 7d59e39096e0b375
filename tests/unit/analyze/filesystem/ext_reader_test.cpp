// What our ext reader says beside the content: damaged superblocks and descriptors, wrong checksums, free space.

#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace kanshiki;
using namespace kanshiki::test;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

std::string made(const std::string& options, const std::string& size = "64M") {
    Folder folder;
    std::filesystem::create_directories(folder / "tree/dir");
    write(folder / "tree/dir/file", "content");
    write(folder / "tree/big", noise(300'000, 1));
    run("mke2fs -q -F " + options + " -d " + (folder / "tree").string() + " " + (folder / "image").string() + " " +
        size);
    return slurp(folder / "image");
}

uint32_t word(const std::string& image, size_t at) {
    uint32_t value = 0;
    std::memcpy(&value, image.data() + at, sizeof value);
    return value;
}

struct Layout {
    std::string name, options;
};
void PrintTo(const Layout& kind, std::ostream* out) { *out << kind.name; }
class ExtSpace : public testing::TestWithParam<Layout> {};

} // namespace

TEST(ExtSuperblock, ADamagedOneIsReadByItsCopyAndItIsSaid) {
    for (const std::string options : {"-t ext4 -b 1024", "-t ext2 -b 1024", "-t ext4 -b 4096 -g 8192 -N 64"}) {
        std::string image = made(options, options.ends_with("64") ? "200M" : "64M");
        const bool first = options.find("-g") == options.npos;
        image.replace(1024, 1024, 1024, '\0');
        Memory source(image);
        const auto files = open_whole(source);
        if (!first) { // the copy is not where mke2fs puts it by itself
            EXPECT_EQ(files, nullptr);
            continue;
        }
        ASSERT_TRUE(files) << options;
        EXPECT_THAT(files->info().notices, Contains(HasSubstr("its copy in block group 1"))) << options;
        EXPECT_EQ(content(*files, find(*files, "/dir/file")), "content");
    }
}

TEST(ExtSuperblock, CopiesUnderSomethingElseAreNoFileSystem) {
    std::string image = made("-t ext4 -b 1024");
    image.replace(0, 4096, 4096, '\0');
    image.replace(0, 6, "LUKS\xba\xbe");
    Memory source(image);
    EXPECT_EQ(open_whole(source), nullptr);
}

TEST(ExtSuperblock, UnknownFeaturesAreSaidAndWhatCanBeReadIsRead) {
    std::string image = made("-t ext4 -O ^metadata_csum");
    image[1024 + 0x62] = static_cast<char>(image[1024 + 0x62] | 0x40); // incompatible 0x400000
    Memory source(image);
    const auto files = open_whole(source);
    ASSERT_TRUE(files);
    EXPECT_THAT(files->info().notices, Contains(HasSubstr("incompatible 0x400000")));
    EXPECT_EQ(content(*files, find(*files, "/dir/file")), "content");
}

TEST(ExtChecksums, WrongOnesAreToldAndEndNothing) {
    std::string image = made("-t ext4 -b 1024 -O metadata_csum");
    {
        Memory whole(image);
        const auto files = open_whole(whole);
        find(*files, "/dir/file");
        EXPECT_THAT(files->take_warnings(), IsEmpty());
        const auto directory = files->extents(find(*files, "/dir")).at(0).range;
        image[directory.offset + 600] = 'x';                            // behind the last name
        image[1024 + 0x2c] = static_cast<char>(image[1024 + 0x2c] ^ 1); // time of the last mount
    }
    Memory source(image);
    const auto files = open_whole(source);
    EXPECT_THAT(files->info().notices, Contains("the superblock's checksum is wrong"));
    EXPECT_EQ(content(*files, find(*files, "/dir/file")), "content");
    EXPECT_THAT(files->take_warnings(), Contains(HasSubstr("block 0 of the directory has a wrong checksum")));
}

TEST(ExtDamage, AGroupThatKeepsItsInodesElsewhere) {
    std::string image = made("-t ext4 -b 1024 -O ^metadata_csum,^64bit,^uninit_bg");
    const uint64_t root_table = 2048 + 8; // block 2 holds the descriptors
    image.replace(root_table, 4, "\xff\xff\xff\x7f");
    Memory source(image);
    const auto files = open_whole(source);
    ASSERT_TRUE(files);
    EXPECT_THROW(files->stat(2), Error);
    EXPECT_THROW(files->list(2, [](const DirectoryEntry&) {}), Error);
    EXPECT_THROW(files->orphans([](uint64_t) { return false; }, [](const DirectoryEntry&) {}), Error);
    uint64_t free = 0;
    EXPECT_THROW(files->free_space([&](const Range& range) { free += range.size; }), Error);
    EXPECT_GT(free, 20u << 20) << "the other groups are given";
}

// What the superblock counts; e2fsck holds it to be true.
TEST_P(ExtSpace, FreeBlocksAreThoseThatTheSuperblockCounts) {
    const std::string image = made(GetParam().options, "300M");
    Memory source(image);
    const auto files = open_whole(source);
    uint64_t free = 0, next = 0;
    files->free_space([&](const Range& range) {
        EXPECT_GE(range.offset, next);
        next = range.end() + 1; // neighbours are one range
        free += range.size;
    });
    EXPECT_EQ(free, uint64_t{word(image, 1024 + 0xc)} * files->info().block_size);
    EXPECT_THAT(files->take_warnings(), IsEmpty());
    const auto file = files->extents(find(*files, "/big")).at(0).range;
    files->free_space([&](const Range& range) {
        EXPECT_TRUE(range.end() <= file.offset || file.end() <= range.offset) << "a file's blocks are not free";
    });
}

INSTANTIATE_TEST_SUITE_P(Kinds, ExtSpace,
                         testing::Values(Layout{"plain", "-t ext4"}, Layout{"ext2", "-t ext2 -b 1024"},
                                         Layout{"no_flex", "-t ext4 -O ^flex_bg -b 1024"},
                                         Layout{"uninit", "-t ext4 -O ^flex_bg,^metadata_csum,uninit_bg -b 1024"},
                                         Layout{"meta_bg", "-t ext4 -O ^flex_bg,meta_bg,^resize_inode -b 1024"},
                                         Layout{"sparse2", "-t ext4 -O ^flex_bg,sparse_super2 -b 1024"},
                                         Layout{"bigalloc", "-t ext4 -O bigalloc -C 65536"}),
                         [](const auto& each) { return each.param.name; });
