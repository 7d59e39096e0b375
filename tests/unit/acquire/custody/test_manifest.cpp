#include "support/folder.h"

#include "acquire/custody/json_text.h"
#include "kanshiki/manifest.h"
#include "kanshiki/pipeline.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <functional>
#include <regex>
#include <sys/stat.h>

namespace kanshiki {
namespace {

using test::Folder;
using Json = nlohmann::ordered_json;

Digest filled(unsigned char value) {
    Digest out;
    out.fill(std::byte{value});
    return out;
}

Manifest example() {
    Manifest m;
    m.case_info = {"42", "E-1", "A. Examiner", "warrant 7", "note with \"quotes\" and \n a line"};
    m.tool = {"0.1.0", to_hex(filled(9)), {"kanshiki", "acquire", "/dev/x", "-o", "disk.img"}};
    m.host = {"box", "KVM", "Linux 6.1", "Debian 12", "root", "not synchronised", -16000000};
    m.source_uri = "/dev/x";
    m.source_kind = "device";
    m.source_identity = {{"serial", "vol0123"}, {"model", "Amazon"}, {"serial", "again"}};
    m.partition_table_sha256 = filled(8);
    m.started = "2026-11-23T05:52:11.123456Z";
    m.ended = "2026-11-23T05:53:00.000000Z";
    m.resumed_at = {64u << 20};
    m.image_format = "raw";
    m.size = (uint64_t{1} << 40) + 512;
    m.chunks = (uint64_t{1} << 21) + 1;
    m.zero_chunks = 5;
    m.root = filled(1);
    m.digests = {{"sha256", to_hex(filled(2))}, {"md5", std::string(32, 'a')}};
    m.unreadable = {{{512, 512}, EIO}, {{uint64_t{1} << 40, 512}, ETIMEDOUT}};
    m.unreadable_bytes = 1024;
    m.chunks_touched = {0, uint64_t{1} << 21};
    m.log_head = filled(3);
    m.log_entries = 12;
    m.files = {{"image", "disk.img", (uint64_t{1} << 40) + 512, filled(2)},
               {"chunks", "disk.img.chunks", 64, filled(4)},
               {"map", "disk.img.map", 10, filled(5)},
               {"log", "disk.img.log.jsonl", 11, std::nullopt}};
    return m;
}

std::string refusal(const std::string& text) {
    try {
        parse_manifest(text, "m.json");
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), ExitCode::never_valid);
        EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
        EXPECT_TRUE(std::string(e.what()).starts_with("m.json")) << e.what();
        return e.what();
    }
    return "accepted";
}

TEST(Manifest, SaysWhatTheImageWasMadeFrom) {
    Manifest m = example();
    EXPECT_TRUE(Json::parse(render_manifest(m))["derived_from"].is_null());
    EXPECT_FALSE(parse_manifest(render_manifest(m), "m.json").derived_from);
    m.derived_from = {"repair", "disk.img", filled(7), {{0, 512}, {4096, 512}}};
    const Manifest back = parse_manifest(render_manifest(m), "m.json");
    ASSERT_TRUE(back.derived_from);
    EXPECT_EQ(back.derived_from->kind, "repair");
    EXPECT_EQ(back.derived_from->image, "disk.img");
    EXPECT_EQ(back.derived_from->manifest_sha256, filled(7));
    EXPECT_EQ(back.derived_from->replaced, m.derived_from->replaced);
    m.derived_from->manifest_sha256.reset();
    EXPECT_FALSE(parse_manifest(render_manifest(m), "m.json").derived_from->manifest_sha256);

    Json json = Json::parse(render_manifest(m));
    json.erase("derived_from");
    EXPECT_NE(refusal(json.dump()).find("derived_from is missing"), std::string::npos);
    for (const auto& [what, spoil] : std::vector<std::pair<const char*, std::function<void(Json&)>>>{
             {"derived_from", [](Json& from) { from = 7; }},
             {"derived_from.kind", [](Json& from) { from["kind"] = "copy"; }},
             {"derived_from.image", [](Json& from) { from["image"] = "../disk.img"; }},
             {"derived_from.manifest_sha256", [](Json& from) { from["manifest_sha256"] = "00"; }},
             {"derived_from.replaced[1].offset", [](Json& from) { from["replaced"][1]["offset"] = 511; }},
             {"derived_from.replaced[0].offset", [](Json& from) { from["replaced"][0]["size"] = 0; }}}) {
        Json spoilt = Json::parse(render_manifest(m));
        spoil(spoilt["derived_from"]);
        EXPECT_NE(refusal(spoilt.dump()).find(what), std::string::npos) << refusal(spoilt.dump());
    }
}

