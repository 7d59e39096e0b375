// ext2/3/4 against a tree on this machine that mke2fs -d copied into the image.

#include "unit/analyze/filesystem/images.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace kanshiki;
using namespace kanshiki::test;
namespace fs = std::filesystem;

namespace {

// Every other block of 4 KiB: one extent each.
void write_fragmented(const fs::path& path, unsigned extents, uint64_t block) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0644);
    for (unsigned index = 0; index < extents; index++) {
        const std::string bytes = noise(block, index);
        ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(index * 2 * block)),
                  static_cast<ssize_t>(block));
    }
    ::close(fd);
}

struct Variety {
    std::string name, options, type;
    unsigned block = 4096;
};

void PrintTo(const Variety& kind, std::ostream* out) { *out << kind.name; }

class Ext : public testing::TestWithParam<Variety> {
protected:
    void SetUp() override {
        const fs::path tree = folder_ / "tree";
        fs::create_directories(tree / "etc/deep/er");
        write(tree / "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
        write(tree / "etc/empty", "");
        write(tree / "etc/tiny", "x");
        write(tree / "etc/deep/er/big", noise(1'000'123, 7));
        write_fragmented(tree / "fragmented", 2500, GetParam().block);
        if (GetParam().name != "ext4_inline") // mke2fs 1.47 drops a hole at the end of a file there
            fs::resize_file(tree / "fragmented", 2500 * 2 * GetParam().block + 5'000'000);
        fs::create_symlink("passwd", tree / "etc/short");
        fs::create_symlink(std::string(59, 'a'), tree / "etc/link59");
        fs::create_symlink(std::string(60, 'b'), tree / "etc/link60");
        fs::create_symlink(std::string(61, 'c'), tree / "etc/link61");
        fs::create_symlink(std::string(900, 'd'), tree / "etc/link900");
        fs::create_symlink("tab\there\n", tree / "etc/control");
        write(tree / "etc/\xff\xfe\nname|x", "odd");
        for (int index = 0; index < 300; index++)
            write(tree / ("etc/deep/file-with-a-rather-long-name-" + std::to_string(index)), "y");
        const timespec times[] = {{1'600'000'000, 123'456'789}, {1'500'000'001, 987'654'321}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (tree / "etc/passwd").c_str(), times, 0), 0);
        ::chmod((tree / "etc/passwd").c_str(), 04755);
        image_ = folder_ / "image";
        run("mke2fs -q -F " + GetParam().options + " -b " + std::to_string(GetParam().block) +
            " -L label -U 01234567-89ab-cdef-0123-456789abcdef -d " + tree.string() + " " + image_.string() + " 64M");
    }

    void compare(FileSystem& files, uint64_t directory, const fs::path& host) {
        const auto found = names(files, directory);
        size_t expected = 0;
        for (const fs::directory_entry& each : fs::directory_iterator(host)) {
            expected++;
            const auto entry = found.find(each.path().filename().string());
            ASSERT_NE(entry, found.end()) << each.path();
            struct stat want {};
            ::lstat(each.path().c_str(), &want);
            const FileInfo info = files.stat(entry->second.inode);
            EXPECT_TRUE(info.allocated);
            EXPECT_EQ(info.mode, want.st_mode & 07777u) << each.path();
            if (each.is_symlink()) {
                EXPECT_EQ(info.type, FileType::symlink);
                EXPECT_EQ(info.symlink_target, fs::read_symlink(each.path()).string());
                EXPECT_EQ(content(files, entry->second.inode), fs::read_symlink(each.path()).string());
            } else if (each.is_directory()) {
                EXPECT_EQ(info.type, FileType::directory);
                compare(files, entry->second.inode, each.path());
            } else {
                EXPECT_EQ(info.type, FileType::regular);
                EXPECT_EQ(info.modified->seconds, want.st_mtim.tv_sec) << each.path();
                EXPECT_EQ(info.size, static_cast<uint64_t>(want.st_size));
                EXPECT_TRUE(content(files, entry->second.inode) == slurp(each.path())) << each.path();
            }
        }
        if (directory == files.root()) expected++; // lost+found
        EXPECT_EQ(found.size(), expected);
    }

