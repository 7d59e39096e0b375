#include "support/folder.h"

#include "kanshiki/audit_log.h"
#include "kanshiki/error.h"

#include <nlohmann/json.hpp>

#include <thread>

namespace kanshiki {
namespace {

using test::content;
using test::Folder;
using test::put;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at);
        out.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

Digest digest_of(const std::string& text) { return sha256(std::as_bytes(std::span(text.data(), text.size()))); }

void write_log(const std::filesystem::path& path, unsigned entries) {
    const auto log = AuditLog::create(path);
    for (unsigned i = 0; i < entries; ++i) log->append("event", {{"n", uint64_t{i}}});
}

TEST(AuditLog, EachLineCarriesTheDigestOfTheOneBefore) {
    const Folder folder;
    Digest head{};
    {
        const auto log = AuditLog::create(folder / "l");
        EXPECT_EQ(log->head(), Digest{});
        log->append("start", {{"text", std::string("a \"b\"\n")}, {"size", uint64_t{18446744073709551615u}}});
        log->append("middle", {{"below", int64_t{-5}},
                               {"yes", true},
                               {"times", std::vector<uint64_t>{1, 2}},
                               {"words", std::vector<std::string>{"x", "y"}},
                               {"ratio", 0.5}});
        log->append("end", {});
        log->sync();
        head = log->head();
        EXPECT_EQ(log->entries(), 3u);
    }
    const auto lines = lines_of(content(folder / "l"));
    ASSERT_EQ(lines.size(), 3u);
    std::string prev(64, '0');
    for (size_t i = 0; i < lines.size(); ++i) {
        const auto entry = nlohmann::ordered_json::parse(lines[i]);
        EXPECT_EQ(entry["seq"], i);
        EXPECT_EQ(entry["prev"], prev);
        EXPECT_EQ(std::prev(entry.end()).key(), "prev") << "last, so that a reader finds it at the line's end";
        prev = to_hex(digest_of(lines[i]));
    }
    EXPECT_EQ(to_hex(head), prev);
    const auto first = nlohmann::json::parse(lines[0]);
    EXPECT_EQ(first["size"].get<uint64_t>(), 18446744073709551615u);
    EXPECT_EQ(first["text"], "a \"b\"\n");
    EXPECT_EQ(nlohmann::json::parse(lines[1])["times"], (std::vector<int>{1, 2}));

    const LogCheck check = check_log(folder / "l", {"middle"});
    EXPECT_EQ(check.entries, 3u);
    EXPECT_EQ(check.head, head);
    EXPECT_FALSE(check.torn);
    EXPECT_FALSE(check.broken_at);
    ASSERT_EQ(check.lines.size(), 1u);
    EXPECT_EQ(check.lines[0].number, 2u);
    EXPECT_EQ(log_strings(check.lines[0], "words"), (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(log_uint(check.lines[0], "below"), std::nullopt);
    EXPECT_EQ(log_string(check.lines[0], "words"), std::nullopt);
    EXPECT_EQ(log_string(check.lines[0], "absent"), std::nullopt);
    EXPECT_EQ(check_log(folder / "l", {"*"}).lines.size(), 3u);
    EXPECT_EQ(log_uint(check_log(folder / "l", {"start"}).lines.at(0), "size"), 18446744073709551615u);
}

TEST(AuditLog, ManyThreadsGiveOneUnbrokenChain) {
    const Folder folder;
    {
        const auto log = AuditLog::create(folder / "l");
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (unsigned i = 0; i < 100; ++i) log->append("event", {{"thread", uint64_t{t}}});
            });
    }
    const LogCheck check = check_log(folder / "l", {});
    EXPECT_EQ(check.entries, 400u);
    EXPECT_FALSE(check.broken_at);
}

TEST(AuditLog, ReopenGoesOnWithTheChain) {
    const Folder folder;
    write_log(folder / "l", 3);
    {
        const auto log = AuditLog::reopen(folder / "l");
        EXPECT_EQ(log->entries(), 3u);
        log->append("resumed", {});
    }
    const LogCheck check = check_log(folder / "l", {"*"});
    EXPECT_EQ(check.entries, 4u);
    EXPECT_FALSE(check.broken_at);
    EXPECT_EQ(check.lines.back().event, "resumed");
}

// A kill can leave any prefix of the last line; a power loss a last line of noise, or NULs.
TEST(AuditLog, ATornLastLineIsCutOffAndSaid) {
    const Folder folder;
    write_log(folder / "whole", 3);
    const std::string whole = content(folder / "whole");
    const size_t last = whole.rfind('\n', whole.size() - 2) + 1;
    std::vector<std::string> tails{std::string(4096, '\0'), "noise\n", "[]\n", "{\"seq\": 3\n"};
    for (size_t size = 1; last + size < whole.size(); ++size) tails.push_back(whole.substr(last, size));
    for (const std::string& tail : tails) {
        put(folder / "l", whole.substr(0, last) + tail);
        const LogCheck before = check_log(folder / "l", {});
        EXPECT_TRUE(before.torn) << tail;
        EXPECT_EQ(before.entries, 2u);
        EXPECT_EQ(before.good_size, last);
        AuditLog::reopen(folder / "l")->append("on", {});
        const LogCheck after = check_log(folder / "l", {"*"});
        EXPECT_FALSE(after.torn);
        EXPECT_FALSE(after.broken_at) << after.why;
        ASSERT_EQ(after.entries, 4u);
        EXPECT_EQ(after.lines[2].event, "torn line cut off");
        EXPECT_EQ(log_uint(after.lines[2], "size"), tail.size());
        EXPECT_EQ(log_string(after.lines[2], "sha256"), to_hex(digest_of(tail)));
    }
}

TEST(AuditLog, ReopenRefusesABrokenChainAndNoFile) {
    const Folder folder;
    write_log(folder / "l", 3);
    std::string text = content(folder / "l");
    text[text.find("\"n\":1") + 4] = '7';
    put(folder / "l", text);
    for (const char* name : {"l", "none"}) {
        try {
            AuditLog::reopen(folder / name);
            ADD_FAILURE() << name;
        } catch (const Error& e) {
            EXPECT_EQ(e.code(), ExitCode::altered);
        }
    }
    EXPECT_EQ(content(folder / "l"), text) << "and leaves it as it was";
}

TEST(AuditLog, AnEmptyLogIsGoneOnWith) {
    const Folder folder;
    put(folder / "l", "");
    AuditLog::reopen(folder / "l")->append("start", {});
    EXPECT_EQ(check_log(folder / "l", {}).entries, 1u);
}

// The last line has no successor: only its head, which the manifest binds, shows a change.
TEST(AuditLog, AnyChangedByteIsSeenInTheChainOrTheHead) {
    const Folder folder;
    write_log(folder / "l", 3);
    const std::string text = content(folder / "l");
    const Digest head = check_log(folder / "l", {}).head;
    for (size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        put(folder / "l", changed);
        const LogCheck check = check_log(folder / "l", {});
        EXPECT_TRUE(check.broken_at || check.torn || check.head != head) << "byte " << i;
    }
}

TEST(AuditLog, MissingLinesAreSeen) {
    const Folder folder;
    write_log(folder / "l", 4);
    const auto lines = lines_of(content(folder / "l"));
    const auto broken_without = [&](size_t skip) {
        std::string text;
        for (size_t i = 0; i < lines.size(); ++i)
            if (i != skip) text += lines[i] + "\n";
        put(folder / "l", text);
        return check_log(folder / "l", {}).broken_at;
    };
    EXPECT_EQ(broken_without(0), 1u);
    EXPECT_EQ(broken_without(2), 3u);
}

TEST(AuditLog, HostileLinesBreakTheChainThere) {
    const Folder folder;
    write_log(folder / "good", 1);
    const std::string first = content(folder / "good"), prev = to_hex(digest_of(lines_of(first)[0]));
    const auto entry = [&](const std::string& seq, const std::string& rest) {
        return R"({"seq":)" + seq + R"(,"time":"t","event":"e",)" + rest + R"("prev":")" + prev + "\"}\n";
    };
    put(folder / "l", first + entry("1", ""));
    ASSERT_FALSE(check_log(folder / "l", {}).broken_at) << check_log(folder / "l", {}).why;

