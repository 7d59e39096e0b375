#pragma once
// --verify: what was written is read back from the medium, not from the page cache, before it is called evidence.

#include "acquire/acquisition/output.h"
#include "kanshiki/pipeline.h"

namespace kanshiki {

// The sink is committed. Error{destination} when the root read back is another.
void read_back(const Output& output, PipelineOptions options, const Digest& root, Events& events, std::stop_token stop);

} // namespace kanshiki
