#include "acquire/custody/record.h"

#include "acquire/custody/json_text.h"
#include "kanshiki/audit_log.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/escape.h"
#include "kanshiki/signature.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t most_deviations = 1000;
const std::vector<std::string> deviating{"unreadable", "stopped", "resumed",  "torn line cut off",
                                         "notice",     "retry",   "reconnect"};

std::string plain(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

RecordEntry entry_of(const LogLine& line) {
    RecordEntry out;
    Json value;
    if (!parse_json(line.json, {}, value).empty() || !value.is_object()) return out;
    for (const auto& [name, field] : value.items()) {
        if (name == "time")
            out.time = plain(field);
        else if (name == "event")
            out.act = plain(field);
        else if (name == "user")
            out.who = plain(field);
        else if (name == "host")
            out.host = plain(field);
        else if (name != "seq" && name != "prev")
            out.facts.emplace_back(name, plain(field));
    }
    return out;
}

void read_log(const fs::path& file, const std::vector<std::string>& events, std::vector<RecordEntry>& into,
              std::vector<std::string>& problems) {
    const LogCheck log = check_log(file, events);
    if (log.broken_at || log.torn)
        problems.push_back(file.filename().string() + ": " + log.why +
                           (log.broken_at ? " (line " + std::to_string(*log.broken_at) + ")" : ""));
    for (const LogLine& line : log.lines) into.push_back(entry_of(line));
}

std::string describe_signature(const fs::path& manifest) {
    const SealPaths paths = SealPaths::of(manifest);
    if (!fs::exists(paths.signature)) return "not signed";
    std::string out = "signed; kanshiki verify --trust-key checks it";
    if (fs::exists(paths.timestamp)) out += "; time-stamped";
    return out;
}

} // namespace

CustodyRecord read_custody_record(const fs::path& image) {
    const Companions files = Companions::of(image);
    CustodyRecord out;
    out.image = image.filename().string();
    out.manifest = parse_manifest(read_file(files.manifest, 64 << 20, ExitCode::never_valid), files.manifest.string());
    out.manifest_sha256 = to_hex(sha256_of_file(files.manifest));
    out.signature = describe_signature(files.manifest);
    if (fs::exists(files.log))
        read_log(files.log, deviating, out.deviations, out.problems);
    else
        out.problems.push_back(files.log.filename().string() + " is missing: how it was acquired cannot be told");
    if (fs::exists(files.custody)) read_log(files.custody, {"*"}, out.acts, out.problems);
    if (out.deviations.size() > most_deviations) {
        out.deviations_left_out = out.deviations.size() - most_deviations;
        out.deviations.resize(most_deviations);
    }
    return out;
}

std::string record_as_json(const CustodyRecord& record) {
    const auto entries = [](const std::vector<RecordEntry>& from) {
        Json out = Json::array();
        for (const RecordEntry& entry : from) {
            Json facts = Json::object();
            for (const auto& [name, value] : entry.facts) facts[name] = value;
            out.push_back({{"time", entry.time},
                           {"act", entry.act},
                           {"who", entry.who},
                           {"host", entry.host},
                           {"facts", std::move(facts)}});
        }
        return out;
    };
    const Manifest& m = record.manifest;
    Json problems = Json::array();
    for (const std::string& problem : record.problems) problems.push_back(to_utf8_lossless(problem));
    const Json out{{"image", to_utf8_lossless(record.image)},
                   {"case", m.case_info.case_id},
                   {"evidence", m.case_info.evidence_id},
                   {"examiner", m.case_info.examiner},
                   {"source", m.source_uri},
                   {"started", m.started},
                   {"ended", m.ended},
                   {"root", to_hex(m.root)},
                   {"manifest_sha256", record.manifest_sha256},
                   {"signature", record.signature},
                   {"deviations", entries(record.deviations)},
                   {"deviations_left_out", record.deviations_left_out},
                   {"acts", entries(record.acts)},
                   {"problems", problems}};
    return out.dump(2) + "\n";
}

} // namespace kanshiki
