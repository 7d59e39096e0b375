// LVM2: what its tools make is compared in tests/cli/test_volumes.py; here what they would never make.

#include "analyze/volume/lvm/config_text.h"
#include "analyze/volume/lvm/raid_superblock.h"
#include "kanshiki/volume.h"

#include "unit/analyze/filesystem/images.h"
#include "unit/analyze/volume/lvm_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace kanshiki;
using namespace kanshiki::test;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

// MBR with a partition of type 8e for each disk, from 1 MiB on, one MiB aligned.
std::string disk_of(const std::vector<std::string>& physical) {
    std::string out(1 << 20, '\0');
    for (size_t index = 0; index < physical.size(); index++) {
        put(out, 446 + index * 16 + 4, 0x8e, 1);
        put(out, 446 + index * 16 + 8, out.size() / 512, 4);
        put(out, 446 + index * 16 + 12, physical[index].size() / 512, 4);
        out += physical[index];
        out.resize((out.size() + (1 << 20) - 1) >> 20 << 20, '\0');
    }
    put(out, 510, 0xaa55, 2);
    return out;
}

// The letters of a volume, one for each 64 KiB that are of one letter; '?': unreadable, '!': mixed.
std::string letters(const Volume& volume, size_t step = extent) {
    std::string out, bytes(step, '?');
    for (uint64_t at = 0; at < volume.range.size; at += step) {
        Read read;
        read.offset = at;
        read.into = std::as_writable_bytes(std::span(bytes));
        volume.content->read(read, {});
        EXPECT_EQ(read.got, step);
        if (!read.bad.empty()) {
            EXPECT_EQ(read.bad, (std::vector<Bad>{{{at, step}, ENXIO}}));
            EXPECT_EQ(bytes, std::string(step, '\0'));
            out += '?';
            continue;
        }
        out += bytes == std::string(step, bytes[0]) ? (bytes[0] == 0 ? '0' : bytes[0]) : '!';
    }
    return out;
}

struct Seen {
    explicit Seen(std::string bytes) : source(std::move(bytes)), table(read_volumes(source, {})) {}
    const Volume& volume(const std::string& name) const { return find_volume(table, name); }
    Memory source;
    VolumeTable table;
};

// One physical volume of eight extents, a to h, on the whole disk.
Seen one_disk(const std::string& logical) {
    return Seen(LvmDisk(0, 8).metadata(group_text({8}, logical)).fill('a').bytes);
}

} // namespace

TEST(Lvm, SegmentsInAnyOrderAndPlace) {
    const Seen seen = one_disk(volume_text("root", {linear(2, 3, 2, "pv0", 0), linear(1, 0, 3, "pv0", 5)}) +
                               volume_text("hidden", {linear(1, 0, 1, "pv0", 4)}, "\"READ\""));
    EXPECT_THAT(seen.table.notices, IsEmpty());
    ASSERT_EQ(seen.table.volumes.size(), 2u);
    EXPECT_EQ(seen.table.volumes[0].holds, "LVM2 physical volume of the volume group vg");
    EXPECT_TRUE(seen.table.volumes[0].opened);
    EXPECT_EQ(seen.table.volumes[1].number, 1u);
    EXPECT_EQ(seen.table.volumes[1].description, "LVM vg/root");
    EXPECT_EQ(letters(seen.volume("vg/root")), "fghab");
    const auto parts = locate(seen.volume("1"), {2 * extent + 100, extent});
    ASSERT_EQ(parts.size(), 2u);
    EXPECT_EQ(parts[0].offset, 2 * extent + 100);
    EXPECT_EQ(parts[0].range, (Range{data_at + 7 * extent + 100, extent - 100}));
    EXPECT_EQ(parts[1].offset, 3 * extent);
    EXPECT_EQ(parts[1].range, (Range{data_at, 100}));
}

TEST(Lvm, StripesOverPartitionsOfOneDisk) {
    const std::string text = group_text(
        {4, 4}, volume_text("striped", {segment_text(1, 0, 4,
                                                     "type = \"striped\"\nstripe_count = 2\nstripe_size = 32\n"
                                                     "stripes = [\"pv0\", 1, \"pv1\", 2]")}));
    const Seen seen(
        disk_of({LvmDisk(0, 4).metadata(text).fill('a').bytes, LvmDisk(1, 4).metadata(text).fill('A').bytes}));
    EXPECT_THAT(seen.table.notices, IsEmpty());
    EXPECT_EQ(letters(seen.volume("3"), 16 * 1024), "bCbCbCbCcDcDcDcD");
    const auto parts = locate(seen.volume("vg/striped"), {0, 64 * 1024});
    ASSERT_EQ(parts.size(), 4u);
    EXPECT_EQ(parts[2].range.offset, parts[0].range.end()) << "the second stripe of the first physical volume";
    EXPECT_THAT(storage(seen.volume("3"), {0, 4 * extent}),
                ElementsAre(Range{(1 << 20) + data_at + extent, 2 * extent},
                            Range{(2 << 20) + data_at + 2 * extent, 2 * extent}));
}

