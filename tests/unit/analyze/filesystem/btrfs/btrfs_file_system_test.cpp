// Btrfs volumes that mkfs.btrfs filled from a tree on this machine. What only the kernel writes is tested in
// tests/cli/test_btrfs.py and test_filesystems_btrfs.py.

#include "analyze/filesystem/btrfs/handle.h"
#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace kanshiki;
using namespace kanshiki::test;
namespace fs = std::filesystem;

namespace {

constexpr uint64_t MiB = 1 << 20;

// Reads bytes that the test changes.
class Bytes : public BlockSource {
public:
    explicit Bytes(std::string& bytes) : bytes_(bytes) {
        info_.uri = info_.kind = "bytes";
        info_.size = bytes.size();
        info_.lanes = 4;
    }
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token) override {
        const uint64_t from = std::min<uint64_t>(read.offset, bytes_.size());
        read.got = static_cast<size_t>(std::min<uint64_t>(read.into.size(), bytes_.size() - from));
        std::memcpy(read.into.data(), bytes_.data() + from, read.got);
        read.bad.clear();
        reads++;
    }
    unsigned reads = 0;

private:
    std::string& bytes_;
    SourceInfo info_;
};

struct Variety {
    std::string name, options;
    uint64_t size = 128 * MiB;
};

void PrintTo(const Variety& kind, std::ostream* out) { *out << kind.name; }

void make_tree(const fs::path& tree) {
    fs::create_directories(tree / "etc/deep/er");
    write(tree / "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    write(tree / "etc/empty", "");
    write(tree / "etc/deep/er/big", noise(1'000'123, 7));
    write(tree / "etc/deep/er/sector", noise(4096, 8));
    fs::create_symlink("passwd", tree / "etc/short");
    fs::create_symlink(std::string(900, 'd'), tree / "etc/link900");
    write(tree / "etc/\xff\xfe\nname|x", "odd");
    for (int index = 0; index < 300; index++)
        write(tree / ("etc/deep/file-with-a-rather-long-name-" + std::to_string(index)), "y");
    ::chmod((tree / "etc/passwd").c_str(), 04755);
}

std::string make_image(const Folder& folder, const std::string& options, uint64_t size) {
    const std::string image = folder / "image", tree = folder / "tree";
    make_tree(tree);
    run("truncate -s " + std::to_string(size) + " " + image +
        " && mkfs.btrfs -q -L label -U 01234567-89ab-cdef-0123-456789abcdef " + options + " --rootdir " + tree + " " +
        image);
    return slurp(image);
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
        EXPECT_EQ(info.type, entry->second.type);
        if (each.is_symlink()) {
            EXPECT_EQ(info.symlink_target, fs::read_symlink(each.path()).string());
        } else if (each.is_directory()) {
            EXPECT_EQ(info.type, FileType::directory);
            compare(files, entry->second.inode, each.path());
        } else {
            EXPECT_EQ(info.type, FileType::regular);
            EXPECT_TRUE(content(files, entry->second.inode) == slurp(each.path())) << each.path();
        }
    }
    EXPECT_EQ(found.size(), expected);
}

// All that can be asked of it, whatever it answers.
void ask_everything(FileSystem& files, uint64_t inode, unsigned depth, unsigned& budget) {
    if (depth > 12 || budget == 0) return;
    budget--;
    const auto guarded = [](const auto& action) {
        try {
            action();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::never_valid) << error.what();
        }
    };
    std::vector<DirectoryEntry> below;
    guarded([&] {
        const FileInfo info = files.stat(inode);
        files.xattrs(inode, [](const Xattr&) {});
        files.extents(inode);
        std::byte buffer[10'000];
        files.read(inode, 0, buffer);
        files.read(inode, info.size / 2, buffer);
    });
    guarded([&] { files.list(inode, [&](const DirectoryEntry& entry) { below.push_back(entry); }); });
    for (const DirectoryEntry& entry : below)
        if (entry.inode != 0) ask_everything(files, entry.inode, depth + 1, budget);
}

class Btrfs : public testing::TestWithParam<Variety> {};

} // namespace

