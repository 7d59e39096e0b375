// XFS against a tree that mkfs.xfs -p copied into the image, for every form that mkfs can make, version 4 too (which
// current kernels refuse to mount). tests/cli/test_filesystems_xfs.py compares with the kernel.

#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace kanshiki;
using namespace kanshiki::test;

namespace {

struct Variety {
    std::string name, options;
};

void PrintTo(const Variety& kind, std::ostream* out) { *out << kind.name; }

// The kernel's tools want 300 MiB; the file is sparse.
std::filesystem::path make(const Folder& folder, const std::string& options, const std::string& prototype) {
    const std::filesystem::path image = folder / "image";
    write(folder / "prototype", "/nothing\n0 0\n" + prototype);
    run("truncate -s 320M " + image.string() + " && mkfs.xfs -q -f -L label " + options + " -p " +
        (folder / "prototype").string() + " " + image.string());
    return image;
}

std::unique_ptr<BlockSource> open_image(const std::filesystem::path& image) {
    static NoEvents events;
    return open_source(image, {}, events);
}

class Xfs : public testing::TestWithParam<Variety> {
protected:
    Folder folder_;
};

std::vector<Xattr> xattrs_of(FileSystem& files, uint64_t inode) {
    std::vector<Xattr> found;
    files.xattrs(inode, [&](const Xattr& each) { found.push_back(each); });
    std::ranges::sort(found, {}, &Xattr::name);
    return found;
}

std::string many_names(const std::string& directory, int count, const std::string& content) {
    std::string lines = directory + " d--755 0 0\n";
    for (int index = 0; index < count; index++)
        lines += "a-rather-long-name-" + std::to_string(index) + " ---644 0 0 " + content + "\n";
    return lines + "$\n";
}

} // namespace