TEST(Lvm, MetadataWrapsAroundInItsArea) {
    const std::string text = group_text({8}, volume_text("root", {linear(1, 0, 8, "pv0", 0)}));
    const Seen seen(LvmDisk(0, 8).metadata(text, area_size - 100).fill('a').bytes);
    EXPECT_EQ(letters(seen.volume("vg/root")), "abcdefgh");
    EXPECT_THAT(seen.table.notices, IsEmpty());
}

TEST(Lvm, TheNewestSoundCopyCounts) {
    const auto text = [](unsigned sequence, unsigned at) {
        return group_text({4, 4}, volume_text("root", {linear(1, 0, 1, "pv0", at)}), sequence);
    };
    const LvmDisk older = LvmDisk(0, 4).metadata(text(7, 0)).fill('a');
    LvmDisk newer = LvmDisk(1, 4).metadata(text(8, 1));
    const Seen seen(disk_of({older.bytes, newer.bytes}));
    EXPECT_EQ(letters(seen.volume("vg/root")), "b");
    EXPECT_THAT(seen.table.notices, ElementsAre(AllOf(HasSubstr("number 8 is used"), HasSubstr("not 7"))));

    newer.bytes[area_at + 600] ^= 1; // its text's checksum
    const Seen damaged(disk_of({older.bytes, newer.bytes}));
    EXPECT_EQ(letters(damaged.volume("vg/root")), "a");
    EXPECT_THAT(damaged.table.notices, Contains(HasSubstr("wrong checksum of its text")));
    const Seen alone(disk_of({LvmDisk(0, 4).fill('a').bytes, newer.bytes}));
    EXPECT_THAT(alone.table.notices, Contains(HasSubstr("wrong checksum of its text")));
}

TEST(Lvm, ChecksumsAreToldAndEndNothing) {
    LvmDisk disk = LvmDisk(0, 2).metadata(group_text({2}, volume_text("root", {linear(1, 0, 2, "pv0", 0)}))).fill('a');
    disk.bytes[544 + 300] = 1;
    disk.bytes[area_at + 100] = 1;
    disk.bytes[area_at + 56] ^= 1;
    disk.bytes[512 + 8] = 3;
    const Seen seen(disk.bytes);
    EXPECT_EQ(letters(seen.volume("vg/root")), "ab");
    for (const char* what : {"wrong checksum of the label", "says it stands at sector 3",
                             "wrong checksum of its header", "wrong checksum of its text"})
        EXPECT_THAT(seen.table.notices, Contains(HasSubstr(what)));
}

TEST(Lvm, WhatIsMissingIsUnreadableAndNeverZeros) {
    const std::string striped = segment_text(1, 0, 4,
                                             "type = \"striped\"\nstripe_count = 2\nstripe_size = 128\n"
                                             "stripes = [\"pv0\", 0, \"pv1\", 0]");
    const std::string text =
        group_text({4, 4}, volume_text("striped", {striped}) +
                               volume_text("half", {linear(1, 0, 1, "pv0", 2), linear(2, 1, 1, "pv1", 2)}) +
                               volume_text("gone", {linear(1, 0, 1, "pv1", 3)}));
    const Seen seen(LvmDisk(0, 4).metadata(text).fill('a').bytes);
    EXPECT_EQ(letters(seen.volume("vg/striped")), "a?b?");
    EXPECT_EQ(letters(seen.volume("vg/half")), "c?");
    EXPECT_EQ(letters(seen.volume("vg/gone")), "?");
    EXPECT_THAT(seen.volume("vg/gone").holds, HasSubstr("not in this source"));
    EXPECT_EQ(seen.volume("vg/half").holds, "");
    EXPECT_THAT(seen.table.notices, Contains(HasSubstr("vg/half: is in part on physical volume pv1")));
    EXPECT_EQ(locate(seen.volume("vg/striped"), {0, 4 * extent}).size(), 2u);
}

