#include "acquire/custody/base64.h"
#include "acquire/custody/json_text.h"
#include "kanshiki/pipeline.h"
#include "kanshiki/proof.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kanshiki {
namespace {

using Json = nlohmann::ordered_json;

Json range_json(const Range& range) { return {{"offset", range.offset}, {"size", range.size}}; }

Json file_beside(const std::optional<std::string>& content) { return content ? Json(to_base64(*content)) : Json(); }

Json file_json(const std::optional<ProvenFile>& file) {
    if (!file) return nullptr;
    Json extents = Json::array();
    for (const auto& each : file->extents)
        extents.push_back({{"logical", each.logical}, {"offset", each.range.offset}, {"size", each.range.size}});
    return {{"volume", file->volume},
            {"path", json_string(file->path)},
            {"inode", file->inode},
            {"size", file->size},
            {"sha256", to_hex(file->sha256)},
            {"content_in_extents", file->content_in_extents},
            {"extents", std::move(extents)},
            {"assignment", file->asserted.empty() ? "shown" : "asserted"},
            {"asserted_because", file->asserted.empty() ? Json() : json_string(file->asserted)}};
}

} // namespace

Range range_of_chunk(const Proof& proof, uint64_t index) {
    return {index * chunk_size, std::min(chunk_size, proof.size - index * chunk_size)};
}

uint64_t data_size(const Proof& proof) {
    uint64_t out = 0;
    for (const ProofChunk& chunk : proof.chunks) out += range_of_chunk(proof, chunk.index).size;
    return out;
}

std::vector<Range> disclosed(const Proof& proof) {
    std::vector<Range> out;
    auto asked = proof.ranges.begin();
    for (const ProofChunk& chunk : proof.chunks) {
        const Range whole = range_of_chunk(proof, chunk.index);
        uint64_t at = whole.offset;
        const auto leave_out = [&](uint64_t end) {
            if (end <= at) return;
            if (!out.empty() && out.back().end() == at)
                out.back().size += end - at;
            else
                out.push_back({at, end - at});
        };
        while (asked != proof.ranges.end() && asked->end() <= whole.offset) ++asked;
        for (; asked != proof.ranges.end() && asked->offset < whole.end(); ++asked) {
            leave_out(std::max(asked->offset, at));
            at = std::min(asked->end(), whole.end());
            if (asked->end() > whole.end()) break; // goes on in the next chunk
        }
        leave_out(whole.end());
    }
    return out;
}

std::string render_proof(const Proof& proof) {
    Json ranges = Json::array(), chunks = Json::array(), siblings = Json::array(), others = Json::array();
    for (const Range& range : proof.ranges) ranges.push_back(range_json(range));
    for (const ProofChunk& chunk : proof.chunks)
        chunks.push_back({{"index", chunk.index}, {"sha256", to_hex(chunk.sha256)}});
    for (const Digest& node : proof.siblings) siblings.push_back(to_hex(node));
    for (const Range& range : disclosed(proof)) others.push_back(range_json(range));
    Json out;
    out["format"] = "kanshiki proof";
    out["version"] = 1;
    out["tool"] = proof.tool;
    out["created"] = proof.created;
    out["image"] = {{"name", json_string(proof.image)},
                    {"size", proof.size},
                    {"chunk_size", chunk_size},
                    {"root", to_hex(proof.root)}};
    out["ranges"] = std::move(ranges);
    out["sha256"] = proof.sha256 ? Json(to_hex(*proof.sha256)) : Json();
    out["file"] = file_json(proof.file);
    out["discloses_also"] = std::move(others);
    out["data"] = {{"name", json_string(proof.data)}, {"size", data_size(proof)}};
    out["chunks"] = std::move(chunks);
    out["siblings"] = std::move(siblings);
    out["manifest"] = file_beside(proof.manifest);
    out["signature"] = file_beside(proof.signature);
    out["timestamp"] = file_beside(proof.timestamp);
    return pretty(out);
}

} // namespace kanshiki
