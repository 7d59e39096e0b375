#include "kanshiki/triage.h"

#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

using namespace kanshiki;
using namespace kanshiki::test;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;

namespace {

struct Sum {
    std::string path;
    uint64_t bytes = 0;
};

// Reads every regular file, fails on some, and judges what it added up.
class Adder : public Analyzer {
public:
    std::string_view name() const override { return "adder"; }
    bool wants(const std::string&, const FileInfo& info) const override { return info.type == FileType::regular; }
    void read(const FileView& file, Records& records) const override {
        if (file.path().ends_with("7")) throw std::runtime_error("a bug in an analyzer");
        uint64_t sum = 0;
        for (const char byte : file.content(1000)) sum += static_cast<unsigned char>(byte);
        records.add(Sum{file.path(), sum});
        records.add(TimelineEvent{{static_cast<int64_t>(sum), 0}, "Added", "up", {}});
    }
    void conclude(const CaseView& everything, Findings& findings) const override {
        for (const Sum& sum : everything.records.of<Sum>()) {
            Finding finding;
            finding.rule = "adder.sum";
            finding.severity = sum.bytes % 2 == 0 ? Severity::low : Severity::high;
            finding.title = std::to_string(sum.bytes);
            Evidence where;
            where.path = sum.path;
            finding.evidence.push_back(where);
            findings.push_back(finding);
        }
    }
};

const Adder adder;
const Analyzer* const table[] = {&adder};

std::string everything(const TriageResult& result) {
    std::ostringstream out;
    for (const Report& report : reports())
        if (report.file != "report.html") report.write(result, out); // it holds the time of the run
    for (const Finding& finding : result.findings) out << finding.title << finding.evidence.at(0).path << "\n";
    return out.str();
}

class Triage : public testing::Test {
protected:
    static void SetUpTestSuite() {
        Folder folder;
        std::filesystem::create_directories(folder / "tree/a/b/c");
        for (int index = 0; index < 60; index++)
            write(folder / ("tree/a/b/file" + std::to_string(index)), noise(3000, static_cast<unsigned>(index)));
        write(folder / "tree/z", "end");
        run("mke2fs -q -F -t ext4 -d " + (folder / "tree").string() + " " + (folder / "image").string() + " 16M");
        image() = slurp(folder / "image");
    }
    static std::string& image() {
        static std::string bytes;
        return bytes;
    }
    TriageResult triage(BlockSource& source, unsigned threads) {
        TriageOptions options;
        options.threads = threads;
        options.analyzers = table;
        return run_triage(source, options, events_, {});
    }
    NoEvents events_;
};

} // namespace

