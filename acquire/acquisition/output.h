#pragma once
// One image that is being written, with its companions.

#include "kanshiki/audit_log.h"
#include "kanshiki/chunk_list.h"
#include "kanshiki/evidence_sink.h"
#include "kanshiki/manifest.h"
#include "kanshiki/seal.h"

namespace kanshiki {

struct Output {
    explicit Output(const std::filesystem::path& image); // Error{usage} for an unknown extension

    const EvidenceFormat& format;
    Companions paths;
    std::unique_ptr<AuditLog> log;
    std::unique_ptr<ChunkListWriter> chunks;
    std::unique_ptr<EvidenceSink> sink;

    bool finished() const;   // IMAGE is there
    bool unfinished() const; // IMAGE.partial is there
    bool orphaned() const;   // the manifest is there, but no image

    void prepare_folder() const; // made 0700 when missing
    void remove_all() const;     // the image, the partial one and every companion
    // size: of the source, if known: its chunk list gets its room before the image can fill the disk.
    // start: the fields of the log's first entry.
    void create(const SinkOptions& options, std::optional<uint64_t> size, const LogFields& start);
    void cut_to(uint64_t from, std::optional<uint64_t> size); // the chunk list, to what is kept
    void go_on(uint64_t from, const SinkOptions& options);    // log and sink

    // Closes log and chunk list, writes map, manifest (which binds the log's head) and checksum list, signs, and gives
    // the image its name. The sink is committed.
    void publish(Manifest& manifest, std::span<const Bad> bad, const Sealer& sealer);
};

// What a manifest says of unreadable ranges: ascending, disjoint.
void set_unreadable(Manifest& manifest, const std::vector<Bad>& bad);

} // namespace kanshiki