    const std::string more = "{}\n"; // so that the line is not the last, which might be torn
    const std::pair<std::string, std::string> cases[] = {
        {std::string((1 << 20) + 1, 'x') + "\n", "longer than 1 MiB"},
        {std::string(3 << 20, '['), "longer than 1 MiB"},
        {entry("1", "\"pad\":\"" + std::string(1 << 20, 'x') + "\","), "longer than 1 MiB"},
        {std::string("\0\0\0\n", 4), "NUL"},
        {"\n", "not JSON"},
        {"null\n", "not a JSON object"},
        {std::string(1000, '[') + "\n", "nested deeper"},
        {entry("1", R"("a":{"b":{"c":{"d":{"e":1}}}},)"), "nested deeper"},
        {entry("2", ""), "seq is not 1"},
        {entry("-1", ""), "seq is not 1"},
        {entry("1.0", ""), "seq is not 1"},
        {entry("1e999", ""), "not JSON"},
        {entry("1", R"("seq":1,)"), "key twice"},
        {entry("1", "\"x\":\"\xff\","), "not JSON"},
        {R"({"seq":1,"time":"t","event":7,"prev":"x"})"
         "\n",
         "missing or not text"},
        {R"({"seq":1,"time":"t","event":"e","prev":"x"})"
         "\n",
         "prev is not"},
    };
    for (const auto& [line, why] : cases) {
        put(folder / "l", first + line + more);
        const LogCheck check = check_log(folder / "l", {"*"});
        EXPECT_EQ(check.broken_at, 2u) << why;
        EXPECT_FALSE(check.torn) << why;
        EXPECT_NE(check.why.find(why), std::string::npos) << check.why;
        EXPECT_EQ(check.entries, 1u);
    }
}

