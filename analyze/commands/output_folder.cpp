#include "analyze/commands/output_folder.h"

#include "kanshiki/error.h"

namespace kanshiki {

void prepare_folder(const std::filesystem::path& folder, bool force, const std::string& what_force_does) {
    std::error_code error;
    const auto status = std::filesystem::status(folder, error);
    if (std::filesystem::exists(status)) {
        if (!std::filesystem::is_directory(status))
            throw Error(ExitCode::usage, folder.string() + " is there and is no folder");
        const bool empty = std::filesystem::is_empty(folder, error);
        if (error) throw Error(ExitCode::destination, folder.string() + " cannot be read: " + error.message());
        if (!empty && !force) throw Error(ExitCode::usage, folder.string() + " is not empty; " + what_force_does);
        return;
    }
    if (std::filesystem::create_directories(folder, error); error)
        throw Error(ExitCode::destination, folder.string() + " cannot be created: " + error.message());
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    if (error) throw Error(ExitCode::destination, folder.string() + ": " + error.message());
}

} // namespace kanshiki
