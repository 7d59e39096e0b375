#include "analyze/report/html_text.h"
#include "analyze/report/reports_of_findings.h"
#include "kanshiki/escape.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace kanshiki;
using testing::HasSubstr;
using testing::Not;

namespace {

// Everything that an attacker may put into a name, a log line or a label.
const std::string hostile = "<script>alert(1)</script>\"'&\x1b[2J\n\xff\xc3(\xe2\x80\xae"
                            "gpj.exe\\x41";

Finding finding(Severity severity, std::string title) {
    Finding result;
    result.analyzer = "accounts";
    result.rule = "accounts.uid0-twin";
    result.severity = severity;
    result.title = std::move(title);
    result.why = "because";
    result.attack = "T1136.001";
    return result;
}

TriageResult small_result() {
    TriageResult result;
    result.source.uri = "disk.img";
    result.source.size = 4ULL << 30;
    result.table.scheme = "gpt";
    result.started = "2026-11-23T05:52:11Z";
    result.ended = "2026-11-23T05:52:14Z";
    return result;
}

// Every field that can hold bytes from outside holds the hostile ones.
TriageResult hostile_result() {
    TriageResult result = small_result();
    result.source.uri = result.source.kind = result.source.live_why = hostile;
    result.source.live = true;
    result.source.identity = {{hostile, hostile}};
    result.confinement = {hostile};
    result.table.scheme = hostile;
    result.table.notices = {hostile};
    Volume volume;
    volume.number = 1;
    volume.description = hostile;
    result.table.volumes = {volume};
    VolumeSummary summary;
    summary.number = 1;
    summary.file_system.type = summary.file_system.label = summary.file_system.uuid = hostile;
    result.volumes = {summary};
    for (const Severity severity : {Severity::critical, Severity::info}) {
        Finding each = finding(severity, hostile);
        each.rule = each.why = each.attack = hostile;
        Evidence evidence;
        evidence.path = evidence.excerpt = hostile;
        each.evidence = {evidence};
        result.findings.push_back(each);
    }
    ListedFile file;
    file.path = hostile;
    file.info.type = FileType::regular;
    file.info.changed = Timestamp{1, 0};
    result.listing.push_back(file);
    file.info.allocated = false;
    file.info.deleted = Timestamp{2, 0};
    result.listing.push_back(file);
    Evidence where;
    where.path = hostile;
    result.records.add(TimelineEvent{{1, 0}, hostile, hostile, where});
    result.records.add(TimelineEvent{{2, 0}, "Login failed", hostile, where});
    result.records.add(TimelineEvent{{3, 0}, "Login failed", hostile, where});
    result.not_covered.push_back({1, hostile, hostile, hostile});
    return result;
}

std::string page_of(const TriageResult& result) {
    std::ostringstream out;
    write_html_report(result, out);
    return out.str();
}

size_t occurrences(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
    return count;
}

} // namespace

TEST(HtmlReport, NothingHostileGetsThrough) {
    const std::string page = page_of(hostile_result());
    EXPECT_TRUE(is_utf8(page));
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("\x1b")));
    EXPECT_THAT(page, Not(HasSubstr("\xe2\x80\xae")));
    EXPECT_THAT(page, Not(HasSubstr("\"'&")));
    // 2 titles, 2 rules, 2 attacks, 2 whys, 2 paths, 2 excerpts, and every other field at least once
    EXPECT_GE(occurrences(page, escape_html(hostile)), 30u);
    // Once that is taken away, the page's own text is left: no control character but its newlines.
    for (const char c : page) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
}