TEST_P(Btrfs, HoldsWhatWasPutInAndSaysWhere) {
    Folder folder;
    Memory source(make_image(folder, GetParam().options, GetParam().size));
    const auto files = open_whole(source);
    ASSERT_TRUE(files);
    EXPECT_EQ(files->info().type, "btrfs");
    EXPECT_EQ(files->info().label, "label");
    EXPECT_EQ(files->info().uuid, "01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_THAT(files->info().notices, testing::IsEmpty());
    compare(*files, files->root(), folder / "tree");
    EXPECT_TRUE(files->take_unreadable().empty());
    EXPECT_THAT(files->take_warnings(), testing::IsEmpty());
    const std::string whole = slurp(folder / "tree" / "etc/deep/er/big");
    uint64_t covered = 0;
    for (const auto& extent : files->extents(find(*files, "/etc/deep/er/big"))) {
        EXPECT_EQ(extent.encoded, 0u);
        ASSERT_EQ(covered, extent.logical);
        covered += extent.length();
        std::string bytes(extent.range.size, '\0');
        Read read;
        read.offset = extent.range.offset;
        read.into = std::as_writable_bytes(std::span(bytes));
        source.read(read, {});
        bytes.resize(std::min<uint64_t>(bytes.size(), whole.size() - extent.logical));
        ASSERT_TRUE(bytes == whole.substr(extent.logical, bytes.size())) << "at " << extent.logical;
    }
    EXPECT_GE(covered, whole.size());
}

INSTANTIATE_TEST_SUITE_P(Varieties, Btrfs,
                         testing::Values(Variety{"plain", ""}, Variety{"small_nodes", "-n 4096"},
                                         Variety{"large_nodes", "-n 65536 --csum sha256"},
                                         Variety{"single", "-m single --csum blake2"},
                                         Variety{"mixed", "-M -n 4096 --csum xxhash", 64 * MiB},
                                         Variety{"old", "-O ^no-holes,^skinny-metadata,^extref -R ^free-space-tree"},
                                         Variety{"large_sectors", "-s 16384 -n 16384"}),
                         [](const auto& each) { return each.param.name; });

// Whatever stands in free space, nothing is missing, and nothing complains.
TEST(BtrfsFreeSpace, IsNobodys) {
    for (const std::string options : {"-d dup", "-m single -n 4096", "-O ^skinny-metadata"}) {
        Folder folder;
        std::string bytes = make_image(folder, options, 128 * MiB);
        Bytes source(bytes);
        uint64_t free = 0, end = 0;
        std::vector<Range> ranges;
        open_whole(source)->free_space([&](const Range& range) { ranges.push_back(range); });
        for (const Range& range : ranges) {
            ASSERT_GT(range.size, 0u);
            ASSERT_TRUE(end == 0 || range.offset > end);
            end = range.end();
            free += range.size;
            ASSERT_LE(end, bytes.size());
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(range.offset), range.size, '\xaa');
        }
        EXPECT_GT(free, 100 * MiB);
        const auto files = open_whole(source);
        compare(*files, files->root(), folder / "tree");
        EXPECT_THAT(files->take_warnings(), testing::IsEmpty());
        EXPECT_THAT(files->info().notices, testing::IsEmpty());
    }
}

TEST(BtrfsDamage, UnreadableDataIsZerosAndSaid) {
    Folder folder;
    const std::string bytes = make_image(folder, "-M -d single -m single", 64 * MiB);
    Memory whole(bytes);
    const uint64_t at =
        open_whole(whole)->extents(find(*open_whole(whole), "/etc/deep/er/big")).at(0).range.offset + 8192;
    Memory source(bytes, {{at, 512}});
    const auto files = open_whole(source);
    std::string expected = slurp(folder / "tree" / "etc/deep/er/big");
    std::fill_n(expected.begin() + 8192, 512, '\0');
    EXPECT_TRUE(content(*files, find(*files, "/etc/deep/er/big")) == expected);
    EXPECT_THAT(files->take_unreadable(), testing::Contains(Bad{{at, 512}, EIO}));
    EXPECT_THAT(files->take_warnings(), testing::Contains(testing::HasSubstr("have a wrong checksum")));
}

