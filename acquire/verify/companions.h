#pragma once
// The files beside an image: read, checked each for itself and against the others. Needs no byte of the image.

#include "acquire/verify/findings.h"
#include "acquire/verify/segment_files.h"
#include "kanshiki/chunk_list.h"
#include "kanshiki/mapfile.h"

namespace kanshiki {

struct CompanionSet {
    Companions files;
    std::optional<Manifest> manifest;
    std::unique_ptr<ChunkListReader> chunks; // null: missing or unusable
    std::optional<Digest> listed_root;       // the root of the chunk list
    std::optional<Digest> listed_image;      // the image file's digest by IMAGE.sha256
    std::vector<SegmentFile> segments;       // those behind the first
    std::vector<Range> unreadable;           // what was unreadable at the source: zeros in the image
    bool any_of_ours = false;                // something here was written by kanshiki, however damaged it is now
    std::optional<std::string> foreign;      // what is wrong with a manifest that never was ours

    // The manifest's entry of this image, or of its first segment: by name, else the first one.
    const ManifestFile* image_entry() const;
};

CompanionSet check_companions(const std::filesystem::path& image, VerifyFindings& findings);

} // namespace kanshiki
