// The manifest's JSON: docs/formats/manifest.md.

#include "acquire/custody/json_text.h"
#include "kanshiki/manifest.h"
#include "kanshiki/pipeline.h"

#include <nlohmann/json.hpp>

#include <cstring>

namespace kanshiki {
namespace {

using Json = nlohmann::ordered_json;

Json optional_digest(const std::optional<Digest>& digest) { return digest ? Json(to_hex(*digest)) : Json(nullptr); }

Json strings(const std::vector<std::string>& texts) {
    Json out = Json::array();
    for (const std::string& text : texts) out.push_back(json_string(text));
    return out;
}

// As an object, in order; a name that comes again gets a number, since JSON allows each key once.
Json named(const std::vector<std::pair<std::string, std::string>>& pairs) {
    Json out = Json::object();
    for (const auto& [name, value] : pairs) {
        const std::string key = json_string(name);
        std::string free = key;
        for (unsigned i = 2; out.contains(free); ++i) free = key + " " + std::to_string(i);
        out[free] = json_string(value);
    }
    return out;
}

std::string errno_name(int error) {
    const char* name = ::strerrorname_np(error);
    return name ? name : "unknown";
}

Json case_json(const CaseInfo& info) {
    return {{"case", json_string(info.case_id)},
            {"evidence", json_string(info.evidence_id)},
            {"examiner", json_string(info.examiner)},
            {"authority", json_string(info.authority)},
            {"note", json_string(info.note)}};
}

Json image_json(const Manifest& m) {
    Json digests = Json::object();
    for (const auto& [name, hex] : m.digests) digests[name] = hex;
    return {{"format", m.image_format},     {"size", m.size},         {"chunk_size", chunk_size}, {"chunks", m.chunks},
            {"zero_chunks", m.zero_chunks}, {"root", to_hex(m.root)}, {"digests", digests}};
}

Json unreadable_json(const Manifest& m) {
    Json list = Json::array(), chunks = Json::array();
    for (size_t i = 0; i < std::min(m.unreadable.size(), manifest_lists); ++i) {
        const Bad& bad = m.unreadable[i];
        list.push_back({{"offset", bad.range.offset},
                        {"size", bad.range.size},
                        {"errno", bad.error},
                        {"error", errno_name(bad.error)}});
    }
    for (size_t i = 0; i < std::min(m.chunks_touched.size(), manifest_lists); ++i)
        chunks.push_back(m.chunks_touched[i]);
    return {{"bytes", m.unreadable_bytes},      {"filled_with", "zeros, in place; root and digests cover them"},
            {"ranges", m.unreadable.size()},    {"chunks", m.chunks_touched.size()},
            {"listed_ranges", std::move(list)}, {"listed_chunks", std::move(chunks)}};
}

Json source_json(const Manifest& m) {
    return {{"uri", json_string(m.source_uri)},
            {"kind", json_string(m.source_kind)},
            {"logical_sector", m.logical_sector},
            {"physical_sector", m.physical_sector},
            {"partition_table_sha256", optional_digest(m.partition_table_sha256)},
            {"identity", named(m.source_identity)}};
}

Json host_json(const HostInfo& host) {
    return {{"name", json_string(host.name)},       {"machine", json_string(host.machine)},
            {"kernel", json_string(host.kernel)},   {"system", json_string(host.system)},
            {"user", json_string(host.user)},       {"clock", json_string(host.clock)},
            {"clock_error_us", host.clock_error_us}};
}

Json files_json(const std::vector<ManifestFile>& files) {
    Json out = Json::array();
    for (const ManifestFile& file : files)
        out.push_back({{"role", file.role},
                       {"name", json_string(file.name)},
                       {"size", file.size},
                       {"sha256", optional_digest(file.sha256)}});
    return out;
}

Json derivation_json(const std::optional<Derivation>& from) {
    if (!from) return nullptr;
    Json replaced = Json::array();
    for (const Range& range : from->replaced) replaced.push_back({{"offset", range.offset}, {"size", range.size}});
    return {{"kind", json_string(from->kind)},
            {"image", json_string(from->image)},
            {"manifest_sha256", optional_digest(from->manifest_sha256)},
            {"replaced", std::move(replaced)}};
}

} // namespace

std::string render_manifest(const Manifest& m) {
    Json out;
    out["format"] = "kanshiki manifest";
    out["version"] = 1;
    out["case"] = case_json(m.case_info);
    out["image"] = image_json(m);
    out["consistency"] = m.live ? "live (not point in time)" : "point in time";
    out["live_because"] = m.live ? json_string(m.live_why) : Json(nullptr);
    out["unreadable"] = unreadable_json(m);
    out["source"] = source_json(m);
    out["derived_from"] = derivation_json(m.derived_from);
    out["time"] = {{"started", m.started}, {"ended", m.ended}, {"resumed_at", m.resumed_at}};
    out["host"] = host_json(m.host);
    out["tool"] = {{"name", "kanshiki"},
                   {"version", m.tool.version},
                   {"binary_sha256", m.tool.binary_sha256},
                   {"arguments", strings(m.tool.arguments)}};
    out["log"] = {{"head", to_hex(m.log_head)}, {"entries", m.log_entries}};
    out["files"] = files_json(m.files);
    return pretty(out);
}

} // namespace kanshiki