TEST(Lvm, AnImageThatIsCutShort) {
    LvmDisk disk = LvmDisk(0, 8).metadata(group_text({8}, volume_text("root", {linear(1, 0, 8, "pv0", 0)}))).fill('a');
    const Seen seen(disk.bytes.substr(0, data_at + 3 * extent));
    EXPECT_EQ(letters(seen.volume("vg/root")), "abc?????");
    EXPECT_THAT(seen.table.notices, Contains(HasSubstr("beyond the end of physical volume pv0 in this source")));
}

TEST(Lvm, Mirrors) {
    const std::string images = volume_text("m_rimage_0", {linear(1, 0, 1, "pv0", 1)}, "\"READ\"") +
                               volume_text("m_rimage_1", {linear(1, 0, 1, "pv1", 1)}, "\"READ\"") +
                               volume_text("m_rmeta_0", {linear(1, 0, 1, "pv0", 0)}, "\"READ\"") +
                               volume_text("m_rmeta_1", {linear(1, 0, 1, "pv1", 0)}, "\"READ\"");
    const std::string raid = segment_text(
        1, 0, 1,
        "type = \"raid1\"\ndevice_count = 2\nraids = [\"m_rmeta_0\", \"m_rimage_0\", \"m_rmeta_1\", \"m_rimage_1\"]");
    const std::string mirror =
        segment_text(1, 0, 1, "type = \"mirror\"\nmirror_count = 2\nmirrors = [\"m_rimage_0\", 0, \"m_rimage_1\", 0]");
    const std::string text = group_text({2, 2}, images + volume_text("m", {raid}) + volume_text("old", {mirror}));
    const auto disk = [&](unsigned number, char fill, uint64_t events, uint64_t failed, uint64_t recovered) {
        LvmDisk out = LvmDisk(number, 2).metadata(text).fill(fill);
        if (events == 0) return out.bytes;
        out.bytes.replace(data_at, 4, "DmRd");
        put(out.bytes, data_at + 12, number, 4);
        put(out.bytes, data_at + 16, events, 8);
        put(out.bytes, data_at + 24, failed, 8);
        put(out.bytes, data_at + 32, recovered, 8);
        return out.bytes;
    };
    constexpr uint64_t all = ~uint64_t{0};
    const auto read = [&](const std::vector<std::string>& disks) {
        const Seen seen(disk_of(disks));
        std::string said;
        for (const std::string& each : seen.table.notices) said += each + "\n";
        return letters(seen.volume("vg/m")) + letters(seen.volume("vg/old")) + " " + said;
    };
    EXPECT_EQ(read({disk(0, 'a', 9, 0, all), disk(1, 'A', 9, 0, all)}), "bb ");
    EXPECT_EQ(read({disk(0, 'a', 9, 0, all), disk(1, 'A', 12, 0, all)}), "Bb ") << "the first is behind";
    EXPECT_EQ(read({disk(0, 'a', 9, 0, 77), disk(1, 'A', 9, 0, all)}), "Bb ") << "the first is being rebuilt";
    EXPECT_EQ(read({disk(0, 'a', 9, 1, all), disk(1, 'A', 9, 1, all)}), "Bb ") << "the first has failed";
    EXPECT_THAT(read({disk(1, 'A', 9, 0, all)}), AllOf(HasSubstr("BB "), HasSubstr("pv0")));
    EXPECT_THAT(read({disk(0, 'a', 9, 1, all)}), AllOf(HasSubstr("bb "), HasSubstr("not current")));
    EXPECT_THAT(read({disk(0, 'a', 0, 0, 0), disk(1, 'A', 0, 0, 0)}), AllOf(HasSubstr("bb "), HasSubstr("not known")));
}