TEST(Manifest, WhatIsRenderedIsParsedBack) {
    const Manifest m = example();
    const std::string text = render_manifest(m);
    const Manifest back = parse_manifest(text, "m.json");
    EXPECT_EQ(back.size, m.size);
    EXPECT_EQ(back.root, m.root);
    EXPECT_EQ(back.unreadable, m.unreadable);
    EXPECT_EQ(back.unreadable_ranges, 2u);
    EXPECT_EQ(back.unreadable_chunks, 2u);
    EXPECT_EQ(back.digests, m.digests);
    EXPECT_EQ(back.host.clock_error_us, -16000000);
    EXPECT_EQ(back.case_info.note, m.case_info.note);
    EXPECT_EQ(back.files.size(), 4u);
    EXPECT_EQ(back.files[3].sha256, std::nullopt);
    EXPECT_EQ(back.resumed_at, m.resumed_at);
    EXPECT_EQ(back.source_identity[2], (std::pair<std::string, std::string>{"serial 2", "again"})) << "each key once";
    // Everything else too: what was parsed renders to the same text.
    EXPECT_EQ(render_manifest(back), text);
    EXPECT_EQ(text.back(), '\n');
    EXPECT_NE(text.find(manifest_marker), std::string::npos);
    EXPECT_LT(text.find(manifest_marker), text.find('\n', 2));
}

TEST(Manifest, ConsistencyIsSaidInWords) {
    Manifest m = example();
    EXPECT_EQ(Json::parse(render_manifest(m))["consistency"], "point in time");
    m.live = true;
    m.live_why = "mounted on /";
    const Json json = Json::parse(render_manifest(m));
    EXPECT_EQ(json["consistency"], "live (not point in time)");
    EXPECT_EQ(json["live_because"], "mounted on /");
    EXPECT_TRUE(parse_manifest(render_manifest(m), "m").live);
}

TEST(Manifest, BytesThatAreNoTextDoNotBreakIt) {
    Manifest m = example();
    m.source_identity = {{"model", std::string("bad\xff\xfe", 5)}};
    m.tool.arguments = {std::string("/mnt/\x80.img")};
    const Manifest back = parse_manifest(render_manifest(m), "m");
    EXPECT_EQ(back.source_identity[0].second, "bad\\xff\\xfe");
    EXPECT_EQ(back.tool.arguments[0], "/mnt/\\x80.img");
}

TEST(Manifest, MoreUnreadableRangesThanAreListedAreCounted) {
    Manifest m = example();
    m.unreadable.clear();
    m.chunks_touched.clear();
    for (uint64_t i = 0; i < manifest_lists + 5; ++i)
        m.unreadable.push_back({{i * chunk_size, 512}, EIO}), m.chunks_touched.push_back(i);
    m.unreadable_bytes = m.unreadable.size() * 512;
    const std::string text = render_manifest(m);
    EXPECT_LT(text.size(), 16u << 20);
    const Manifest back = parse_manifest(text, "m");
    EXPECT_EQ(back.unreadable.size(), manifest_lists);
    EXPECT_EQ(back.unreadable_ranges, manifest_lists + 5);
    EXPECT_EQ(back.unreadable_chunks, manifest_lists + 5);
}

// Every value of the example, one after the other, replaced by each of a table of wrong ones.
TEST(Manifest, NoWrongTypeAnywhereIsTakenOrCrashes) {
    const Json good = Json::parse(render_manifest(example()));
    const Json flat = good.flatten();
    const std::vector<Json> wrong{
        nullptr, true, -1, 1.5, "no", Json::array(), Json::object(), Json::array({1, "x"}), 18446744073709551615u};
    size_t refused = 0;
    for (const auto& [pointer, value] : flat.items()) {
        for (const Json& other : wrong) {
            Json changed = good;
            changed[Json::json_pointer(pointer)] = other;
            const std::string message = refusal(changed.dump());
            const bool same_type = value.type() == other.type() ||
                                   (value.is_number_integer() && other.is_number_integer()) ||
                                   (value.is_string() && other.is_null()) || value.is_null();
            if (!same_type) {
                EXPECT_NE(message, "accepted") << pointer << " = " << other;
            }
            refused += message != "accepted";
        }
    }
    EXPECT_GT(refused, 300u);
}

