#pragma once
// The folder that a command is to fill.

#include <filesystem>
#include <string>

namespace kanshiki {

// Makes it, mode 0700, where it is not there. Throws Error{usage} when it is no folder, or not empty and not `force`,
// and Error{destination}.
void prepare_folder(const std::filesystem::path& folder, bool force, const std::string& what_force_does);

} // namespace kanshiki