TEST(HtmlReport, NeedsNothingFromOutside) {
    const std::string page = page_of(hostile_result());
    EXPECT_THAT(page, HasSubstr("Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for (const char* part : {"<link", "<img", "<iframe", "src=", "@import", "url(", " onclick", "javascript:"})
        EXPECT_THAT(page, Not(HasSubstr(part)));
}

TEST(HtmlReport, SummaryComesFirstAndCountsRight) {
    TriageResult result = small_result();
    for (const Severity severity : {Severity::critical, Severity::critical, Severity::high, Severity::info})
        result.findings.push_back(finding(severity, std::string(severity_name(severity)) + " title"));
    const std::string page = page_of(result);
    EXPECT_THAT(page,
                HasSubstr("<b>2 critical, 1 high and 1 info findings.</b> Critical findings are signs of a break-in"));
    EXPECT_LT(page.find("id=\"summary\""), page.find("id=\"findings\""));
    EXPECT_THAT(page, HasSubstr("<a href=\"#f3\">high title</a>"));
    EXPECT_THAT(page, HasSubstr("id=\"f3\""));
    EXPECT_THAT(page, Not(HasSubstr("<a href=\"#f4\">")));
    EXPECT_THAT(page, HasSubstr("<a href=\"https://attack.mitre.org/techniques/T1136/001/\""));
    EXPECT_THAT(page, HasSubstr("1 note for information"));
}

TEST(HtmlReport, NoFindingIsNotSaidToBeClean) {
    const std::string page = page_of(small_result());
    EXPECT_THAT(page, HasSubstr("<b>No findings.</b>"));
    EXPECT_THAT(page, HasSubstr("not proof of a clean system"));
    EXPECT_THAT(page, HasSubstr("without a sandbox"));
}

TEST(HtmlReport, EvidenceNamesItsPlace) {
    TriageResult result = small_result();
    Finding each = finding(Severity::high, "t");
    Evidence evidence;
    evidence.volume = 2;
    evidence.path = "/etc/passwd";
    evidence.inode = 77;
    evidence.line = 1234;
    evidence.offset = 0;
    evidence.excerpt = "toor:x:0:0";
    each.evidence = {evidence};
    each.time = Timestamp{1795413600, 0};
    result.findings = {each};
    const std::string page = page_of(result);
    EXPECT_THAT(page, HasSubstr("<code>/etc/passwd</code> <span class=\"soft\">volume 2, inode 77, line 1,234, byte "
                                "0</span><pre>toor:x:0:0</pre>"));
    EXPECT_THAT(page, HasSubstr("2026-11-23 06:00:00 UTC"));
}

TEST(HtmlReport, RunsOfFailedLoginsAreOneRow) {
    TriageResult result = small_result();
    for (int64_t time = 0; time < 1000; ++time)
        result.records.add(TimelineEvent{{time, 0}, "Login failed", "Login failed: root", {}});
    result.records.add(TimelineEvent{{1000, 0}, "Login", "Login: root from 192.0.2.1", {}});
    const std::string page = page_of(result);
    EXPECT_THAT(page, HasSubstr("<b>1,000 records of failed logins</b>"));
    EXPECT_EQ(occurrences(page, "Login failed: root"), 1u);
    EXPECT_THAT(page, HasSubstr("Login: root from 192.0.2.1"));
}

TEST(HtmlReport, LatestChangesNewestFirstAndBounded) {
    TriageResult result = small_result();
    for (int64_t i = 0; i < 10000; ++i) {
        ListedFile file;
        file.path = "/file" + std::to_string(i);
        file.info.type = FileType::regular;
        file.info.changed = Timestamp{(i * 7919) % 10007, 0};
        result.listing.push_back(file);
    }
    const std::string page = page_of(result);
    EXPECT_EQ(occurrences(page, "<code>/file"), 60u);
    size_t newest = 0;
    for (size_t i = 1; i < result.listing.size(); ++i)
        if (*result.listing[i].info.changed > *result.listing[newest].info.changed) newest = i;
    EXPECT_EQ(page.find("<code>/file"), page.find("<code>" + result.listing[newest].path + "</code>"));
}

TEST(HtmlReport, MoreGapsThanListedAreCounted) {
    TriageResult result = small_result();
    for (int i = 0; i < 700; ++i) result.not_covered.push_back({1, "/f", "byte " + std::to_string(i), "why"});
    EXPECT_THAT(page_of(result), HasSubstr("<b>200 more are not listed here; coverage.jsonl has every one.</b>"));
}

TEST(HtmlText, Units) {
    EXPECT_EQ(html::number(1234567), "1,234,567");
    EXPECT_EQ(html::number(999), "999");
    EXPECT_EQ(html::size(1), "1 byte");
    EXPECT_EQ(html::size(4ULL << 30), "4.0 GiB (4,294,967,296 bytes)");
    EXPECT_EQ(
        html::attack_link("T1496"),
        "<a href=\"https://attack.mitre.org/techniques/T1496/\" rel=\"noreferrer noopener\">ATT&amp;CK T1496</a>");
    EXPECT_EQ(html::attack_link("T14/../x"), "T14/../x");
    EXPECT_EQ(html::attack_link("T1098.00\""), "T1098.00&quot;");
}

TEST(FindingsJsonl, OneObjectALineLosslessAndAscii) {
    std::ostringstream out;
    write_findings_jsonl(hostile_result(), out);
    const std::string text = out.str();
    EXPECT_EQ(occurrences(text, "\n"), 2u);
    for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
    const auto first = nlohmann::json::parse(text.substr(0, text.find('\n')));
    EXPECT_EQ(first["severity"], "critical");
    EXPECT_EQ(first["evidence"][0]["path"], to_utf8_lossless(hostile));
    EXPECT_TRUE(first["evidence"][0]["offset"].is_null());
    EXPECT_TRUE(first["time"].is_null());
}

TEST(FindingsJsonl, Fields) {
    TriageResult result = small_result();
    Finding each = finding(Severity::high, "title");
    Evidence evidence;
    evidence.volume = 1;
    evidence.path = "/etc/passwd";
    evidence.inode = 5;
    evidence.offset = 10;
    evidence.line = 2;
    evidence.excerpt = "x";
    evidence.deleted = true;
    each.evidence = {evidence};
    each.time = Timestamp{1795413600, 5000};
    result.findings = {each};
    std::ostringstream out;
    write_findings_jsonl(result, out);
    EXPECT_EQ(
        out.str(),
        R"({"analyzer":"accounts","rule":"accounts.uid0-twin","severity":"high","title":"title","why":"because",)"
        R"("attack":"T1136.001","time":"2026-11-23T06:00:00.000005000Z","evidence":[{"volume":1,"path":"/etc/passwd",)"
        R"("inode":5,"deleted":true,"offset":10,"line":2,"excerpt":"x"}]})"
        "\n");
}