TEST(Lvm, VolumesOfAKindThatIsNotReadAreNamed) {
    const auto of = [](const std::string& type, const std::string& rest = "") {
        return segment_text(1, 0, 2, "type = \"" + type + "\"\n" + rest);
    };
    const Seen seen = one_disk(
        volume_text("thin1", {of("thin", "thin_pool = \"pool\"\ndevice_id = 1")}) +
        volume_text("pool", {of("thin-pool")}) + volume_text("fast", {of("cache")}) +
        volume_text("five", {of("raid5")}) + volume_text("snap", {linear(1, 0, 1, "pv0", 0)}) +
        volume_text("origin", {linear(1, 0, 1, "pv0", 1)}) +
        volume_text("snapshot0", {of("snapshot", "chunk_size = 8\norigin = \"origin\"\ncow_store = \"snap\"")},
                    "\"READ\"") +
        volume_text("zeros", {of("zero")}) + volume_text("new", {of("striped+UNHEARD_OF", "stripes = [\"pv0\", 0]")}));
    for (const auto& [name, why] : {std::pair{"thin1", "a thin volume"},
                                    {"pool", "a thin pool"},
                                    {"fast", "a cached"},
                                    {"five", "of type raid5"},
                                    {"snap", "a snapshot of origin"}}) {
        const Volume& volume = seen.volume(std::string("vg/") + name);
        EXPECT_THAT(volume.holds, HasSubstr(why));
        EXPECT_FALSE(volume.opened);
        EXPECT_THAT(letters(volume), Not(testing::ContainsRegex("[a-z0]"))) << name;
    }
    EXPECT_EQ(letters(seen.volume("vg/origin")), "b");
    EXPECT_EQ(letters(seen.volume("vg/zeros")), "00");
}

TEST(Lvm, HostileSegments) {
    const auto say = [](const std::string& logical) {
        const Seen seen = one_disk(logical);
        std::string said = seen.table.volumes.size() > 1 ? letters(seen.table.volumes[1]) + " " : "none ";
        for (const Volume& each : seen.table.volumes) said += each.holds + "\n";
        for (const std::string& each : seen.table.notices) said += each + "\n";
        return said;
    };
    const auto stripes = [](uint64_t count, const std::string& size, const std::string& list) {
        return volume_text(
            "x",
            {segment_text(1, 0, count, "type = \"striped\"\nstripe_size = " + size + "\nstripes = [" + list + "]")});
    };
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, 2, "pv0", 7)})),
                AllOf(HasSubstr("h? "), HasSubstr("lie beyond physical volume pv0, which has 8")));
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, 1, "pv0", uint64_t{1} << 63)})), HasSubstr("lie beyond physical"));
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, uint64_t{1} << 63, "pv0", 0)})), HasSubstr("makes no sense"));
    EXPECT_THAT(say(volume_text("x", {linear(1, uint64_t{1} << 63, 1, "pv0", 0)})), HasSubstr("makes no sense"));
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, 0, "pv0", 0)})), HasSubstr("no segment that can be read"));
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, 2, "pv0", 0), linear(2, 1, 2, "pv0", 4)})),
                AllOf(HasSubstr("ab "), HasSubstr("are there twice")));
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, 1, "pv0", 0), linear(2, 2, 1, "pv0", 4)})),
                AllOf(HasSubstr("a?e "), HasSubstr("are in no segment")));
    EXPECT_THAT(say(stripes(2, "0", "\"pv0\", 0, \"pv0\", 1")), AllOf(HasSubstr("??"), HasSubstr("make no sense")));
    EXPECT_THAT(say(stripes(2, "100", "\"pv0\", 0, \"pv0\", 1")), HasSubstr("make no sense"));
    EXPECT_THAT(say(stripes(3, "128", "\"pv0\", 0, \"pv0\", 4")), HasSubstr("make no sense"));
    EXPECT_THAT(say(stripes(2, "128", "")), HasSubstr("make no sense"));
    EXPECT_THAT(say(stripes(2, "128", "\"pv0\"")),
                AllOf(HasSubstr("stripes is missing or odd"), HasSubstr("1 segments are announced, 0")));
    EXPECT_THAT(say(stripes(2, "128", "0, \"pv0\"")), HasSubstr("no list of volumes"));
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, 1, "nobody", 0)})), HasSubstr("on nobody, which does not exist"));
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, 1, "x", 0)})), HasSubstr("made of itself"));
    EXPECT_THAT(
        say(volume_text("x", {linear(1, 0, 1, "y", 0)}) + volume_text("y", {linear(1, 0, 1, "x", 0)}, "\"READ\"")),
        HasSubstr("made of itself"));
    EXPECT_THAT(
        say(volume_text("x", {segment_text(1, 0, 1, "type = \"raid1\"\nraids = [\"x\", \"x\", \"x\", \"x\"]")})),
        HasSubstr("made of itself"));
    EXPECT_THAT(say(volume_text("x", {linear(1, 0, 2, "pv0", 0)}) + volume_text("y", {linear(1, 0, 2, "pv0", 1)})),
                HasSubstr("extent 1 of physical volume pv0 is claimed twice: by x and by y"));
    std::string chain = volume_text("x", {linear(1, 0, 1, "v0", 0)});
    for (unsigned index = 0; index < 100; index++)
        chain +=
            volume_text("v" + std::to_string(index), {linear(1, 0, 1, "v" + std::to_string(index + 1), 0)}, "\"READ\"");
    EXPECT_THAT(say(chain), HasSubstr("too many volumes inside each other"));
}