TEST(Manifest, NoFieldMayBeMissing) {
    const Json good = Json::parse(render_manifest(example()));
    const std::function<void(const Json::json_pointer&)> remove_each = [&](const Json::json_pointer& where) {
        if (!good[where].is_object()) return;
        for (const auto& [key, value] : good[where].items()) {
            remove_each(where / key);
            if (where.to_string() == "/source/identity" || where.to_string() == "/image/digests" ||
                key == "derived_from") // older manifests are without it
                continue;
            Json changed = good;
            changed[where].erase(key);
            EXPECT_NE(refusal(changed.dump()).find(key + " is missing"), std::string::npos) << (where / key);
        }
    };
    remove_each(Json::json_pointer(""));
}

TEST(Manifest, WhatCannotBeIsRefusedWithItsPlace) {
    const Json good = Json::parse(render_manifest(example()));
    const std::tuple<std::string, Json, std::string> cases[] = {
        {"/version", 2, "version is not 1"},
        {"/format", "other", "format is not"},
        {"/image/chunks", 7, "image.chunks does not fit the size"},
        {"/image/size", 9223372036854775808u, "image.size is larger"},
        {"/image/chunk_size", 4096, "image.chunk_size is not 524288"},
        {"/image/root", std::string(63, 'a'), "image.root is not a digest"},
        {"/image/root", std::string(64, 'A'), "image.root is not a digest"},
        {"/image/digests/crc32", "00000000", "image.digests.crc32 is not a digest this program knows"},
        {"/image/digests/sha256", "abcd", "image.digests.sha256 is not a digest of 64"},
        {"/files/0/name", "../disk.img", "files[0].name is not a plain file name"},
        {"/files/0/name", "/etc/passwd", "not a plain"},
        {"/files/0/name", "..", "not a plain"},
        {"/files/0/name", "", "not a plain"},
        {"/files/0/name", std::string("a\0b", 3), "not a plain"},
        {"/files/0/role", "other", "files[0].role is none of"},
        {"/files/1/name", "disk.img", "files[1].name is there twice"},
        {"/files/2/role", "chunks", "files[2].role is there twice"},
        {"/unreadable/bytes", 1023, "unreadable.bytes does not fit"},
        {"/unreadable/ranges", 3, "unreadable.ranges does not fit"},
        {"/unreadable/chunks", 1, "unreadable.chunks does not fit"},
        {"/unreadable/listed_ranges/1/offset", 600, "unreadable.listed_ranges[1]"},
        {"/unreadable/listed_ranges/1/size", 9223372036854775807, "larger than possible"},
        {"/unreadable/listed_chunks/1", 0, "not ascending"},
        {"/consistency", "yes", "consistency is neither"},
        {"/live_because", "x", "live_because is given"},
    };
    for (const auto& [pointer, value, why] : cases) {
        Json changed = good;
        changed[Json::json_pointer(pointer)] = value;
        const std::string message = refusal(changed.dump());
        EXPECT_NE(message.find(why), std::string::npos) << pointer << ": " << message;
    }
}

TEST(Manifest, HostileTextIsRefusedQuickly) {
    const std::string good = render_manifest(example());
    const std::pair<std::string, std::string> cases[] = {
        {"", "not JSON"},
        {"null", "is not an object"},
        {"[]", "is not an object"},
        {std::string(60u << 20, '['), "nested deeper than 32"},
        {std::string(70u << 20, '['), "larger than 64 MiB"},
        {"[" + std::string(40u << 20, ' '), "not JSON"},
        {"{\"a\":" + std::string(1 << 20, '{'), "not JSON"},
        {good + "x", "not JSON"},
        {good + std::string(1, '\0') + "hidden", "NUL"},
        {std::string("{\"format\":\"kanshiki manifest\",\"format\":\"x\"}"), "key twice"},
        {"{\"format\": 1e99999}", "not JSON"},
        {"{\"format\":\"\xc3\x28\"}", "not JSON"},
        {good.substr(0, good.size() / 2), "not JSON"},
    };
    for (const auto& [text, why] : cases) {
        const std::string message = refusal(text);
        EXPECT_NE(message.find(why), std::string::npos) << message.substr(0, 300);
        EXPECT_LT(message.size(), 300u);
    }
    std::string zeros = "[0";
    for (int i = 0; i < 1'000'001; ++i) zeros += ",0";
    EXPECT_NE(refusal(zeros + "]").find("more than 1000000 values"), std::string::npos);
    std::string keys = "{";
    for (int i = 0; i < 5000; ++i) keys += "\"" + std::to_string(i) + "\":0,";
    EXPECT_NE(refusal(keys + "\"x\":0}").find("keys in one object"), std::string::npos);
}

TEST(Manifest, EveryTruncationIsRefused) {
    const std::string good = render_manifest(example());
    for (size_t size = 0; size + 1 < good.size(); ++size) EXPECT_NE(refusal(good.substr(0, size)), "accepted") << size;
}