TEST_P(Xfs, TreeOfThePrototype) {
    const std::string big = noise(3'000'123, 7);
    write(folder_ / "big", big);
    write(folder_ / "tiny", "x");
    write(folder_ / "empty", "");
    const std::string at = folder_.path().string();
    // mkfs.xfs 6.1 forgets the header of symbolic links that do not fit into the inode.
    const size_t longest = 700;
    const bool forgets =
        !GetParam().name.starts_with("v4") && GetParam().name != "v5_sectors_of_4096"; // inodes of 2 KiB
    std::string prototype = "d--755 0 0\n"
                            "big -u-755 12 345 " +
                            at + "/big\nempty ---600 70000 80000 " + at + "/empty\n" +
                            "null c--666 0 0 1 3\ndisk b--660 0 6 259 70000\npipe p--644 0 0\n"
                            "short l--777 0 0 target\nlong l--777 0 0 " +
                            std::string(longest, 't') + "\n" + many_names("few", 3, at + "/tiny") +
                            many_names("block", 40, at + "/empty") + many_names("leaf", 300, at + "/empty") +
                            many_names("node", 3000, at + "/empty") + "$\n";
    const auto source = open_image(make(folder_, GetParam().options, prototype));
    const auto files = open_whole(*source);
    ASSERT_NE(files, nullptr);
    EXPECT_EQ(files->info().type, "xfs");
    EXPECT_EQ(files->info().label, "label");
    EXPECT_THAT(files->info().notices, testing::IsEmpty());

    const auto root = names(*files, files->root());
    EXPECT_EQ(root.size(), 11u);
    EXPECT_EQ(content(*files, root.at("big").inode), big);
    FileInfo info = files->stat(root.at("big").inode);
    EXPECT_EQ(info.mode, 04755u);
    EXPECT_EQ(info.uid, 12u);
    EXPECT_EQ(info.gid, 345u);
    EXPECT_EQ(info.links, 1u);
    EXPECT_EQ(info.type, FileType::regular);
    EXPECT_TRUE(info.allocated);
    EXPECT_EQ(files->stat(root.at("empty").inode).gid, 80000u);
    EXPECT_EQ(content(*files, root.at("empty").inode), "");
    info = files->stat(root.at("disk").inode);
    EXPECT_EQ(info.type, FileType::block);
    EXPECT_EQ(info.major, 259u);
    EXPECT_EQ(info.minor, 70000u);
    EXPECT_EQ(files->stat(root.at("null").inode).type, FileType::character);
    EXPECT_EQ(files->stat(root.at("pipe").inode).type, FileType::fifo);
    EXPECT_EQ(files->stat(root.at("short").inode).symlink_target, "target");
    EXPECT_EQ(files->stat(root.at("long").inode).symlink_target, std::string(longest, 't'));
    for (const auto& [name, count] :
         std::map<std::string, size_t>{{"few", 3}, {"block", 40}, {"leaf", 300}, {"node", 3000}}) {
        const auto found = names(*files, root.at(name).inode);
        EXPECT_EQ(found.size(), count) << name;
        for (size_t index = 0; index < count; index += 97) {
            const auto each = found.find("a-rather-long-name-" + std::to_string(index));
            ASSERT_NE(each, found.end()) << index;
            EXPECT_EQ(files->stat(each->second.inode).size, name == "few" ? 1u : 0u);
        }
    }
    uint64_t free = 0, next = 0;
    files->free_space([&](const Range& range) {
        EXPECT_GE(range.offset, next);
        next = range.end();
        free += range.size;
    });
    EXPECT_GT(free, uint64_t{150} << 20);
    for (const auto& extent : files->extents(root.at("big").inode))
        EXPECT_FALSE(extent.sparse) << "all of it was written";
    EXPECT_THAT(files->take_warnings(),
                testing::ElementsAreArray(std::vector<testing::Matcher<std::string>>(
                    forgets ? 1 : 0, testing::HasSubstr("its remote symbolic link has no header"))));
    EXPECT_THAT(files->take_unreadable(), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Forms, Xfs,
    testing::Values(Variety{"v5", ""}, Variety{"v5_1k_rmap_nrext64", "-b size=1024 -m rmapbt=1 -i nrext64=1"},
                    Variety{"v5_big_directory_blocks", "-n size=16384"},
                    Variety{"v5_sectors_of_4096", "-s size=4096 -i size=2048"},
                    Variety{"v5_old_times", "-m bigtime=0,inobtcount=0,finobt=0,reflink=0 -i sparse=0"},
                    Variety{"v5_64k", "-b size=65536"}, Variety{"v4", "-m crc=0,finobt=0"},
                    Variety{"v4_512", "-m crc=0,finobt=0 -b size=512 -n size=4096"},
                    Variety{"v4_types", "-m crc=0,finobt=0 -n ftype=1"},
                    Variety{"v4_no_types_2k", "-m crc=0,finobt=0 -b size=2048 -n ftype=0 -i size=1024"}),
    [](const auto& each) { return each.param.name; });

// xfs_db writes attributes without a kernel: in the inode, in a leaf, in a tree, and long values in blocks of their
// own.
TEST_P(Xfs, AttributesOfEveryForm) {
    const std::filesystem::path image =
        make(folder_, GetParam().options, "d--755 0 0\nfew ---644 0 0 /dev/null\nmany ---644 0 0 /dev/null\n$\n");
    const auto inode = [&](const char* name) {
        const auto source = open_image(image);
        return std::to_string(find(*open_whole(*source), name));
    };
    std::string commands =
        " -c 'inode " + inode("/few") +
        "' -c 'attr_set -u -v 7 small' -c 'attr_set -s -v 3 capability' -c 'attr_set -r -v 1 trust' -c 'inode " +
        inode("/many") + "'";
    for (int index = 1; index <= 120; index++)
        commands += " -c 'attr_set -u -v " + std::to_string(index) + " name" + std::to_string(index) +
                    std::string(60, 'n') + "'";
    commands += " -c 'attr_set -u -v 5000 larger' -c 'attr_set -s -v 65536 largest'";
    run("xfs_db -x" + commands + " " + image.string());

    const auto source = open_image(image);
    const auto files = open_whole(*source);
    const auto few = xattrs_of(*files, find(*files, "/few"));
    ASSERT_EQ(few.size(), 3u);
    EXPECT_EQ(few[0].name, "security.capability");
    EXPECT_EQ(few[0].value, "vvv");
    EXPECT_EQ(few[1].name, "trusted.trust");
    EXPECT_EQ(few[1].value, "v");
    EXPECT_EQ(few[2].name, "user.small");
    std::map<std::string, size_t> many;
    for (const Xattr& each : xattrs_of(*files, find(*files, "/many"))) {
        many[each.name] = each.value.size();
        EXPECT_EQ(each.value, std::string(each.value.size(), 'v')) << each.name;
    }
    EXPECT_EQ(many.size(), 122u);
    EXPECT_EQ(many["user.larger"], 5000u);
    EXPECT_EQ(many["security.largest"], 65536u);
    EXPECT_EQ(many["user.name77" + std::string(60, 'n')], 77u);
    EXPECT_THAT(files->take_warnings(), testing::IsEmpty());
}

namespace {

void patch(const std::filesystem::path& image, uint64_t offset, std::string_view bytes) {
    std::fstream(image, std::ios::binary | std::ios::in | std::ios::out)
        .seekp(static_cast<std::streamoff>(offset))
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

} // namespace

TEST(XfsContradictions, WrongChecksumsAreToldAndEndNothing) {
    Folder folder;
    const auto image = make(folder, "", "d--755 0 0\n" + many_names("block", 40, "/dev/null") + "$\n");
    uint64_t directory = 0;
    {
        const auto source = open_image(image);
        const auto files = open_whole(*source);
        directory = files->extents(find(*files, "/block"))[0].range.offset;
    }
    patch(image, directory + 20, "?"); // of its LSN, which nothing here reads
    const auto source = open_image(image);
    const auto files = open_whole(*source);
    const uint64_t inode = find(*files, "/block");
    EXPECT_EQ(names(*files, inode).size(), 40u);
    EXPECT_THAT(files->take_warnings(),
                testing::ElementsAre("XFS inode " + std::to_string(inode) + ": directory block at byte " +
                                     std::to_string(directory) + " has a wrong checksum"));
    EXPECT_THAT(files->take_warnings(), testing::IsEmpty());
}

TEST(XfsContradictions, AForgedSuperblockHidesNothing) {
    Folder folder;
    std::string super(512, '\0');
    std::ifstream(make(folder, "", "d--755 0 0\n$\n"), std::ios::binary).read(super.data(), 512);
    run("mke2fs -q -F -t ext4 " + (folder / "ext").string() + " 16M");
    patch(folder / "ext", 0, super); // ext leaves its first 1024 bytes alone
    const auto source = open_image(folder / "ext");
    const auto files = open_whole(*source);
    ASSERT_NE(files, nullptr);
    EXPECT_EQ(files->info().type, "ext4");
}

TEST(XfsContradictions, FeaturesThatAreNotKnownAreSaid) {
    Folder folder;
    const auto image = make(folder, "", "d--755 0 0\nfile ---644 0 0 /dev/null\n$\n");
    patch(image, 216, "\x40"); // sb_features_incompat
    const auto source = open_image(image);
    const auto files = open_whole(*source);
    EXPECT_EQ(names(*files, files->root()).count("file"), 1u);
    EXPECT_THAT(files->info().notices,
                testing::ElementsAre("the superblock's checksum is wrong", testing::HasSubstr("0x40000000")));
}

TEST(XfsContradictions, AnotherUuidIsStillTheSameFileSystem) {
    Folder folder;
    const auto image = make(folder, "", "d--755 0 0\n" + many_names("block", 40, "/dev/null") + "$\n");
    run("xfs_admin -U 01234567-89ab-cdef-0123-456789abcdef " + image.string()); // meta_uuid keeps the old one
    const auto source = open_image(image);
    const auto files = open_whole(*source);
    EXPECT_EQ(files->info().uuid, "01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_EQ(names(*files, find(*files, "/block")).size(), 40u);
    EXPECT_THAT(files->take_warnings(), testing::IsEmpty());
}

TEST(XfsContradictions, RealtimeContentCannotBeRead) {
    Folder folder;
    write(folder / "content", noise(10'000, 1));
    const auto image = make(folder, "", "d--755 0 0\nfile ---644 0 0 " + (folder / "content").string() + "\n$\n");
    uint64_t inode = 0;
    {
        const auto source = open_image(image);
        inode = find(*open_whole(*source), "/file");
    }
    run("xfs_db -x -c 'inode " + std::to_string(inode) + "' -c 'write core.realtime 1' " + image.string());
    const auto source = open_image(image);
    const auto files = open_whole(*source);
    EXPECT_EQ(files->stat(inode).size, 10'000u);
    std::byte byte{};
    try {
        files->read(inode, 0, {&byte, 1});
        ADD_FAILURE() << "what lies on another device was read";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("realtime device"));
    }
}

// A size of 2^63 and a link to a directory itself: told, in bounded time.
TEST(XfsContradictions, ImpossibleSizesAndLoops) {
    Folder folder;
    const auto image =
        make(folder, "", "d--755 0 0\nfile ---644 0 0 /dev/null\nself d--755 0 0\nx ---644 0 0 /dev/null\n$\n$\n");
    uint64_t file = 0, self = 0;
    {
        const auto source = open_image(image);
        const auto files = open_whole(*source);
        file = find(*files, "/file");
        self = find(*files, "/self");
    }
    patch(image, file * 512 + 56, std::string_view("\x80\0\0\0\0\0\0\0", 8)); // di_size; both lie in the first group
    run("xfs_db -x -c 'inode " + std::to_string(self) + "' -c 'write u3.sfdir3.list[0].inumber.i4 " +
        std::to_string(self) + "' -c 'write u3.sfdir3.list[0].filetype 2' " + image.string());
    const auto source = open_image(image);
    const auto files = open_whole(*source);
    std::byte byte{};
    EXPECT_EQ(files->stat(file).size, uint64_t{1} << 63);
    EXPECT_THROW(files->read(file, 0, {&byte, 1}), Error);
    const auto found = names(*files, self);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found.at("x").inode, self);
    EXPECT_EQ(found.at("x").type, FileType::directory);
}