TEST(AuditLog, AnOverlongTextIsCutAndSaysSo) {
    const Folder folder;
    const std::string flood(5 << 20, 'x');
    AuditLog::create(folder / "l")->append("stderr", {{"text", flood}});
    const LogCheck check = check_log(folder / "l", {"*"});
    ASSERT_EQ(check.entries, 1u);
    const std::string text = log_string(check.lines[0], "text").value();
    EXPECT_LT(text.size(), 66'000u);
    EXPECT_NE(text.find("5242880 bytes in all, SHA-256 " + to_hex(digest_of(flood))), std::string::npos);
}

TEST(AuditLog, AnEntryTooLargeForALineSaysSo) {
    const Folder folder;
    {
        const auto log = AuditLog::create(folder / "l");
        log->append("flood", {{"texts", std::vector<std::string>(100, std::string(60'000, 'x'))}});
        log->append("next", {});
    }
    const LogCheck check = check_log(folder / "l", {"*"});
    EXPECT_FALSE(check.broken_at) << check.why;
    ASSERT_EQ(check.entries, 2u);
    EXPECT_GT(log_uint(check.lines[0], "fields_left_out").value_or(0), 6'000'000u);
    EXPECT_EQ(log_string(check.lines[0], "fields_sha256").value_or("").size(), 64u);
}

TEST(AuditLog, AFieldCannotHideOneOfOurs) {
    const Folder folder;
    AuditLog::create(folder / "l")
        ->append("e", {{"seq", uint64_t{7}}, {"prev", std::string("x")}, {"a", true}, {"a", std::string("b")}});
    const LogCheck check = check_log(folder / "l", {"*"});
    EXPECT_FALSE(check.broken_at) << check.why;
    ASSERT_EQ(check.entries, 1u);
    EXPECT_EQ(log_uint(check.lines[0], "seq_"), 7u);
    EXPECT_EQ(log_string(check.lines[0], "prev_"), "x");
    EXPECT_EQ(log_string(check.lines[0], "a_"), "b");
}

TEST(AuditLog, BytesThatAreNoTextStayInTheLog) {
    const Folder folder;
    AuditLog::create(folder / "l")->append("stderr", {{"text", std::string("a\xff\x00 b", 5)}});
    const LogCheck check = check_log(folder / "l", {"*"});
    EXPECT_FALSE(check.broken_at) << check.why;
    ASSERT_EQ(check.entries, 1u);
    EXPECT_NE(log_string(check.lines[0], "text").value().find("\\xff"), std::string::npos);
}

} // namespace
} // namespace kanshiki