TEST_F(Triage, TheSameForAnyNumberOfThreads) {
    Memory source(image());
    const std::string one = everything(triage(source, 1));
    EXPECT_GT(one.size(), 10'000u);
    for (const unsigned threads : {2u, 8u, 100u}) EXPECT_EQ(everything(triage(source, threads)), one) << threads;
    Memory serial(image());
    serial.change().lanes = 1;
    serial.change().access = Access::ascending;
    EXPECT_EQ(everything(triage(serial, 8)), one) << "through the cache";
}

TEST_F(Triage, ListsDepthFirstSortedAndCounts) {
    Memory source(image());
    const TriageResult result = triage(source, 2);
    ASSERT_EQ(result.volumes.size(), 1u);
    EXPECT_EQ(result.volumes[0].files, 61u);
    EXPECT_EQ(result.volumes[0].directories, 4u); // a, b, c, lost+found
    std::vector<std::string> paths;
    for (const ListedFile& file : result.listing) paths.push_back(file.path);
    EXPECT_EQ(paths[0], "/a");
    EXPECT_EQ(paths[2], "/a/b/c");
    EXPECT_EQ(paths[3], "/a/b/file0");
    EXPECT_EQ(paths[4], "/a/b/file1");
    EXPECT_EQ(paths[5], "/a/b/file10");
    EXPECT_EQ(paths.back(), "/z");
}

TEST_F(Triage, AnAnalyzerThatFailsOnAFileCostsOnlyThatFile) {
    Memory source(image());
    const TriageResult result = triage(source, 4);
    EXPECT_EQ(result.findings.size(), 61u - 6); // file7, 17 … 57
    EXPECT_EQ(result.findings.front().severity, Severity::high);
    EXPECT_EQ(result.findings.back().severity, Severity::low);
    EXPECT_THAT(result.not_covered,
                Contains(AllOf(Field(&NotCovered::path, "/a/b/file7"), Field(&NotCovered::where, "adder"),
                               Field(&NotCovered::why, "a bug in an analyzer"))));
    EXPECT_THAT(result.not_covered, Contains(AllOf(Field(&NotCovered::path, "/a/b/file8"),
                                                   Field(&NotCovered::where, "bytes from 1000 to 2999"))));
}

TEST_F(Triage, UnreadableSectorsAreInTheLedgerOfTheirFile) {
    Memory whole(image());
    const auto files = open_whole(whole);
    const uint64_t at = files->extents(find(*files, "/a/b/file20")).at(0).range.offset;
    Memory source(image(), {{at + 512, 512}});
    const std::string range = "source bytes " + std::to_string(at + 512) + " to " + std::to_string(at + 1023);
    const TriageResult one = triage(source, 1);
    EXPECT_THAT(one.not_covered,
                Contains(AllOf(Field(&NotCovered::path, "/a/b/file20"), Field(&NotCovered::where, range))));
    EXPECT_EQ(everything(triage(source, 8)), everything(one));
}

TEST_F(Triage, UnreadableDirectoriesAreInTheLedgerToo) {
    Memory whole(image());
    const auto files = open_whole(whole);
    const Range directory = files->extents(find(*files, "/a/b")).at(0).range;
    Memory source(image(), {directory});
    const TriageResult result = triage(source, 2);
    EXPECT_THAT(
        result.not_covered,
        Contains(AllOf(Field(&NotCovered::path, "/a/b"),
                       Field(&NotCovered::where, HasSubstr("source bytes " + std::to_string(directory.offset))))));
    EXPECT_EQ(result.volumes.at(0).files, 1u) << "only z is left";
}

TEST_F(Triage, AStopRequestEndsIt) {
    Memory source(image());
    std::stop_source stop;
    stop.request_stop();
    try {
        run_triage(source, {1, table}, events_, stop.get_token());
        FAIL() << "went on";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::interrupted);
    }
}

TEST_F(Triage, WhatIsNotReadIsNamed) {
    std::string disk(4 << 20, '\0');
    disk.replace(0, 6, "LUKS\xba\xbe");
    Memory source(disk);
    const TriageResult result = triage(source, 1);
    EXPECT_TRUE(result.volumes.empty());
    ASSERT_EQ(result.not_covered.size(), 1u);
    EXPECT_THAT(result.not_covered[0].why, HasSubstr("LUKS"));
}

namespace {

uint64_t bytes_of(const TriageResult& result, Treated treated, const std::string& what, const std::string& why = "") {
    uint64_t sum = 0;
    for (const CoverageSum& each : result.coverage.bytes)
        if (each.of.treated == treated && each.of.what == what && (why.empty() || each.of.why == why))
            sum += each.amount;
    return sum;
}

// Every byte once, every name once.
void expect_whole(const TriageResult& result, uint64_t size) {
    uint64_t at = 0, sum = 0, names = 0;
    for (size_t index = 0; index < result.coverage.ranges.size(); index++) {
        const CoveredRange& each = result.coverage.ranges[index];
        ASSERT_EQ(each.range.offset, at) << index;
        ASSERT_GT(each.range.size, 0u);
        ASSERT_LT(each.of, result.coverage.classes.size());
        if (index > 0) {
            ASSERT_NE(each.of, result.coverage.ranges[index - 1].of);
        }
        at = each.range.end();
    }
    EXPECT_EQ(at, size);
    for (const CoverageSum& each : result.coverage.bytes) sum += each.amount;
    EXPECT_EQ(sum, size);
    for (const CoverageSum& each : result.coverage.files) names += each.amount;
    EXPECT_EQ(names, result.listing.size());
}

} // namespace

