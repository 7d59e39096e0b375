// Reading a manifest back: docs/formats/manifest.md. The text is hostile.

#include "acquire/custody/json_fields.h"
#include "acquire/custody/json_text.h"
#include "kanshiki/manifest.h"
#include "kanshiki/pipeline.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <set>

namespace kanshiki {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t largest_manifest = 64 * 1024 * 1024;
constexpr size_t most_files = 20'000; // an E01 has at most 14,971 segments

size_t digest_size(const std::string& name) {
    const auto algorithm = digest_from_name(name);
    if (!algorithm) return 0;
    switch (*algorithm) {
    case DigestAlgorithm::sha256:
        return 32;
    case DigestAlgorithm::md5:
        return 16;
    case DigestAlgorithm::sha1:
        return 20;
    case DigestAlgorithm::sha512:
        return 64;
    }
    return 0;
}

void read_image(const JsonFields& image, Manifest& m) {
    m.image_format = image.text("format");
    m.size = image.number("size", std::numeric_limits<int64_t>::max());
    if (image.number("chunk_size") != chunk_size) image.fail("chunk_size", "is not 524288");
    m.chunks = image.number("chunks");
    if (m.chunks != m.size / chunk_size + (m.size % chunk_size != 0)) image.fail("chunks", "does not fit the size");
    m.zero_chunks = image.number("zero_chunks", m.chunks);
    m.root = image.digest("root");
    const JsonFields digests = image.object("digests");
    for (const auto& [name, hex] : digests.pairs()) {
        const size_t size = digest_size(name);
        if (!size) digests.fail(name, "is not a digest this program knows");
        m.digests[name] = digests.hex(name.c_str(), size);
    }
}

// The chunks that hold these ranges, as many as a manifest lists.
std::vector<uint64_t> chunks_of(const std::vector<Bad>& ranges) {
    std::vector<uint64_t> out;
    for (const Bad& bad : ranges)
        for (uint64_t chunk = bad.range.offset / chunk_size; chunk <= (bad.range.end() - 1) / chunk_size; ++chunk) {
            if (out.size() == manifest_lists) return out;
            if (out.empty() || out.back() < chunk) out.push_back(chunk);
        }
    return out;
}

void read_unreadable(const JsonFields& unreadable, Manifest& m) {
    m.unreadable_bytes = unreadable.number("bytes", m.size);
    m.unreadable_ranges = unreadable.number("ranges", m.unreadable_bytes);
    m.unreadable_chunks = unreadable.number("chunks", m.chunks);
    unreadable.text("filled_with");
    uint64_t sum = 0, before = 0;
    const size_t listed = unreadable.array("listed_ranges", manifest_lists).size();
    for (size_t i = 0; i < listed; ++i) {
        const JsonFields item = unreadable.item("listed_ranges", i);
        const Range range{item.number("offset", m.size), item.number("size", m.size)};
        if (range.size == 0 || range.offset < before || range.size > m.size - range.offset)
            item.fail("offset", "and size are not a range of their own inside the image");
        item.text("error");
        m.unreadable.push_back({range, static_cast<int>(item.number("errno", 4095))});
        before = range.end();
        sum += range.size;
    }
    m.chunks_touched = unreadable.numbers("listed_chunks", m.chunks ? m.chunks - 1 : 0, true);
    if (listed != std::min<uint64_t>(m.unreadable_ranges, manifest_lists))
        unreadable.fail("ranges", "does not fit the list");
    if (m.chunks_touched.size() != std::min<uint64_t>(m.unreadable_chunks, manifest_lists))
        unreadable.fail("chunks", "does not fit the list");
    if (listed == m.unreadable_ranges && m.chunks_touched != chunks_of(m.unreadable))
        unreadable.fail("listed_chunks", "does not fit the ranges listed");
    if (listed == m.unreadable_ranges ? sum != m.unreadable_bytes : sum > m.unreadable_bytes)
        unreadable.fail("bytes", "does not fit the ranges listed");
}

void read_source(const JsonFields& source, Manifest& m) {
    m.source_uri = source.text("uri");
    m.source_kind = source.text("kind");
    m.logical_sector = static_cast<uint32_t>(source.number("logical_sector", std::numeric_limits<uint32_t>::max()));
    m.physical_sector = static_cast<uint32_t>(source.number("physical_sector", std::numeric_limits<uint32_t>::max()));
    m.partition_table_sha256 = source.digest_or_null("partition_table_sha256");
    m.source_identity = source.object("identity").pairs();
}

void read_consistency(const JsonFields& top, Manifest& m) {
    const std::string text = top.text("consistency");
    m.live = text == "live (not point in time)";
    if (!m.live && text != "point in time")
        top.fail("consistency", "is neither \"point in time\" nor \"live (not point in time)\"");
    if (m.live)
        m.live_why = top.text("live_because");
    else if (!top.null("live_because"))
        top.fail("live_because", "is given for a source that was not live");
}

// An image that was made from another one.
void read_derivation(const JsonFields& top, Manifest& m) {
    if (top.null("derived_from")) return;
    const JsonFields from = top.object("derived_from");
    Derivation out{from.text("kind"), from.file_name("image"), from.digest_or_null("manifest_sha256"), {}};
    if (out.kind != "convert" && out.kind != "repair") from.fail("kind", "is neither convert nor repair");
    uint64_t before = 0;
    const size_t replaced = from.array("replaced", manifest_lists).size();
    for (size_t i = 0; i < replaced; ++i) {
        const JsonFields item = from.item("replaced", i);
        const Range range{item.number("offset", m.size), item.number("size", m.size)};
        if (range.size == 0 || range.offset < before || range.size > m.size - range.offset)
            item.fail("offset", "and size are not a range of their own inside the image");
        out.replaced.push_back(range);
        before = range.end();
    }
    m.derived_from = std::move(out);
}

void read_files(const JsonFields& top, Manifest& m) {
    const size_t count = top.array("files", most_files).size();
    std::set<std::string> names, roles;
    for (size_t i = 0; i < count; ++i) {
        const JsonFields item = top.item("files", i);
        ManifestFile file{item.text("role"), item.file_name("name"),
                          item.number("size", std::numeric_limits<int64_t>::max()), item.digest_or_null("sha256")};
        if (file.role != "image" && file.role != "chunks" && file.role != "map" && file.role != "log")
            item.fail("role", "is none of image, chunks, map, log");
        if (!names.insert(file.name).second) item.fail("name", "is there twice");
        if (!roles.insert(file.role).second && file.role != "image") item.fail("role", "is there twice");
        m.files.push_back(std::move(file));
    }
}

} // namespace

