#include "kanshiki/error.h"
#include "kanshiki/triage.h"

#include "unit/analyze/filesystem/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/stat.h>

using namespace kanshiki;
using namespace kanshiki::test;

namespace {

ListedFile listed(std::string path, FileInfo info = {}) {
    ListedFile file;
    file.volume = 2;
    file.path = std::move(path);
    file.name_type = info.type = FileType::regular;
    file.info = std::move(info);
    return file;
}

std::vector<std::string> lines(std::string_view name, const TriageResult& result) {
    std::ostringstream out;
    for (const Report& report : reports())
        if (report.name == name) report.write(result, out);
    std::vector<std::string> found;
    std::istringstream in(out.str());
    for (std::string line; std::getline(in, line);) found.push_back(line);
    return found;
}

} // namespace

TEST(Bodyfile, NamesCannotForgeLinesOrFields) {
    TriageResult result;
    result.table.scheme = "gpt";
    FileInfo info;
    info.mode = 04755;
    info.inode = 12;
    info.size = 99;
    info.uid = 1000;
    info.gid = 100;
    info.accessed = {1, 5};
    info.modified = {2, 0};
    info.changed = {-3, 0};
    result.listing.push_back(listed("/a|b\nc\\d\xff€", info));
    info.allocated = false;
    info.symlink_target = "x|y";
    ListedFile gone = listed("/gone", info);
    gone.deleted = true;
    result.listing.push_back(gone);
    ListedFile reused = listed("/reused", {});
    reused.deleted = true;
    result.listing.push_back(reused);
    const auto found = lines("bodyfile", result);
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0], "0|/p2/a\\x7cb\\x0ac\\\\d\\xff€|12|r/rrwsr-xr-x|1000|100|99|1|2|-3|0");
    EXPECT_EQ(found[1], "0|/p2/gone -> x\\x7cy (deleted)|12|r/rrwsr-xr-x|1000|100|99|1|2|-3|0");
    EXPECT_THAT(found[2], testing::HasSubstr("/reused (deleted-realloc)|"));
    result.table.scheme = "none";
    EXPECT_THAT(lines("bodyfile", result)[0], testing::StartsWith("0|/a\\x7cb"));
}

TEST(Listing, BytesCanBeHadBack) {
    TriageResult result;
    FileInfo info;
    info.modified = {1'600'000'000, 123'456'789};
    info.symlink_target = "\xfe";
    result.listing.push_back(listed("/bad\xff\x1b[2J", info));
    result.listing.push_back(listed("/plain", {}));
    const auto found = lines("listing", result);
    ASSERT_EQ(found.size(), 2u);
    const auto first = nlohmann::json::parse(found[0]);
    EXPECT_EQ(first["path"], "/bad\\xff\x1b[2J");
    EXPECT_EQ(first["path_hex"], "2f626164ff1b5b324a");
    EXPECT_EQ(first["target_hex"], "fe");
    EXPECT_EQ(first["modified"], "2020-09-13T12:26:40.123456789Z");
    EXPECT_EQ(found[0].find('\x1b'), std::string::npos) << "a line may be shown on a terminal";
    EXPECT_FALSE(nlohmann::json::parse(found[1]).contains("path_hex"));
}

TEST(Timeline, SortedBoundedAndWhatTimesketchNeeds) {
    TriageResult result;
    FileInfo info;
    info.modified = info.accessed = Timestamp{300, 0};
    info.changed = Timestamp{100, 1000};
    result.listing.push_back(listed("/" + std::string(10'000, 'a') + "\xff", info));
    result.records.add(TimelineEvent{{200, 0}, "Login failed", "root from 192.0.2.1\nx", {}});
    const auto found = lines("timeline", result);
    ASSERT_EQ(found.size(), 3u);
    std::vector<int64_t> times;
    for (const std::string& line : found) {
        EXPECT_LT(line.size(), 10'000u);
        const auto json = nlohmann::json::parse(line);
        for (const char* key : {"message", "datetime", "timestamp_desc"}) EXPECT_TRUE(json[key].is_string()) << key;
        times.push_back(json["timestamp"]);
    }
    EXPECT_EQ(times, (std::vector<int64_t>{100'000'001, 200'000'000, 300'000'000}));
    EXPECT_EQ(nlohmann::json::parse(found[0])["datetime"], "1970-01-01T00:01:40.000001+00:00");
    EXPECT_EQ(nlohmann::json::parse(found[1])["timestamp_desc"], "Login failed");
    EXPECT_EQ(nlohmann::json::parse(found[2])["timestamp_desc"], "Content Modification Time; Last Access Time");
    EXPECT_THAT(found[2], testing::HasSubstr("more bytes)"));
}

TEST(WriteReports, DurableReadOnlyAndReplacing) {
    Folder folder;
    TriageResult result;
    result.listing.push_back(listed("/one", {}));
    write_reports(result, folder.path());
    struct stat status {};
    ASSERT_EQ(::stat((folder / "bodyfile").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777u, 0400u);
    result.listing.push_back(listed("/two", {}));
    write_reports(result, folder.path());
    EXPECT_THAT(slurp(folder / "bodyfile"), testing::HasSubstr("/two"));
    for (const auto& each : std::filesystem::directory_iterator(folder.path()))
        EXPECT_NE(each.path().extension(), ".partial");
    EXPECT_THROW(write_reports(result, folder / "missing"), Error);
}

TEST(WriteReports, AFullDiskIsAnError) {
    Folder folder;
    TriageResult result;
    for (const Report& report : reports())
        std::filesystem::create_symlink("/dev/full", folder / (std::string(report.file) + ".partial"));
    EXPECT_THROW(write_reports(result, folder.path()), Error) << "O_NOFOLLOW: a planted link is not written through";
}
