#include "acquire/verify/companions.h"

#include "acquire/custody/files.h"

#include "kanshiki/audit_log.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/escape.h"
#include "kanshiki/merkle.h"
#include "kanshiki/pipeline.h"

#include <algorithm>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t largest_text = 64 * 1024 * 1024;
constexpr uint64_t largest_map = 256 * 1024 * 1024;

std::string name_of(const fs::path& path) { return path.filename().string(); }

// What was unreadable, neighbours merged, as the map has it.
std::vector<Range> merged(const std::vector<Bad>& bad) {
    std::vector<Range> out;
    for (const Bad& one : bad) {
        if (!out.empty() && out.back().end() == one.range.offset)
            out.back().size += one.range.size;
        else
            out.push_back(one.range);
    }
    return out;
}

class CompanionCheck {
public:
    CompanionCheck(const fs::path& image, VerifyFindings& findings) : findings_(findings) {
        set_.files = Companions::of(image);
    }

    CompanionSet run() {
        read_manifest();
        set_.segments = later_segments(set_.files.image, set_.manifest ? &*set_.manifest : nullptr);
        read_chunks();
        bind("chunks", set_.files.chunks);
        bind("map", set_.files.map);
        bind("log", set_.files.log);
        check_chunk_list();
        check_map();
        check_log_chain();
        check_checksum_list();
        return std::move(set_);
    }

private:
    void missing(const fs::path& file, const std::string& what) {
        findings_.not_checked.push_back({what, name_of(file) + " is missing"});
    }

    void read_manifest() {
        const fs::path& file = set_.files.manifest;
        if (!present(file)) return missing(file, "the digests of the whole image, who acquired it, when and from what");
        std::string text;
        try {
            text = read_file(file, largest_text, ExitCode::never_valid);
            set_.manifest = parse_manifest(text, name_of(file));
            set_.any_of_ours = true;
            set_.unreadable = merged(set_.manifest->unreadable);
            findings_.checked.push_back("manifest");
        } catch (const Error& error) {
            // Its first line names it, so a manifest that was cut short is still known as ours.
            if (text.substr(0, 256).find(manifest_marker) != text.npos)
                set_.any_of_ours = true;
            else
                set_.foreign = error.what();
            findings_.file_damage(file, error.what());
            findings_.not_checked.push_back({"the digests of the whole image", name_of(file) + " cannot be read"});
        }
    }

    void read_chunks() {
        const fs::path& file = set_.files.chunks;
        if (!present(file)) return missing(file, "single chunks: damage could not be located");
        set_.any_of_ours = true;
        try {
            set_.chunks = std::make_unique<ChunkListReader>(file);
        } catch (const Error& error) {
            findings_.file_damage(file, error.what());
        }
    }

    // Size and SHA-256 of a companion as the manifest binds them.
    void bind(const std::string& role, const fs::path& file) {
        if (!set_.manifest || !present(file)) return;
        for (const ManifestFile& entry : set_.manifest->files) {
            if (entry.role != role) continue;
            if (entry.name != to_utf8_lossless(name_of(file)))
                findings_.notes.push_back(name_of(file) + " was named " + entry.name + " when it was acquired");
            try {
                std::error_code error;
                const uint64_t size = fs::file_size(file, error);
                if (!error && size != entry.size)
                    return findings_.file_damage(file, "has " + std::to_string(size) + " bytes; the manifest binds " +
                                                           std::to_string(entry.size));
                if (entry.sha256 && sha256_of_file(file, ExitCode::never_valid) != *entry.sha256)
                    return findings_.file_damage(file, "its SHA-256 is not the one the manifest binds");
                findings_.checked.push_back(role + " file");
                as_bound_.push_back(file);
            } catch (const Error& error) {
                findings_.file_damage(file, error.what());
            }
            return;
        }
        findings_.file_damage(set_.files.manifest, "does not bind " + name_of(file));
    }

