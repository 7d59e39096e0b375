#include "acquire/commands/explanation.h"

#include "acquire/custody/json_fields.h"
#include "acquire/custody/json_text.h"
#include "kanshiki/escape.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>

namespace kanshiki {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t most_ranges = 10'000, most_shown = 50;

// Damaged, and unreadable at the source: ascending, neighbours and overlaps merged.
std::vector<Range> ranges_of(const VerifyResult& found) {
    std::vector<Range> all, out;
    for (const Damage& damage : found.damage)
        if (damage.range) all.push_back(*damage.range);
    if (found.manifest)
        for (const Bad& bad : found.manifest->unreadable) all.push_back(bad.range);
    std::ranges::sort(all, {}, &Range::offset);
    for (const Range& range : all) {
        if (range.offset >= found.size) break;
        const Range inside{range.offset, std::min(range.size, found.size - range.offset)};
        if (!out.empty() && inside.offset <= out.back().end())
            out.back().size = std::max(out.back().end(), inside.end()) - out.back().offset;
        else if (out.size() < most_ranges)
            out.push_back(inside);
    }
    return out;
}

Json rebuilt_files(const JsonFields& range) {
    Json out = Json::array();
    for (size_t i = 0; i < range.array("files", 1000).size(); ++i) {
        const JsonFields file = range.item("files", i);
        if (!file.at("deleted").is_boolean()) file.fail("deleted", "is neither true nor false");
        out.push_back({{"volume", file.number("volume")},
                       {"path", file.text("path")},
                       {"inode", file.number("inode")},
                       {"deleted", file.at("deleted").get<bool>()},
                       {"offset_in_file", file.number("offset_in_file")},
                       {"offset", file.number("offset")},
                       {"size", file.number("size")}});
    }
    return out;
}

Json rebuilt(const Json& answer) {
    const JsonFields top(answer, "the explanation", "");
    Json ranges = Json::array(), gaps = Json::array();
    for (size_t i = 0; i < top.array("ranges", most_ranges).size(); ++i) {
        const JsonFields range = top.item("ranges", i);
        Json elsewhere = Json::array();
        for (size_t k = 0; k < range.array("elsewhere", 100'000).size(); ++k) {
            const JsonFields rest = range.item("elsewhere", k);
            elsewhere.push_back({{"what", rest.text("what")}, {"size", rest.number("size")}});
        }
        ranges.push_back({{"offset", range.number("offset")},
                          {"size", range.number("size")},
                          {"files", rebuilt_files(range)},
                          {"more_files", range.number("more_files")},
                          {"elsewhere", std::move(elsewhere)}});
    }
    for (size_t i = 0; i < top.array("not_looked_at", 100'000).size(); ++i) {
        const JsonFields gap = top.item("not_looked_at", i);
        gaps.push_back({{"volume", gap.number("volume")},
                        {"path", gap.text("path")},
                        {"where", gap.text("where")},
                        {"why", gap.text("why")}});
    }
    return {{"ranges", std::move(ranges)}, {"not_looked_at", std::move(gaps)}};
}

void row(const char* label, const std::string& text) {
    std::cout << fmt::format("{:<13}{}\n", label, escape_terminal(text));
}

uint64_t number(const Json& object, const char* key) { return object.at(key).get<uint64_t>(); }

} // namespace

Json explain_damage(const VerifyOptions& options, const VerifyResult& found, const ExplainHandover& explain) {
    const std::vector<Range> ranges = ranges_of(found);
    if (ranges.empty()) return nullptr;
    const std::string text = explain(options, found, ranges);
    if (text.empty()) return nullptr;
    Json answer;
    JsonLimits limits;
    limits.values = 20'000'000;
    if (const std::string wrong = parse_json(text, limits, answer); !wrong.empty())
        throw Error(ExitCode::internal, "the explanation cannot be read: " + wrong);
    return rebuilt(answer);
}

void print_explanation(const Json& explanation) {
    if (explanation.is_null()) return;
    size_t shown = 0;
    for (const Json& range : explanation.at("ranges")) {
        if (shown++ == most_shown) {
            row("",
                fmt::format("... and {} more ranges: --json lists all", explanation.at("ranges").size() - most_shown));
            break;
        }
        const uint64_t offset = number(range, "offset");
        row("EXPLAINED", fmt::format("bytes {} to {}:", offset, offset + number(range, "size") - 1));
        for (const Json& file : range.at("files")) {
            const uint64_t at = number(file, "offset_in_file");
            row("",
                fmt::format("  {}{}: its bytes {} to {} (volume {}, inode {})",
                            file.at("deleted").get<bool>() ? "deleted, was " : "", file.at("path").get<std::string>(),
                            at, at + number(file, "size") - 1, number(file, "volume"), number(file, "inode")));
        }
        if (const uint64_t more = number(range, "more_files"); more > 0)
            row("", fmt::format("  and {} more files", more));
        for (const Json& rest : range.at("elsewhere"))
            row("", fmt::format("  {} bytes in {}", number(rest, "size"), rest.at("what").get<std::string>()));
    }
    shown = 0;
    for (const Json& gap : explanation.at("not_looked_at")) {
        if (shown++ == most_shown) {
            row("", "... and more: --json lists all");
            break;
        }
        row("NOT LOOKED AT", gap.at("path").get<std::string>() + " " + gap.at("where").get<std::string>() + ": " +
                                 gap.at("why").get<std::string>());
    }
}

} // namespace kanshiki
