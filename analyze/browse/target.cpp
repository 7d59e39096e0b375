#include "analyze/browse/target.h"

#include <filesystem>

namespace kanshiki {
namespace {

bool is_source(const std::string& name) {
    std::error_code ignored;
    const auto status = std::filesystem::status(name, ignored);
    return std::filesystem::exists(status) && !std::filesystem::is_directory(status);
}

} // namespace

Target split_target(const std::string& words) {
    constexpr std::string_view remote = "ssh://";
    if (words.starts_with(remote)) {
        const size_t device = words.find('/', remote.size()); // what follows user@host:port
        const size_t colon = device == std::string::npos ? device : words.find(":/", device);
        return colon == std::string::npos ? Target{words, ""} : Target{words.substr(0, colon), words.substr(colon + 1)};
    }
    if (is_source(words)) return {words, ""};
    for (size_t colon = words.find(":/"); colon != std::string::npos; colon = words.find(":/", colon + 1))
        if (is_source(words.substr(0, colon))) return {words.substr(0, colon), words.substr(colon + 1)};
    return {words, ""}; // opening it says what is wrong
}

} // namespace kanshiki
