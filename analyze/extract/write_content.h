#pragma once
// One file's content into a file here.

#include "acquire/block/file_descriptor.h"
#include "analyze/browse/content.h"
#include "kanshiki/digest.h"

namespace kanshiki {

struct WrittenContent {
    ContentResult read;
    std::vector<std::byte> sha256; // of what was written
};

// Zeros become holes. The file is 0400 afterwards, and closed. Throws Error{destination}; name is for that.
WrittenContent write_content(FileSystem& files, const ListedFile& file, ContentBuffer& buffer, FileDescriptor into,
                             const std::string& name, const std::stop_token& stop);

} // namespace kanshiki
