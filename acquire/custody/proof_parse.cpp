// Reading a proof back: docs/formats/proof.md. The text is hostile.

#include "acquire/custody/base64.h"
#include "acquire/custody/json_fields.h"
#include "acquire/custody/json_text.h"
#include "kanshiki/escape.h"
#include "kanshiki/pipeline.h"
#include "kanshiki/proof.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr uint64_t largest_image = std::numeric_limits<int64_t>::max();
constexpr size_t most_entries = 1'000'000;

// offset and size of an entry, inside [0, end).
Range read_range(const JsonFields& entry, uint64_t end) {
    const Range range{entry.number("offset", end), entry.number("size", end)};
    if (range.size == 0 || range.size > end - range.offset) entry.fail("size", "is empty or reaches beyond the end");
    return range;
}

std::optional<std::string> file_beside(const JsonFields& top, const char* key) {
    if (top.null(key)) return {};
    auto bytes = from_base64(top.text(key));
    if (!bytes) top.fail(key, "is not base64");
    return bytes;
}

void read_ranges(const JsonFields& top, Proof& proof) {
    const size_t count = top.array("ranges", most_entries).size();
    for (size_t i = 0; i < count; ++i) {
        const JsonFields entry = top.item("ranges", i);
        proof.ranges.push_back(read_range(entry, proof.size));
        if (i > 0 && proof.ranges[i].offset < proof.ranges[i - 1].end()) entry.fail("offset", "is not ascending");
    }
    if (!top.null("sha256")) proof.sha256 = top.digest("sha256");
}

ProvenFile read_file_fields(const JsonFields& file, uint64_t image_size) {
    ProvenFile out;
    out.volume = static_cast<unsigned>(file.number("volume", 100'000));
    const auto path = from_utf8_lossless(file.text("path"));
    if (!path || !path->starts_with('/')) file.fail("path", "is not a path as kanshiki writes it");
    out.path = *path;
    out.inode = file.number("inode");
    out.size = file.number("size", largest_image);
    out.sha256 = file.digest("sha256");
    if (!file.at("content_in_extents").is_boolean()) file.fail("content_in_extents", "is neither true nor false");
    out.content_in_extents = file.at("content_in_extents").get<bool>();
    const size_t count = file.array("extents", most_entries).size();
    for (size_t i = 0; i < count; ++i) {
        const JsonFields entry = file.item("extents", i);
        const ProvenFile::Extent extent{entry.number("logical", largest_image), read_range(entry, image_size)};
        if (i > 0 && extent.logical < out.extents[i - 1].logical + out.extents[i - 1].range.size)
            entry.fail("logical", "is not ascending");
        if (extent.logical + extent.range.size > out.size) entry.fail("logical", "reaches beyond the file's end");
        out.extents.push_back(extent);
    }
    const std::string assignment = file.text("assignment");
    if (assignment != "shown" && assignment != "asserted") file.fail("assignment", "is neither shown nor asserted");
    if (assignment == "asserted") out.asserted = file.text("asserted_because");
    if ((assignment == "asserted") == out.asserted.empty())
        file.fail("asserted_because", "does not fit the assignment");
    return out;
}

void read_chunks(const JsonFields& top, Proof& proof) {
    const size_t count = top.array("chunks", most_entries).size();
    for (size_t i = 0; i < count; ++i) {
        const JsonFields entry = top.item("chunks", i);
        const uint64_t last = chunks_in(proof.size) - 1;
        proof.chunks.push_back({entry.number("index", last), entry.digest("sha256")});
        if (i > 0 && proof.chunks[i].index <= proof.chunks[i - 1].index) entry.fail("index", "is not ascending");
    }
    const nlohmann::ordered_json& siblings = top.array("siblings", most_entries);
    for (const auto& each : siblings) {
        const auto node = each.is_string() ? digest_from_hex(each.get<std::string>()) : std::nullopt;
        if (!node) top.fail("siblings", "holds something that is no SHA-256");
        proof.siblings.push_back(*node);
    }
}

bool covered(const Proof& proof, const Range& range) {
    const uint64_t first = range.offset / chunk_size, last = (range.end() - 1) / chunk_size;
    const auto at = std::lower_bound(proof.chunks.begin(), proof.chunks.end(), first,
                                     [](const ProofChunk& chunk, uint64_t index) { return chunk.index < index; });
    return proof.chunks.end() - at > static_cast<std::ptrdiff_t>(last - first) &&
           at[static_cast<std::ptrdiff_t>(last - first)].index == last; // they ascend, so none between is missing
}

bool inside(const std::vector<Range>& ranges, const Range& part) {
    const auto after = std::upper_bound(ranges.begin(), ranges.end(), part.offset,
                                        [](uint64_t offset, const Range& each) { return offset < each.offset; });
    return after != ranges.begin() && part.end() <= std::prev(after)->end();
}

} // namespace

Proof parse_proof(std::string_view text, std::string_view name) {
    nlohmann::ordered_json json;
    if (text.size() > largest_proof) throw Error(ExitCode::never_valid, std::string(name) + ": too large for a proof");
    JsonLimits limits;
    limits.values = 4 * most_entries;
    if (const std::string wrong = parse_json(text, limits, json); !wrong.empty())
        throw Error(ExitCode::never_valid, std::string(name) + ": not a proof: " + wrong);
    const JsonFields top(json, name, "");
    if (top.text("format") != "kanshiki proof") top.fail("format", "is not that of a proof of kanshiki");
    if (top.number("version") != 1) top.fail("version", "is unknown to this version of kanshiki");
    Proof proof;
    proof.tool = top.text("tool");
    proof.created = top.text("created");
    const JsonFields image = top.object("image");
    proof.image = image.text("name");
    proof.size = image.number("size", largest_image);
    if (proof.size == 0) image.fail("size", "is 0: nothing can be proven of it");
    if (image.number("chunk_size") != chunk_size) image.fail("chunk_size", "is not " + std::to_string(chunk_size));
    proof.root = image.digest("root");
    read_ranges(top, proof);
    if (!top.null("file")) proof.file = read_file_fields(top.object("file"), proof.size);
    read_chunks(top, proof);
    const JsonFields data = top.object("data");
    proof.data = data.file_name("name");
    if (data.number("size") != data_size(proof)) data.fail("size", "is not that of its chunks");
    proof.manifest = file_beside(top, "manifest");
    proof.signature = file_beside(top, "signature");
    proof.timestamp = file_beside(top, "timestamp");

    if (!proof.file && (proof.ranges.empty() || !proof.sha256)) top.fail("ranges", "is empty, or has no SHA-256");
    for (const Range& range : proof.ranges)
        if (!covered(proof, range)) top.fail("ranges", "reaches beyond the chunks that are in the proof");
    if (proof.file && proof.file->size > data_size(proof) + most_holes)
        top.fail("file.size", "is far larger than what is proven of it");
    if (proof.file)
        for (const auto& extent : proof.file->extents)
            if (!inside(proof.ranges, extent.range)) top.fail("file.extents", "lies outside of the ranges");
    return proof;
}

} // namespace kanshiki
