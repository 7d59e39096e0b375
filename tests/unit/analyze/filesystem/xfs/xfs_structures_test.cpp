// XFS structures made by hand: what real file systems do not have, hostile ones above all.

#include "analyze/filesystem/xfs/ag_tree.h"
#include "analyze/filesystem/xfs/directory.h"
#include "analyze/filesystem/xfs/log_items.h"
#include "analyze/filesystem/xfs/xattr.h"
#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace kanshiki;
using namespace kanshiki::test;
using namespace kanshiki::xfs;

namespace {

using Bytes = std::vector<std::byte>;

template<class Container>
void put(Container& bytes, size_t at, uint64_t value, size_t size) {
    for (size_t index = 0; index < size; index++)
        bytes[at + index] = static_cast<std::remove_cvref_t<decltype(bytes[0])>>(value >> 8 * (size - 1 - index));
}

void put_text(Bytes& bytes, size_t at, std::string_view text) {
    std::ranges::copy(std::as_bytes(std::span(text)), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

// Version 4, one group of 1024 blocks of 1 KiB, inodes of 256 bytes.
Superblock small() {
    Superblock super;
    super.version = 4;
    super.block_size = super.directory_block_size = 1024;
    super.sector_size = 512;
    super.inode_size = 256;
    super.block_log = 10;
    super.inode_log = 8;
    super.inodes_per_block_log = 2;
    super.ag_blocks_log = 10;
    super.blocks = super.ag_blocks = 1024;
    super.ag_count = 1;
    super.file_types = true;
    return super;
}

struct Disk {
    std::string bytes = std::string(1 << 20, '\0');
    std::unique_ptr<Memory> source;
    std::unique_ptr<Metadata> metadata;
    Metadata& open() {
        source = std::make_unique<Memory>(bytes);
        metadata = std::make_unique<Metadata>(*source, Range{0, bytes.size()}, small(), std::make_shared<Replayed>(),
                                              std::stop_token());
        return *metadata;
    }
};

void put_extent(auto& bytes, size_t at, uint64_t logical, uint64_t block, uint64_t count, bool unwritten = false) {
    put(bytes, at, uint64_t{unwritten} << 63 | logical << 9 | block >> 43, 8);
    put(bytes, at + 8, block << 21 | count, 8);
}

Inode an_inode(Format format, uint64_t extents) {
    Inode inode;
    inode.bytes.fill(std::byte{0});
    inode.number = 64;
    inode.size = 256;
    inode.version = 2;
    inode.data = {format, 100, 156, extents};
    return inode;
}

// A block of an extent tree in the volume.
void put_node(std::string& disk, uint64_t block, unsigned level, std::vector<uint64_t> children) {
    const size_t at = block * 1024;
    put(disk, at, 0x424d4150, 4);
    put(disk, at + 4, level, 2);
    put(disk, at + 6, children.size(), 2);
    for (size_t index = 0; index < children.size(); index++)
        put(disk, at + 24 + 62 * 8 + index * 8, children[index], 8);
}

void put_root(Inode& inode, unsigned level, std::vector<uint64_t> children) {
    put(inode.bytes, 100, level, 2);
    put(inode.bytes, 102, children.size(), 2);
    for (size_t index = 0; index < children.size(); index++)
        put(inode.bytes, 104 + 9 * 8 + index * 8, children[index], 8);
}

std::vector<std::string> names_in(std::span<const std::byte> block, std::string* wrong = nullptr) {
    std::vector<std::string> found;
    const std::string what = parse_directory_block(block, small(), [&](const Name& name) {
        found.push_back((name.deleted ? "-" : "") + std::string(name.name) + ":" + std::to_string(name.inode) +
                        (name.inode_cut ? "?" : ""));
    });
    if (wrong != nullptr) *wrong = what;
    return found;
}

size_t put_entry(Bytes& block, size_t at, uint64_t inode, std::string_view name) {
    const size_t size = (12 + name.size() + 7) / 8 * 8;
    put(block, at, inode, 8);
    put(block, at + 8, name.size(), 1);
    put_text(block, at + 9, name);
    put(block, at + 9 + name.size(), 1, 1); // a regular file
    put(block, at + size - 2, at, 2);
    return at + size;
}

size_t put_free(Bytes& block, size_t at, size_t size) {
    put(block, at, 0xffff, 2);
    put(block, at + 2, size, 2);
    put(block, at + size - 2, at, 2);
    return at + size;
}

} // namespace

TEST(XfsExtents, RecordsAreFourFields) {
    Bytes record(16);
    put_extent(record, 0, (uint64_t{1} << 54) - 9, (uint64_t{1} << 52) - 7, 0x1fffff, true);
    const xfs::Extent extent = parse_extent(record);
    EXPECT_EQ(extent.logical, (uint64_t{1} << 54) - 9);
    EXPECT_EQ(extent.block, (uint64_t{1} << 52) - 7);
    EXPECT_EQ(extent.count, 0x1fffffu);
    EXPECT_TRUE(extent.unwritten);
}

TEST(XfsExtents, HostileListsAreRefused) {
    Disk disk;
    Metadata& metadata = disk.open();
    const auto fails = [&](std::initializer_list<std::array<uint64_t, 3>> records, uint64_t said) {
        Inode inode = an_inode(Format::extents, said);
        size_t at = 100;
        for (const auto& [logical, block, count] : records)
            put_extent(inode.bytes, std::exchange(at, at + 16), logical, block, count);
        EXPECT_THROW(read_extents(inode, inode.data, metadata), Error);
    };
    fails({{0, 100, 1}}, 10);                      // more than fit
    fails({{0, 100, 1}}, ~uint64_t{0});            //
    fails({{0, 1024, 1}}, 1);                      // past the end
    fails({{0, 1000, 25}}, 1);                     // over the end of its group
    fails({{0, 100, 0}}, 1);                       // of nothing
    fails({{5, 100, 2}, {6, 110, 1}}, 2);          // overlap
    fails({{5, 100, 2}, {4, 110, 1}}, 2);          // backwards
    fails({{(uint64_t{1} << 54) - 1, 100, 2}}, 1); // past the largest file
}

TEST(XfsExtents, TreesAreWalkedAndLoopsEnd) {
    Disk disk;
    put_node(disk.bytes, 20, 1, {21, 22});
    for (const uint64_t leaf : {21, 22}) {
        put(disk.bytes, leaf * 1024, 0x424d4150, 4);
        put(disk.bytes, leaf * 1024 + 6, 62, 2);
        for (size_t index = 0; index < 62; index++)
            put_extent(disk.bytes, leaf * 1024 + 24 + index * 16, (leaf - 21) * 124 + index * 2, 100 + index * 2, 1);
    }
    put_node(disk.bytes, 30, 1, {30}); // itself
    put_node(disk.bytes, 31, 1, {20}); // a level that does not fall
    put_node(disk.bytes, 32, 0, {});   // a leaf that says nothing
    Metadata& metadata = disk.open();
    Inode inode = an_inode(Format::tree, 124);
    put_root(inode, 2, {20});
    const auto extents = read_extents(inode, inode.data, metadata);
    ASSERT_EQ(extents.size(), 124u);
    EXPECT_EQ(extents.back().logical, 124u + 61 * 2);
    EXPECT_THAT(metadata.take_warnings(), testing::IsEmpty());
    EXPECT_NO_THROW(refuse_overlap({extents.begin(), extents.begin() + 62}, inode));
    EXPECT_THROW(refuse_overlap(extents, inode), Error) << "both leaves have the same blocks";

    const auto fails = [&](unsigned level, std::vector<uint64_t> children) {
        Inode bad = an_inode(Format::tree, 1);
        put_root(bad, level, children);
        EXPECT_THROW(read_extents(bad, bad.data, metadata), Error);
    };
    fails(2, {30});
    fails(2, {31});
    fails(1, {21, 21});
    fails(0, {21});
    fails(13, {21});
    fails(1, {2000}); // beyond the end
    fails(1, {40});   // no magic
    Inode bad = an_inode(Format::tree, 1);
    put(bad.bytes, 100, 1, 2);
    put(bad.bytes, 102, 10, 2); // more children than fit
    EXPECT_THROW(read_extents(bad, bad.data, metadata), Error);
    Inode few = an_inode(Format::tree, 7);
    put_root(few, 1, {21});
    EXPECT_EQ(read_extents(few, few.data, metadata).size(), 62u);
    EXPECT_THAT(metadata.take_warnings(),
                testing::ElementsAre(testing::HasSubstr("counts 7 extents, its tree has 62")));
}

TEST(XfsDirectory, DeletedNamesAreLeftInFreeSpace) {
    Bytes block(1024);
    put(block, 0, 0x58443244, 4); // XD2D
    size_t at = put_entry(block, 16, 131, "kept");
    const size_t first = at;
    at = put_entry(block, at, 132, "one");
    const size_t second = at;
    at = put_entry(block, at, uint64_t{7} << 40 | 133, "two");
    at = put_entry(block, at, 134, "three");
    const size_t end = at;
    put_free(block, end, 1024 - end);
    std::string wrong;
    EXPECT_THAT(names_in(block, &wrong), testing::ElementsAre("kept:131", "one:132", "two:7696581394565", "three:134"));
    EXPECT_EQ(wrong, "");

    put_free(block, first, end - first); // the three freed from the front: only the first loses half of its number
    EXPECT_THAT(names_in(block), testing::ElementsAre("kept:131", "-one:132?", "-two:7696581394565", "-three:134"));
    put_free(block, second, end - second);
    put_free(block, first, end - first); // freed from the back: the second once began free space itself
    EXPECT_THAT(names_in(block), testing::ElementsAre("kept:131", "-one:132?", "-two:133?", "-three:134"));
}

TEST(XfsDirectory, HostileBlocksEnd) {
    std::string wrong;
    const auto said = [&](auto change) {
        Bytes block(1024);
        put(block, 0, 0x58443244, 4);
        put_free(block, put_entry(block, 16, 131, "kept"), 1024 - 32);
        change(block);
        names_in(block, &wrong);
        return wrong;
    };
    EXPECT_EQ(said([](Bytes&) {}), "");
    EXPECT_EQ(said([](Bytes& block) { put(block, 0, 0, 4); }), "has no magic");
    EXPECT_THAT(said([](Bytes& block) { put(block, 34, 0, 2); }), testing::HasSubstr("free space of impossible size"));
    EXPECT_THAT(said([](Bytes& block) { put(block, 34, 7, 2); }), testing::HasSubstr("free space of impossible size"));
    EXPECT_THAT(said([](Bytes& block) { put(block, 34, 0xfff8, 2); }),
                testing::HasSubstr("free space of impossible size"));
    EXPECT_THAT(said([](Bytes& block) { put(block, 24, 0, 1); }),
                testing::HasSubstr("entry at byte 16 is of impossible size"));
    EXPECT_THAT(said([](Bytes& block) { put(block, 30, 0, 2); }), testing::HasSubstr("a tag that is not its place"));
    EXPECT_THAT(said([](Bytes& block) {
                    put(block, 0, 0x58443242, 4); // XD2B, whose tail says 2^32 - 1 index entries
                    put(block, 1016, ~0u, 4);
                }),
                testing::HasSubstr("index is larger"));
}

TEST(XfsInode, TimesOldAndBig) {
    const auto modified = [](uint64_t stored, uint64_t flags2) {
        Inode inode = an_inode(Format::extents, 0);
        put(inode.bytes, 0, inode_magic, 2);
        put(inode.bytes, 2, 0100644, 2);
        put(inode.bytes, 4, 3, 1);
        put(inode.bytes, 40, stored, 8);
        put(inode.bytes, 120, flags2, 8);
        parse_inode(inode);
        return *inode.info.modified;
    };
    EXPECT_EQ(modified(uint64_t{0x80000000} << 32 | 999'999'999, 0), (Timestamp{-2147483648, 999'999'999}));
    EXPECT_EQ(modified(uint64_t{0x7fffffff} << 32 | 1, 0), (Timestamp{2147483647, 1}));
    EXPECT_EQ(modified(0, 8), (Timestamp{-2147483648, 0}));
    EXPECT_EQ(modified(uint64_t{2147483648 + 4'000'000'000} * 1'000'000'000 + 5, 8), (Timestamp{4'000'000'000, 5}));
    EXPECT_EQ(modified(~uint64_t{0}, 8), (Timestamp{16299260425, 709'551'615}));
    Inode bad = an_inode(Format::extents, 0);
    put(bad.bytes, 0, inode_magic, 2);
    put(bad.bytes, 4, 3, 1);
    put(bad.bytes, 82, 200, 1); // attributes that begin beyond its end
    EXPECT_THROW(parse_inode(bad), Error);
    put(bad.bytes, 0, 0, 2);
    EXPECT_THROW(parse_inode(bad), Error);
}

TEST(XfsAttributes, AccessControlListsInTheKernelsForm) {
    std::string stored(4 + 2 * 12, '\0');
    put(stored, 0, 2, 4);
    put(stored, 4, 0x2, 4); // ACL_USER 1000 rw-
    put(stored, 8, 1000, 4);
    put(stored, 12, 6, 2);
    put(stored, 16, 0x20, 4); // ACL_OTHER r--
    put(stored, 24, 4, 2);
    using namespace std::string_literals;
    EXPECT_EQ(posix_acl(stored), "\2\0\0\0\2\0\6\0\xe8\3\0\0\x20\0\4\0\xff\xff\xff\xff"s);
    put(stored, 0, 3, 4);
    EXPECT_EQ(posix_acl(stored), std::nullopt);
    EXPECT_EQ(posix_acl("abc"), std::nullopt);
}

TEST(XfsAttributes, ParentPointersAndUnfinishedOnesAreNotShown) {
    Disk disk;
    Metadata& metadata = disk.open();
    Inode inode = an_inode(Format::extents, 0);
    inode.attributes = {Format::local, 180, 76, 0};
    size_t at = 184;
    const auto add = [&](unsigned flags, std::string_view name, std::string_view value) {
        put(inode.bytes, at, name.size(), 1);
        put(inode.bytes, at + 1, value.size(), 1);
        put(inode.bytes, at + 2, flags, 1);
        for (const char letter : std::string(name) + std::string(value))
            put(inode.bytes, at++ + 3, static_cast<uint8_t>(letter), 1);
        at += 3;
    };
    add(0, "mine", "1");
    add(8, "parent", "2");
    add(0x84, "half", "3");
    add(4, "capability", "4");
    put(inode.bytes, 180, at - 180, 2);
    put(inode.bytes, 182, 4, 1);
    std::vector<std::string> found;
    const auto read = [&] {
        read_xattrs(inode, metadata, [&](const Xattr& each) { found.push_back(each.name + "=" + each.value); });
    };
    read();
    EXPECT_THAT(found, testing::ElementsAre("user.mine=1", "security.capability=4"));
    EXPECT_THAT(metadata.take_warnings(),
                testing::ElementsAre(testing::HasSubstr("attribute \"half\" was being written")));
    put(inode.bytes, 182, 5, 1); // one more than there are
    found.clear();
    EXPECT_THROW(read(), Error);
    EXPECT_EQ(found.size(), 2u) << "what can be read is given first";
}

TEST(XfsTrees, LookUpsFindTheRecordBefore) {
    Disk disk;
    put(disk.bytes, 512, 0x58414746, 4); // AGF
    put(disk.bytes, 512 + 16, 4, 4);
    put(disk.bytes, 512 + 28, 2, 4);
    const size_t room = (1024 - 16) / 12;
    put(disk.bytes, 4 * 1024, 0x41425442, 4);
    put(disk.bytes, 4 * 1024 + 4, 1, 2);
    put(disk.bytes, 4 * 1024 + 6, 2, 2);
    for (size_t index = 0; index < 2; index++) {
        put(disk.bytes, 4 * 1024 + 16 + index * 8, 100 + index * 100, 4);
        put(disk.bytes, 4 * 1024 + 16 + room * 8 + index * 4, 5 + index, 4);
        const size_t leaf = (5 + index) * 1024;
        put(disk.bytes, leaf, 0x41425442, 4);
        put(disk.bytes, leaf + 6, 10, 2);
        for (size_t record = 0; record < 10; record++) {
            put(disk.bytes, leaf + 16 + record * 8, 100 + index * 100 + record * 10, 4);
            put(disk.bytes, leaf + 20 + record * 8, 5, 4);
        }
    }
    Metadata& metadata = disk.open();
    TreeLookup lookup(metadata, free_space_tree, free_space_root);
    const auto start = [&](uint32_t key) -> int {
        const auto record = lookup.find(0, key);
        return record.empty()
                   ? -1
                   : static_cast<int>(std::to_integer<unsigned>(record[2]) << 8 | std::to_integer<unsigned>(record[3]));
    };
    EXPECT_EQ(start(0), -1);
    EXPECT_EQ(start(99), -1);
    EXPECT_EQ(start(100), 100);
    EXPECT_EQ(start(119), 110);
    EXPECT_EQ(start(199), 190);
    EXPECT_EQ(start(200), 200);
    EXPECT_EQ(start(5000), 290);
    EXPECT_EQ(start(114), 110);
    EXPECT_THROW(lookup.find(1, 0), Error);
    size_t count = 0;
    walk_tree(metadata, free_space_tree, 0, free_space_root(metadata, 0), [&](auto) { count++; });
    EXPECT_EQ(count, 20u);

    put(disk.bytes, 4 * 1024 + 16 + room * 8 + 4, 5, 4); // both children are the same block
    Metadata& looped = disk.open();
    EXPECT_THROW(walk_tree(looped, free_space_tree, 0, free_space_root(looped, 0), [](auto) {}), Error);
}

TEST(XfsLog, OperationsThatMakeNoSenseAreRefused) {
    const auto commit = [](Transaction&) {};
    const auto record = [](std::initializer_list<std::tuple<unsigned, unsigned, Bytes>> operations) {
        LogRecord made;
        for (const auto& [flags, client, bytes] : operations) {
            const size_t at = made.data.size();
            made.data.resize(at + 12);
            put(made.data, at, 77, 4);
            put(made.data, at + 4, bytes.size(), 4);
            put(made.data, at + 8, client, 1);
            put(made.data, at + 9, flags, 1);
            made.data.insert(made.data.end(), bytes.begin(), bytes.end());
            made.operations++;
        }
        return made;
    };
    const auto item = [](unsigned type, unsigned regions) {
        Bytes bytes(24);
        bytes[0] = static_cast<std::byte>(type);
        bytes[1] = static_cast<std::byte>(type >> 8);
        bytes[2] = static_cast<std::byte>(regions);
        return bytes;
    };
    constexpr unsigned ours = 0x69;
    size_t items = 0;
    Transactions good;
    good.add(record({{1, ours, {}}, {0, ours, Bytes(16)}, {0, ours, item(0x123c, 2)}, {4, ours, Bytes(128)}}), commit);
    good.add(record({{8, ours, Bytes(128)}, {0, ours, item(0x123b, 1)}, {2, ours, {}}}), [&](Transaction& transaction) {
        items = transaction.items.size();
        ASSERT_EQ(transaction.items[0].regions.size(), 2u);
        EXPECT_EQ(transaction.items[0].regions[1].size(), 256u) << "the region went on in the next record";
        EXPECT_EQ(transaction.items[1].type(), ItemType::inode);
    });
    EXPECT_EQ(items, 2u);

    const auto fails = [&](const LogRecord& bad) { EXPECT_THROW(Transactions().add(bad, commit), Error); };
    fails(record({{1, 0x12, {}}}));                                                   // no client
    fails(record({{1, ours, {}}, {0, ours, Bytes(20)}}));                             // no header of its own
    fails(record({{1, ours, {}}, {0, ours, Bytes(16)}, {0, ours, item(0x123c, 0)}})); // an item of nothing
    fails(record({{1, ours, {}}, {0, ours, Bytes(16)}, {0, ours, Bytes(2)}}));        // cut short
    LogRecord more = record({{1, ours, {}}});
    more.operations = 1000;
    fails(more);
    LogRecord longer = record({{1, ours, Bytes(8)}});
    put(longer.data, 4, ~0u, 4);
    fails(longer);
}

TEST(XfsLog, ItemsBeyondTheVolumeAreRefused) {
    Memory source(std::string(1 << 20, '\0'));
    VolumeReader reader(source, {0, 1 << 20}, {});
    const Superblock super = small();
    Overlay overlay;
    LogItems items(reader, super, overlay);
    const auto buffer = [](uint64_t place, unsigned blocks, uint32_t map, size_t region) {
        Bytes format(24);
        const auto put_le = [&](size_t at, uint64_t value, size_t size) {
            for (size_t index = 0; index < size; index++)
                format[at + index] = static_cast<std::byte>(value >> 8 * index);
        };
        put_le(0, 0x123c, 2);
        put_le(2, 2, 2);
        put_le(6, blocks, 2);
        put_le(8, place, 8);
        put_le(16, 1, 4);
        put_le(20, map, 4);
        Transaction transaction;
        transaction.items.push_back({2, {format, Bytes(region, std::byte{7})}});
        return transaction;
    };
    items.apply(buffer(10, 2, 0b1100, 256));
    Bytes read(1024);
    overlay.patch(10 * 512, read);
    EXPECT_EQ(read[255], std::byte{0});
    EXPECT_EQ(read[256], std::byte{7});
    EXPECT_EQ(read[511], std::byte{7});
    EXPECT_EQ(read[512], std::byte{0});
    EXPECT_TRUE(overlay.touches(10 * 512 + 511, 1));
    EXPECT_FALSE(overlay.touches(11 * 512, 512));

    EXPECT_THROW(items.apply(buffer(2048, 2, 1, 128)), Error);
    EXPECT_THROW(items.apply(buffer(~uint64_t{0}, 2, 1, 128)), Error);
    EXPECT_THROW(items.apply(buffer(10, 2, 0x80000000, 128)), Error) << "a bit past the buffer";
    EXPECT_THROW(items.apply(buffer(10, 2, 1, 100)), Error) << "less than its piece";
}