TEST_F(Triage, EveryByteAndEveryNameIsAccountedFor) {
    Memory source(image());
    const TriageResult result = triage(source, 2);
    expect_whole(result, image().size());
    // Adder reads 1000 of each file's 3000 bytes, 3 of z, and fails on 6 files.
    EXPECT_EQ(bytes_of(result, Treated::read, "content of files"), 54u * 1000 + 3);
    EXPECT_EQ(bytes_of(result, Treated::skipped, "content of files"), 54u * 2000);
    EXPECT_EQ(bytes_of(result, Treated::failed, "content of files"), 6u * 3000);
    EXPECT_EQ(bytes_of(result, Treated::skipped, "slack"), 60u * 72 + 1021);
    EXPECT_GT(bytes_of(result, Treated::skipped, "free space"), 10u << 20);
    EXPECT_GT(bytes_of(result, Treated::read, "metadata"), 100u * 1024);
}

TEST_F(Triage, UnreadableBytesAreAccountedForWhereverTheyLie) {
    Memory whole(image());
    const auto files = open_whole(whole);
    const uint64_t at = files->extents(find(*files, "/a/b/file20")).at(0).range.offset;
    Memory source(image(), {{at + 512, 512}, {at + 1024, 1024}});
    const TriageResult result = triage(source, 2);
    expect_whole(result, image().size());
    EXPECT_EQ(bytes_of(result, Treated::failed, "content of files", "unreadable"), 1536u);
    EXPECT_EQ(bytes_of(result, Treated::read, "content of files"), 54u * 1000 + 3 - 488);
}

TEST(Coverage, PartitionsGapsHolesLinksAndWhatLiesBehind) {
    Folder folder;
    std::filesystem::create_directories(folder / "tree");
    write(folder / "tree/one", noise(10'000, 1));
    std::filesystem::create_hard_link(folder / "tree/one", folder / "tree/two");
    write(folder / "tree/holes", "start");
    std::filesystem::resize_file(folder / "tree/holes", 1 << 20);
    // 1 MiB, 8 MiB of which the file system takes 6, 3 MiB of swap, 4 MiB that belong to nobody
    const std::string disk = (folder / "disk").string(), part = (folder / "part").string();
    run("truncate -s 16M " + disk + " && printf 'label: dos\n2048,16384,83\n18432,6144,82\n' | sfdisk -q " + disk);
    run("mke2fs -q -F -t ext4 -b 1024 -d " + (folder / "tree").string() + " " + part + " 6M && dd if=" + part +
        " of=" + disk + " bs=1M seek=1 conv=notrunc");
    Memory source(slurp(disk));
    NoEvents events;
    TriageOptions options;
    options.analyzers = table;
    options.threads = 2;
    const TriageResult result = run_triage(source, options, events, {});
    expect_whole(result, 16 << 20);
    EXPECT_EQ(bytes_of(result, Treated::skipped, "outside of volumes") +
                  bytes_of(result, Treated::skipped, "not partitioned"),
              5u << 20);
    EXPECT_EQ(bytes_of(result, Treated::skipped, "no files"), 3u << 20);
    EXPECT_EQ(bytes_of(result, Treated::skipped, "behind the end of the file system"), 2u << 20);
    EXPECT_EQ(bytes_of(result, Treated::read, "content of files"), 1000u + 1000) << "of one (and two), of holes";
    EXPECT_EQ(bytes_of(result, Treated::skipped, "content of files"), 9000u + 24);
}