    Folder folder_;
    fs::path image_;
    NoEvents events_;
};

} // namespace

TEST_P(Ext, HoldsWhatWasPutInAndSaysWhere) {
    const auto source = open_source(image_, {}, events_);
    const auto files = open_whole(*source);
    ASSERT_TRUE(files);
    EXPECT_EQ(files->info().type, GetParam().type);
    EXPECT_EQ(files->info().label, "label");
    EXPECT_EQ(files->info().uuid, "01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_EQ(files->info().block_size, GetParam().block);
    compare(*files, files->root(), folder_ / "tree");
    EXPECT_TRUE(files->take_unreadable().empty());

    // The extents tell where the content lies in the source.
    const auto extents = files->extents(find(*files, "/fragmented"));
    EXPECT_GE(extents.size(), 2000u);
    const std::string whole = slurp(folder_ / "tree" / "fragmented");
    uint64_t covered = 0;
    for (const auto& extent : extents) {
        ASSERT_LE(covered, extent.logical);
        covered = extent.logical + extent.range.size;
        if (extent.sparse) continue;
        std::string bytes(extent.range.size, '\0');
        Read read;
        read.offset = extent.range.offset;
        read.into = std::as_writable_bytes(std::span(bytes));
        source->read(read, {});
        ASSERT_TRUE(bytes == whole.substr(extent.logical, bytes.size())) << "at " << extent.logical;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Varieties, Ext,
    testing::Values(Variety{"ext2", "-t ext2", "ext2"}, Variety{"ext3", "-t ext3", "ext3"},
                    Variety{"ext4", "-t ext4", "ext4"}, Variety{"ext4_1k", "-t ext4", "ext4", 1024},
                    Variety{"ext4_inline", "-t ext4 -O inline_data", "ext4"},
                    Variety{"ext4_small_inodes", "-t ext4 -I 128", "ext4"},
                    Variety{"ext4_meta_bg", "-t ext4 -O meta_bg,^resize_inode -g 1024", "ext4", 1024},
                    Variety{"ext4_sparse2", "-t ext4 -O sparse_super2,^resize_inode,^64bit", "ext4"}),
    [](const auto& each) { return each.param.name; });

// Nanoseconds and the epoch bits, set by debugfs: the kernel's own definition of the fields is the oracle's.
TEST(ExtTimes, EpochBitsNanosecondsAndSign) {
    Folder folder;
    const fs::path image = folder / "image";
    write(folder / "file", "content");
    run("mke2fs -q -F -t ext4 " + image.string() + " 8M");
    const std::string script = folder / "script";
    write(script,
          "write " + (folder / "file").string() +
              " a\n"
              "sif a mtime 0x80000000\nsif a mtime_extra 0x1\n"        // 2^31 above 1970: 1 epoch added to the negative
              "sif a ctime 0x00000001\nsif a ctime_extra 0x0000000e\n" // epoch 2, 3 ns
              "sif a atime 0xffffffff\nsif a atime_extra 0x0\n"        // 1969-12-31
              "sif a crtime 0x5f5e1000\nsif a crtime_extra 0xee6b27fc\n"); // 999999999 ns
    run("debugfs -w -f " + script + " " + image.string());
    NoEvents events;
    const auto source = open_source(image, {}, events);
    const auto files = open_whole(*source);
    const FileInfo info = files->stat(find(*files, "/a"));
    EXPECT_EQ(info.modified, (Timestamp{int64_t{1} << 31, 0}));
    EXPECT_EQ(info.changed, (Timestamp{(int64_t{2} << 32) + 1, 3}));
    EXPECT_EQ(info.accessed, (Timestamp{-1, 0}));
    EXPECT_EQ(info.created, (Timestamp{0x5f5e1000, 999'999'999}));
}

TEST(ExtDamage, UnreadableBlocksAreZerosAndSaid) {
    Folder folder;
    write(folder / "file", noise(100'000, 3));
    run("mkdir " + (folder / "tree").string() + " && cp " + (folder / "file").string() + " " +
        (folder / "tree").string());
    run("mke2fs -q -F -t ext4 -d " + (folder / "tree").string() + " " + (folder / "image").string() + " 8M");
    const std::string bytes = slurp(folder / "image");
    Memory whole(bytes);
    const uint64_t at = open_whole(whole)->extents(find(*open_whole(whole), "/file")).at(0).range.offset + 8192;
    Memory source(bytes, {{at, 512}});
    const auto files = open_whole(source);
    const uint64_t inode = find(*files, "/file");
    files->take_unreadable();
    std::string expected = slurp(folder / "file");
    std::fill_n(expected.begin() + 8192, 512, '\0');
    EXPECT_TRUE(content(*files, inode) == expected);
    EXPECT_THAT(files->take_unreadable(), testing::Contains(Bad{{at, 512}, EIO}));
}

// An inode that claims what it does not have: never content, never a crash.
TEST(ExtDamage, ImpossibleInodes) {
    Folder folder;
    const fs::path image = folder / "image";
    write(folder / "file", noise(50'000, 3));
    run("mke2fs -q -F -t ext4 " + image.string() + " 8M");
    const std::string script = folder / "script", file = (folder / "file").string();
    write(script, "write " + file +
                      " huge\nsif huge size 0x7fffffffffffffff\n"
                      "write " +
                      file +
                      " outside\nsif outside block[5] 0x7fffffff\n"
                      "write " +
                      file +
                      " magic\nsif magic block[0] 0x12345678\n"
                      "write " +
                      file +
                      " deep\nsif deep block[1] 0xffff0004\n"
                      "write " +
                      file +
                      " secret\nsif secret flags 0x80800\n" // fscrypt, extents
                      "mkdir folder\nsif folder size 0xfffff000\n"
                      "symlink link " +
                      std::string(200, 'l') + "\nsif link size 0x7fffffff\n");
    run("debugfs -w -f " + script + " " + image.string());
    NoEvents events;
    const auto source = open_source(image, {}, events);
    const auto files = open_whole(*source);
    std::byte buffer[4096];
    const uint64_t huge = find(*files, "/huge");
    EXPECT_EQ(files->stat(huge).size, 0x7fffffffffffffffull);
    EXPECT_EQ(files->read(huge, 0x7ffffffffffff000, buffer), 4095u); // sparse: zeros
    EXPECT_THROW(files->read(find(*files, "/outside"), 0, buffer), Error);
    EXPECT_THROW(files->read(find(*files, "/magic"), 0, buffer), Error);
    EXPECT_THROW(files->read(find(*files, "/deep"), 0, buffer), Error);
    EXPECT_THROW(files->read(find(*files, "/secret"), 0, buffer), Error) << "ciphertext is no content";
    EXPECT_THROW(files->list(find(*files, "/folder"), [](const DirectoryEntry&) {}), Error);
    EXPECT_THROW(files->stat(find(*files, "/link")), Error);
    EXPECT_THROW(files->stat(0), Error);
    EXPECT_THROW(files->stat(1'000'000), Error);
}

TEST(ExtDamage, OnlyTheFileOfADeletedDirectoryEntryIsAnOrphan) {
    Folder folder;
    const fs::path image = folder / "image", script = folder / "script";
    write(folder / "file", "orphaned content");
    run("mke2fs -q -F -t ext4 " + image.string() + " 8M");
    const std::string file = (folder / "file").string();
    write(script, "write " + file + " lost\nwrite " + file +
                      " kept\nsif lost links_count 0\nsif lost dtime 20260101\nfreei lost\nunlink lost\n");
    run("debugfs -w -f " + script.string() + " " + image.string());
    NoEvents events;
    const auto source = open_source(image, {}, events);
    const auto files = open_whole(*source);
    const uint64_t kept = find(*files, "/kept");
    std::vector<DirectoryEntry> orphans;
    files->orphans([&](uint64_t inode) { return inode == kept; },
                   [&](const DirectoryEntry& entry) { orphans.push_back(entry); });
    ASSERT_EQ(orphans.size(), 1u);
    const FileInfo info = files->stat(orphans[0].inode);
    EXPECT_FALSE(info.allocated);
    EXPECT_EQ(info.deleted, (Timestamp{1767225600, 0})); // 2026-01-01
    EXPECT_EQ(content(*files, orphans[0].inode), "orphaned content");
}