TEST(Lvm, VolumesOfExabytesTakeNoTime) {
    const uint64_t huge = uint64_t{1} << 45; // extents of 64 KiB: 2 EiB
    const Seen seen = one_disk(
        volume_text("z", {segment_text(1, 0, huge, "type = \"zero\"")}) +
        volume_text("x", {segment_text(1, 0, huge * 2,
                                       "type = \"striped\"\nstripe_size = 1\nstripes = [\"z\", 0, \"z\", 0]")}));
    const Volume& volume = seen.volume("vg/x");
    EXPECT_THROW(locate(volume, volume.range), Error);
    EXPECT_THAT(storage(seen.volume("vg/z"), seen.volume("vg/z").range), IsEmpty());
    EXPECT_THAT(locate(volume, {uint64_t{1} << 60, 1 << 20}), IsEmpty());
}

TEST(Lvm, APhysicalVolumeThatIsThereTwice) {
    const std::string text = group_text({2}, volume_text("root", {linear(1, 0, 2, "pv0", 0)}));
    const Seen seen(
        disk_of({LvmDisk(0, 2).metadata(text).fill('a').bytes, LvmDisk(0, 2).metadata(text).fill('A').bytes}));
    EXPECT_EQ(letters(seen.volume("vg/root")), "ab");
    EXPECT_THAT(seen.table.notices, Contains(HasSubstr("pv0 is there twice, at bytes 1048576 and 2097152")));
}

TEST(Lvm, TwoGroupsOfOneName) {
    const auto text = [](const std::string& id, unsigned pv) {
        std::string out = group_text({2, 2}, volume_text("root", {linear(1, 0, 1, "pv" + std::to_string(pv), 0)}));
        return out.replace(out.find("vg-id"), 5, id);
    };
    const Seen seen(disk_of({LvmDisk(0, 2).metadata(text("one", 0)).fill('a').bytes,
                             LvmDisk(1, 2).metadata(text("two", 1)).fill('A').bytes}));
    EXPECT_THROW(seen.volume("vg/root"), Error);
    EXPECT_EQ(letters(seen.volume("3")) + letters(seen.volume("4")), "aA");
}

