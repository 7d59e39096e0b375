// A manifest from outside is refused with an Error, or what it says fits together and renders.
#include "kanshiki/manifest.h"
#include "kanshiki/pipeline.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        const auto m = kanshiki::parse_manifest({reinterpret_cast<const char*>(data), size}, "fuzz");
        if (m.chunks != m.size / kanshiki::chunk_size + (m.size % kanshiki::chunk_size != 0)) std::abort();
        uint64_t before = 0;
        for (const kanshiki::Bad& bad : m.unreadable) {
            if (bad.range.size == 0 || bad.range.offset < before || bad.range.end() > m.size) std::abort();
            before = bad.range.end();
        }
        for (const kanshiki::ManifestFile& file : m.files)
            if (file.name.find('/') != file.name.npos || file.name == "..") std::abort();
        if (m.unreadable_ranges == m.unreadable.size() && m.unreadable_chunks == m.chunks_touched.size())
            kanshiki::parse_manifest(kanshiki::render_manifest(m), "rendered");
    } catch (const kanshiki::Error&) {
    }
    return 0;
}
