#pragma once
// Files of an image as files here: contents, and a manifest of all that the file system said of them.

#include "analyze/browse/image.h"
#include "kanshiki/events.h"

namespace kanshiki {

struct ExtractOptions {
    std::filesystem::path folder; // exists
    bool deleted = false, force = false;
    unsigned threads = 1;
};

struct ExtractResult {
    uint64_t files = 0, folders = 0, recorded = 0; // written whole; made; in the manifest only (links, devices …)
    uint64_t bytes = 0;
    uint64_t spoiled = 0; // files that could not be read whole, or at all
};

// places: from Image::find, or roots. What lies below another of them is extracted once. `missed` is told what could
// not be read, `warning` what was noted. Throws Error{destination, interrupted, source_lost}; manifest.jsonl.partial
// then lists what is whole.
ExtractResult extract(Image& image, std::vector<Place> places, const ExtractOptions& options,
                      const std::function<void(const NotCovered&)>& missed,
                      const std::function<void(const std::string&)>& warning, Events& events, std::stop_token stop);

} // namespace kanshiki