TEST(Lvm, HostileMetadata) {
    const auto notices = [](const std::string& text, uint64_t offset = 512) {
        const Seen seen(LvmDisk(0, 1).metadata(text, offset).bytes);
        std::string said = seen.table.volumes[0].holds + "\n";
        for (const std::string& each : seen.table.notices) said += each + "\n";
        return said;
    };
    EXPECT_THAT(notices(std::string(60'000, '{')), HasSubstr("no name where one must stand"));
    std::string deep;
    for (unsigned index = 0; index < 10'000; index++) deep += "a{";
    EXPECT_THAT(notices(deep), HasSubstr("too deep inside each other"));
    EXPECT_THAT(notices("}"), HasSubstr("a bracket that closes nothing"));
    EXPECT_THAT(notices("a = \"text"), HasSubstr("a text without an end"));
    EXPECT_THAT(notices("a = [1, 2"), HasSubstr("without an end"));
    EXPECT_THAT(notices("a = [,]"), HasSubstr("no value where one must stand"));
    EXPECT_THAT(notices("a = 99999999999999999999999"), HasSubstr("no value"));
    EXPECT_THAT(notices("a"), HasSubstr("neither { nor ="));
    EXPECT_THAT(notices("# nothing"), HasSubstr("no volume group in it"));
    EXPECT_THAT(notices("vg { id = \"x\" seqno = 1 extent_size = 0 }"), HasSubstr("extents of 0 sectors"));
    EXPECT_THAT(notices("vg { id = \"x\" seqno = 1 extent_size = 18446744073709551615 }"), HasSubstr("extents of"));
    EXPECT_THAT(notices("vg { id = \"x\" seqno = 1 extent_size = 8 }"), HasSubstr("physical_volumes is missing"));
    EXPECT_THAT(notices("x", area_size), HasSubstr("does not fit it"));
    EXPECT_THAT(notices("x", ~uint64_t{0}), HasSubstr("does not fit it"));
    EXPECT_THAT(notices(std::string(area_size, ' ')), HasSubstr("does not fit it"));

    LvmDisk disk = LvmDisk(0, 1).metadata("x");
    put(disk.bytes, 544 + 80, ~uint64_t{0}, 8);
    disk.seal_label();
    EXPECT_THAT(Seen(disk.bytes).table.notices, Contains(HasSubstr("lies beyond the physical volume")));
    put(disk.bytes, 512 + 20, 0xffffffff, 4);
    disk.seal_label();
    EXPECT_THAT(Seen(disk.bytes).table.notices, Contains(HasSubstr("points to byte 4294967295")));
}

TEST(Lvm, ConfigText) {
    const lvm::ConfigNode top = lvm::parse_config(
        "a = 1 # comment { \n \"quoted name\" = \"with \\\" and \\\\\"\nb { c = [] d = -3 e = 0.5 f = [\"x\", 7,] }\n");
    EXPECT_EQ(top.number("a"), 1u);
    EXPECT_EQ(top.text("quoted name"), "with \" and \\");
    const lvm::ConfigNode& b = top.section("b");
    EXPECT_EQ(b.find("c")->values.size(), 0u);
    EXPECT_EQ(b.number("d"), 0u);
    EXPECT_EQ(b.number("e"), 0u);
    EXPECT_TRUE(b.lists("f", "x"));
    EXPECT_EQ(b.find("f")->values.at(1).number, 7u);
    EXPECT_THROW(b.text("d"), Error);
    EXPECT_THROW(b.section("d"), Error);
    EXPECT_EQ(b.number("absent", 5), 5u);
}

TEST(Lvm, ADiskOnALogicalVolume) {
    LvmDisk disk = LvmDisk(0, 8).metadata(group_text({8}, volume_text("vm", {linear(1, 0, 4, "pv0", 4)}))).fill('a');
    std::string inside(4 * extent, '\0');
    put(inside, 446 + 4, 0x83, 1);
    put(inside, 446 + 8, 64, 4);
    put(inside, 446 + 12, 128, 4);
    put(inside, 510, 0xaa55, 2);
    std::fill_n(inside.begin() + 64 * 512, 128 * 512, 'V');
    disk.bytes.replace(data_at + 4 * extent, inside.size(), inside);
    const Seen seen(disk.bytes);
    ASSERT_EQ(seen.table.volumes.size(), 3u);
    EXPECT_EQ(seen.volume("vg/vm").holds, "partition table (mbr)");
    EXPECT_TRUE(seen.volume("vg/vm").opened);
    const Volume& partition = seen.volume("vg/vm/1");
    EXPECT_EQ(partition.range, (Range{64 * 512, 128 * 512}));
    EXPECT_EQ(locate(partition, {64 * 512, 10}).at(0).range.offset, data_at + 4 * extent + 64 * 512);
    EXPECT_EQ(partition.number, 2u);
}

TEST(Lvm, ALabelBesideAPartitionTableIsSaid) {
    std::string disk = LvmDisk(0, 8).metadata(group_text({8}, "")).bytes;
    put(disk, 446 + 4, 0x83, 1);
    put(disk, 446 + 8, 64, 4);
    put(disk, 446 + 12, 128, 4);
    put(disk, 510, 0xaa55, 2);
    const Seen seen(disk);
    EXPECT_EQ(seen.table.scheme, "mbr");
    EXPECT_THAT(seen.table.notices, ElementsAre(HasSubstr("an LVM2 physical volume also begins at the start")));
}

TEST(Lvm, VolumeGroupsInsideEachOtherEnd) {
    // A physical volume whose logical volume is a physical volume, and so on, deeper than is looked.
    std::string innermost = LvmDisk(9, 1).metadata(group_text({}, "")).bytes;
    for (unsigned depth = 0; depth < 6; depth++) {
        const auto extents = static_cast<unsigned>((innermost.size() + extent - 1) / extent);
        std::string text =
            group_text({extents}, volume_text("v", {linear(1, 0, extents, "pv0", 0)}), 1, "vg" + std::to_string(depth));
        text.replace(text.find(dashed(pv_uuid(0))), 38, dashed(pv_uuid(depth)));
        LvmDisk outer = LvmDisk(depth, extents).metadata(text);
        outer.bytes.replace(data_at, innermost.size(), innermost);
        innermost = outer.bytes;
    }
    const Seen seen(innermost);
    EXPECT_EQ(seen.table.volumes.size(), 5u) << "the disk, and four inside each other";
    EXPECT_THAT(seen.table.notices, Contains(HasSubstr("deeper than 4")));
}