Manifest parse_manifest(std::string_view text, std::string_view name) {
    if (text.size() > largest_manifest)
        throw Error(ExitCode::never_valid, std::string(name) + " is larger than 64 MiB: not a manifest");
    Json json;
    if (const std::string why = parse_json(text, {}, json); !why.empty())
        throw Error(ExitCode::never_valid, std::string(name) + ": " + why + ": not a manifest, or damaged");
    const JsonFields top(json, name, "");
    if (top.text("format") != "kanshiki manifest") top.fail("format", "is not \"kanshiki manifest\"");
    if (top.number("version") != 1) top.fail("version", "is not 1, the only one this program reads");

    Manifest m;
    const JsonFields about = top.object("case");
    m.case_info = {about.text("case"), about.text("evidence"), about.text("examiner"), about.text("authority"),
                   about.text("note")};
    read_image(top.object("image"), m);
    read_consistency(top, m);
    read_unreadable(top.object("unreadable"), m);
    read_source(top.object("source"), m);
    read_derivation(top, m);
    const JsonFields time = top.object("time");
    m.started = time.text("started");
    m.ended = time.text("ended");
    m.resumed_at = time.numbers("resumed_at", m.size, false);
    const JsonFields host = top.object("host");
    m.host = {host.text("name"),
              host.text("machine"),
              host.text("kernel"),
              host.text("system"),
              host.text("user"),
              host.text("clock"),
              host.signed_number("clock_error_us")};
    const JsonFields tool = top.object("tool");
    tool.text("name");
    m.tool = {tool.text("version"), tool.text("binary_sha256"), tool.texts("arguments")};
    const JsonFields log = top.object("log");
    m.log_head = log.digest("head");
    m.log_entries = log.number("entries");
    read_files(top, m);
    return m;
}

} // namespace kanshiki
