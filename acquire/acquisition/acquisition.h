#pragma once
// One acquisition from the first check to the published image. The story stands in acquisition.cpp.

#include "kanshiki/manifest.h"
#include "kanshiki/open_source.h"
#include "kanshiki/pipeline.h"
#include "kanshiki/seal.h"

#include <functional>

namespace kanshiki {

struct AcquireOptions {
    std::string source;
    // Opens the source instead of open_source(source, …) where it is set: the selftest's disks.
    std::function<std::unique_ptr<BlockSource>(const OpenOptions&, Events&)> open_with;
    std::vector<std::filesystem::path> images; // the first is the master
    std::vector<DigestAlgorithm> digests{DigestAlgorithm::sha256};
    int level = 1;
    uint64_t split = 0; // bytes of a segment, of formats that have them; 0: the format's own
    unsigned threads = 0;
    CaseInfo case_info;
    bool resume = false, force = false, read_back = false;
    OpenOptions open;
    SealOptions seal;
    std::vector<std::string> arguments; // as typed, for the manifest
};

struct AcquireResult {
    Manifest manifest;                  // of the master
    std::optional<uint64_t> resumed_at; // image offset
    bool was_complete = false;          // --resume found nothing left to do
    std::string signed_by;              // the key's fingerprint; empty: not signed
    std::vector<Stamped> stamped;       // one for each image
    std::string not_stamped;            // why the evidence has no time-stamp, though one was asked for
};

// Throws Error; what came by then is kept and can be resumed.
AcquireResult acquire(const AcquireOptions& options, Events& events, std::stop_token stop);

} // namespace kanshiki
