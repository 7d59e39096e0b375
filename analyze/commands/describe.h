#pragma once
// Shared by triage and info: the same words and JSON for volumes.

#include "kanshiki/triage.h"

#include <nlohmann/json.hpp>

namespace kanshiki {

std::string human_size(uint64_t bytes);
nlohmann::ordered_json describe(const FileSystemInfo& info);
nlohmann::ordered_json describe(const Volume& volume);

} // namespace kanshiki