    void check_chunk_list() {
        if (!set_.chunks) return;
        const uint64_t leaves = set_.chunks->size();
        if (set_.manifest && leaves != set_.manifest->chunks) {
            findings_.file_damage(set_.files.chunks, "holds " + std::to_string(leaves) + " leaves; the image has " +
                                                         std::to_string(set_.manifest->chunks));
            if (leaves > set_.manifest->chunks) return;
        }
        try {
            MerkleBuilder tree;
            for (uint64_t i = 0; i < leaves; ++i) tree.append((*set_.chunks)[i]);
            set_.listed_root = tree.root();
        } catch (const Error& error) {
            findings_.file_damage(set_.files.chunks, error.what());
            set_.chunks.reset();
        }
    }

    void check_map() {
        const fs::path& file = set_.files.map;
        if (!present(file)) return missing(file, "the map of unreadable ranges");
        std::vector<MapRow> rows;
        try {
            std::error_code error;
            if (const uint64_t size = fs::file_size(file, error); !error && size > largest_map)
                return findings_.not_checked.push_back(
                    {"the rows of the map", name_of(file) + " has more than 256 MiB; ddrescuelog reads it"});
            rows = parse_mapfile(read_file(file, largest_map, ExitCode::never_valid), name_of(file));
        } catch (const Error& error) {
            return findings_.file_damage(file, error.what());
        }
        std::vector<Range> bad;
        uint64_t bytes = 0;
        for (const MapRow& row : rows)
            if (row.status == '-') bad.push_back(row.range), bytes += row.range.size;
        if (!set_.manifest) set_.unreadable = bad;
        if (!set_.manifest)
            return findings_.not_checked.push_back(
                {"the map against the manifest", name_of(set_.files.manifest) + " is missing or cannot be read"});
        const Manifest& m = *set_.manifest;
        for (const MapRow& row : rows)
            if (row.status != '+' && row.status != '-')
                return findings_.file_damage(file, "says that bytes from " + std::to_string(row.range.offset) +
                                                       " were never read");
        if (rows.back().range.end() != m.size)
            return findings_.file_damage(file, "covers " + std::to_string(rows.back().range.end()) +
                                                   " bytes; the image has " + std::to_string(m.size));
        // A manifest with very many ranges lists the first of them; the last of those may go on in the map.
        std::vector<Range> listed = merged(m.unreadable);
        const bool all = m.unreadable_ranges == m.unreadable.size();
        if (!all && !listed.empty()) listed.pop_back();
        const bool same = bytes == m.unreadable_bytes && listed.size() <= bad.size() &&
                          (!all || listed.size() == bad.size()) &&
                          std::equal(listed.begin(), listed.end(), bad.begin());
        if (!same) return findings_.file_damage(file, "its bad ranges are not the unreadable ranges of the manifest");
        if (!all) set_.unreadable = bad;
        findings_.checked.push_back("map");
    }

    void check_log_chain() {
        const fs::path& file = set_.files.log;
        if (!present(file)) return missing(file, "the acquisition log");
        set_.any_of_ours = true;
        LogCheck log;
        try {
            log = check_log(file, {});
        } catch (const Error& error) {
            return findings_.file_damage(file, error.what());
        }
        if (log.broken_at)
            return findings_.file_damage(file, "line " + std::to_string(*log.broken_at) + ": " + log.why);
        if (log.torn) return findings_.file_damage(file, log.why);
        if (!set_.manifest) {
            findings_.checked.push_back("log chain");
            return findings_.not_checked.push_back(
                {"the log's end",
                 name_of(set_.files.manifest) + " is missing or cannot be read: lines may be missing at its end"});
        }
        if (log.entries != set_.manifest->log_entries || log.head != set_.manifest->log_head)
            return findings_.file_damage(file, "its last line is not the one the manifest binds (entry " +
                                                   std::to_string(set_.manifest->log_entries) + ")");
        findings_.checked.push_back("log chain and head");
    }

