// Reading a manifest back: docs/formats/manifest.md. The text is hostile.

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

// One object of the manifest; every failure names the file and the field.
class Fields {
public:
    Fields(const Json& object, std::string_view name, std::string path)
        : object_(object), name_(name), path_(std::move(path)) {
        if (!object.is_object())
            throw Error(ExitCode::never_valid, std::string(name_) + ": " + path_ + " is not an object");
    }

    [[noreturn]] void fail(const std::string& key, const std::string& why) const {
        throw Error(ExitCode::never_valid,
                    std::string(name_) + ": " + (path_.empty() ? "" : path_ + ".") + key + " " + why);
    }
    const Json& at(const char* key) const {
        const auto found = object_.find(key);
        if (found == object_.end()) fail(key, "is missing");
        return *found;
    }
    bool has(const char* key) const { return object_.contains(key); }
    bool null(const char* key) const { return at(key).is_null(); }
    std::string text(const char* key) const {
        if (!at(key).is_string()) fail(key, "is not text");
        return at(key).get<std::string>();
    }
    uint64_t number(const char* key, uint64_t most = std::numeric_limits<uint64_t>::max()) const {
        if (!at(key).is_number_unsigned()) fail(key, "is not an unsigned 64-bit integer");
        const uint64_t value = at(key).get<uint64_t>();
        if (value > most) fail(key, "is larger than possible");
        return value;
    }
    int64_t signed_number(const char* key) const {
        if (!at(key).is_number_integer()) fail(key, "is not an integer");
        if (at(key).is_number_unsigned()) return static_cast<int64_t>(number(key, std::numeric_limits<int64_t>::max()));
        return at(key).get<int64_t>();
    }
    // Lower case only, as we write it: so a changed letter is seen.
    std::string hex(const char* key, size_t bytes) const {
        const std::string value = text(key);
        if (value.size() != 2 * bytes || value.find_first_not_of("0123456789abcdef") != value.npos)
            fail(key, "is not a digest of " + std::to_string(2 * bytes) + " lower-case hex digits");
        return value;
    }
    Digest digest(const char* key) const { return *digest_from_hex(hex(key, sizeof(Digest))); }
    std::optional<Digest> digest_or_null(const char* key) const {
        return null(key) ? std::nullopt : std::optional(digest(key));
    }
    Fields object(const char* key) const { return {at(key), name_, inside(key)}; }
    const Json& array(const char* key, size_t most) const {
        const Json& value = at(key);
        if (!value.is_array()) fail(key, "is not a list");
        if (value.size() > most) fail(key, "has more than " + std::to_string(most) + " entries");
        return value;
    }
    Fields item(const char* key, size_t index) const {
        return {at(key)[index], name_, inside(key) + "[" + std::to_string(index) + "]"};
    }
    std::vector<std::string> texts(const char* key) const {
        std::vector<std::string> out;
        for (const Json& value : array(key, 100'000)) {
            if (!value.is_string()) fail(key, "holds something that is not text");
            out.push_back(value.get<std::string>());
        }
        return out;
    }
    std::vector<uint64_t> numbers(const char* key, uint64_t most, bool ascending) const {
        std::vector<uint64_t> out;
        for (const Json& value : array(key, manifest_lists)) {
            if (!value.is_number_unsigned() || value.get<uint64_t>() > most) fail(key, "holds a number that cannot be");
            const uint64_t number = value.get<uint64_t>();
            if (ascending && !out.empty() && number <= out.back()) fail(key, "is not ascending");
            out.push_back(number);
        }
        return out;
    }
    std::vector<std::pair<std::string, std::string>> pairs() const {
        std::vector<std::pair<std::string, std::string>> out;
        for (const auto& [key, value] : object_.items()) {
            if (!value.is_string()) fail(key, "is not text");
            out.emplace_back(key, value.get<std::string>());
        }
        return out;
    }

private:
    std::string inside(const char* key) const { return path_.empty() ? key : path_ + "." + key; }
    const Json& object_;
    std::string_view name_;
    std::string path_;
};

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

void read_image(const Fields& image, Manifest& m) {
    m.image_format = image.text("format");
    m.size = image.number("size", std::numeric_limits<int64_t>::max());
    if (image.number("chunk_size") != chunk_size) image.fail("chunk_size", "is not 524288");
    m.chunks = image.number("chunks");
    if (m.chunks != m.size / chunk_size + (m.size % chunk_size != 0)) image.fail("chunks", "does not fit the size");
    m.zero_chunks = image.number("zero_chunks", m.chunks);
    m.root = image.digest("root");
    const Fields digests = image.object("digests");
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

void read_unreadable(const Fields& unreadable, Manifest& m) {
    m.unreadable_bytes = unreadable.number("bytes", m.size);
    m.unreadable_ranges = unreadable.number("ranges", m.unreadable_bytes);
    m.unreadable_chunks = unreadable.number("chunks", m.chunks);
    unreadable.text("filled_with");
    uint64_t sum = 0, before = 0;
    const size_t listed = unreadable.array("listed_ranges", manifest_lists).size();
    for (size_t i = 0; i < listed; ++i) {
        const Fields item = unreadable.item("listed_ranges", i);
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

void read_source(const Fields& source, Manifest& m) {
    m.source_uri = source.text("uri");
    m.source_kind = source.text("kind");
    m.logical_sector = static_cast<uint32_t>(source.number("logical_sector", std::numeric_limits<uint32_t>::max()));
    m.physical_sector = static_cast<uint32_t>(source.number("physical_sector", std::numeric_limits<uint32_t>::max()));
    m.partition_table_sha256 = source.digest_or_null("partition_table_sha256");
    m.source_identity = source.object("identity").pairs();
}

void read_consistency(const Fields& top, Manifest& m) {
    const std::string text = top.text("consistency");
    m.live = text == "live (not point in time)";
    if (!m.live && text != "point in time")
        top.fail("consistency", "is neither \"point in time\" nor \"live (not point in time)\"");
    if (m.live)
        m.live_why = top.text("live_because");
    else if (!top.null("live_because"))
        top.fail("live_because", "is given for a source that was not live");
}

// A name is looked for in the image's own folder and nowhere else.
bool plain_name(const std::string& name) {
    return !name.empty() && name.size() <= 255 && name != "." && name != ".." && name.find('/') == name.npos &&
           name.find('\0') == name.npos;
}

// An image that was made from another one. Older manifests have no such field.
void read_derivation(const Fields& top, Manifest& m) {
    if (!top.has("derived_from") || top.null("derived_from")) return;
    const Fields from = top.object("derived_from");
    Derivation out{from.text("kind"), from.text("image"), from.digest_or_null("manifest_sha256"), {}};
    if (out.kind != "convert" && out.kind != "repair") from.fail("kind", "is neither convert nor repair");
    if (!plain_name(out.image)) from.fail("image", "is not a plain file name");
    uint64_t before = 0;
    const size_t replaced = from.array("replaced", manifest_lists).size();
    for (size_t i = 0; i < replaced; ++i) {
        const Fields item = from.item("replaced", i);
        const Range range{item.number("offset", m.size), item.number("size", m.size)};
        if (range.size == 0 || range.offset < before || range.size > m.size - range.offset)
            item.fail("offset", "and size are not a range of their own inside the image");
        out.replaced.push_back(range);
        before = range.end();
    }
    m.derived_from = std::move(out);
}

void read_files(const Fields& top, Manifest& m) {
    const size_t count = top.array("files", most_files).size();
    std::set<std::string> names, roles;
    for (size_t i = 0; i < count; ++i) {
        const Fields item = top.item("files", i);
        ManifestFile file{item.text("role"), item.text("name"),
                          item.number("size", std::numeric_limits<int64_t>::max()), item.digest_or_null("sha256")};
        if (file.role != "image" && file.role != "chunks" && file.role != "map" && file.role != "log")
            item.fail("role", "is none of image, chunks, map, log");
        if (!plain_name(file.name)) item.fail("name", "is not a plain file name");
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
    const Fields top(json, name, "");
    if (top.text("format") != "kanshiki manifest") top.fail("format", "is not \"kanshiki manifest\"");
    if (top.number("version") != 1) top.fail("version", "is not 1, the only one this program reads");

    Manifest m;
    const Fields about = top.object("case");
    m.case_info = {about.text("case"), about.text("evidence"), about.text("examiner"), about.text("authority"),
                   about.text("note")};
    read_image(top.object("image"), m);
    read_consistency(top, m);
    read_unreadable(top.object("unreadable"), m);
    read_source(top.object("source"), m);
    read_derivation(top, m);
    const Fields time = top.object("time");
    m.started = time.text("started");
    m.ended = time.text("ended");
    m.resumed_at = time.numbers("resumed_at", m.size, false);
    const Fields host = top.object("host");
    m.host = {host.text("name"),
              host.text("machine"),
              host.text("kernel"),
              host.text("system"),
              host.text("user"),
              host.text("clock"),
              host.signed_number("clock_error_us")};
    const Fields tool = top.object("tool");
    tool.text("name");
    m.tool = {tool.text("version"), tool.text("binary_sha256"), tool.texts("arguments")};
    const Fields log = top.object("log");
    m.log_head = log.digest("head");
    m.log_entries = log.number("entries");
    read_files(top, m);
    return m;
}

} // namespace kanshiki
