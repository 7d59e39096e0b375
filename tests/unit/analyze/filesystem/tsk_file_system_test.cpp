// NTFS, FAT, exFAT and ISO 9660, made by their own tools without mounting.

#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace kanshiki;
using namespace kanshiki::test;

namespace {

std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

} // namespace

TEST(Ntfs, FilesStreamsAndContent) {
    Folder folder;
    const auto image = folder / "image";
    write(folder / "small", "resident content");
    write(folder / "big", noise(700'000, 5));
    write(folder / "stream", noise(50'000, 6));
    run("truncate -s 16M " + quoted(image) + " && mkntfs -q -F -L evidence " + quoted(image));
    run("ntfscp -f " + quoted(image) + " " + quoted(folder / "small") + " small.txt");
    run("ntfscp -f " + quoted(image) + " " + quoted(folder / "big") + " big.bin");
    run("ntfscp -f -N Zone.Identifier " + quoted(image) + " " + quoted(folder / "stream") + " small.txt");

    NoEvents events;
    const auto source = open_source(image, {}, events);
    const auto files = open_whole(*source);
    ASSERT_TRUE(files);
    EXPECT_EQ(files->info().type, "ntfs");
    const auto root = names(*files, files->root());
    ASSERT_TRUE(root.contains("small.txt") && root.contains("big.bin") && root.contains("$MFT"));
    EXPECT_FALSE(root.contains("$OrphanFiles"));
    const uint64_t small = root.at("small.txt").inode, big = root.at("big.bin").inode;
    EXPECT_EQ(content(*files, small), "resident content");
    EXPECT_TRUE(files->extents(small).empty()); // kept inside the MFT record
    EXPECT_TRUE(content(*files, big) == slurp(folder / "big"));
    EXPECT_FALSE(files->extents(big).empty());
    EXPECT_TRUE(files->stat(big).created.has_value());

    std::vector<DirectoryEntry> streams;
    files->streams(small, [&](const DirectoryEntry& entry) { streams.push_back(entry); });
    ASSERT_EQ(streams.size(), 1u);
    EXPECT_EQ(streams[0].name, "Zone.Identifier");
    EXPECT_EQ(files->stat(streams[0].inode).size, 50'000u);
    EXPECT_EQ(files->stat(streams[0].inode).inode, files->stat(small).inode);
    EXPECT_TRUE(content(*files, streams[0].inode) == slurp(folder / "stream"));
    EXPECT_EQ(content(*files, small), "resident content") << "the main stream after another one";
}

TEST(Fat, LongNamesDeletedFilesAndUtc) {
    for (const auto& [options, size, type] :
         {std::tuple{"-F 12", "2M", "fat12"}, {"-F 16", "16M", "fat16"}, {"-F 32", "40M", "fat32"}}) {
        Folder folder;
        const auto image = folder / "image";
        write(folder / "A rather long name, mixed Case.txt", noise(30'000, 8));
        write(folder / "gone", "deleted content");
        run(std::string("truncate -s ") + size + " " + quoted(image) + " && mkfs.vfat " + options + " " +
            quoted(image));
        run("touch -d '2026-03-01 12:34:56 UTC' " + quoted(folder.path()) + "/*");
        run("TZ=UTC mcopy -m -i " + quoted(image) + " " + quoted(folder / "A rather long name, mixed Case.txt") + " " +
            quoted(folder / "gone") + " ::/");
        run("mdel -i " + quoted(image) + " ::/gone");
        NoEvents events;
        const auto source = open_source(image, {}, events);
        const auto files = open_whole(*source);
        ASSERT_TRUE(files) << type;
        EXPECT_EQ(files->info().type, type);
        const auto root = names(*files, files->root());
        ASSERT_TRUE(root.contains("A rather long name, mixed Case.txt"));
        EXPECT_FALSE(root.contains("$MBR"));
        const uint64_t inode = root.at("A rather long name, mixed Case.txt").inode;
        EXPECT_TRUE(content(*files, inode) == slurp(folder / "A rather long name, mixed Case.txt"));
        EXPECT_EQ(files->stat(inode).modified, (Timestamp{1772368496, 0}))
            << "FAT times have no zone: they are taken as UTC";
        bool found = false;
        files->list(files->root(), [&](const DirectoryEntry& entry) {
            if (!entry.deleted || !entry.name.ends_with("one")) return; // the first byte is overwritten by FAT
            found = true;
            EXPECT_EQ(content(*files, entry.inode), "deleted content");
        });
        EXPECT_TRUE(found) << type;
    }
}

TEST(Iso9660, FilesOfADisc) {
    Folder folder;
    std::filesystem::create_directories(folder / "tree");
    write(folder / "tree" / "PLAIN.TXT", "on a disc");
    run("genisoimage -quiet -R -o " + quoted(folder / "image") + " " + quoted(folder / "tree"));
    NoEvents events;
    const auto source = open_source(folder / "image", {}, events);
    const auto files = open_whole(*source);
    ASSERT_TRUE(files);
    EXPECT_EQ(content(*files, find(*files, "/PLAIN.TXT")), "on a disc");
}

TEST(OpenFileSystem, RandomBytesAndZerosAreNone) {
    for (unsigned seed = 0; seed < 4; seed++) {
        Memory source(seed == 0 ? std::string(4 << 20, '\0') : noise(4 << 20, seed));
        EXPECT_EQ(open_whole(source), nullptr) << seed;
        EXPECT_EQ(recognise_content(source, {0, 4 << 20}, {}), "");
    }
}

// libtsk's own detection refuses when two file systems match; a planted boot sector must not hide a volume.
TEST(OpenFileSystem, APlantedBootSectorHidesNothing) {
    Folder folder;
    const auto image = folder / "image", fat = folder / "fat";
    write(folder / "file", "seen");
    run("mkdir " + quoted(folder / "tree") + " && cp " + quoted(folder / "file") + " " + quoted(folder / "tree"));
    run("mke2fs -q -F -t ext4 -d " + quoted(folder / "tree") + " " + quoted(image) + " 16M");
    run("truncate -s 16M " + quoted(fat) + " && mkfs.vfat -F 16 " + quoted(fat));
    run("dd conv=notrunc bs=512 count=1 if=" + quoted(fat) + " of=" + quoted(image));
    NoEvents events;
    const auto source = open_source(image, {}, events);
    const auto files = open_whole(*source);
    ASSERT_TRUE(files);
    EXPECT_EQ(files->info().type, "ext4");
    EXPECT_EQ(content(*files, find(*files, "/file")), "seen");
}

TEST(OpenFileSystem, KnownSignaturesAreNamed) {
    const auto with = [](uint64_t offset, std::string_view bytes) {
        std::string image(1 << 20, '\0');
        image.replace(offset, bytes.size(), bytes);
        Memory source(image);
        return recognise_content(source, {0, image.size()}, {});
    };
    EXPECT_EQ(with(0, "LUKS\xba\xbe"), "LUKS encrypted volume");
    EXPECT_EQ(with(512, "LABELONE"), "LVM2 physical volume");
    EXPECT_EQ(with(0, "XFSB"), "XFS");
    EXPECT_EQ(with(0x10040, "_BHRfS_M"), "Btrfs");
    EXPECT_EQ(with(4086, "SWAPSPACE2"), "Linux swap");
    Memory tiny("XF");
    EXPECT_EQ(recognise_content(tiny, {0, 2}, {}), "");
}

// What libtsk leaves out is said: a reader must not take its silence for the file system's.
TEST(TskLimits, AreSaid) {
    Folder folder;
    NoEvents events;
    const auto open = [&](const std::filesystem::path& image) { return open_source(image, {}, events); };
    const auto fat = folder / "fat", exfat = folder / "exfat", plain = folder / "plain", rock = folder / "rock";
    write(folder / "file", "content");
    run("truncate -s 2M " + quoted(fat) + " && mkfs.vfat " + quoted(fat) + " && mcopy -i " + quoted(fat) + " " +
        quoted(folder / "file") + " ::/" + std::string(194, 'n'));
    {
        const auto source = open(fat);
        const auto files = open_whole(*source);
        EXPECT_TRUE(names(*files, files->root()).contains(std::string(194, 'n')));
        EXPECT_THAT(files->take_warnings(), testing::IsEmpty());
        run("mcopy -i " + quoted(fat) + " " + quoted(folder / "file") + " ::/" + std::string(230, 'm'));
    }
    {
        const auto source = open(fat);
        const auto files = open_whole(*source);
        EXPECT_FALSE(names(*files, files->root()).contains(std::string(230, 'm'))) << "libtsk reads it whole now";
        EXPECT_THAT(files->take_warnings(), testing::ElementsAre(testing::HasSubstr("may have been longer")));
        EXPECT_THAT(files->take_warnings(), testing::IsEmpty());
    }
    run("truncate -s 8M " + quoted(exfat) + " && mkfs.exfat " + quoted(exfat));
    const auto exfat_source = open(exfat);
    EXPECT_THAT(open_whole(*exfat_source)->info().notices, testing::ElementsAre(testing::HasSubstr("to 2 s")));

    const auto iso = [&](const std::string& option, const std::filesystem::path& image) {
        run("genisoimage " + option + " -o " + quoted(image) + " " + quoted(folder / "file"));
        const auto source = open(image);
        return open_whole(*source)->info().notices;
    };
    EXPECT_THAT(iso("-J", plain), testing::IsEmpty());
    EXPECT_THAT(iso("-R", rock), testing::ElementsAre(testing::HasSubstr("Rock Ridge")));
}
