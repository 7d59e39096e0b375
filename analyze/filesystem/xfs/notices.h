#pragma once
// What a reader of the report must know about this file system before its contents.

#include "analyze/filesystem/xfs/metadata.h"

namespace kanshiki::xfs {

std::vector<std::string> notices(const Metadata& metadata);

} // namespace kanshiki::xfs
