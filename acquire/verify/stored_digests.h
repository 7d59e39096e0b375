#pragma once
// Digests that an image carries in itself, as every E01 does: all there is to check a foreign one against.

#include "acquire/verify/findings.h"
#include "kanshiki/evidence_sink.h"
#include "kanshiki/pipeline.h"

namespace kanshiki {

using StoredDigests = std::map<DigestAlgorithm, std::string>; // hex

StoredDigests stored_digests(const BlockSource& image);

// Whether a foreign image has any, though it may be damaged. Error{never_valid} when it is no image at all.
bool carries_digests(const EvidenceFormat& format, const std::filesystem::path& image);

// root_is_right: another witness vouches for the content, so it is the stored digest that differs.
void judge_stored_digests(const StoredDigests& stored, const PipelineResult& read, bool root_is_right,
                          const std::filesystem::path& image, VerifyFindings& findings);

} // namespace kanshiki