// With a second copy nothing is lost, and nothing counts as unreadable.
TEST(BtrfsDamage, TheOtherCopyStandsIn) {
    Folder folder;
    const std::string bytes = make_image(folder, "-d dup", 128 * MiB);
    Memory whole(bytes);
    const uint64_t at = open_whole(whole)->extents(find(*open_whole(whole), "/etc/deep/er/big")).at(0).range.offset;
    Memory source(bytes, {{at, 512}, {at + 16384, 4096}});
    const auto files = open_whole(source);
    const uint64_t inode = find(*files, "/etc/deep/er/big");
    EXPECT_TRUE(content(*files, inode) == slurp(folder / "tree" / "etc/deep/er/big"));
    EXPECT_THAT(files->take_unreadable(), testing::IsEmpty());
    EXPECT_THAT(files->take_warnings(), testing::Contains(testing::HasSubstr("are taken from another copy")));
}

TEST(BtrfsDamage, AVolumeThatIsCutShortGivesWhatIsLeft) {
    Folder folder;
    std::string bytes = make_image(folder, "-d dup", 128 * MiB);
    Memory whole(bytes);
    const auto files = open_whole(whole);
    const uint64_t inode = find(*files, "/etc/deep/er/big");
    const uint64_t end = files->extents(inode).back().range.end();
    Memory cut(bytes.substr(0, end + MiB));
    const auto left = open_whole(cut);
    EXPECT_THAT(left->info().notices, testing::Contains(testing::HasSubstr("the device is to have")));
    EXPECT_TRUE(content(*left, inode) == slurp(folder / "tree" / "etc/deep/er/big"));
}

// Any byte of any node may be anything: answers or errors, in bounded time.
TEST(BtrfsDamage, FlippedBytesInNodesNeverEndIt) {
    Folder folder;
    std::string bytes = make_image(folder, "-M -n 4096 -d single -m single", 64 * MiB);
    std::vector<size_t> nodes;
    const std::string fsid = bytes.substr(65536 + 0x20, 16);
    for (size_t at = 0; at < bytes.size(); at += 4096)
        if (bytes.compare(at + 0x20, 16, fsid) == 0) nodes.push_back(at);
    ASSERT_GT(nodes.size(), 20u);
    Bytes source(bytes);
    std::mt19937_64 dice(1);
    for (unsigned trial = 0; trial < 400; trial++) {
        const size_t at = nodes[dice() % nodes.size()] + 32 + dice() % (trial % 2 == 0 ? 400 : 4064);
        const char before = std::exchange(bytes[at], static_cast<char>(dice()));
        try {
            unsigned budget = 500;
            if (const auto files = open_whole(source)) {
                ask_everything(*files, files->root(), 0, budget);
                files->orphans([](uint64_t) { return false; }, [](const DirectoryEntry&) {});
                files->free_space([](const Range&) {});
            }
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::never_valid) << error.what();
        }
        bytes[at] = before;
    }
}

TEST(BtrfsOpening, IsCheap) {
    Folder folder;
    std::string bytes = make_image(folder, "", 128 * MiB);
    Bytes source(bytes);
    const auto files = open_whole(source);
    ASSERT_TRUE(files);
    EXPECT_LE(source.reads, 8u);
}

TEST(BtrfsOpening, AStaleMirrorOfAnotherFileSystemIsNotOpened) {
    Folder folder;
    std::string bytes = make_image(folder, "-M", 128 * MiB);
    const std::string image = folder / "image";
    run("dd if=/dev/zero of=" + image +
        " bs=4096 count=64 conv=notrunc && mke2fs -q -F -t ext4 -E nodiscard,lazy_itable_init=0 " + image);
    bytes = slurp(image);
    ASSERT_EQ(bytes.substr(64 * MiB + 0x40, 8), "_BHRfS_M") << "the mirror is still there";
    Bytes source(bytes);
    const auto files = open_whole(source);
    ASSERT_TRUE(files);
    EXPECT_EQ(files->info().type, "ext4");
}

TEST(BtrfsHandles, HoldWhatIsPutIn) {
    using namespace kanshiki::btrfs;
    for (const Handle handle : {Handle{0, 5, 256}, Handle{4, 300, (1ull << 40) - 1}, Handle{stale, (1 << 21) - 1, 7}}) {
        ASSERT_TRUE(pack(handle));
        EXPECT_EQ(unpack(*pack(handle)), handle);
    }
    EXPECT_FALSE(pack({0, 1 << 21, 256}));
    EXPECT_FALSE(pack({0, 5, 1ull << 40}));
}