    void check_checksum_list() {
        const fs::path& file = set_.files.sha256;
        if (!present(file))
            return missing(file, set_.manifest ? "the manifest's own text" : "the image file's own SHA-256");
        set_.any_of_ours = true;
        std::vector<ManifestFile> lines;
        try {
            lines = parse_checksum_list(read_file(file, 16 * 1024 * 1024, ExitCode::never_valid), name_of(file));
        } catch (const Error& error) {
            return findings_.file_damage(file, error.what());
        }
        // Renamed evidence keeps its old names in here: all of them share the image's.
        const ManifestFile* image = set_.image_entry();
        bool good = true;
        std::vector<fs::path> unseen{set_.files.chunks, set_.files.map, set_.files.log, set_.files.manifest};
        if (image && image->sha256) unseen.push_back(set_.files.image);
        std::vector<fs::path> segments;
        for (const SegmentFile& segment : set_.segments) segments.push_back(segment.path);
        for (const ManifestFile& line : lines) {
            if (take_segment_line(line, segments)) continue;
            const fs::path* which = companion_of(line.name, image);
            if (!which || (which != &set_.files.image && std::erase(unseen, *which) == 0)) {
                findings_.file_damage(file, "names " + escape_terminal(line.name) +
                                                ", which is no file of this image or is there twice");
                good = false;
            } else if (which == &set_.files.image) {
                std::erase(unseen, *which);
                set_.listed_image = line.sha256;
            } else if (present(*which)) {
                good &= check_line(*which, line);
            }
        }
        if (image && image->sha256) unseen.insert(unseen.end(), segments.begin(), segments.end());
        for (const fs::path& one : unseen) findings_.file_damage(file, "has no line for " + name_of(one)), good = false;
        if (good) findings_.checked.push_back("checksum list");
    }

    // A segment behind the first, that had no line yet: it is compared when the image was read.
    bool take_segment_line(const ManifestFile& line, std::vector<fs::path>& without_line) {
        for (SegmentFile& segment : set_.segments)
            if (segment.name == to_utf8_lossless(line.name) && std::erase(without_line, segment.path) != 0) {
                segment.listed = line.sha256;
                return true;
            }
        return false;
    }

    bool check_line(const fs::path& which, const ManifestFile& line) {
        std::error_code ignored;
        const bool refused = which == set_.files.manifest && !set_.manifest;
        if (refused && fs::file_size(which, ignored) > largest_text)
            return false; // it was said; nobody waits for its digest
        try {
            if (sha256_of_file(which, ExitCode::never_valid) == *line.sha256) return true;
        } catch (const Error& error) {
            findings_.file_damage(which, error.what());
            return false;
        }
        if (std::find(as_bound_.begin(), as_bound_.end(), which) != as_bound_.end())
            findings_.file_damage(set_.files.sha256, "the SHA-256 it gives for " + name_of(which) +
                                                         " is not that file's; the manifest's is");
        else
            findings_.file_damage(which, "its SHA-256 is not the one in " + name_of(set_.files.sha256) +
                                             ": one of the two was altered");
        return false;
    }

    const fs::path* companion_of(const std::string& name, const ManifestFile* image) const {
        const std::string now = name_of(set_.files.image), shown = to_utf8_lossless(name);
        for (const std::string& base : {to_utf8_lossless(now), image ? image->name : to_utf8_lossless(now)})
            for (const fs::path* path :
                 {&set_.files.image, &set_.files.chunks, &set_.files.map, &set_.files.log, &set_.files.manifest})
                if (shown == base + name_of(*path).substr(now.size())) return path;
        return nullptr;
    }

    VerifyFindings& findings_;
    CompanionSet set_;
    std::vector<fs::path> as_bound_; // companions that are what the manifest says
};

} // namespace

const ManifestFile* CompanionSet::image_entry() const {
    if (!manifest) return nullptr;
    const ManifestFile* first = nullptr;
    for (const ManifestFile& file : manifest->files) {
        if (file.role != "image") continue;
        if (file.name == to_utf8_lossless(name_of(files.image))) return &file;
        if (!first) first = &file;
    }
    return first;
}

CompanionSet check_companions(const fs::path& image, VerifyFindings& findings) {
    return CompanionCheck(image, findings).run();
}

} // namespace kanshiki