TEST(DurableFile, IsWholeReadOnlyAndReplacesWhatWasThere) {
    const Folder folder;
    write_file_durably(folder / "a", "one");
    write_file_durably(folder / "a", "two");
    EXPECT_EQ(test::content(folder / "a"), "two");
    struct stat status {};
    ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0400u);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "no temporary name is left";
}

TEST(DurableFile, AFailureLeavesTheFormerFileAndNoTemporaryName) {
    const Folder folder;
    std::filesystem::create_directory(folder / "taken");
    test::put(folder / "taken/x", "");
    try {
        write_file_durably(folder / "taken", "text"); // a folder that is not empty cannot be replaced
        ADD_FAILURE();
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), ExitCode::destination);
        EXPECT_NE(std::string(e.what()).find("taken"), std::string::npos);
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
    try {
        write_file_durably(folder / "nowhere/a", "text");
        ADD_FAILURE();
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), ExitCode::destination);
        EXPECT_NE(std::string(e.what()).find("No such file"), std::string::npos);
    }
}

TEST(DurableFile, SealMakesReadOnly) {
    const Folder folder;
    test::put(folder / "a", "one");
    seal_file(folder / "a");
    struct stat status {};
    ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0400u);
}

TEST(DurableFile, ReadFileHoldsItsLimit) {
    const Folder folder;
    test::put(folder / "a", "12345");
    EXPECT_EQ(read_file(folder / "a", 5, ExitCode::never_valid), "12345");
    EXPECT_THROW(read_file(folder / "a", 4, ExitCode::never_valid), Error);
    EXPECT_THROW(read_file(folder / "b", 4, ExitCode::never_valid), Error);
    EXPECT_THROW(read_file(folder.path(), 4, ExitCode::never_valid), Error);
    ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
    EXPECT_THROW(read_file(folder / "fifo", 4, ExitCode::never_valid), Error) << "a FIFO must not hang";
}

TEST(Surroundings, HostToolAndTime) {
    const HostInfo host = this_host();
    EXPECT_FALSE(host.name.empty());
    EXPECT_TRUE(host.kernel.starts_with("Linux "));
    EXPECT_FALSE(host.machine.empty());
    EXPECT_FALSE(host.user.empty());
    EXPECT_TRUE(std::regex_match(host.clock, std::regex("synchronised|not synchronised|unknown"))) << host.clock;
    const ToolInfo tool = this_tool({"a", "b"});
    const std::string self = test::content("/proc/self/exe");
    EXPECT_EQ(tool.binary_sha256, to_hex(sha256(std::as_bytes(std::span(self.data(), self.size())))));
    EXPECT_FALSE(tool.version.empty());
    EXPECT_TRUE(std::regex_match(utc_now(), std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"))) << utc_now();
}

class MemorySource final : public BlockSource {
public:
    explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) { info_.size = bytes_.size(); }
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token) override {
        ASSERT_LE(read.offset + read.into.size(), bytes_.size());
        std::copy_n(reinterpret_cast<const std::byte*>(bytes_.data()) + read.offset, read.into.size(),
                    read.into.data());
        read.got = read.into.size();
        read.bad = bad;
    }
    SourceInfo info_;
    std::vector<Bad> bad;

private:
    std::string bytes_;
};

TEST(PartitionTableDigest, CoversThirtyFourSectors) {
    std::string bytes(40 * 512, 'a');
    MemorySource source(bytes);
    EXPECT_EQ(partition_table_digest(source, {}), sha256(std::as_bytes(std::span(bytes.data(), 34 * 512))));
    bytes[34 * 512] = 'b';
    MemorySource other(bytes);
    EXPECT_EQ(partition_table_digest(other, {}), partition_table_digest(source, {}));
    other.bad = {{{34 * 512, 512}, EIO}};
    EXPECT_NE(partition_table_digest(other, {}), std::nullopt);
    other.bad = {{{33 * 512, 512}, EIO}};
    EXPECT_EQ(partition_table_digest(other, {}), std::nullopt)
        << "zeros in place of what could not be read prove nothing";
    MemorySource small(std::string(33 * 512, 'a'));
    EXPECT_EQ(partition_table_digest(small, {}), std::nullopt);
    source.info_.size.reset();
    EXPECT_EQ(partition_table_digest(source, {}), std::nullopt);
    other.info_.logical_sector = 4096;
    EXPECT_EQ(partition_table_digest(other, {}), std::nullopt);
}

} // namespace
} // namespace kanshiki
