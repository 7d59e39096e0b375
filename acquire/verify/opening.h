#pragma once
// The image that is to be verified: whether its name is one, and opening it even where it is damaged.

#include "acquire/verify/companions.h"
#include "kanshiki/evidence_sink.h"

namespace kanshiki {

// By the image's name; the image itself may be missing, if its companions are there to say so. Never null. Throws
// Error: usage, never_valid, refused, source_lost (only IMAGE.partial is there).
const EvidenceFormat* format_to_verify(const std::filesystem::path& image);

// A byte of the file is that byte of the image.
bool stored_as_it_is(const EvidenceFormat& format);

// As far as it can be followed, to at most `most` bytes; what is wrong with it goes into the findings. Null: nothing of
// it can be read. Throws Error{refused}.
std::unique_ptr<BlockSource> open_damaged_or_not(const EvidenceFormat& format, const std::filesystem::path& image,
                                                 const Manifest* manifest, uint64_t most, VerifyFindings& findings);

} // namespace kanshiki
